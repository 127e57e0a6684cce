"""Reader of journals: verification of lines and of their chain.

See docs/operators/journal.md.

Each line proves itself and the one before it. The module also defines the members of each kind of line, so that a
later step finds all of them. A closed journal may be compressed (NODE.MONTH-ID.jsonl.gz).
"""

import gzip
import hashlib
import json
import os
import re
import zlib
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from sinetti.domain.certificates.revocation import RevocationReason

_Test = Callable[[Any], bool]
_REASONS = frozenset(reason.value for reason in RevocationReason)
_SERIAL = re.compile(r"(?:[0-9a-f]{2}){1,20}")
_HEX = re.compile(r"(?:[0-9a-f]{2})+")


def first_invalid_member(kind: str, facts: Mapping[str, Any]) -> str | None:
    """Return the first member that is missing or has a wrong type, or None.

    Further members and unknown kinds of later versions are ignored.
    """
    return next((name for name, well in _KINDS.get(kind, {}).items() if not well(facts.get(name, _ABSENT))), None)


class _Absent:
    """Marker for a missing member, which differs from null."""


_ABSENT = _Absent()


def _text(value: Any) -> bool:  # noqa: ANN401 - any JSON value
    return isinstance(value, str)


def _truth(value: Any) -> bool:  # noqa: ANN401
    return isinstance(value, bool)


def _number(value: Any) -> bool:  # noqa: ANN401
    return type(value) is int


def _serial(value: Any) -> bool:  # noqa: ANN401
    return isinstance(value, str) and _SERIAL.fullmatch(value) is not None


def _hex(value: Any) -> bool:  # noqa: ANN401
    return isinstance(value, str) and _HEX.fullmatch(value) is not None


def _reason(value: Any) -> bool:  # noqa: ANN401
    return isinstance(value, str) and value in _REASONS


def _instant(value: Any) -> bool:  # noqa: ANN401
    try:
        return isinstance(value, str) and datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


def _octets(value: Any) -> bool:  # noqa: ANN401
    try:
        return isinstance(value, str) and len(b64decode(value, validate=True)) > 0
    except ValueError:
        return False


def _or_null(test: _Test) -> _Test:
    return lambda value: value is None or test(value)


def _or_absent(test: _Test) -> _Test:
    return lambda value: value is _ABSENT or test(value)


def _table(members: Mapping[str, _Test]) -> _Test:
    return lambda value: (
        isinstance(value, dict) and all(well(value.get(name, _ABSENT)) for name, well in members.items())
    )


def _each(test: _Test) -> _Test:
    return lambda value: isinstance(value, list) and all(test(one) for one in value)


_LINEAGE = _table(dict.fromkeys(("holding_id", "subject_serial", "channel", "customer_id"), _text))
_PAIR = _table(
    {"transfer_id": _text, "password_mac": _hex, "created": _instant, "expires": _instant, "ended": _or_null(_instant)}
)
_ORGANISATION = _table(
    {
        **dict.fromkeys(("organisation_id", "customer_id", "kind", "country", "name", "language"), _text),
        "created": _instant,
    }
)
_ORDER = _table(
    {
        "order_id": _text,
        "created": _instant,
        "replaces": _or_null(_serial),
        "transfer_ids": _each(_PAIR),
        "organisation": _ORGANISATION,
    }
)
# Journals of earlier code lack it.
_ENTRY = {"entry": _or_absent(_or_null(_hex))}
_KINDS: Mapping[str, Mapping[str, _Test]] = {
    "issued": {
        "serial": _serial,
        **dict.fromkeys(("sha256", "authority", "key", "retrieval_id"), _text),
        **dict.fromkeys(("not_before", "not_after", "renewable_from", "recorded_at"), _instant),
        "crl_shard": _number,
        "predecessor": _or_null(_serial),
        "holding": _LINEAGE,
        "order": _or_null(_ORDER),
        "der": _octets,
        **_ENTRY,
    },
    "fetched": {"serial": _serial, "at": _instant, **_ENTRY},
    "revoked": {
        "serial": _serial,
        "at": _instant,
        "reason": _reason,
        "invalidity_date": _or_null(_instant),
        "void": _truth,
        # As above.
        "issued": _or_absent(_truth),
        **_ENTRY,
    },
    "authority": {
        **dict.fromkeys(("name", "common_name", "role", "state", "sha256", "key"), _text),
        **dict.fromkeys(("channel", "issuer"), _or_null(_text)),
        "version": _number,
        **dict.fromkeys(("signs_from", "signs_until"), _instant),
        "revoked_at": _or_null(_instant),
        "reason": _or_null(_reason),
        "distrust": _or_null(
            _table({**dict.fromkeys(("since", "declared_at", "bridge_until"), _instant), "checkpoint": _text})
        ),
        "der": _octets,
        "entry": _or_null(_hex),
    },
    "logged": {"first": _number, "leaves": _each(_hex), "note": _text},
}


FIRST = "0" * 64
"""Digest in the first line, in place of that of a previous line."""

COMPRESSED = ".gz"
"""End of a compressed journal's name."""

PROOF = ".proof"
"""End of the name of the file with the proof that a compressed journal is closed."""

SUFFIX = b',"sha256":"'
_SHAPE = {"sequence": int, "at": str, "kind": str, "facts": dict, "previous": str}
LONGEST_LINE = 256 * 1024 * 1024
"""Largest line in octets: one about three million entries of the log has 200 MB.

A compressed file of 400 kB can have a line of 400 MB, which would fill the memory of a start.
"""

_LONGEST_FIRST = 1024 * 1024
"""Largest first line in octets; the writer's have a few hundred."""

_BLOCK = 1 << 16
_ID_DIGITS = 32


class JournalError(Exception):
    """Error about a journal; the sentence says what is wrong and what to do."""


class JournalDamaged(JournalError):
    """Journal that differs from what was written. The sentence names the line."""


@dataclass(frozen=True, slots=True)
class JournalLine:
    """Line of a journal whose digest is right."""

    sequence: int
    at: str
    kind: str
    facts: dict[str, Any]
    previous: str
    digest: str

    @staticmethod
    def parse(octets: bytes) -> "JournalLine | None":
        """Parse a line without its end.

        The result is None if the line was changed, or is no line of a journal.
        """
        body, mark, rest = octets.rpartition(SUFFIX)
        if not mark or rest != digest(body + b"}").encode() + b'"}':
            return None
        try:
            value = json.loads(body + b"}")
        except (ValueError, RecursionError):
            return None
        # The digest is no secret: a writer of a forged line can compute it, so the shape is checked too.
        if not isinstance(value, dict) or any(type(value.get(name)) is not shape for name, shape in _SHAPE.items()):
            return None
        return JournalLine(
            value["sequence"], value["at"], value["kind"], value["facts"], value["previous"], digest(octets)
        )


def digest(octets: bytes) -> str:
    """Return the SHA-256 in lower-case hex."""
    return hashlib.sha256(octets).hexdigest()


def head_record(sequence: int, last: str) -> bytes:
    """Return the content of NODE.jsonl.head, whose length is constant.

    It has the number of lines on disk, and the digest of the last one.
    """
    return f"{sequence:020d} {last}\n".encode()


def files(folder: Path) -> list[Path]:
    """Return every journal in a folder.

    A compressed one is left out while the file that it was made of is still there.
    """
    return sorted([*folder.glob("*.jsonl"), *compressed_files(folder)])


def compressed_files(folder: Path) -> list[Path]:
    """Return the compressed journals in a folder whose original is gone."""
    return sorted(path for path in folder.glob(f"*.jsonl{COMPRESSED}") if not path.with_suffix("").exists())


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes] | gzip.GzipFile]:
    """Open a journal to read its lines, compressed or not.

    Raises JournalDamaged if the compressed octets were changed or cut off.
    """
    if path.suffix != COMPRESSED:
        with path.open("rb") as file:
            yield file
        return
    try:
        with gzip.open(path, "rb") as unpacked:
            yield unpacked
    except (gzip.BadGzipFile, EOFError, zlib.error) as bad:
        raise JournalDamaged(
            f"{path.name}: the compressed file was changed or cut off ({bad}): restore it from a copy"
        ) from bad


def raw_lines(path: Path, file: IO[bytes] | gzip.GzipFile) -> Iterator[bytes]:
    """Yield the lines of an open journal with their ends, unverified.

    Raises JournalDamaged for a line that no journal has, before it fills the memory.
    """
    while octets := file.readline(LONGEST_LINE + 1):
        if len(octets) > LONGEST_LINE:
            raise JournalDamaged(
                f"{path.name}: a line has more than {LONGEST_LINE} octets: restore the file from a copy"
            )
        yield octets


def first_line(path: Path) -> JournalLine | None:
    """Return the first line of a journal, or None if there is none or it was changed."""
    with opened(path) as file:
        return JournalLine.parse(file.readline(_LONGEST_FIRST).rstrip(b"\n"))


def journal_id(first: JournalLine) -> str:
    """Return the id of a journal: the beginning of its first line's digest."""
    return first.digest[:_ID_DIGITS]


def heads(folder: Path) -> dict[str, str]:
    """Return the end of each journal in a folder, by the digest of its first line.

    The end is the number of lines on disk and the digest of the last one.
    """
    found = {}
    for path in files(folder):
        end = _head(path)
        if end is None:
            continue
        with path.open("rb") as file:
            first = file.readline(_LONGEST_FIRST)
        if first.endswith(b"\n"):
            found[digest(first[:-1])[:_ID_DIGITS]] = f"{end[0]} {end[1]}"
    return found


def read_to_head(path: Path) -> Iterator[tuple[str, JournalLine]]:
    """Yield the id of a journal, as in `heads`, with each line.

    The journal may be written meanwhile. Raises JournalDamaged as `read` does, and if its end was cut off.
    """
    end, own, last = _head(path), "", (0, FIRST)
    for line in read(path):
        own = own or journal_id(line)
        last = line.sequence, line.digest
        if end is not None and end[0] == last[0]:
            _compare_end(path, end, *last)
        yield own, line
    if end is not None:
        _compare_end(path, end, *last)


def missing_journals(folder: Path) -> list[Path]:
    """Return the journals that are missing, though their head or proof exists."""
    beside = sorted([*folder.glob("*.jsonl.head"), *folder.glob(f"*.jsonl{COMPRESSED}{PROOF}")])
    return [path for one in beside if not (path := one.with_suffix("")).exists()]


def check_present(path: Path) -> None:
    """Raise JournalDamaged if a journal is missing, though its head or proof exists."""
    if not path.exists():
        end = PROOF if path.suffix == COMPRESSED else ".head"
        raise JournalDamaged(
            f"{path} is missing, but {path.name}{end} exists: restore it from a copy; if it is "
            f"permanently lost, move the {end} file away too"
        )


def read(path: Path) -> Iterator[JournalLine]:
    """Yield the complete lines of a journal in order.

    Raises JournalDamaged at the first line that was changed. A last line without its end is left out: it is being
    written, or a crash cut it off, and no response depends on it.
    """
    previous, expected = FIRST, 1
    with opened(path) as file:
        for octets in raw_lines(path, file):
            if not octets.endswith(b"\n"):
                break
            line = JournalLine.parse(octets[:-1])
            if line is None:
                raise JournalDamaged(
                    f"{path.name}: line {expected} was changed: it is not a valid journal line with a matching digest"
                )
            if line.sequence != expected or line.previous != previous:
                raise JournalDamaged(_out_of_place(path, expected, line))
            if (member := first_invalid_member(line.kind, line.facts)) is not None:
                raise JournalDamaged(
                    f"{path.name}: line {expected} was not written by this service: {member!r} in a "
                    f"line of kind {line.kind} is wrong"
                )
            previous, expected = line.digest, expected + 1
            yield line


def verify(path: Path) -> int:
    """Verify a journal to its end and return its number of lines.

    Raises JournalDamaged, naming the line, if a line was changed or cut off. NODE.jsonl.head shows if complete lines
    are missing at the end.
    """
    lines, last = 0, FIRST
    for line in read(path):
        lines, last = line.sequence, line.digest
    if _torn(path):
        raise JournalDamaged(f"{path.name}: line {lines + 1} is truncated")
    if not lines:
        raise JournalDamaged(f"{path.name}: line 1 is missing because the journal is empty")
    _check_head(path, lines, last)
    return lines


def last_line(path: Path) -> tuple[JournalLine | None, bytes]:
    """Return the last complete line and the octets after it.

    The line is None in an empty journal. Raises JournalDamaged if the line was changed, or is not the last one
    written.
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
        raise JournalDamaged(
            f"{path.name}: the last line was changed: run sinetti authority journal verify for details"
        )
    _check_head(path, line.sequence, line.digest)
    return line, torn


def _out_of_place(path: Path, expected: int, journal_line: JournalLine) -> str:
    if journal_line.sequence == expected:
        return f"{path.name}: line {expected - 1} was replaced, because line {expected} follows a different line"
    with opened(path) as file:
        others = (JournalLine.parse(raw.rstrip(b"\n")) for raw in raw_lines(path, file))
        is_elsewhere = any(other is not None and other.sequence == expected for other in others)
    if is_elsewhere:
        return f"{path.name}: line {expected} was moved, and line {journal_line.sequence} is in its place"
    return f"{path.name}: line {expected} is missing, and line {journal_line.sequence} is in its place"


def _torn(path: Path) -> bool:
    if path.suffix == COMPRESSED:  # made of whole lines, and gzip itself notices a missing end
        return False
    with path.open("rb") as file:
        if not file.seek(0, os.SEEK_END):
            return False
        file.seek(-1, os.SEEK_END)
        return file.read(1) != b"\n"


def _check_head(path: Path, lines: int, last: str) -> None:
    """Raise JournalDamaged if the end differs from NODE.jsonl.head.

    Nothing is checked without that file, as in a copy.
    """
    if (end := _head(path)) is not None:
        _compare_end(path, end, lines, last)


def _head(path: Path) -> tuple[int, str] | None:
    """Return the content of NODE.jsonl.head, or None without that file."""
    try:
        number, its_digest = path.with_name(f"{path.name}.head").read_text(encoding="ascii").split()
        return int(number), its_digest
    except (OSError, ValueError):
        return None


def _compare_end(path: Path, end: tuple[int, str], lines: int, last: str) -> None:
    known, its_digest = end
    if known > lines:
        raise JournalDamaged(
            f"{path.name}: line {lines + 1} is missing: the journal had {known} lines, and its end was cut off"
        )
    if known == lines and its_digest != last:
        raise JournalDamaged(f"{path.name}: line {lines} was changed: it is not the line that was written last")
