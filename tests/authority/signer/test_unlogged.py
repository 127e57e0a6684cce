"""Certificates that the log must have, or the signer signs no head of it any more."""

import hashlib
import sqlite3
from datetime import timedelta

import pytest

from sinetti.authority.signer.log_heads import CATCHING_UP, FULL_HEAD, LOGGED_WITHIN
from sinetti.authority.signer.store import SignerStore
from sinetti.authority.signer.tasks import ConsistencyProof, SigningTask, TaskKind
from sinetti.database.evidence.sequencer import MOST_AT_ONCE
from sinetti.pki.encoding import load_certificate
from sinetti.pki.signers import SignatureProof, SignatureRefused
from sinetti.wire.transparency.entries import format_entry
from sinetti.wire.transparency.merkle import Subtree, extend, leaf_hash, root_of
from sinetti.wire.transparency.notes import Checkpoint
from tests.authority.signer.test_status import RESPONDER, data_of
from tests.support.authority import NOW, holder_certificate, holder_key, leaf_plan
from tests.support.signing import (
    CA,
    LOG,
    ORIGIN,
    certificate_task,
    holder_tbs,
    one,
    renewal_proof,
    reservation_of,
    reserved,
    rules_of,
)

SECOND = timedelta(seconds=1)
LATE = NOW + LOGGED_WITHIN + SECOND
KEY = holder_key(1)
PLAN = leaf_plan(KEY.public_key())
TBS = holder_tbs(KEY, plan=PLAN)
SERIAL = PLAN.serial
RESERVED = reservation_of(TBS)
VOUCHED = reserved(RESERVED)
PROOF = renewal_proof(KEY, holder_certificate(KEY), holder_key(2))


class Tree:
    """The tree of a log, and the heads that a signer has signed."""

    def __init__(self, rules):
        self.rules, self.edge, self.size = rules, [], 0

    def sign(self, *entries, now=LATE):
        """Have the head with these further entries or hashes signed. Raises SignatureRefused."""
        edge = list(self.edge)
        leaves = [entry if len(entry) == 32 else leaf_hash(entry) for entry in entries]
        extend(edge, (Subtree(0, self.size + at, leaf) for at, leaf in enumerate(leaves)))
        head = Checkpoint(ORIGIN, self.size + len(entries), root_of(edge))
        growth = ConsistencyProof((*(part.digest for part in self.edge), *entries))
        one(self.rules, SigningTask(TaskKind.CHECKPOINT, LOG, head.text.encode(), consistency=growth), now)
        self.edge, self.size = edge, head.size


@pytest.fixture
def tree(rules):
    rules.add_key(f"{CA}_ocsp-1a", RESPONDER.key)
    made = Tree(rules)
    made.sign(other(0))
    return made


def signed(rules, tbs=TBS, proof=VOUCHED, now=NOW):
    """Have a certificate signed, and return the SHA-256 of its DER."""
    one(rules, certificate_task(tbs, proof), now)
    return hashlib.sha256(rules.list_issued(0)[-1]).hexdigest()


def entry(action, serial=SERIAL, **facts):
    return format_entry(action, f"certificate:{serial}", ("service", NOW, "r1"), facts)


def other(number):
    return hashlib.sha256(b"%d" % number).digest()


def test_an_entry_of_the_issue_must_come_in_time(rules, tree):
    digest = signed(rules)
    tree.sign(other(1), RESERVED, now=NOW + LOGGED_WITHIN)
    for _ in range(2):  # a refused head leaves no trace
        with pytest.raises(SignatureRefused, match=f"{SERIAL} was signed, and the log has no entry"):
            tree.sign(other(2))
    tree.sign(entry("certificate-issued", sha256=digest))
    tree.sign(other(3), now=NOW + timedelta(days=300))


FALSE = {
    "another digest": lambda digest: entry("certificate-issued", sha256="ab" * 32),
    "no digest": lambda digest: entry("certificate-issued", sha256=None),
    "another serial": lambda digest: entry("certificate-issued", "4a" * 19, sha256=digest),
    "another action": lambda digest: entry("certificate-fetched", sha256=digest),
    "no serial": lambda digest: entry("certificate-issued", "x", sha256=digest),
    "octets that are no entry": lambda digest: b"x" * 33,
}


@pytest.mark.parametrize("made", FALSE.values(), ids=FALSE)
def test_is_no_entry_of_the_issue(rules, tree, made):
    digest = signed(rules)
    with pytest.raises(SignatureRefused, match="has no entry about it"):
        tree.sign(RESERVED, made(digest))
    tree.sign(RESERVED, entry("certificate-issued", sha256=digest))


OTHERS = ("certificate-unregistered", "certificate-restored", "certificate-voided", "certificate-revoked")


@pytest.mark.parametrize("action", OTHERS)
def test_a_certificate_that_the_register_lacks_is_in_the_log_by_another_entry(rules, tree, action):
    """Its reservation may be lost with a database; the service goes on."""
    digest = signed(rules)
    tree.sign(entry(action, sha256=digest))
    tree.sign(other(1), now=NOW + timedelta(days=1))


def test_the_entry_of_the_reservation_must_come_too(rules, tree):
    digest = signed(rules)
    tree.sign(entry("certificate-issued", sha256=digest), now=NOW)
    with pytest.raises(SignatureRefused, match="has no entry about it"):
        tree.sign(other(1))
    tree.sign(RESERVED)


def test_the_entry_of_the_reservation_may_have_come_before(rules, tree):
    tree.sign(leaf_hash(RESERVED), now=NOW)
    digest = signed(rules, now=NOW + timedelta(hours=23))
    tree.sign(entry("certificate-issued", sha256=digest), now=NOW + timedelta(hours=24))
    tree.sign(other(1), now=NOW + timedelta(hours=26))
    tree.sign(other(2), now=NOW + timedelta(hours=27))


def test_heads_of_an_outage_catch_up(rules, tree):
    assert FULL_HEAD == MOST_AT_ONCE
    digest = signed(rules)
    many = [other(number) for number in range(FULL_HEAD)]
    tree.sign(*many)
    with pytest.raises(SignatureRefused, match="has no entry"):
        tree.sign(*many, now=NOW + CATCHING_UP + SECOND)
    tree.sign(RESERVED, entry("certificate-issued", sha256=digest), *many)


def test_a_renewal_that_is_proven_needs_no_reservation(rules, tree):
    plan = leaf_plan(holder_key(2).public_key())
    digest = signed(rules, holder_tbs(holder_key(2), plan=plan), PROOF)
    with pytest.raises(SignatureRefused, match="has no entry"):
        tree.sign(other(1))
    tree.sign(entry("certificate-issued", plan.serial, sha256=digest))


UNVOUCHED = {
    "nothing": None,
    "other octets": reserved(reservation_of(TBS + b"x", serial=SERIAL)),
    "another serial": reserved(reservation_of(TBS, serial="4a" * 19)),
    "another act": reserved(entry("ordered", tbs=hashlib.sha256(TBS).hexdigest())),
    "no digest": reserved(entry("certificate-reserved", order="o1")),
    "no entry": reserved(b"{}"),
    "an empty one": SignatureProof(b"", b"", b"", b""),
}


@pytest.mark.parametrize("proof", UNVOUCHED.values(), ids=UNVOUCHED)
def test_a_certificate_that_no_reservation_vouches_for_is_refused(rules, proof):
    with pytest.raises(SignatureRefused, match="no reservation of the register is shown"):
        one(rules, SigningTask(TaskKind.CERTIFICATE, CA, TBS, proof))


def good(rules, now):
    return one(rules, SigningTask(TaskKind.STATUS, f"{CA}_ocsp-1a", data_of(at=now, serial=SERIAL)), now)


def test_a_certificate_is_not_good_while_the_log_lacks_it(rules, tree):
    digest = signed(rules)
    assert good(rules, NOW)
    for _ in range(2):
        with pytest.raises(SignatureRefused, match="the log does not have"):
            good(rules, LATE)
        tree.sign(entry("certificate-unregistered", sha256=digest))
    tree.sign(RESERVED, entry("certificate-issued", sha256=digest))  # a slow commit
    assert good(rules, LATE)


@pytest.mark.parametrize("action", ["certificate-revoked", "certificate-voided"])
def test_a_revocation_is_learned_from_the_log(rules, tree, action):
    """The certificate of another node may be shown afterwards."""
    tree.sign(entry(action))
    signed(rules)
    with pytest.raises(SignatureRefused, match="is revoked"):
        good(rules, NOW)
    with pytest.raises(SignatureRefused, match="is revoked"):
        one(rules, certificate_task(holder_tbs(holder_key(2)), renewal_of(rules)))


def renewal_of(rules):
    """A proof by the certificate that was signed last."""
    return renewal_proof(KEY, load_certificate(rules.list_issued(0)[-1]), holder_key(2))


def test_what_was_signed_is_given_out_in_pages(rules, store):
    signed(rules)
    newest, named, der = rules.list_issued(0)
    assert (newest, named) == (b"1", f"1 {CA} {int(NOW.timestamp())}".encode())
    assert rules.list_issued(1) == [b"1"]
    with store.transaction():
        for _ in range(700):
            store.insert_issued(CA, b"", der, None, NOW)
    assert len(rules.list_issued(0)) == 1 + 2 * 500
    assert len(rules.list_issued(500)) == 1 + 2 * 201


def test_a_store_of_version_2_counts_its_certificates_as_logged(tmp_path):
    path = tmp_path / "old.sqlite"
    store = SignerStore(path)
    signed(rules_of(store))
    store.close()
    other_connection = sqlite3.connect(path)
    other_connection.executescript("DROP TABLE issued; DROP TABLE unlogged; DROP TABLE leaves; PRAGMA user_version = 2")
    other_connection.close()
    store = SignerStore(path, is_new=False)
    rules = rules_of(store)
    assert rules.list_issued(0) == [b"0"]
    tree = Tree(rules)
    tree.sign(other(1))
    tree.sign(other(2))
    assert one(rules, certificate_task(TBS))  # the stored signature
    store.close()
