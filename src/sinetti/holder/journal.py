"""The journal of one thing under way: written down before each step that cannot be taken back.

`DIR/NAME/pending/enrol/` and `…/renew/` hold one each: the new key, the request made with it (and, for a renewal, the
signed message) and `journal.json`. The folder appears with all of them at once, before anything leaves this machine;
each move to another state is on the disk before the step it announces. The one-time password is never written.
"""

import json
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from pathlib import Path

from sinetti.domain.values import KeyId
from sinetti.holder import files, keys
from sinetti.pki import formats
from sinetti.pki.formats import PrivateKey

PENDING = "pending"
ABANDONED = "abandoned"
FILE = "journal.json"
KEY = "key.pem"
REQUEST = "request.der"
MESSAGE = "message.xml"
CERTIFICATE = "certificate.der"


class Kind(StrEnum):
    """What is under way; each kind has a journal of its own."""

    ENROL = "enrol"
    RENEW = "renew"


class State(StrEnum):
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


OPEN_QUESTION = frozenset({State.SENT, State.UNCERTAIN})
"""Nobody here knows whether the request was done."""

UNDER_WAY = frozenset({State.POSTPONED, State.ACCEPTED, State.COLLECTED})
"""It goes on when the command is run again."""


@dataclass(frozen=True, slots=True)
class Journal:
    """What is under way. `sends`: how often the request may have left; `transfer`: SHA-256 of the TransferId."""

    folder: Path
    state: State
    key_id: KeyId
    sends: int = 0
    transfer: str | None = None
    signer: str | None = None
    retrieval_id: str | None = field(default=None, repr=False)
    codes: tuple[str, ...] = ()


def folder_of(name_folder: Path, kind: Kind) -> Path:
    """Give the folder in which a kind's journal lies."""
    return name_folder / PENDING / kind.value


def begin(folder: Path, key_pem: bytes, contents: dict[str, bytes], about: Journal) -> Journal:
    """Put key, request and journal on the disk, at once and durably. Raises OSError where the disk refuses."""
    everything = {KEY: key_pem, **contents, FILE: _encoded(about)}
    files.write_folder(folder, everything)
    return about


def load(folder: Path) -> Journal | None:
    """Read a journal; None where nothing is under way. Raises StoreDamaged, for another key too."""
    if not folder.exists():
        return None
    path = folder / FILE
    try:
        raw = json.loads(files.read(path))
        journal = Journal(
            folder=folder,
            state=State(raw["state"]),
            key_id=KeyId(raw["key_id"]),
            sends=int(raw["sends"]),
            transfer=raw["transfer"],
            signer=raw["signer"],
            retrieval_id=raw["retrieval_id"],
            codes=tuple(raw["codes"]),
        )
    except (ValueError, KeyError, TypeError) as bad:
        raise files.damaged(path, "it is no journal") from bad
    if keys.key_id(key_of(journal)) != journal.key_id:
        raise files.damaged(folder / KEY, "it is not the key that the journal names")
    return journal


def key_of(journal: Journal) -> PrivateKey:
    """Read the new key. Raises StoreDamaged."""
    path = journal.folder / KEY
    try:
        return formats.load_private_key(files.read(path))
    except ValueError as bad:
        raise files.damaged(path, bad) from bad


def move(
    journal: Journal,
    state: State,
    *,
    sends: int | None = None,
    retrieval_id: str | None = None,
    codes: tuple[str, ...] = (),
) -> Journal:
    """Write down the next state, durably, and give the journal as it now is."""
    moved = replace(
        journal,
        state=state,
        sends=journal.sends if sends is None else sends,
        retrieval_id=retrieval_id or journal.retrieval_id,
        codes=codes,
    )
    files.write_whole(journal.folder / FILE, _encoded(moved))
    return moved


def close(journal: Journal) -> None:
    """Forget what was under way, its key too: it is in place, or was refused for good."""
    files.drop_folder(journal.folder)


def abandon(journal: Journal) -> Path:
    """Set aside what may have been done without us knowing: its key is kept, in the folder that is returned."""
    aside = journal.folder.parent.parent / ABANDONED / f"{journal.folder.name}-{journal.key_id[:16]}"
    files.make_folder(aside.parent)
    journal.folder.replace(aside)
    files.sync_folder(aside.parent)
    files.sync_folder(journal.folder.parent)
    return aside


def dispensable(name_folder: Path) -> bool:
    """Tell whether a name without a certificate may be deleted: no key of it can have been certified. StoreDamaged."""
    held = load(folder_of(name_folder, Kind.ENROL))
    never_done = held is None or held.sends == 0 or held.state is State.REFUSED
    return never_done and not (name_folder / ABANDONED).exists()


def _encoded(journal: Journal) -> bytes:
    raw = asdict(journal)
    del raw["folder"]
    return (json.dumps(raw, indent=1, sort_keys=True) + "\n").encode()
