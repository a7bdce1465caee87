"""Foreign and native result formats, one file each."""
