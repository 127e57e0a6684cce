"""Certificate service for organisations that use a technical interface."""

import subprocess
from contextlib import suppress
from functools import cache
from pathlib import Path

__version__ = "0.1.0"


@cache
def build_version() -> str:
    """Return the version, with the commit if it is no release (PEP 440)."""
    package, commit = Path(__file__).parent, ""
    checkout = package.parents[1]
    with suppress(OSError, subprocess.SubprocessError):
        if (checkout / ".git").exists():
            command = ("git", "-C", str(checkout), "rev-parse", "--short=8", "HEAD")
            commit = subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603 - fixed words
        else:
            commit = (package / "commit.txt").read_text(encoding="ascii")
    return f"{__version__}+g{commit.strip()}" if commit else __version__
