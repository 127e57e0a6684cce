"""The log's keys: heads that continue the last one, and changes of key that officers approved."""

from base64 import b64decode
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sinetti.authority.signer.log_heads import rotation_parameters
from sinetti.authority.signer.tasks import ConsistencyProof, SigningTask, TaskKind
from sinetti.domain.approvals.acts import OfficerRole, TwoPersonAct
from sinetti.domain.approvals.proposals import Proposal
from sinetti.domain.values import Environment
from sinetti.pki.signers import ActApproval, SignatureRefused
from sinetti.pki.ssh_signatures import load_key
from sinetti.settings.signer import PolicyOfficer
from sinetti.wire.transparency.key_rotation import rotation_facts
from sinetti.wire.transparency.merkle import EMPTY_ROOT, cover, leaf_hash, node_hash, range_hash
from sinetti.wire.transparency.notes import Checkpoint, NoteSigner, cosigned_text
from tests.support import golden
from tests.support.authority import NOW
from tests.support.officers import key_of
from tests.support.signing import CA, INSTANCE, LOG, LOG_KEY, ORIGIN, one, rules_of

NEW_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
LEAVES = [leaf_hash(bytes([number])) for number in range(12)]


def subtree(level, index, leaves=LEAVES):
    if level == 0:
        return leaves[index]
    return node_hash(subtree(level - 1, 2 * index, leaves), subtree(level - 1, 2 * index + 1, leaves))


def head(size, origin=ORIGIN):
    root = range_hash(0, size, subtree) if size else EMPTY_ROOT
    return Checkpoint(origin, size, root).text.encode()


def task(octets, path=None, key=LOG):
    proof = None if path is None else ConsistencyProof(tuple(path))
    return SigningTask(TaskKind.CHECKPOINT, key, octets, consistency=proof)


def path(old, new):
    return [*(subtree(*place) for place in cover(0, old)), *LEAVES[old:new]]


def test_heads_that_continue_each_other_are_signed(rules):
    sizes = (0, 1, 3, 3, 8, 11)
    for old, new in zip((0, *sizes), sizes, strict=False):
        octets = head(new)
        LOG_KEY.public_key().verify(one(rules, task(octets, path(old, new))), octets)


def test_a_head_is_signed_again_and_by_a_second_key(rules):
    rules.add_key("log-2", NEW_KEY)
    one(rules, task(head(5), path(0, 5)))
    assert one(rules, task(head(5))) == one(rules, task(head(5), path(0, 5)))
    NEW_KEY.public_key().verify(one(rules, task(head(5), key="log-2")), head(5))


def dated(size, seconds=0, at=NOW):
    return cosigned_text(head(size), int(at.timestamp()) + seconds)


def test_a_head_is_dated_by_the_signer_s_clock(rules):
    for octets, way in ((dated(5), path(0, 5)), (head(5), None), (dated(5, -300), None), (dated(8, 300), path(5, 8))):
        LOG_KEY.public_key().verify(one(rules, task(octets, way)), octets)


REFUSED = {
    "a date too far in the past": task(dated(5, -301)),
    "a date too far in the future": task(dated(8, 301), path(5, 8)),
    "a dated head of another tree": task(dated(4), path(4, 5)),
    "a date with a zero before it": task(dated(5).replace(b"time ", b"time 0")),
    "a head of two dates": task(b"cosignature/v1\ntime 1\n" + dated(5)),
    "a smaller tree": task(head(4), path(4, 5)),
    "another tree of the same size": task(head(5).replace(head(5)[-10:-2], b"AAAAAAAA")),
    "a larger tree without a proof": task(head(8)),
    "a larger tree with the proof of another": task(head(8), path(3, 8)),
    "a proof that is too long": task(head(8), [*path(5, 8), bytes(32)]),
    "another log": task(head(5, "other.example/log")),
    "a line more": task(head(5) + b"more\n"),
    "no line end": task(head(5)[:-1]),
    "a size with a zero before it": task(head(5).replace(b"\n5\n", b"\n05\n")),
    "a size beyond all logs": task(head(5).replace(b"\n5\n", b"\n9999999999999999999\n")),
    "two lines": task(b"a\nb\n"),
    "octets that are no text": task(b"\xff\n1\n"),
    "a long text": task(head(5) + b"x" * 5000),
    "the key of a CA": task(head(5), key=CA),
    "a key that is not here": task(head(5), key="log-9"),
}


def test_is_refused(rules):
    one(rules, task(head(5), path(0, 5)))
    attempts = {name: partial(one, rules, bad) for name, bad in REFUSED.items()}
    golden.check("sentences/signer-log/heads", {"en.txt": golden.refusals(attempts, SignatureRefused)})
    assert one(rules, task(head(8), path(5, 8)))


OLD, NEW = NoteSigner(ORIGIN, LOG_KEY), NoteSigner(ORIGIN, NEW_KEY)
STATEMENT = f"sinetti-log-key@v1\n{OLD.verifier}\n{NEW.verifier}\n".encode()
OFFICERS = tuple(
    PolicyOfficer(name, role, " ".join(key_of(name).public.read_text().split()[:2]))
    for name, role in (("anna", OfficerRole.APPROVER), ("ben", OfficerRole.APPROVER), ("carl", OfficerRole.AUDITOR))
)


def proposal(**changes):
    found = Proposal(
        proposal_id="p1",
        instance_id=INSTANCE,
        environment=Environment.TEST,
        act=TwoPersonAct.SECRETS,
        proposer="anna",
        proposer_key=load_key(OFFICERS[0].key.encode()).fingerprint,
        people=2,
        created=NOW,
        expires=NOW + timedelta(hours=24),
        nonce="00" * 32,
        parameters=rotation_parameters(OLD.verifier),
        context={},
    )
    return replace(found, **changes)


def approval(*names, of=None):
    octets = (of or proposal()).octets
    return ActApproval(octets, tuple(key_of(name).sign(octets) for name in names))


def change(octets=STATEMENT, key=LOG, **more):
    return SigningTask(TaskKind.CHECKPOINT, key, octets, **more)


@pytest.fixture
def founded(store):
    rules = rules_of(store, officers=OFFICERS)
    rules.add_key("log-2", NEW_KEY)
    return rules


def test_two_officers_approve_a_change_of_key_that_both_keys_sign(founded):
    approved = approval("anna", "ben")
    facts = rotation_facts(OLD, NEW)
    for key, name in ((LOG, "signed_by_old"), ("log-2", "signed_by_new")):
        assert one(founded, change(key=key, approval=approved)) == b64decode(facts[name])


def test_an_approval_is_for_one_change(founded):
    third = Ed25519PrivateKey.from_private_bytes(bytes(range(2, 34)))
    founded.add_key("log-3", third)
    one(founded, change(approval=approval("anna", "ben")))
    other = f"sinetti-log-key@v1\n{OLD.verifier}\n{NoteSigner(ORIGIN, third).verifier}\n".encode()
    with pytest.raises(SignatureRefused, match="change"):
        one(founded, change(other, approval=approval("anna", "ben")))
    assert one(founded, change(approval=approval("anna", "ben")))


def test_an_authority_without_officers_needs_no_approval(rules):
    rules.add_key("log-2", NEW_KEY)
    assert one(rules, change())


FOREIGN = NoteSigner("other.example/log", NEW_KEY)
STATEMENTS = {
    "one key": f"sinetti-log-key@v1\n{OLD.verifier}\n".encode(),
    "the same key twice": f"sinetti-log-key@v1\n{OLD.verifier}\n{OLD.verifier}\n".encode(),
    "a key of another log": f"sinetti-log-key@v1\n{OLD.verifier}\n{FOREIGN.verifier}\n".encode(),
    "a key that is not here": STATEMENT.replace(
        str(NEW.verifier).encode(), str(NoteSigner(ORIGIN, Ed25519PrivateKey.generate()).verifier).encode()
    ),
    "a line more": STATEMENT + b"more\n",
    "octets that are no text": STATEMENT + b"\xff",
    "a key that is none": STATEMENT.replace(b"+", b"-"),
}


def test_is_no_statement(founded):
    approved = approval("anna", "ben")
    attempts = {name: partial(one, founded, change(octets, approval=approved)) for name, octets in STATEMENTS.items()}
    golden.check("sentences/signer-log/statements", {"en.txt": golden.refusals(attempts, SignatureRefused)})


APPROVALS = {
    "none": lambda: None,
    "one officer": lambda: approval("anna"),
    "no officer": lambda: ActApproval(proposal().octets, ()),
    "one officer twice": lambda: approval("anna", "anna"),
    "an auditor": lambda: approval("anna", "carl"),
    "a key that is not pinned": lambda: approval("anna", "dora"),
    "the proposer's is missing": lambda: approval("ben"),
    "another namespace": lambda: ActApproval(proposal().octets, (key_of("anna").sign(proposal().octets, "file"),)),
    "another proposal": lambda: ActApproval(proposal(proposal_id="p2").octets, approval("anna", "ben").signatures),
    "no signature": lambda: ActApproval(proposal().octets, (b"x",)),
    "settings that it does not have": lambda: ActApproval(proposal(act=TwoPersonAct.SETTINGS).octets, ()),
    "no proposal": lambda: ActApproval(b"{}", ()),
    "another authority": lambda: approval("anna", "ben", of=proposal(instance_id="x")),
    "another environment": lambda: approval("anna", "ben", of=proposal(environment=Environment.PRODUCTION)),
    "another act": lambda: approval("anna", "ben", of=proposal(act=TwoPersonAct.CA)),
    "another key": lambda: approval("anna", "ben", of=proposal(parameters={"key": "x"})),
    "one that has ended": lambda: approval("anna", "ben", of=proposal(expires=NOW - timedelta(seconds=1))),
    "one that needs three": lambda: approval("anna", "ben", of=proposal(people=3)),
}


def test_is_not_approved(founded):
    attempts = {name: partial(one, founded, change(approval=made())) for name, made in APPROVALS.items()}
    said = golden.stable_text(golden.refusals(attempts, SignatureRefused))
    golden.check("sentences/signer-log/approvals", {"en.txt": said})
