"""Output of commands: standard output, standard error, and atomic file writes.

A reader that closes the pipe, as `head -1` does, causes no error. The command completes its work and ends with the
exit code of that work, as if all had been read. Every other failure to write standard output is `OutputError`.
"""

import contextlib
import errno
import io
import os
import secrets
import stat
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TextIO

from sinetti.cli.core import terminal
from sinetti.cli.core.blocks import Block, Paragraph
from sinetti.client.store.files import SYSTEM
from sinetti.infra.unix_socket import is_journal

ERROR, WARNING, INFO = 3, 4, 6
"""Priorities of lines in the journal of systemd (syslog(3))."""

_WAYS_TO_OPEN_FILES = (Path("/dev/fd"), Path("/dev/stderr"), Path("/dev/stdout"), Path("/proc"))

_NOT_BESIDE = frozenset({errno.EACCES, errno.EPERM, errno.EBUSY})
"""Errors for a file that can be written but not replaced.

Either the rights end at the file itself, or the file is a mount of its own.
"""


class OutputError(Exception):
    """Raised where standard output cannot be written."""

    def __init__(self, why: OSError) -> None:
        """Keep the system's reason."""
        super().__init__(str(why))
        self.why = why


def replace_unencodable() -> None:
    """Print a question mark for each character that standard output cannot encode.

    This matters only where its encoding is not UTF-8.
    """
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="replace")


def is_encodable(text: str) -> bool:
    """Return True if standard output can encode every character of a text.

    Programs have to read their output unchanged.
    """
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def print_line(line: str) -> None:
    """Write one line to standard output. Raises OutputError if that fails."""
    with _standard_output() as stream:
        stream.write(f"{line}\n")
        stream.flush()


def show(blocks: Iterable[Block], in_pipe: Iterable[Block] | None = None) -> None:
    """Print blocks to standard output, or others where that is no terminal.

    Raises OutputError if that fails.
    """
    screen = terminal.screen_of(sys.stdout)
    text = terminal.render(blocks if screen is not None or in_pipe is None else in_pipe, screen)
    if text:
        print_line(text)


def show_error(blocks: Iterable[Block], priority: int = INFO) -> None:
    """Print blocks for the person at standard error, as `print_error` does."""
    _write_error(terminal.render(blocks, terminal.screen_of(sys.stderr)) + "\n", priority)


def print_bytes(octets: bytes) -> None:
    """Write octets to standard output. Raises OutputError if that fails."""
    with _standard_output() as stream:
        stream.buffer.write(octets)
        stream.buffer.flush()


def flush() -> None:
    """Flush standard output, also the text that argparse left for the process's end.

    Raises OutputError if that fails.
    """
    if sys.stdout is not None:
        with _standard_output() as stream:
            stream.flush()
    print_error("", end="")


def print_error(line: str, end: str = "\n", priority: int = INFO) -> None:
    """Print a line for the person at standard error; a terminal has it as a paragraph.

    The journal of systemd gets the priority. The work continues if standard error cannot be written.
    """
    if line and end == "\n":
        show_error((Paragraph(line),), priority)
    else:
        _write_error(f"{line}{end}", priority)


def write_atomic(path: Path, octets: bytes) -> None:
    """Write a file that a person named, whole or not at all.

    Until the new file is complete, the former one stays. Links are followed, and an existing file keeps its owner and
    mode. A path that is no plain file is written in place, and so is /dev/stdout: the process that opened it reads
    that very file. Raises OSError if the file cannot be written.
    """
    former = _former(path)
    if (former is not None and not stat.S_ISREG(former.st_mode)) or any(
        path.absolute().is_relative_to(way) for way in _WAYS_TO_OPEN_FILES
    ):
        path.write_bytes(octets)
        return
    target = path.resolve()
    if former is not None and not os.access(target, os.W_OK):
        # Renaming would not require this right.
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
    beside = target.with_name(f".sinetti-{secrets.token_hex(8)}.new")
    try:
        _write_new(beside, octets, former)
        SYSTEM.rename(beside, target)
    except OSError as bad:
        with contextlib.suppress(OSError):
            beside.unlink()
        if former is None or bad.errno not in _NOT_BESIDE:
            raise
        path.write_bytes(octets)


def write_private(path: Path, octets: bytes, *, replaces: bool = True) -> None:
    """Write a file that a person named, whole or not at all, readable by them alone.

    Its mode is 0600. An existing file is replaced, with its rights, or with `replaces` False left as it is. Raises
    OSError, FileExistsError for an existing file, also for a path that is no plain file.
    """
    former, target = _former(path), path.resolve()
    if former is not None and not stat.S_ISREG(former.st_mode):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
    beside = target.with_name(f".sinetti-{secrets.token_hex(8)}.new")
    try:
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(octets)
            file.flush()
            SYSTEM.sync_file(handle)
        if not replaces and target.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
        SYSTEM.rename(beside, target)
        SYSTEM.sync_folder(target.parent)
    except OSError:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise


@contextlib.contextmanager
def _standard_output() -> Iterator[TextIO]:
    if sys.stdout is None:  # the parent process had closed it
        raise OutputError(OSError(errno.EBADF, os.strerror(errno.EBADF)))
    try:
        yield sys.stdout
    except BrokenPipeError:
        _divert(sys.stdout)
    except OSError as bad:
        _divert(sys.stdout)
        raise OutputError(bad) from bad


def _write_error(text: str, priority: int) -> None:
    if sys.stderr is None:
        return
    if is_journal(sys.stderr):
        text = "".join(f"<{priority}>{line}" for line in text.splitlines(keepends=True))
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except OSError:
        _divert(sys.stderr)


def _divert(stream: TextIO) -> None:
    # The unwritten octets are still buffered. The interpreter would write them at its end and exit with 120.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def _former(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def _write_new(path: Path, octets: bytes, former: os.stat_result | None) -> None:
    # Mode by the umask, as of open(), unless an existing file's owner and mode are kept.
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    with os.fdopen(handle, "wb") as file:
        if former is not None:
            made = os.fstat(handle)
            if (made.st_uid, made.st_gid) != (former.st_uid, former.st_gid):
                os.chown(path, former.st_uid, former.st_gid)
            path.chmod(stat.S_IMODE(former.st_mode))
        file.write(octets)
        file.flush()
        SYSTEM.sync_file(handle)
