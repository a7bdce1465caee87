"""Work in countable units."""
