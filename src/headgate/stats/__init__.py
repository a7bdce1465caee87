"""Statistics: pure functions, no I/O, no clock."""
