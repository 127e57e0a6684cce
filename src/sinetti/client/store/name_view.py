"""Views of the names of a store, with all that the agent needs to decide.

snapshot.py reads the state of a name, as for `sinetti status`. The view adds the agent's memory.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sinetti.client.messages import error_reasons, messages
from sinetti.client.messages.messages import Message, make_message
from sinetti.client.store import files, journal, snapshot
from sinetti.client.store import memory as store_memory
from sinetti.client.store.journal import RequestKind, RequestState
from sinetti.client.store.memory import AgentMemory
from sinetti.client.store.snapshot import NameSnapshot
from sinetti.domain.values import Serial, ValidityPeriod


@dataclass(frozen=True, slots=True)
class PendingRequest:
    """Request under way. `fetchable` as in the journal."""

    state: RequestState
    fetchable: bool


@dataclass(frozen=True, slots=True)
class InstalledCertificate:
    """Certificate in use; `sha256` is of its DER."""

    serial: Serial
    span: ValidityPeriod
    sha256: bytes


@dataclass(frozen=True, slots=True)
class NameView:
    """View of one name, which begins with its `glance`.

    `revoked`: the service called the certificate in use so. `trouble`: message on damage, with which nothing else
    counts. `undeployed`: its deployment has failed so far. `halves`: an interrupted run left something that no run
    needs, perhaps a copy of a key.
    """

    name: str
    folder: Path
    glance: NameSnapshot
    in_use: InstalledCertificate | None = None
    enrolment: PendingRequest | None = None
    renewal: PendingRequest | None = None
    revoked: bool = False
    memory: AgentMemory = store_memory.NOTHING
    undeployed: bool = False
    halves: bool = False
    trouble: Message | None = None


def sights(store: Path) -> Iterator[NameView]:
    """Yield the view of every name of a store, sorted by name.

    Raises OSError if the store itself cannot be read.
    """
    with os.scandir(store) as entries:
        found = sorted(one.name for one in entries if files.is_name(one.name))
    for name in found:
        seen = view_of_name(store / name)
        if seen is not None:
            yield seen


def view_of_name(folder: Path) -> NameView | None:
    """Return the view of one name; None if its folder has no files of this client.

    Damage stands in `trouble`.
    """
    try:
        return _look(folder)
    except files.StoreError as bad:
        return _troubled(folder, bad.message)
    except OSError as bad:
        return _troubled(
            folder,
            make_message(
                messages.STORE_UNUSABLE, path=str(bad.filename or folder), why=error_reasons.translate_reason(bad)
            ),
        )


def _troubled(folder: Path, told: Message) -> NameView:
    return NameView(folder.name, folder, NameSnapshot(folder.name, trouble=told), trouble=told)


def _look(folder: Path) -> NameView | None:
    path = str(folder)
    try:
        there = set(os.listdir(path))  # noqa: PTH208 - ten thousand of them: pathlib takes three times as long
    except (FileNotFoundError, NotADirectoryError):
        return None
    if there.isdisjoint(files.OURS):
        return None
    seen = snapshot.snapshot_of_entries(path, there)
    if seen.trouble is not None:
        return NameView(folder.name, folder, seen, trouble=seen.trouble)
    known = store_memory.read(folder) if store_memory.FILE in there else store_memory.NOTHING
    pending = os.listdir(f"{path}/{journal.PENDING}") if journal.PENDING in there else ()  # noqa: PTH208 - as above
    under_way = {one.folder.name: PendingRequest(one.state, one.fetchable) for one in seen.open}
    return NameView(
        folder.name,
        folder,
        seen,
        _in_use(seen),
        under_way.get(RequestKind.ENROL),
        under_way.get(RequestKind.RENEW),
        revoked=seen.serial is not None and seen.notes.revoked == seen.serial,
        memory=store_memory.about(known, seen.serial),
        undeployed=seen.deployment is not None and seen.deployment.tries > 0,
        halves=any(one.startswith(".") and one.endswith(files.HALVES) for one in (*there, *pending)),
    )


def _in_use(seen: NameSnapshot) -> InstalledCertificate | None:
    if seen.serial is None or seen.span is None or seen.fingerprint is None:
        return None
    return InstalledCertificate(seen.serial, seen.span, seen.fingerprint)
