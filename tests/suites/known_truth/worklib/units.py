"""How much work there is."""

UNITS = 1000
MANY = 4000
