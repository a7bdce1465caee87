"""The suite, run by asv: each module is one study."""
