"""Proofs that an entry is in the log.

Entries are a certificate's issue, a change of the key, a closed journal.
"""

from sinetti.database.connection import Database
from sinetti.database.evidence import log_tree
from sinetti.database.evidence.log_tree import StoredLeaf
from sinetti.domain.values import Serial
from sinetti.wire.transparency.merkle import inclusion_proof
from sinetti.wire.transparency.notes import Checkpoint, SignedNote
from sinetti.wire.transparency.proofs import LARGEST_PROOF, EntryProof


def prove_issue(db: Database, serial: Serial) -> bytes | None:
    """Return the proof for a certificate under the newest checkpoint.

    Returns None if it is not in the tree yet. The proof has the octets of that one entry. Cosignatures that would make
    it larger than 2 KiB are left out.
    """
    return prove_leaf(db, log_tree.find_leaf(db, f"certificate:{serial}", "certificate-issued"), LARGEST_PROOF)


def prove_key_change(db: Database, key_id: str) -> bytes | None:
    """Return the proof for the entry that replaced the key with this id, or None.

    The id is in hex. The proof has the octets of that one entry, which both keys signed.
    """
    return prove_leaf(db, log_tree.find_key_change(db, key_id))


def prove_leaf(db: Database, leaf: StoredLeaf | None, largest: int | None = None) -> bytes | None:
    """Return the proof of an entry with its octets, or None.

    Cosignatures that would make it larger than `largest` octets are left out.
    """
    note = log_tree.find_head(db)
    if leaf is None or leaf.row is None or note is None:
        return None
    size = Checkpoint.parse(note.text).size
    if leaf.index >= size:
        return None
    path = tuple(inclusion_proof(leaf.index, size, log_tree.lookup(db, size)))
    signatures = note.signatures
    while True:
        checkpoint = bytes(SignedNote(note.text, signatures))
        proof = bytes(EntryProof(leaf.index, path, checkpoint, bytes(leaf.row.octets)))
        if largest is None or len(proof) <= largest or len(signatures) == 1:
            return proof
        signatures = signatures[:-1]
