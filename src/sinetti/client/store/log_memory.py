"""Memory of a store about the logs of its services: `DIR/.logs/`.

See docs/evidence.md. Each log has a folder with `log.json`: its keys, its last checkpoint, and the present fault.
While the log contradicts itself, `kept.txt` and `fork.txt` have both signed heads. `names.json` has the address of
the log of each name.

A lost file is made anew. A damaged `log.json` is reported and stays as it is, since a new one would accept any history.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from sinetti.client.messages.messages import Message, make_message
from sinetti.client.results import ExitCode
from sinetti.client.store import files
from sinetti.i18n.translate import gettext_noop
from sinetti.infra import records
from sinetti.wire.transparency.merkle import ProofError
from sinetti.wire.transparency.observer import Fetch, LogMemory, LogPolicy, LogReader, MemoryDamaged, origin_of

FOLDER = ".logs"
MEMORY, KEPT, FORK, NAMES = "log.json", "kept.txt", "fork.txt", "names.json"
PROOF = "log.json"
"""Proof of a name's certificate, in the folder of the name."""

_UNSAFE = re.compile(r"[^A-Za-z0-9.-]")
_LONGEST = 80

FORKED = gettext_noop(
    "The log of {origin} has two histories ({why}). Send the signed checkpoints in {folder} to the operator of the "
    "service and to its supervising authority. Delete that folder when the matter is settled."
)
DAMAGED = gettext_noop(
    "The memory of the log of {origin} in {folder} cannot be read ({why}), so the log is not checked. Restore the "
    "folder from a copy. Without a copy, compare the log's checkpoint with that of another reader, and delete the "
    "folder."
)
UNTRUSTED = gettext_noop(
    "The log of {origin} could not be verified ({why}). “sinetti run” checks it again. If this stays, inform the "
    "operator of the service."
)
_SAID = {ExitCode.REFUSED: FORKED, ExitCode.AGAIN: UNTRUSTED, ExitCode.STORE: DAMAGED}


@dataclass(frozen=True)
class StoreLogFault:
    """Fault of the log that has a name's certificate; its folder keeps what proves it.

    `code` is the exit code: a fork and damage stay, and what was not trusted is read again.
    """

    origin: str
    folder: Path
    why: str
    code: ExitCode

    @property
    def message(self) -> Message:
        """Sentence with the next step."""
        return make_message(_SAID[self.code], origin=self.origin, why=self.why, folder=str(self.folder))


@dataclass(frozen=True)
class LoggedName:
    """Certificate of a name and the address of its log, None without one.

    `is_proven`: the proof is stored. `ask_again`: not asked before then.
    """

    serial: str
    log: str | None
    is_proven: bool = False
    ask_again: datetime | None = None


@dataclass
class LogIndex:
    """Logs of the names of a store, and addresses without a log until an instant."""

    names: dict[str, LoggedName] = field(default_factory=dict)
    absent: dict[str, datetime] = field(default_factory=dict)


def load_index(store: Path) -> LogIndex:
    """Read `names.json`; it is empty if it is missing or damaged."""
    try:
        log_index = _parsed(files.octets_of(store / FOLDER / NAMES))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return LogIndex()
    return LogIndex(dict(log_index.names), dict(log_index.absent))


@lru_cache(maxsize=1)
def _parsed(octets: bytes) -> LogIndex:
    """Parse `names.json`, which a check of each name reads again."""
    raw = records.json_of(octets)
    names = {
        name: LoggedName(serial, log, is_proven is True, None if again is None else records.instant_of(again))
        for name, (serial, log, is_proven, again) in raw["names"].items()
    }
    return LogIndex(names, {url: records.instant_of(at) for url, at in raw["absent"].items()})


def save_index(store: Path, index: LogIndex) -> None:
    """Write `names.json`. If the disk refuses, the next pass asks again."""
    names = {name: (row.serial, row.log, row.is_proven, row.ask_again) for name, row in index.names.items()}
    with suppress(OSError):
        files.make_folder(store / FOLDER)
        files.write_atomic(
            store / FOLDER / NAMES, records.dump({"names": names, "absent": index.absent}, None), is_durable=False
        )


def add_name(store: Path, name: str, serial: str, url: str) -> None:
    """Record the log of a name's certificate, so that every view shows its faults."""
    index = load_index(store)
    known = index.names.get(name)
    if known is None or (known.serial, known.log) != (serial, url):
        index.names[name] = LoggedName(serial, url)
        save_index(store, index)


def folder_of(store: Path, origin: str) -> Path:
    """Return the folder of a log."""
    digest = hashlib.sha256(origin.encode()).hexdigest()[:8]
    return store / FOLDER / f"{_UNSAFE.sub('_', origin)[:_LONGEST]}-{digest}"


@contextmanager
def opened(
    store: Path, url: str, policy: LogPolicy, fetch: Fetch, faults: type[ProofError] = ProofError
) -> Iterator[LogReader]:
    """Yield a reader of the log at an address, and keep its memory.

    `faults`: the errors that are kept. Raises StoreLocked while another process reads this log, MemoryDamaged, and
    OSError.
    """
    origin = origin_of(url)
    folder = folder_of(store, origin)
    files.make_folder(folder)
    with files.locked(folder):
        before = _load(folder)
        reader = LogReader(origin, policy, before, fetch)
        try:
            yield reader
        except ProofError as bad:
            if isinstance(bad, faults):
                reader.memory = reader.memory.with_fault(bad)
            raise
        finally:
            if reader.memory != before:
                _save(folder, reader.memory)


def find_faults(store: Path) -> Mapping[str, StoreLogFault]:
    """Return the faults of logs by the names whose certificates they have."""
    faulty = _faulty(store)
    names = load_index(store).names if faulty else {}
    return {
        name: fault
        for name, logged_name in names.items()
        if (fault := _fault_of(store, logged_name, faulty)) is not None
    }


def find_fault(store: Path, name: str) -> StoreLogFault | None:
    """Return the fault of the log that has the certificate of a name, or None."""
    faulty = _faulty(store)
    logged_name = load_index(store).names.get(name) if faulty else None
    return None if logged_name is None else _fault_of(store, logged_name, faulty)


def _faulty(store: Path) -> Mapping[str, tuple[str, ExitCode]]:
    return {folder.name: fault for folder in _folders(store) if (fault := _fault_in(folder)) is not None}


def _fault_in(folder: Path) -> tuple[str, ExitCode] | None:
    try:
        memory = _load(folder)
    except MemoryDamaged as bad:
        return str(bad), ExitCode.STORE
    return None if memory.why is None else (memory.why, ExitCode.AGAIN if memory.fork is None else ExitCode.REFUSED)


def _fault_of(store: Path, logged_name: LoggedName, faulty: Mapping[str, tuple[str, ExitCode]]) -> StoreLogFault | None:
    origin = "" if logged_name.log is None else origin_of(logged_name.log)
    folder = folder_of(store, origin)
    known = faulty.get(folder.name)
    return None if known is None else StoreLogFault(origin, folder, *known)


def _folders(store: Path) -> list[Path]:
    try:
        return [path for path in (store / FOLDER).iterdir() if path.name != NAMES and not path.name.startswith(".")]
    except OSError:
        return []


def _load(folder: Path) -> LogMemory:
    try:
        return LogMemory.parse(files.octets_of(folder / MEMORY))
    except (FileNotFoundError, NotADirectoryError):
        return LogMemory()
    except OSError as bad:
        raise MemoryDamaged(str(bad)) from bad


def _save(folder: Path, memory: LogMemory) -> None:
    """Write the memory, and both heads of a fork before it.

    Those of a fork that ended are deleted.
    """
    if memory.fork is not None and memory.checkpoint is not None:
        files.write_atomic(folder / KEPT, memory.checkpoint)
        files.write_atomic(folder / FORK, memory.fork)
    else:
        for name in (KEPT, FORK):
            (folder / name).unlink(missing_ok=True)
    files.write_atomic(folder / MEMORY, memory.dump())
