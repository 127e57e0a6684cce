"""Files that a command line names, where "-" is standard input.

Standard input can be read once, so that only one of the files of a command can be "-".
"""

import errno
import getpass
import os
import sys
from pathlib import Path
from typing import BinaryIO

STREAM = Path("-")
"""File argument that means standard input or, for a result, standard output."""

LONGEST_SECRET = 64 * 1024
"""Octets of a secret that are read; a device may have no end."""

_READ: list[Path] = []


class InputTakenError(ValueError):
    """Raised where a second file of the same command is standard input."""


def begin() -> None:
    """Forget that standard input was read: another command begins."""
    _READ.clear()


def read_file(path: Path, most: int = -1) -> bytes:
    """Return the content of a file, or of standard input for "-".

    At most `most` octets are read; -1: all. Raises OSError if it cannot be read, and InputTakenError at the second
    reading of standard input.
    """
    if path != STREAM:
        with path.open("rb") as file:
            return file.read(most)
    _take()
    if sys.stdin is None:
        return b""
    return sys.stdin.buffer.read(most)


def read_secret(prompt: str) -> bytes:
    """Return the content of standard input, or one line of a terminal.

    The terminal does not show what is typed. Raises as `read_file` does, and OSError for more than LONGEST_SECRET.
    """
    _take()
    if sys.stdin is None:
        return b""
    if not sys.stdin.isatty():
        return read_bounded(sys.stdin.buffer)
    try:
        return getpass.getpass(prompt).encode()
    except EOFError:
        return b""


def read_bounded(file: BinaryIO) -> bytes:
    """Return the content of a file.

    Raises OSError if it is longer than LONGEST_SECRET.
    """
    octets = file.read(LONGEST_SECRET + 1)
    if len(octets) > LONGEST_SECRET:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
    return octets


def _take() -> None:
    if _READ:
        raise InputTakenError("only one file can be standard input (-)")
    _READ.append(STREAM)
