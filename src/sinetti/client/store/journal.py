"""The journal of one thing under way: written down before each step that cannot be taken back.

`DIR/NAME/pending/enrol/` and `…/renew/` hold one each: the new key, the request made with it (and, for a renewal, the
signed message) and `journal.json`. The folder appears with all of them at once, before anything leaves this machine;
each move to another state is on the disk before the step it announces. The one-time password is never written.
docs/holder-journal.md has the states, and what a run that ends anywhere leaves.
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

from sinetti.client import decoder, results
from sinetti.client.store import files, key_storage
from sinetti.domain.values import KeyId

PENDING = "pending"
ABANDONED = "abandoned"
FILE = "journal.json"
REQUEST = "request.der"
MESSAGE = "message.xml"
CERTIFICATE = "certificate.der"
SPARE = "spare"

ROOM = 16 * 1024
"""Octets that are kept free for what has to be written down after the request has left (the RetrievalId)."""

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class RequestKind(StrEnum):
    """What is under way; each kind has a journal of its own."""

    ENROL = "enrol"
    RENEW = "renew"


class RequestState(StrEnum):
    """How far it has come."""

    PREPARED = "prepared"
    """Key and request are on the disk; nothing has left."""
    SENT = "sent"
    """The request may have left; a run that ended here was interrupted."""
    UNCERTAIN = "uncertain"
    """The request left and no answer says what became of it: it may have been done."""
    POSTPONED = "postponed"
    """The service asked for the same request again later."""
    REFUSED = "refused"
    """The service said no and used nothing up: the same key may be offered again."""
    ACCEPTED = "accepted"
    """The service gave a retrieval id; the certificate can be fetched with it, again and again."""
    COLLECTED = "collected"
    """The certificate is here and fits; it only has to be put in place."""


OPEN_QUESTION = frozenset({RequestState.SENT, RequestState.UNCERTAIN})
"""Nobody here knows whether the request was done."""

UNDER_WAY = frozenset({RequestState.POSTPONED, RequestState.ACCEPTED, RequestState.COLLECTED})
"""It goes on when the command is run again."""


@dataclass(frozen=True, slots=True)
class RequestJournal:
    """What is under way.

    `sends`: how often the request may have left; `transfer`: SHA-256 of the TransferId.

    `doubt`: one of those may have been done without our knowing. `digests`: SHA-256 of the files beside the journal.
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
        """Whether there is something to ask for with GetCertificate, or to put in place, before anything else."""
        return self.state in {RequestState.ACCEPTED, RequestState.COLLECTED} or (
            self.state in OPEN_QUESTION and self.retrieval_id is not None
        )


def folder_of(name_folder: Path, kind: RequestKind) -> Path:
    """Give the folder in which a kind's journal lies."""
    return name_folder / PENDING / kind.value


def begin(folder: Path, key: bytes, contents: dict[str, bytes], about: RequestJournal) -> RequestJournal:
    """Put key, request and journal on the disk, at once and durably.

    Raises OSError where the disk refuses.

    `key` is as it is kept: PEM, in clear or encrypted, or the URI of one in a token.
    """
    kept = {name: _digest(octets) for name, octets in contents.items() if name in {REQUEST, MESSAGE}}
    begun = replace(about, digests=kept)
    files.write_folder(folder, {key_storage.key_file_for(key): key, **contents, FILE: _encoded(begun)})
    return begun


def load(folder: Path) -> RequestJournal | None:
    """Read a journal; None where nothing is under way.

    Raises StoreDamaged, for another key or request too.
    """
    journal = read_without_key(folder)
    if journal is not None and key_storage.key_id_of(folder, folder.parent.parent) != journal.key_id:
        raise files.corruption_error(key_storage.path_of(folder), "it is not the key that the journal names")
    return journal


def read_without_key(folder: Path) -> RequestJournal | None:
    """Read a journal as `load` does, but for its key, which takes long to read.

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
        raise files.corruption_error(path, "it is no journal") from bad
    for name, digest in journal.digests.items():
        if _digest(files.read(folder / name)) != digest:
            raise files.corruption_error(folder / name, "it is not what the journal names")
    return journal


def mark_sent(journal: RequestJournal) -> RequestJournal:
    """Write down that the request leaves now; what came before without an answer leaves a doubt."""
    spare = journal.folder / SPARE
    if not files.exists(spare):
        files.write_atomic(spare, os.urandom(ROOM))
    doubt = journal.doubt or journal.state in OPEN_QUESTION
    return _written(replace(journal, state=RequestState.SENT, sends=journal.sends + 1, doubt=doubt, codes=()))


def advance(
    journal: RequestJournal,
    state: RequestState,
    *,
    retrieval_id: str | None = None,
    codes: tuple[str, ...] = (),
    doubt: bool = False,
) -> RequestJournal:
    """Write down the next state, durably, and give the journal as it now is.

    A doubt that was there stays.
    """
    known = retrieval_id or journal.retrieval_id
    return _written(
        replace(journal, state=state, retrieval_id=known, codes=codes, doubt=journal.doubt or doubt),
    )


def keep_certificate(journal: RequestJournal, octets: bytes) -> RequestJournal:
    """Keep the certificate (DER) that came and fits, and write down that it is here."""
    files.write_atomic(journal.folder / CERTIFICATE, octets)
    digests = {**journal.digests, CERTIFICATE: _digest(octets)}
    return _written(replace(journal, state=RequestState.COLLECTED, codes=(), digests=digests))


def set_aside_before(name_folder: Path, kind: RequestKind, transfer: str) -> RequestJournal | None:
    """Find what was set aside and had these transfer IDs (SHA-256 of the TransferId).

    Raises StoreDamaged.

    A key that the service would not have is left where it is.
    """
    for held in _set_aside(name_folder, kind):
        if held.transfer == transfer and not results.is_permanent(held.codes):
            return held
    return None


def resume(journal: RequestJournal, kind: RequestKind) -> RequestJournal:
    """Bring back what was set aside, to be gone on with."""
    place = folder_of(journal.folder.parent.parent, kind)
    files.move_folder(journal.folder, place)
    return replace(journal, folder=place)


def close(journal: RequestJournal) -> None:
    """Forget what was under way, its key too: it is in place, or nothing was done with it."""
    files.drop_folder(journal.folder)


def set_aside(journal: RequestJournal) -> Path:
    """Set aside what may have been done, whatever was answered: its key is kept, in the folder that is returned."""
    aside = journal.folder.parent.parent / ABANDONED / f"{journal.folder.name}-{journal.key_id[:16]}"
    files.move_folder(journal.folder, aside)
    return aside


def is_deletable(name_folder: Path) -> bool:
    """Tell whether a name without a certificate may be deleted: by all that was answered, no key of it was certified.

    Raises StoreDamaged.
    """
    held = load(folder_of(name_folder, RequestKind.ENROL))
    open_ones = [*([] if held is None else [held]), *_set_aside(name_folder, RequestKind.ENROL)]
    return all(one.sends == 0 or one.state is RequestState.REFUSED for one in open_ones)


def _set_aside(name_folder: Path, kind: RequestKind) -> list[RequestJournal]:
    found = (load(folder) for folder in sorted((name_folder / ABANDONED).glob(f"{kind.value}-*")))
    return [held for held in found if held is not None]


def _written(journal: RequestJournal) -> RequestJournal:
    path, spare = journal.folder / FILE, journal.folder / SPARE
    try:
        files.write_atomic(path, _encoded(journal))
    except OSError as bad:
        if bad.errno not in FULL or not files.exists(spare):
            raise
        # The disk is full and an answer is in hand: this is what the room was kept for.
        spare.unlink()
        files.SYSTEM.sync_folder(journal.folder)
        files.write_atomic(path, _encoded(journal))
    return journal


def _encoded(journal: RequestJournal) -> bytes:
    raw = asdict(journal)
    del raw["folder"]
    return (json.dumps({**raw, "check": _check(raw)}, indent=1, sort_keys=True) + "\n").encode()


def _decoded(octets: bytes) -> dict[str, Any]:
    raw: dict[str, Any] = decoder.json_of(octets)
    if raw.pop("check") != _check(raw):
        raise ValueError(FILE)
    return raw


def _check(raw: Mapping[str, object]) -> str:
    """Give the digest of everything else in a journal, so that a damaged one is not mistaken for another."""
    return _digest(json.dumps(raw, sort_keys=True).encode())


def _digest(octets: bytes) -> str:
    return hashlib.sha256(octets).hexdigest()
