"""Which sinetti.toml counts where none is named."""

import os
import stat
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
    return next((one for one in (Path(FILE), MACHINE_WIDE) if _may_be(one)), None)


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
