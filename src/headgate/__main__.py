"""``python -m headgate``."""

from headgate.cli import entry

if __name__ == "__main__":
    entry()
