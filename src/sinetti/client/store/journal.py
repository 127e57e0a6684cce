"""Journal of a request under way, written before each step that cannot be undone.

`DIR/NAME/pending/enrol/` and `…/renew/` hold one each: the new key, the request made with it (and, for a renewal, the
signed message) and `journal.json`. The folder appears with all of them at once, before anything leaves this machine.
Each new state is on the disk before the step it announces. The one-time password is never written.
docs/holders/store.md has the states, and the remains of a run that ends at any point.
"""

import errno
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from sinetti.client import results
from sinetti.client.store import files, key_storage
from sinetti.domain.values import KeyId
from sinetti.infra import records

PENDING = "pending"
ABANDONED = "abandoned"
FILE = "journal.json"
REQUEST = "request.der"
MESSAGE = "message.xml"
CERTIFICATE = "certificate.der"
SPARE = "spare"

ROOM = 16 * 1024
"""Octets reserved on the disk for records after the request has left.

The RetrievalId is the most important of them.
"""

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class RequestKind(StrEnum):
    """Kind of request; each kind has its own journal."""

    ENROL = "enrol"
    RENEW = "renew"


class RequestState(StrEnum):
    """State of a request."""

    PREPARED = "prepared"
    """Key and request are on the disk; nothing has left."""
    SENT = "sent"
    """The request may have left; a run that ended here was interrupted."""
    UNCERTAIN = "uncertain"
    """The request left and no answer shows its result: it may have been processed."""
    POSTPONED = "postponed"
    """The service asked for the same request again later."""
    REFUSED = "refused"
    """The service refused and used nothing up: the same key may be offered again."""
    ACCEPTED = "accepted"
    """The service gave a retrieval ID.

    The certificate can be retrieved with it any number of times.
    """
    COLLECTED = "collected"
    """The certificate is here and fits; it only has to be installed."""


OPEN_QUESTION = frozenset({RequestState.SENT, RequestState.UNCERTAIN})
"""States in which the client does not know whether the request was processed."""

UNDER_WAY = frozenset({RequestState.POSTPONED, RequestState.ACCEPTED, RequestState.COLLECTED})
"""States in which the next run of the command resumes the request."""


@dataclass(frozen=True)
class RequestJournal:
    """Request under way.

    `sends`: number of times that the request may have left; `transfer`: SHA-256 of the TransferId. `doubt`: one of the
    sent requests may have been processed without a known answer. `digests`: SHA-256 of the files beside the journal.
    """

    folder: Path
    state: RequestState
    key_id: KeyId
    sends: int = 0
    transfer: str | None = None
    signer: str | None = None
    retrieval_id: str | None = field(default=None, repr=False)
    codes: tuple[str, ...] = ()
    doubt: bool = False
    digests: Mapping[str, str] = field(default_factory=dict)

    @property
    def fetchable(self) -> bool:
        """True if the first step is to retrieve a certificate or to install it.

        GetCertificate retrieves it.
        """
        return self.state in {RequestState.ACCEPTED, RequestState.COLLECTED} or (
            self.state in OPEN_QUESTION and self.retrieval_id is not None
        )


def folder_of(name_folder: Path, kind: RequestKind) -> Path:
    """Return the folder of a kind's journal."""
    return name_folder / PENDING / kind.value


def begin(folder: Path, key: bytes, contents: dict[str, bytes], about: RequestJournal) -> RequestJournal:
    """Write key, request and journal to the disk, at once and durably.

    `key` is in its stored form: PEM, unencrypted or encrypted, or the URI of a key in a token. Raises OSError if the
    disk refuses.
    """
    kept = {name: _digest(octets) for name, octets in contents.items() if name in {REQUEST, MESSAGE}}
    begun = replace(about, digests=kept)
    files.write_folder(folder, {key_storage.key_file_for(key): key, **contents, FILE: _encoded(begun)})
    return begun


def load(folder: Path) -> RequestJournal | None:
    """Read a journal; None if nothing is under way.

    Raises StoreDamaged, also for another key or request.
    """
    journal = read_without_key(folder)
    if journal is not None and key_storage.key_id_of(folder, folder.parent.parent) != journal.key_id:
        raise files.corruption_error(key_storage.path_of(folder), "it is not the key of this request")
    return journal


def read_without_key(folder: Path) -> RequestJournal | None:
    """Read a journal as `load` does, but without its key, which takes long to read.

    Raises StoreDamaged.
    """
    if not files.exists(folder):
        return None
    path = folder / FILE
    try:
        raw = _decoded(files.read(path))
        journal = RequestJournal(
            folder=folder,
            state=RequestState(raw["state"]),
            key_id=KeyId(raw["key_id"]),
            sends=int(raw["sends"]),
            transfer=raw["transfer"],
            signer=raw["signer"],
            retrieval_id=raw["retrieval_id"],
            codes=tuple(raw["codes"]),
            doubt=bool(raw["doubt"]),
            digests=dict(raw["digests"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as bad:
        raise files.corruption_error(path, "it is not a valid request journal") from bad
    for name, digest in journal.digests.items():
        if _digest(files.read(folder / name)) != digest:
            raise files.corruption_error(folder / name, "it is not the certificate of this request")
    return journal


def mark_sent(journal: RequestJournal) -> RequestJournal:
    """Record that the request leaves now.

    An earlier request without an answer leaves a doubt.
    """
    spare = journal.folder / SPARE
    if not files.exists(spare):
        files.write_atomic(spare, os.urandom(ROOM))
    is_doubtful = journal.doubt or journal.state in OPEN_QUESTION
    return _written(replace(journal, state=RequestState.SENT, sends=journal.sends + 1, doubt=is_doubtful, codes=()))


def advance(
    journal: RequestJournal,
    state: RequestState,
    *,
    retrieval_id: str | None = None,
    codes: tuple[str, ...] = (),
    doubt: bool = False,
) -> RequestJournal:
    """Record the next state durably; return the updated journal.

    An existing doubt stays.
    """
    known = retrieval_id or journal.retrieval_id
    return _written(
        replace(journal, state=state, retrieval_id=known, codes=codes, doubt=journal.doubt or doubt),
    )


def keep_certificate(journal: RequestJournal, octets: bytes) -> RequestJournal:
    """Store the received certificate (DER), which fits, and record the new state."""
    files.write_atomic(journal.folder / CERTIFICATE, octets)
    digests = {**journal.digests, CERTIFICATE: _digest(octets)}
    return _written(replace(journal, state=RequestState.COLLECTED, codes=(), digests=digests))


def set_aside_before(name_folder: Path, kind: RequestKind, transfer: str) -> RequestJournal | None:
    """Return the request set aside with these transfer IDs, or None.

    `transfer`: SHA-256 of the TransferId. A request whose key the service refused is left where it is. Raises
    StoreDamaged.
    """
    for held in _set_aside(name_folder, kind):
        if held.transfer == transfer and not results.is_permanent(held.codes):
            return held
    return None


def resume(journal: RequestJournal, kind: RequestKind) -> RequestJournal:
    """Bring back a request that was set aside, so that it can be resumed."""
    place = folder_of(journal.folder.parent.parent, kind)
    files.move_folder(journal.folder, place)
    return replace(journal, folder=place)


def close(journal: RequestJournal) -> None:
    """Delete a request with its key: it is installed, or was never processed."""
    files.drop_folder(journal.folder)


def set_aside(journal: RequestJournal) -> Path:
    """Set aside a request that may have been processed; return its new folder.

    Its key is kept, regardless of the answer.
    """
    aside = journal.folder.parent.parent / ABANDONED / f"{journal.folder.name}-{journal.key_id[:16]}"
    files.move_folder(journal.folder, aside)
    return aside


def is_deletable(name_folder: Path) -> bool:
    """Return whether a name without a certificate may be deleted.

    True if no key of it was certified according to the answers. Raises StoreDamaged.
    """
    held = load(folder_of(name_folder, RequestKind.ENROL))
    open_ones = [*([] if held is None else [held]), *_set_aside(name_folder, RequestKind.ENROL)]
    return all(journal.sends == 0 or journal.state is RequestState.REFUSED for journal in open_ones)


def _set_aside(name_folder: Path, kind: RequestKind) -> list[RequestJournal]:
    journals = (load(folder) for folder in sorted((name_folder / ABANDONED).glob(f"{kind.value}-*")))
    return [held for held in journals if held is not None]


def _written(journal: RequestJournal) -> RequestJournal:
    path, spare = journal.folder / FILE, journal.folder / SPARE
    try:
        files.write_atomic(path, _encoded(journal))
    except OSError as bad:
        if bad.errno not in FULL or not files.exists(spare):
            raise
        # The disk is full and an answer has arrived: the spare file was kept for this case.
        spare.unlink()
        files.SYSTEM.sync_folder(journal.folder)
        files.write_atomic(path, _encoded(journal))
    return journal


def _encoded(journal: RequestJournal) -> bytes:
    raw = asdict(journal)
    del raw["folder"]
    return (json.dumps({**raw, "check": _check(raw)}, indent=1, sort_keys=True) + "\n").encode()


def _decoded(octets: bytes) -> dict[str, Any]:
    raw: dict[str, Any] = records.json_of(octets)
    if raw.pop("check") != _check(raw):
        raise ValueError(FILE)
    return raw


def _check(raw: Mapping[str, object]) -> str:
    """Return the digest of everything else in a journal.

    It detects a damaged journal.
    """
    return _digest(json.dumps(raw, sort_keys=True).encode())


def _digest(octets: bytes) -> str:
    return hashlib.sha256(octets).hexdigest()
