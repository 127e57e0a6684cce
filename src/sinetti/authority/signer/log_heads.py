"""Octets that the log's keys sign: heads, and statements about a change of key.

A head has the entries about the certificates that the signer signed. Otherwise none is signed any more.
"""

import hashlib
import re
from collections.abc import Collection
from contextlib import suppress
from datetime import datetime, timedelta
from typing import NoReturn

from sinetti.authority.signer.approvals import verify_approval
from sinetti.authority.signer.store import SignerStore
from sinetti.authority.signer.tasks import AROUND_NOW, SigningTask
from sinetti.domain.approvals.acts import TwoPersonAct
from sinetti.pki.signers import SignatureRefused
from sinetti.settings.signer import SignerPolicy
from sinetti.wire.transparency.entries import parse_entry
from sinetti.wire.transparency.merkle import (
    EMPTY_ROOT,
    HASH_SIZE,
    ProofError,
    Subtree,
    cover,
    extend,
    leaf_hash,
    root_of,
)
from sinetti.wire.transparency.notes import ED25519, Checkpoint, NoteError, VerifierKey, cosigned_text

STATEMENT = b"sinetti-log-key@v1\n"
"""First line of a statement about a change of key.

Its form is that of wire/transparency/key_rotation.py.
"""

LOGGED_WITHIN = timedelta(minutes=5)
"""Time in which the log must have a certificate.

An abandoned reservation is finished after a minute and a half (services/issuance/reconcile.py), and a certificate that
the register lacks is an entry after three and a half (authority/signer_memory.py).
"""

FULL_HEAD = 5000
"""Entries of a full head: more of them wait (database/evidence/sequencer.py)."""

CATCHING_UP = timedelta(days=7)
"""Time in which the log must have a certificate while its heads are full.

They are after an outage.
"""

_CERTIFICATE = "certificate:"
_DATED = re.compile(rb"cosignature/v1\ntime ([0-9]{1,12})\n")
_LARGEST = 4096
_LARGEST_TREE = 1 << 48


def record_head(task: SigningTask, origin: str, store: SignerStore, now: datetime) -> None:
    """Record a head that continues the last one, and the entries that it adds.

    Raises SignatureRefused, also if a certificate that was signed before is in no entry.
    """
    try:
        head = _read_head(task.octets, origin, now)
        last = store.find_head() or (0, EMPTY_ROOT)
        if head.head == last:
            return
        path = () if task.consistency is None else task.consistency.path
        edge = [Subtree(*place, digest) for place, digest in zip(cover(0, last[0]), path, strict=False)]
        begins, new = (last[0], root_of(edge)), path[len(edge) :]
        leaves = [octets if len(octets) == HASH_SIZE else leaf_hash(octets) for octets in new]
        extend(edge, (Subtree(0, last[0] + at, leaf) for at, leaf in enumerate(leaves)))
    except (NoteError, ProofError, UnicodeDecodeError) as bad:
        _refuse(str(bad))
    if (begins, (last[0] + len(leaves), root_of(edge))) != (last, head.head):
        _refuse(f"the tree of size {head.size} does not continue the tree of size {last[0]}")
    store.insert_leaves(leaves, now)
    for octets in new:
        if len(octets) != HASH_SIZE:
            _take_entry(octets, store)
    late = store.find_unlogged(now - (CATCHING_UP if len(leaves) >= FULL_HEAD else LOGGED_WITHIN))
    if late is not None and last[0]:  # the first head has the beginning of the log alone
        _refuse(f"the certificate {late.hex()} was signed, and the log has no entry about it")
    store.replace_head(*head.head)


def _read_head(octets: bytes, origin: str, now: datetime) -> Checkpoint:
    """Return the head in its text, or in that of a cosignature, which dates it."""
    dated = _DATED.match(octets)
    head = Checkpoint.parse(octets[0 if dated is None else dated.end() : _LARGEST].decode())
    text = head.text.encode()
    if (text if dated is None else cosigned_text(text, int(dated[1]))) != octets or head.origin != origin:
        _refuse("it is not the text of a head of this log")
    if dated is not None and abs(now.timestamp() - int(dated[1])) > AROUND_NOW.total_seconds():
        _refuse("its date is more than five minutes from the signer's clock")
    if head.size > _LARGEST_TREE:
        _refuse("its size is greater than any log's")
    return head


def _take_entry(octets: bytes, store: SignerStore) -> None:
    with suppress(KeyError, NoteError, ValueError):  # it says nothing of a certificate
        entry = parse_entry(octets)
        serial, digest = entry.object.removeprefix(_CERTIFICATE), str(entry.facts.get("sha256", ""))
        store.record_entry(entry.action, bytes.fromhex(serial), bytes.fromhex(digest))


def check_reservation(task: SigningTask, serial: bytes) -> bytes:
    """Return the leaf of the entry by which the register reserved these octets.

    Raises SignatureRefused.
    """
    octets = b"" if task.proof is None else task.proof.digested
    with suppress(NoteError):
        entry, digest = parse_entry(octets), hashlib.sha256(task.octets).hexdigest()
        expected = ("certificate-reserved", f"{_CERTIFICATE}{serial.hex()}", digest)
        if (entry.action, entry.object, entry.facts.get("tbs")) == expected:
            return leaf_hash(octets)
    raise SignatureRefused("the signer refuses: no renewal is proven, and no reservation of the register is shown")


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
    if old == new or any(
        (verifier_key.name, verifier_key.kind) != (origin, ED25519) or verifier_key.public not in keys
        for verifier_key in (old, new)
    ):
        _refuse("it does not name two keys of this log that the signer has")
    return old


def _refuse(why: str) -> NoReturn:
    raise SignatureRefused(f"the log's key does not sign it: {why}") from None
