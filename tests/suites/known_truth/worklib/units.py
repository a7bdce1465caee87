"""How much work there is."""

UNITS = 1000
CHUNKS = 1000
