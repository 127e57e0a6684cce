"""SoftHSM2, a PKCS#11 token in software.

There is one token per process, since a process reads SoftHSM's configuration once.
"""

import os
import secrets
import subprocess
import tempfile
from functools import cache
from pathlib import Path

MODULES = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so")
LABEL, PIN = "sinetti test", "4711-pin"


def module() -> Path | None:
    """Return SoftHSM's library, or None if it is not installed."""
    return next((Path(one) for one in MODULES if Path(one).exists()), None)


@cache
def folder() -> Path:
    """Create a token for this process, and return the folder of its configuration."""
    place = Path(tempfile.mkdtemp(prefix="sinetti-token-"))
    (place / "tokens").mkdir()
    text = f"directories.tokendir = {place / 'tokens'}\nobjectstore.backend = file\nlog.level = ERROR\n"
    (place / "softhsm2.conf").write_text(text)
    # The library reads the variable in this process. Child processes inherit it.
    os.environ["SOFTHSM2_CONF"] = str(place / "softhsm2.conf")  # noqa: TID251 - SoftHSM's only setting
    command = ("softhsm2-util", "--init-token", "--free", "--label", LABEL, "--pin", PIN, "--so-pin", "so-pin")
    subprocess.run(command, check=True, capture_output=True)
    return place


def pin_file(folder: Path, pin: str = PIN) -> Path:
    """Write a PIN into a file."""
    path = folder / f"pin-{secrets.token_hex(4)}"
    path.write_text(f"{pin}\n")
    path.chmod(0o600)
    return path
