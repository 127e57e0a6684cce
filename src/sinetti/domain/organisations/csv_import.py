"""Import of organisations from a CSV file: parsing and comparison.

The comparison is with the database. Neither step changes anything. The rules are described in docs/e-service/clerks.md.
"""

import csv
import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from enum import StrEnum
from typing import Final

from sinetti.domain.validation import LONGEST_ORGANISATION, ValidationError, check_country, check_text
from sinetti.domain.values import CustomerIdError, Environment, IdentifierType, Language, check_customer_id, normalise

COLUMNS: Final = ("customer_id", "kind", "country", "name", "language", "merged_into", "ended")
MOST_OCTETS: Final = 5 * 1024 * 1024
MOST_LINES: Final = 50_000


class RowErrorKind(StrEnum):
    """Kind of an error in a line or in the file. A closed list.

    The e-service shows a text that says what to write instead.
    """

    ENCODING = "encoding"
    SIZE = "size"
    LINES = "lines"
    COLUMNS = "columns"
    CELLS = "cells"
    ID = "id"
    TWICE = "twice"
    KIND = "kind"
    OTHER_KIND = "other-kind"
    COUNTRY = "country"
    OTHER_COUNTRY = "other-country"
    NAME = "name"
    LANGUAGE = "language"
    MERGED_UNKNOWN = "merged-unknown"
    MERGED_SELF = "merged-self"
    MERGED_CLOSED = "merged-closed"
    MERGED_ELSEWHERE = "merged-elsewhere"
    ENDED = "ended"
    CLOSED = "closed"
    NOT_THERE = "not-there"


class ImportFileError(ValueError):
    """File that cannot be read, and the reason."""

    def __init__(self, slip: RowErrorKind) -> None:
        super().__init__(slip.value)
        self.slip = slip


@dataclass(frozen=True)
class RowError:
    """Error in a line: its number, the column, the kind, and the stored value."""

    line: int
    column: str
    slip: RowErrorKind
    known: str = ""


@dataclass(frozen=True)
class FileLine:
    """Line of the file, trimmed; `number` counts from 1, the line of column names."""

    number: int
    cells: Mapping[str, str]


@dataclass(frozen=True)
class StoredOrganisation:
    """Organisation as the database stores it.

    `merged_into` is a customer id, or empty.
    """

    customer_id: str
    kind: IdentifierType
    country: str
    name: str
    language: Language
    open: bool = True
    merged_into: str = ""


class ChangeKind(StrEnum):
    """Effect of a line, in the order of execution.

    Targets of mergers are created before the mergers.
    """

    ADD = "add"
    CHANGE = "change"
    MERGE = "merge"
    END = "end"


@dataclass(frozen=True)
class ImportChange:
    """Difference between a line and the database.

    Name and language have values before and after. `into` is the customer id of the organisation that takes this one
    over.
    """

    line: int
    kind: ChangeKind
    customer_id: str
    id_kind: IdentifierType
    country: str
    name_before: str
    name: str
    language_before: str
    language: str
    into: str = ""


@dataclass(frozen=True)
class ImportDiff:
    """Changes that a file would make, errors, and the number of lines without change."""

    changes: tuple[ImportChange, ...]
    wrong: tuple[RowError, ...]
    unchanged: int


@dataclass(frozen=True)
class _ParsedRow:
    """Line without errors."""

    number: int
    customer_id: str
    kind: IdentifierType
    country: str
    name: str
    language: Language
    merged_into: str
    ended: bool


def read_lines(octets: bytes) -> tuple[FileLine, ...]:
    """Read the file: UTF-8 with optional byte order mark, semicolons or commas.

    Columns may have any order; `merged_into` and `ended` are optional. Empty lines are skipped.

    Raises ImportFileError if the file cannot be read.
    """
    if len(octets) > MOST_OCTETS:
        raise ImportFileError(RowErrorKind.SIZE)
    try:
        text = octets.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ImportFileError(RowErrorKind.ENCODING) from None
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return tuple(_lines(lines, ";" if ";" in lines[0] else ","))


def _lines(lines: Sequence[str], delimiter: str) -> Iterator[FileLine]:
    names = [cell.casefold() for cell in _cells(lines[0], delimiter)]
    lacking = set(COLUMNS[:5]) - set(names)
    if lacking or len(set(names)) < len(names) or not set(names) <= set(COLUMNS):
        raise ImportFileError(RowErrorKind.COLUMNS)
    numbered_lines = [(number, line) for number, line in enumerate(lines[1:], 2) if line.strip(f" \t{delimiter}")]
    if len(numbered_lines) > MOST_LINES:
        raise ImportFileError(RowErrorKind.LINES)
    for number, line in numbered_lines:
        found = _cells(line, delimiter)
        # A line with too many or too few cells is reported with its number.
        yield FileLine(number, dict(zip(names, found, strict=True)) if len(found) == len(names) else {})


def _cells(line: str, delimiter: str) -> list[str]:
    """Return the cells of one line; none if a quotation mark is not closed.

    The error then affects its own line only.
    """
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter, strict=True), [])]
    except csv.Error:
        return []


def named_ids(lines: Iterable[FileLine]) -> frozenset[str]:
    """Return every identifier that the lines name, in the form for comparison.

    These are the organisations to look up.
    """
    columns = ("customer_id", "merged_into")
    return frozenset(normalise(line.cells[column]) for line in lines for column in columns if line.cells.get(column))


def compare(
    lines: Sequence[FileLine], register: Mapping[str, StoredOrganisation], environment: Environment, today: date
) -> ImportDiff:
    """Return the changes line by line; faulty lines change nothing.

    `register` has the stored organisations of `named_ids`, by folded identifier. A line that equals the stored data
    changes nothing. The same file compared again after its import therefore has no difference. Organisations that the
    file does not name stay unchanged.
    """
    wishes, wrong = _wishes(lines, environment, today)
    made = {
        normalise(wish.customer_id)
        for wish in wishes
        if normalise(wish.customer_id) not in register and not _ends(wish)
    }
    leaving = {normalise(wish.customer_id) for wish in wishes if _ends(wish)}
    made -= leaving
    changes: list[ImportChange] = []
    for wish in wishes:
        before = register.get(normalise(wish.customer_id))
        slip = _conflict(wish, before, register, made, leaving)
        if slip is not None:
            wrong.append(RowError(wish.number, *slip, known=_known(slip[1], before)))
        elif (change := _change(wish, before)) is not None:
            changes.append(change)
    bad = {row_error.line for row_error in wrong}
    order = tuple(ChangeKind)
    changes.sort(key=lambda import_change: (order.index(import_change.kind), import_change.line))
    unchanged = len({line.number for line in lines} - bad - {change.line for change in changes})
    return ImportDiff(tuple(changes), tuple(sorted(wrong, key=lambda error: error.line)), unchanged)


def digest(octets_sha256: str, changes: Collection[ImportChange]) -> str:
    """Return the fingerprint of a preview.

    It is SHA-256 over the digest of the file and every difference, with the values before and after.
    """
    text = json.dumps([octets_sha256, [to_dict(change) for change in changes]], sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def to_dict(change: ImportChange) -> dict[str, str | int]:
    """Return a change as a dict of its fields.

    There may be 50,000, for which `asdict` is slow.
    """
    return {name: getattr(change, name) for name in _OF_A_CHANGE}


_OF_A_CHANGE: Final = tuple(field.name for field in fields(ImportChange))


def _ends(wish: _ParsedRow) -> bool:
    return wish.ended or bool(wish.merged_into)


def _wishes(
    lines: Iterable[FileLine], environment: Environment, today: date
) -> tuple[list[_ParsedRow], list[RowError]]:
    wishes: list[_ParsedRow] = []
    wrong: list[RowError] = []
    earlier: set[str] = set()
    for line in lines:
        read = _read(line, environment, today)
        if isinstance(read, RowError):
            wrong.append(read)
        elif normalise(read.customer_id) in earlier:
            wrong.append(RowError(line.number, "customer_id", RowErrorKind.TWICE))
        else:
            earlier.add(normalise(read.customer_id))
            wishes.append(read)
    return wishes, wrong


def _read(line: FileLine, environment: Environment, today: date) -> _ParsedRow | RowError:
    """Parse one line, or return its first error."""
    cells = line.cells
    if not cells:
        return RowError(line.number, "", RowErrorKind.CELLS)
    if cells["kind"] not in set(IdentifierType):
        return RowError(line.number, "kind", RowErrorKind.KIND)
    if cells["language"] not in set(Language):
        return RowError(line.number, "language", RowErrorKind.LANGUAGE)
    kind = IdentifierType(cells["kind"])
    column, slip = "customer_id", RowErrorKind.ID
    try:
        customer_id = check_customer_id(cells["customer_id"], kind, environment)
        column, slip = "country", RowErrorKind.COUNTRY
        country = check_country(column, cells["country"])
        column, slip = "name", RowErrorKind.NAME
        name = check_text(column, cells["name"], LONGEST_ORGANISATION)
        column, slip = "ended", RowErrorKind.ENDED
        ended = _has_ended(cells.get("ended", ""), today)
    except (CustomerIdError, ValidationError, ValueError):
        return RowError(line.number, column, slip)
    return _ParsedRow(
        line.number, customer_id, kind, country, name, Language(cells["language"]), cells.get("merged_into", ""), ended
    )


def _has_ended(text: str, today: date) -> bool:
    """Return True if the text is a day on which the organisation ended.

    Raises ValueError for another text, or for a day in the future.
    """
    if not text:
        return False
    if date.fromisoformat(text) > today:
        raise ValueError(text)
    return True


def _conflict(
    wish: _ParsedRow,
    before: StoredOrganisation | None,
    register: Mapping[str, StoredOrganisation],
    made: Collection[str],
    leaving: Collection[str],
) -> tuple[str, RowErrorKind] | None:
    """Return the column that contradicts the database or the file, and how."""
    if before is None:
        if _ends(wish):
            return "customer_id", RowErrorKind.NOT_THERE
        return None
    if before.kind is not wish.kind:
        return "kind", RowErrorKind.OTHER_KIND
    if before.country != wish.country:
        return "country", RowErrorKind.OTHER_COUNTRY
    if not before.open:
        return _conflict_of_closed(wish, before)
    return _conflict_of_merger(wish, register, made, leaving) if wish.merged_into else None


def _known(slip: RowErrorKind, before: StoredOrganisation | None) -> str:
    """Return the stored value that the line contradicts, in the notation of a file."""
    if before is None:
        return ""
    return {RowErrorKind.OTHER_KIND: before.kind.value, RowErrorKind.OTHER_COUNTRY: before.country}.get(slip, "")


def _conflict_of_closed(wish: _ParsedRow, before: StoredOrganisation) -> tuple[str, RowErrorKind] | None:
    """Return the error of a line that would change a closed organisation, or None.

    Its line may only repeat the stored values.
    """
    if normalise(wish.merged_into) != normalise(before.merged_into):
        return "merged_into", RowErrorKind.MERGED_ELSEWHERE
    same = (wish.name, wish.language) == (before.name, before.language)
    return None if same and _ends(wish) else ("customer_id", RowErrorKind.CLOSED)


def _conflict_of_merger(
    wish: _ParsedRow, register: Mapping[str, StoredOrganisation], made: Collection[str], leaving: Collection[str]
) -> tuple[str, RowErrorKind] | None:
    into = normalise(wish.merged_into)
    if into == normalise(wish.customer_id):
        return "merged_into", RowErrorKind.MERGED_SELF
    if into in leaving or (into in register and not register[into].open):
        return "merged_into", RowErrorKind.MERGED_CLOSED
    return None if into in register or into in made else ("merged_into", RowErrorKind.MERGED_UNKNOWN)


def _change(wish: _ParsedRow, before: StoredOrganisation | None) -> ImportChange | None:
    kind = ChangeKind.CHANGE
    if before is None:
        kind = ChangeKind.ADD
    elif not before.open:
        return None
    elif wish.merged_into:
        kind = ChangeKind.MERGE
    elif wish.ended:
        kind = ChangeKind.END
    elif (wish.name, wish.language) == (before.name, before.language):
        return None
    return ImportChange(
        wish.number,
        kind,
        before.customer_id if before else wish.customer_id,
        wish.kind,
        wish.country,
        before.name if before else "",
        wish.name,
        before.language if before else "",
        wish.language,
        wish.merged_into,
    )
