"""A small disk: a tmpfs that root mounts and a test fills or makes read-only."""

import errno
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PAGE = 4096


@dataclass(frozen=True, slots=True)
class SmallDisk:
    """A mounted tmpfs."""

    root: Path

    def fill(self, leave: int = 0) -> None:
        """Fill the disk except for so many pages of 4096 octets."""
        filler = os.open(self.root / "filler", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            while True:
                os.write(filler, b"\0" * PAGE)
        except OSError as bad:
            if bad.errno != errno.ENOSPC:
                raise
        finally:
            os.close(filler)
        os.truncate(self.root / "filler", max(0, (self.root / "filler").stat().st_size - leave * PAGE))

    def free(self) -> None:
        """Free the filled space."""
        (self.root / "filler").unlink(missing_ok=True)

    def read_only(self) -> None:
        """Remount the disk read-only, for root too."""
        subprocess.run(["mount", "-o", "remount,ro", str(self.root)], check=True, capture_output=True)


def may_mount() -> str | None:
    """Return the reason that no disk can be mounted here, or None."""
    return None if os.geteuid() == 0 else "a small disk is mounted by root alone"


@contextmanager
def mounted(root: Path, size: str = "512k") -> Iterator[SmallDisk]:
    """Mount a tmpfs of this size while the block runs.

    Raises CalledProcessError if the machine does not permit it.
    """
    root.mkdir(parents=True, exist_ok=True)
    options = f"size={size},mode=0700"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "sinetti", str(root)], check=True, capture_output=True)
    try:
        yield SmallDisk(root)
    finally:
        subprocess.run(["umount", "-l", str(root)], check=True, capture_output=True)
