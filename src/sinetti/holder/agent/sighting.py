"""A cheap look at every name of a store: what the agent needs to decide whether something is due, and no more.

No key is read and no chain followed: whatever is due is looked at thoroughly by those who do it, and `sinetti doctor`
looks at everything. Ten thousand names take about a second.
"""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from sinetti.domain.values import Serial, Span
from sinetti.holder import decoding, files, generations, journal, keys, messages, reasons
from sinetti.holder import memory as deploying
from sinetti.holder.agent import memory
from sinetti.holder.agent.memory import Memory
from sinetti.holder.journal import Kind, State
from sinetti.holder.messages import Message, say


@dataclass(frozen=True, slots=True)
class OpenOne:
    """What is under way. `fetchable` as the journal has it."""

    state: State
    fetchable: bool


@dataclass(frozen=True, slots=True)
class InUse:
    """The certificate in use; `sha256` is of its DER."""

    serial: Serial
    span: Span
    sha256: bytes


@dataclass(frozen=True, slots=True)
class Sight:
    """One name as it lies there. `revoked`: the service called the certificate in use so.

    `trouble` says what cannot be read; then nothing else counts. `undeployed`: bringing it into use has failed so far.
    `halves`: an interrupted run left something that nobody needs, a copy of a key perhaps.
    """

    name: str
    folder: Path
    in_use: InUse | None = None
    enrolment: OpenOne | None = None
    renewal: OpenOne | None = None
    revoked: bool = False
    memory: Memory = memory.NOTHING
    undeployed: bool = False
    halves: bool = False
    trouble: Message | None = None


def sights(store: Path) -> Iterator[Sight]:
    """Look at every name of a store, sorted by name. OSError where the store itself cannot be read."""
    with os.scandir(store) as entries:
        found = sorted(one.name for one in entries if files.is_name(one.name))
    for name in found:
        seen = look(store / name)
        if seen is not None:
            yield seen


def look(folder: Path) -> Sight | None:
    """Look at one name; None where its folder holds nothing of ours. What is wrong with it stands in `trouble`."""
    try:
        return _look(folder)
    except files.StoreError as bad:
        return Sight(folder.name, folder, trouble=bad.message)
    except OSError as bad:
        told = say(messages.STORE_UNUSABLE, path=str(bad.filename or folder), why=reasons.of(bad))
        return Sight(folder.name, folder, trouble=told)


def _look(folder: Path) -> Sight | None:
    path = str(folder)
    try:
        there = set(os.listdir(path))  # noqa: PTH208 - ten thousand of them: pathlib takes three times as long
    except (FileNotFoundError, NotADirectoryError):
        return None
    if not there & files.OURS:
        return None
    in_use = _in_use(folder, path, there)
    known = memory.load(_read(f"{path}/{memory.FILE}")) if memory.FILE in there else memory.NOTHING
    revoked = generations.notes(folder).revoked if _may_be_revoked(path, there) else None
    pending = os.listdir(f"{path}/{journal.PENDING}") if journal.PENDING in there else ()  # noqa: PTH208 - as above
    enrolment, renewal = (_open(folder, kind) if kind in pending else None for kind in (Kind.ENROL, Kind.RENEW))
    return Sight(
        folder.name,
        folder,
        in_use,
        enrolment,
        renewal,
        revoked=in_use is not None and revoked == in_use.serial,
        memory=memory.about(known, None if in_use is None else in_use.serial),
        undeployed=deploying.DEPLOY in there and _undeployed(folder),
        halves=any(one.startswith(".") and one.endswith(files.HALVES) for one in (*there, *pending)),
    )


def _may_be_revoked(path: str, there: set[str]) -> bool:
    """Tell whether the notes have to be read in full: not where they are as this client writes them of most names."""
    if generations.NOTES not in there:
        return False
    octets = _read(f"{path}/{generations.NOTES}")
    return not (octets.startswith(b"{") and octets.endswith(b"}\n") and b'"revoked": null' in octets)


def _undeployed(folder: Path) -> bool:
    known = deploying.deployment(folder)
    return known is not None and known.tries > 0


def _in_use(folder: Path, path: str, there: set[str]) -> InUse | None:
    live = files.LIVE if files.LIVE in there else files.OLD
    if live not in there:
        if generations.NOTES in there:
            raise files.damaged(folder / files.LIVE, "it points at no certificate")
        return None
    place = f"{path}/{live}/{generations.CERTIFICATE}"
    try:
        certificate = x509.load_pem_x509_certificate(_read(place))
        der = certificate.public_bytes(Encoding.DER)
        return InUse(keys.serial_of(certificate), generations.span_of(certificate), hashlib.sha256(der).digest())
    except (OSError, ValueError, x509.InvalidVersion) as bad:
        raise files.damaged(Path(place), bad) from bad


def _open(folder: Path, kind: Kind) -> OpenOne:
    """Give how far something has come, by its journal's word; whoever goes on with it looks at its key and digests."""
    path = journal.folder_of(folder, kind) / journal.FILE
    try:
        raw = decoding.json_of(files.read(path))
        state, fetches = State(raw["state"]), raw["retrieval_id"] is not None
    except (ValueError, KeyError, TypeError) as bad:
        raise files.damaged(path, "it is no journal") from bad
    fetchable = state in {State.ACCEPTED, State.COLLECTED} or (state in journal.OPEN_QUESTION and fetches)
    return OpenOne(state, fetchable)


def _read(path: str) -> bytes:
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - as above
        return file.read()
