"""Which sinetti.toml counts where none is named."""

import os
import stat
from pathlib import Path
from typing import NamedTuple

from sinetti.infra import file_permissions

FILE = "sinetti.toml"
VARIABLE = "SINETTI_CONFIG"
HERE = Path(FILE)
MACHINE_WIDE = Path("/etc/sinetti") / FILE


class ConfigFile(NamedTuple):
    """A sinetti.toml and whether it is trusted.

    `is_named`: a user, or root by its place, vouches for it; else it only lies in the folder.
    """

    path: Path
    is_named: bool


def find(given: Path | None) -> ConfigFile | None:
    """Give the file that a person named, else $SINETTI_CONFIG, ./sinetti.toml or /etc/sinetti/sinetti.toml.

    None where there is none. One that was named is given though it may not be there: reading it reports that. For root
    the folder that it stands in does not count: other users may have put a file there, whose programs root would run.
    """
    if given is not None:
        return ConfigFile(given, is_named=True)
    # Beside the locale, all that the client goes by in the environment: a service of the system names its file so.
    named = os.environ.get(VARIABLE)  # noqa: TID251
    if named:
        return ConfigFile(Path(named), is_named=True)
    if not file_permissions.is_root() and _may_be(HERE):
        return ConfigFile(HERE, is_named=False)
    return ConfigFile(MACHINE_WIDE, is_named=True) if _may_be(MACHINE_WIDE) else None


def is_passed_over(given: Path | None) -> bool:
    """Tell whether there is a ./sinetti.toml that would count for any caller but root."""
    named = os.environ.get(VARIABLE)  # noqa: TID251 - as above
    return given is None and not named and file_permissions.is_root() and _may_be(HERE)


def _may_be(path: Path) -> bool:
    """Tell whether a file is there, or may be: whoever may not look into /etc/sinetti is told that by reading.

    Who stands in a folder that they may not look into has no file there.
    """
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except PermissionError:
        return path == MACHINE_WIDE
    except OSError:
        return False
