"""Rendering: one view, many formats."""
