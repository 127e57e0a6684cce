"""Environment variables of the commands; an empty value is the same as none."""

import os

STORE = "SINETTI_STORE"
CONFIG = "SINETTI_CONFIG"
NOW = "SINETTI_NOW"
"""Variables that take the place of --store, --config and --now."""


def variable(name: str) -> str | None:
    """Return the value of a variable, or None if it is unset or empty."""
    return os.environ.get(name) or None
