"""Change of a log's key: a statement that the old key and the new key both sign."""

from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence

from sinetti.wire.transparency.entries import EntryFields
from sinetti.wire.transparency.merkle import ProofError
from sinetti.wire.transparency.notes import NoteError, NoteSigner, VerifierKey, decode64

ACTION = "log-key-changed"


def _statement(old: VerifierKey, new: VerifierKey) -> bytes:
    return f"sinetti-log-key@v1\n{old}\n{new}\n".encode()


def rotation_facts(old: NoteSigner, new: NoteSigner) -> dict[str, str]:
    """Return the facts of the entry that records the change."""
    statement = _statement(old.verifier, new.verifier)
    return {
        "old": str(old.verifier),
        "new": str(new.verifier),
        "signed_by_old": b64encode(old.key.sign(statement)).decode(),
        "signed_by_new": b64encode(new.key.sign(statement)).decode(),
    }


def check_rotation(entry: EntryFields) -> None:
    """Raise ProofError unless both keys signed the change.

    Raises NoteError for facts that cannot be read.
    """
    keys = [VerifierKey.parse(str(entry.facts.get(name))) for name in ("old", "new")]
    signatures = [decode64(str(entry.facts.get(name)), 64) for name in ("signed_by_old", "signed_by_new")]
    statement = _statement(*keys)
    if not all(key.verifies(statement, signature) for key, signature in zip(keys, signatures, strict=True)):
        raise ProofError("the change of the log's key is not signed by both keys")


def next_key(entry: EntryFields, current: VerifierKey) -> VerifierKey | None:
    """Return the new key of a change that both keys signed, or None.

    The old key must be the current one.
    """
    try:
        if entry.action == ACTION:
            check_rotation(entry)
        return next(rotated_keys(entry, [current]), None)
    except (NoteError, ProofError):
        return None


def rotated_keys(entry: EntryFields, trusted: Iterable[VerifierKey]) -> Iterator[VerifierKey]:
    """Yield the new key of a change that a trusted key signed; the entry was checked."""
    if entry.action == ACTION and (old := VerifierKey.parse(str(entry.facts["old"]))) in tuple(trusted):
        new = VerifierKey.parse(str(entry.facts["new"]))
        if new.name == old.name:
            yield new


def former_keys(rotations: Sequence[EntryFields], trusted: Iterable[VerifierKey]) -> list[VerifierKey]:
    """Return the trusted keys, and those from which changes led to them.

    The entries were checked and are in their order. What a former key signed before counts.
    """
    verifier_keys = list(trusted)
    for entry in reversed(rotations):
        old, new = (VerifierKey.parse(str(entry.facts[name])) for name in ("old", "new"))
        if new in verifier_keys and old not in verifier_keys and old.name == new.name:
            verifier_keys.append(old)
    return verifier_keys
