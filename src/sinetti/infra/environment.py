"""Environment variables; an empty value is the same as none."""

import os
from collections.abc import Collection

STORE = "SINETTI_STORE"
CONFIG = "SINETTI_CONFIG"
NOW = "SINETTI_NOW"
"""Variables that take the place of --store, --config and --now."""


def variable(name: str) -> str | None:
    """Return the value of a variable, or None if it is unset or empty."""
    return os.environ.get(name) or None


def for_child(without: Collection[str] = ()) -> dict[str, str]:
    """Return a copy of the environment, without some variables, for another program."""
    return {name: value for name, value in os.environ.items() if name not in without}
