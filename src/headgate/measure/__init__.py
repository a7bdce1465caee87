"""Measuring: suites, processes, rounds, environments, hardware."""
