"""Which sinetti.toml counts where none is named."""

import os
from pathlib import Path

FILE = "sinetti.toml"
VARIABLE = "SINETTI_CONFIG"
MACHINE_WIDE = Path("/etc/sinetti") / FILE


def find(given: Path | None) -> Path | None:
    """Give the file that a person named, else $SINETTI_CONFIG, ./sinetti.toml or /etc/sinetti/sinetti.toml.

    None where there is none. One that was named is given though it may not be there: reading it tells.
    """
    if given is not None:
        return given
    # Beside the locale, all that the client goes by in the environment: a service of the system names its file so.
    named = os.environ.get(VARIABLE)  # noqa: TID251
    if named:
        return Path(named)
    return next((one for one in (Path(FILE), MACHINE_WIDE) if _may_be_there(one)), None)


def _may_be_there(path: Path) -> bool:
    """Whether a file is there, or lies where this user cannot look: reading it tells that."""
    try:
        return path.is_file()
    except PermissionError:
        return True
