"""Paths of the stored inputs, and of those that runs on this machine found."""

from hashlib import sha256
from pathlib import Path

from fuzz.target import Target

HERE = Path(__file__).parent
CORPUS = HERE / "corpus"
GROWN = HERE / ".grown"
"""Inputs that runs found on this machine.

Runs begin with them, and they are not committed.
"""


def kept(name: str) -> list[Path]:
    """Return the stored inputs of a target."""
    return sorted(path for path in (CORPUS / name).glob("*") if path.is_file())


def begin(target: Target) -> Path:
    """Make the folder with which a run begins.

    It has the seeds, the stored inputs, and those found before.
    """
    folder = GROWN / target.name
    folder.mkdir(parents=True, exist_ok=True)
    for octets in [*target.seeds().values(), *(path.read_bytes() for path in kept(target.name))]:
        put(folder, octets)
    return folder


def put(folder: Path, octets: bytes) -> None:
    """Store octets under a name made from them."""
    (folder / sha256(octets).hexdigest()[:20]).write_bytes(octets)
