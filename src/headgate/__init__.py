"""headgate: decides, from evidence, whether a change may pass, from commit to canary."""

from __future__ import annotations

__all__ = ["__version__"]

__version__ = "0.1.0"
