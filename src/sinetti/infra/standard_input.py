"""Files that a command line names, where "-" is standard input.

Standard input can be read once, so that only one of the files of a command can be "-".
"""

import getpass
import sys
from pathlib import Path

STREAM = Path("-")
"""File argument that means standard input or, for a result, standard output."""

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

    The terminal does not show what is typed. Raises as `read_file` does.
    """
    if sys.stdin is None or not sys.stdin.isatty():
        return read_file(STREAM)
    _take()
    try:
        return getpass.getpass(prompt).encode()
    except EOFError:
        return b""


def _take() -> None:
    if _READ:
        sentence = "only one file can be standard input (-)"
        raise InputTakenError(sentence)
    _READ.append(STREAM)
