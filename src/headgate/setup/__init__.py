"""Setting a repository up for headgate (`headgate init`) and saying what is wrong with a setup (`headgate doctor`)."""
