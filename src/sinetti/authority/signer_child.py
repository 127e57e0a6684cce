"""Signer that `serve` starts for rehearsal, under the same user.

See docs/operators/signer.md.
"""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import sleep

from sinetti.authority.data_directory import DataDirectory, FolderDamaged, FolderError
from sinetti.infra.clock import monotonic_seconds
from sinetti.settings import authority

STARTED_WITHIN = 30.0
"""Seconds in which the signer must listen; it opens its keys before."""

_STOPPED_WITHIN = 5.0
_PAUSE = 0.05


@contextmanager
def signer_running(root: Path, signer_dir: Path | None) -> Iterator[None]:
    """Run a signer during the block, on the socket of an authority.

    None: another process runs it, or the service has the keys itself. Raises FolderError and FolderDamaged.
    """
    if signer_dir is None:
        yield
        return
    folder = DataDirectory(root)
    path = authority.read(folder.settings).signer
    if not path:
        raise FolderError(
            f"the keys of the authority in {root} are not in a signer: run sinetti authority keys separate first"
        )
    command = [sys.executable, "-m", "sinetti", "authority", "signer", "--signer-dir", str(signer_dir)]
    command += ["--socket", path, "--until-stdin-closes"]
    # In a session of its own, it does not get the signals of the terminal: it answers until the service has stopped.
    child = subprocess.Popen(  # noqa: S603 - our own program
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True
    )
    try:
        _wait(child, Path(path), signer_dir)
        yield
    finally:
        assert child.stdin is not None  # noqa: S101 - it is a pipe
        child.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            child.wait(_STOPPED_WITHIN)
        child.kill()
        child.wait()


def _wait(child: "subprocess.Popen[bytes]", path: Path, signer_dir: Path) -> None:
    """Wait until the signer listens. Raises FolderDamaged."""
    end = monotonic_seconds() + STARTED_WITHIN
    while monotonic_seconds() < end and child.poll() is None:
        with socket.socket(socket.AF_UNIX) as trial, suppress(OSError):
            trial.connect(str(path))
            return
        sleep(_PAUSE)
    raise FolderDamaged(f"the signer in {signer_dir} does not start: its reason is above")
