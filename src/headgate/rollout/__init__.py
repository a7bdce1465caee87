"""Canary releases."""
