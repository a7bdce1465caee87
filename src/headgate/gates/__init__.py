"""Decisions: pure functions from evidence and policy to a verdict."""
