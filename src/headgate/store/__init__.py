"""What is kept on disk: the results/ tree, git revisions, evidence bundles."""
