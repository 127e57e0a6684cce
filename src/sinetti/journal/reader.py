"""Reading journals back: each line proves itself and the one before it (docs/journal.md)."""

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sinetti.journal.schema import first_invalid_member

FIRST = "0" * 64
"""What the first line has for the digest of the line before it."""

SUFFIX = b',"sha256":"'
_SHAPE = {"sequence": int, "at": str, "kind": str, "facts": dict, "previous": str}
_BLOCK = 1 << 16


class JournalError(Exception):
    """Something about a journal; the sentence says what, and what to do."""


class JournalDamaged(JournalError):
    """A journal that is not what was written. The sentence names the line."""


@dataclass(frozen=True, slots=True)
class JournalLine:
    """One line that proves itself."""

    sequence: int
    at: str
    kind: str
    facts: dict[str, Any]
    previous: str
    digest: str

    @staticmethod
    def parse(octets: bytes) -> "JournalLine | None":
        """Read a line without its end; None where it is not as it was written, or is no line of a journal."""
        body, mark, rest = octets.rpartition(SUFFIX)
        if not mark or rest != digest(body + b"}").encode() + b'"}':
            return None
        try:
            value = json.loads(body + b"}")
        except (ValueError, RecursionError):
            return None
        # Its digest is no secret: whoever writes into a journal writes that too.
        if not isinstance(value, dict) or any(type(value.get(name)) is not shape for name, shape in _SHAPE.items()):
            return None
        return JournalLine(
            value["sequence"], value["at"], value["kind"], value["facts"], value["previous"], digest(octets)
        )


def digest(octets: bytes) -> str:
    """SHA-256 in lower-case hex."""
    return hashlib.sha256(octets).hexdigest()


def head_record(sequence: int, last: str) -> bytes:
    """What stands in NODE.jsonl.head: how many lines are on disk, and the digest of the last; always as long."""
    return f"{sequence:020d} {last}\n".encode()


def files(folder: Path) -> list[Path]:
    """Every journal in a folder."""
    return sorted(folder.glob("*.jsonl"))


def missing_journals(folder: Path) -> list[Path]:
    """Journals that were there: what is left of each is its NODE.jsonl.head."""
    heads = sorted(folder.glob("*.jsonl.head"))
    return [path for head in heads if not (path := head.with_suffix("")).exists()]


def check_present(path: Path) -> None:
    """Raise JournalDamaged for a journal that is gone, though its head is there."""
    if not path.exists():
        sentence = (
            f"{path} is missing, though {path.name}.head is there: bring it back from its copy; only if it is lost for "
            "good, move that away too"
        )
        raise JournalDamaged(sentence)


def read(path: Path) -> Iterator[JournalLine]:
    """Give a journal's whole lines in order. Raises JournalDamaged at the first that is not as it was written.

    A last line without its end is left out: it is being written, or a crash cut it off, and no answer went with it.
    """
    previous, expected = FIRST, 1
    with path.open("rb") as file:
        for octets in file:
            if not octets.endswith(b"\n"):
                break
            line = JournalLine.parse(octets[:-1])
            if line is None:
                sentence = (
                    f"{path.name}: line {expected} was changed: it does not fit its own digest, or is no journal's line"
                )
                raise JournalDamaged(sentence)
            if line.sequence != expected or line.previous != previous:
                raise JournalDamaged(_out_of_place(path, expected, line))
            if (member := first_invalid_member(line.kind, line.facts)) is not None:
                sentence = (
                    f"{path.name}: line {expected} was not written by us: {member!r} of what is {line.kind} is wrong"
                )
                raise JournalDamaged(sentence)
            previous, expected = line.digest, expected + 1
            yield line


def verify(path: Path) -> int:
    """Check a journal to its end; returns how many lines it has. Raises JournalDamaged, naming the line.

    A line that is cut off is named too. That whole lines are missing at the end is known from NODE.jsonl.head.
    """
    lines, last = 0, FIRST
    for line in read(path):
        lines, last = line.sequence, line.digest
    if _torn(path):
        sentence = f"{path.name}: line {lines + 1} is truncated: it has no end"
        raise JournalDamaged(sentence)
    if not lines:
        sentence = f"{path.name}: line 1 is missing: the journal is empty"
        raise JournalDamaged(sentence)
    _check_head(path, lines, last)
    return lines


def last_line(path: Path) -> tuple[JournalLine | None, bytes]:
    """The last whole line (None in an empty journal) and what stands after it.

    Raises JournalDamaged where it is not as it was written, or not the last that was.
    """
    tail = b""
    with path.open("rb") as file:
        position = file.seek(0, os.SEEK_END)
        while position and tail.count(b"\n") < 2:  # noqa: PLR2004 - the end of the last line, and of the one before it
            step = min(_BLOCK, position)
            position = file.seek(position - step)
            tail = file.read(step) + tail
    whole, end, torn = tail.rpartition(b"\n")
    if not end:
        _check_head(path, 0, FIRST)
        return None, torn
    line = JournalLine.parse(whole.rpartition(b"\n")[2])
    if line is None:
        sentence = f"{path.name}: the last line was changed: sinetti authority journal verify says more"
        raise JournalDamaged(sentence)
    _check_head(path, line.sequence, line.digest)
    return line, torn


def _out_of_place(path: Path, expected: int, found: JournalLine) -> str:
    others = [other for raw in path.read_bytes().split(b"\n") if (other := JournalLine.parse(raw)) is not None]
    if found.sequence == expected:
        return f"{path.name}: line {expected - 1} was replaced: line {expected} followed another one"
    if any(other.sequence == expected for other in others):
        return f"{path.name}: line {expected} was moved: line {found.sequence} stands in its place"
    return f"{path.name}: line {expected} is missing: line {found.sequence} stands in its place"


def _torn(path: Path) -> bool:
    with path.open("rb") as file:
        if not file.seek(0, os.SEEK_END):
            return False
        file.seek(-1, os.SEEK_END)
        return file.read(1) != b"\n"


def _check_head(path: Path, lines: int, last: str) -> None:
    """Compare with what NODE.jsonl.head says was on disk; where there is none, as in a copy, nothing is known."""
    try:
        number, its_digest = path.with_name(f"{path.name}.head").read_text(encoding="ascii").split()
        known = int(number)
    except (OSError, ValueError):
        return
    if known > lines:
        sentence = f"{path.name}: line {lines + 1} is missing: there were {known} lines, the end was cut off"
        raise JournalDamaged(sentence)
    if known == lines and its_digest != last:
        sentence = f"{path.name}: line {lines} was changed: it is not the one that was written last"
        raise JournalDamaged(sentence)
