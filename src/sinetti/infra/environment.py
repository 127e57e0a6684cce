"""Environment variables; an empty value is the same as none."""

import os
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

STORE = "SINETTI_STORE"
CONFIG = "SINETTI_CONFIG"
NOW = "SINETTI_NOW"
"""Variables that take the place of --store, --config and --now."""

_UNSET_UID = 2**32 - 1


def variable(name: str) -> str | None:
    """Return the value of a variable, or None if it is unset or empty."""
    return os.environ.get(name) or None


def for_child(without: Collection[str] = ()) -> dict[str, str]:
    """Return a copy of the environment, without some variables, for another program."""
    return {name: value for name, value in os.environ.items() if name not in without}


def login_uid() -> int:
    """Return the number of the user that logged in, also below sudo.

    The kernel keeps it for its audit (pam_loginuid(8)). Without a login it is the user of the process.
    """
    with suppress(OSError, ValueError):
        number = int(Path("/proc/self/loginuid").read_text(encoding="ascii"))
        if number != _UNSET_UID:
            return number
    return os.getuid()


def set_variable(name: str, value: str | None) -> None:
    """Set a variable for libraries that read it; None removes it."""
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value
