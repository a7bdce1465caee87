"""Lazy datasets."""
