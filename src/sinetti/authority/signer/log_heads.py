"""Octets that the log's keys sign: heads, and statements about a change of key."""

import hashlib
from collections.abc import Collection
from datetime import datetime
from typing import NoReturn

from sinetti.authority.signer.approvals import verify_approval
from sinetti.authority.signer.store import SignerStore
from sinetti.authority.signer.tasks import SigningTask
from sinetti.domain.approvals.acts import TwoPersonAct
from sinetti.pki.signers import SignatureRefused
from sinetti.settings.signer import SignerPolicy
from sinetti.wire.transparency.merkle import ProofError, check_consistency
from sinetti.wire.transparency.notes import ED25519, Checkpoint, NoteError, VerifierKey

STATEMENT = b"sinetti-log-key@v1\n"
"""First line of a statement about a change of key.

Its form is that of wire/transparency/key_rotation.py.
"""

_LARGEST = 4096
_LARGEST_TREE = 1 << 48


def check_head(task: SigningTask, origin: str, store: SignerStore) -> tuple[int, bytes]:
    """Return size and root of a head that continues the last one.

    Raises SignatureRefused.
    """
    try:
        text = task.octets[:_LARGEST].decode()
        head = Checkpoint.parse(text)
        if head.text.encode() != task.octets or head.origin != origin:
            _refuse("it is not the text of a head of this log")
        if head.size > _LARGEST_TREE:
            _refuse("its size is greater than any log's")
        last = store.find_head()
        if last is not None:
            path = () if task.consistency is None else task.consistency.path
            check_consistency(last, head.head, path)
    except (NoteError, ProofError, UnicodeDecodeError) as bad:
        _refuse(str(bad))
    return head.head


def check_statement(
    task: SigningTask, policy: SignerPolicy, keys: Collection[bytes], store: SignerStore, now: datetime
) -> str | None:
    """Return the id of the proposal that approves a change of the log's key.

    `keys` are the public keys of the log that the signer has. It is None without officers, as in TEST. An approval is
    for one change. Raises SignatureRefused.
    """
    old = _check_form(task.octets, policy.log_origin, keys)
    if not policy.officers:
        return None
    if task.approval is None:
        _refuse("the change of the log's key has no approval")
    proposal = verify_approval(task.approval, policy, now)
    if (proposal.act, proposal.parameters) != (TwoPersonAct.SECRETS, rotation_parameters(old)):
        _refuse("the approval is of another act")
    if store.find_act(proposal.proposal_id) not in {None, hashlib.sha256(task.octets).digest()}:
        _refuse("the approval was used for another change")
    return proposal.proposal_id


def rotation_parameters(old: VerifierKey) -> dict[str, str]:
    """Return the parameters of the act that replaces a key of the log."""
    return {"change": "rotate-log-key", "key": str(old)}


def _check_form(octets: bytes, origin: str, keys: Collection[bytes]) -> VerifierKey:
    """Return the old key of a statement that names two keys of this log."""
    try:
        first, *lines = octets[:_LARGEST].decode().split("\n")
        old, new = (VerifierKey.parse(line) for line in lines[:2])
    except (NoteError, UnicodeDecodeError, ValueError):
        _refuse("it is not a statement about two keys")
    if f"{first}\n{old}\n{new}\n".encode() != octets or not octets.startswith(STATEMENT):
        _refuse("it is not a statement about two keys")
    if old == new or any((one.name, one.kind) != (origin, ED25519) or one.public not in keys for one in (old, new)):
        _refuse("it does not name two keys of this log that the signer has")
    return old


def _refuse(why: str) -> NoReturn:
    sentence = f"the log's key does not sign it: {why}"
    raise SignatureRefused(sentence) from None
