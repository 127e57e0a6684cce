"""Rules as a whole: what an attacker in a web process would ask for, and damaged octets."""

import random
import subprocess
import sys

import pytest

from sinetti.authority.signer.tasks import SigningTask, TaskKind
from sinetti.ca.crl import prepare_crl
from sinetti.pki.signers import SignatureProof, SignatureRefused
from tests.authority.signer import (
    test_answers,
    test_distrust,
    test_leaves,
    test_lists,
    test_log_heads,
    test_status,
    test_successors,
)
from tests.authority.signer.test_successors import WAITING
from tests.support.authority import NOW, holder_certificate, holder_key, issuer, leaf_plan
from tests.support.signing import CA, LOG, RESPONSE_SIGNER, certificate_task, holder_tbs, keys, one, renewal_proof

RESPONDER = test_status.KEY
TBS = holder_tbs(holder_key(2))
LEAF = test_leaves.responder(key=test_status.RESPONDER.key, now=NOW)
LIST = prepare_crl(issuer(), [test_lists.entry(1)], 1, NOW, NOW + test_lists.WEEK)
HEAD = test_log_heads.head(5)
OCTETS = {
    TaskKind.CERTIFICATE: (CA, TBS),
    TaskKind.LEAF: (CA, LEAF),
    TaskKind.AUTHORITY: (test_successors.INTERMEDIATE, test_successors.authority_task(WAITING.request).octets),
    TaskKind.ANCHORS: (test_successors.ROOT, test_successors.anchors().octets),
    TaskKind.LIST: (CA, LIST),
    TaskKind.STATUS: (RESPONDER, test_status.data_of()),
    TaskKind.ANSWER: (RESPONSE_SIGNER, test_answers.INFO),
    TaskKind.CHECKPOINT: (LOG, HEAD),
    TaskKind.DISTRUST: (test_distrust.KEY, test_distrust.listed(issued=NOW)),
    TaskKind.BRIDGE: (test_distrust.KEY, test_distrust.data_of(status=test_distrust.REVOKED, named=None, at=NOW)),
}


@pytest.fixture
def rules(rules):
    rules.add_key(RESPONDER, test_status.RESPONDER.key)
    rules.add_key(test_distrust.KEY, test_distrust.RESPONDER.key)
    rules.expect(WAITING)
    return rules


@pytest.mark.parametrize("kind", TaskKind)
def test_octets_of_one_kind_are_signed_as_no_other(rules, kind):
    """A key signs only what it is for, and octets pass only as what they are."""
    one(rules, certificate_task(holder_tbs(holder_key(2), plan=leaf_plan(holder_key(2).public_key()))))
    for name in [*keys(), RESPONDER]:
        for other, (key, octets) in OCTETS.items():
            if (kind, name) != (other, key):
                (result,) = rules.sign([SigningTask(kind, name, octets)], NOW)
                assert isinstance(result, SignatureRefused), (kind, name, other)


@pytest.mark.parametrize("kind", [TaskKind.LIST, TaskKind.CHECKPOINT, TaskKind.STATUS])
def test_a_list_and_a_head_are_on_the_disk_before_their_signatures_leave(rules, store, kind):
    """After a power cut, a forgotten list could be followed by one that lacks its entries."""
    one(rules, certificate_task(holder_tbs(holder_key(2), plan=leaf_plan(holder_key(2).public_key()))))
    statements = []
    store._db.set_trace_callback(statements.append)
    rules.sign([SigningTask(kind, *OCTETS[kind])], NOW)
    level = "NORMAL" if kind is TaskKind.STATUS else "FULL"
    assert statements[:2] == [f"PRAGMA synchronous = {level}", "BEGIN IMMEDIATE"]
    assert statements[-1] == "COMMIT"


def damaged(octets, draw):
    """Cut, repeat, insert or change some octets."""
    at, size = draw.randrange(len(octets)), draw.randrange(1, 9)
    match draw.randrange(4):
        case 0:
            return octets[:at] + octets[at + size :]
        case 1:
            return octets[:at] + octets[at : at + size] * 2 + octets[at + size :]
        case 2:
            return octets[:at] + draw.randbytes(size) + octets[at:]
        case _:
            return octets[:at] + draw.randbytes(size) + octets[at + size :]


@pytest.mark.parametrize("kind", TaskKind)
def test_any_damage_ends_in_a_refusal_or_in_another_value(rules, kind):
    draw = random.Random(kind.value)  # noqa: S311 - damage for a test
    key, octets = OCTETS[kind]
    results = [rules.sign([SigningTask(kind, key, damaged(octets, draw))], NOW)[0] for _ in range(300)]
    assert {type(result) for result in results} <= {bytes, SignatureRefused}
    assert sum(isinstance(result, SignatureRefused) for result in results) > 250


def test_any_damage_of_a_proof_ends_in_a_refusal(rules):
    draw = random.Random(1)  # noqa: S311 - damage for a test
    old = holder_key(1)
    proof = renewal_proof(old, holder_certificate(old), holder_key(2))
    parts = (proof.certificate, proof.signed_info, proof.signature, proof.digested)
    for number in range(400):
        changed = [damaged(octets, draw) if number % 4 == at else octets for at, octets in enumerate(parts)]
        if tuple(changed) != parts:
            (result,) = rules.sign([certificate_task(TBS, SignatureProof(*changed))], NOW)
            assert isinstance(result, SignatureRefused)


LOADED = """
import sys
import sinetti.authority.signer.lists, sinetti.authority.signer.rules
print(sorted({name.partition(".")[0] for name in sys.modules} & {"lxml", "xml", "django", "granian", "psycopg"}))
print([name for name in sys.modules if name.startswith(("sinetti.database", "sinetti.api", "sinetti.server"))])
"""


def test_the_rules_load_no_parser_of_xml_and_nothing_of_the_service():
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[]", "[]"]


def test_nothing_secret_is_shown(rules):
    proof = renewal_proof(holder_key(1), holder_certificate(holder_key(1)), holder_key(2))
    task = certificate_task(TBS, proof)
    assert repr(task) == f"SigningTask(kind=<TaskKind.CERTIFICATE: 'certificate'>, key='{CA}')"
    assert "PrivateKey" not in repr(rules)
