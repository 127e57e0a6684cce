"""List of distrust and answers of a bridge: signed only as approved, and only about what was signed before."""

import sqlite3
from dataclasses import replace
from datetime import timedelta
from functools import partial
from hashlib import sha256

import pytest
from cryptography.x509 import ocsp

from sinetti.authority.signer.distrust import declaration_parameters
from sinetti.authority.signer.remote_keys import remote_bridge_signer, remote_distrust_signer
from sinetti.authority.signer.rules import SigningRules
from sinetti.authority.signer.store import SignerStore
from sinetti.authority.signer.tasks import SigningTask, TaskKind
from sinetti.ca.ocsp import canonical_request, sign_answer
from sinetti.domain.approvals.acts import OfficerRole, TwoPersonAct
from sinetti.domain.approvals.proposals import Proposal
from sinetti.domain.certificates.ocsp_status import (
    GOOD,
    CertIdHash,
    CertificateStatusInfo,
    CertStatus,
    SingleResponse,
)
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.values import Channel, Environment
from sinetti.pki.encoding import certificate_der, serial_hex, sha256_hex, verify
from sinetti.pki.signers import ActApproval, SignatureProof, SignatureRefused
from sinetti.pki.ssh_signatures import load_key
from sinetti.pki.trust_lists.lists import DistrustEntry, TrustListKind, octets_to_sign
from sinetti.settings.signer import PolicyOfficer
from tests.support import golden
from tests.support.authority import NOW, authority, holder_key, issuer, leaf_plan, ocsp_responder, services_issuer
from tests.support.authority import issue as issue_certificate
from tests.support.officers import key_of
from tests.support.signing import CA, INSTANCE, SERVICES, certificate_task, holder_tbs, one, policy, rules_of
from tests.support.trust_lists import anchors_list, by_responder, by_root, distrust_list

KEY = f"{SERVICES}_ocsp-1a"
OWN_KEY = f"{CA}_ocsp-1a"
RESPONDER, OWN_RESPONDER = ocsp_responder(SERVICES), ocsp_responder(CA)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
T = NOW + HOUR
ENTRY = DistrustEntry(sha256_hex(certificate_der(issuer().certificate)), CA, T, T + 72 * HOUR)
OTHER = DistrustEntry("0" * 64, "Other", T, T + HOUR)


def listed(*entries, number=1, **changes):
    found = replace(distrust_list(authority(), number), **{"issued": T, "authorities": entries or (ENTRY,), **changes})
    return octets_to_sign(TrustListKind.DISTRUST, found.payload)


def task(octets, key=KEY, approval=None):
    return SigningTask(TaskKind.DISTRUST, key, octets, approval=approval)


@pytest.fixture
def rules(rules):
    return with_responders(rules)


def with_responders(rules):
    rules.add_key(KEY, RESPONDER.key)
    rules.add_key(OWN_KEY, OWN_RESPONDER.key)
    return rules


def test_a_declaration_is_signed_and_a_list_with_the_same_entries_again(rules):
    octets = listed()
    assert verify(RESPONDER.key.public_key(), octets, one(rules, task(octets), T))
    again = listed(number=2)
    assert verify(RESPONDER.key.public_key(), again, one(rules, task(again), T))
    assert one(rules, task(listed(ENTRY, OTHER, number=3)), T), "one CA more"


REFUSED = {
    "by the responder of an issuing CA": task(listed(), OWN_KEY),
    "by a key that is not here": task(listed(), f"{SERVICES}_ocsp-2b"),
    "by a CA": task(listed(), SERVICES),
    "no list": task(b"sinetti-distrust@v1\n{}"),
    "a list of anchors": task(octets_to_sign(TrustListKind.ANCHORS, anchors_list(authority()).payload)),
    "another environment": task(listed(environment=Environment.PRODUCTION)),
    "another authority": task(listed(authority="0" * 64)),
    "a number that blocks all later ones": task(listed(number=(1 << 63) - 1)),
    "an old one": task(listed(issued=T - 6 * MINUTE)),
    "a future one": task(listed(issued=T + 6 * MINUTE)),
    "two new entries": task(listed(ENTRY, OTHER)),
    "another certificate of the CA": task(listed(replace(ENTRY, sha256="1" * 64))),
    "a bridge of four days": task(listed(replace(ENTRY, bridge_until=T + 96 * HOUR))),
    "from the future on": task(listed(replace(ENTRY, since=T + HOUR))),
}  # fmt: skip


def test_is_refused(rules):
    attempts = {name: partial(one, rules, asked, T) for name, asked in REFUSED.items()}
    golden.check("sentences/signer-distrust/lists", {"en.txt": golden.refusals(attempts, SignatureRefused)})


AFTER = {
    "the same number": listed(number=5),
    "an entry less": listed(OTHER, number=6),
    "a longer bridge": listed(replace(ENTRY, since=T - HOUR), number=6),
}


def test_nothing_is_taken_back(rules):
    one(rules, task(listed(number=5)), T)
    attempts = {name: partial(one, rules, task(octets), T) for name, octets in AFTER.items()}
    golden.check("sentences/signer-distrust/taken-back", {"en.txt": golden.refusals(attempts, SignatureRefused)})


@pytest.fixture
def pinned(store):
    officers = tuple(
        PolicyOfficer(name, role, " ".join(key_of(name).public.read_text().split()[:2]))
        for name, role in (("anna", OfficerRole.OPERATOR), ("ben", OfficerRole.APPROVER))
    )
    return with_responders(rules_of(store, officers=officers))


def approval(*names, act=TwoPersonAct.CA, **changes):
    proposal = Proposal(
        proposal_id="p1",
        instance_id=INSTANCE,
        environment=Environment.TEST,
        act=act,
        proposer="anna",
        proposer_key=load_key(key_of("anna").public.read_bytes()).fingerprint,
        people=2,
        created=NOW,
        expires=NOW + 24 * HOUR,
        nonce="00" * 32,
        parameters={**declaration_parameters(CA, T), **changes},
        context={},
    )
    return ActApproval(proposal.octets, tuple(key_of(name).sign(proposal.octets) for name in names))


def test_two_officers_approve_one_declaration_which_may_be_repeated(pinned):
    approved = approval("anna", "ben")
    assert one(pinned, task(listed(), approval=approved), T)
    again = listed(number=2)
    assert one(pinned, task(again), T), "no new entry, no approval"
    assert "p1" not in str(again)


def test_an_approval_is_for_one_declaration(pinned, store):
    approved = approval("anna", "ben")
    store.insert_act("p1", b"another declaration")
    with pytest.raises(SignatureRefused, match="declaration"):
        one(pinned, task(listed(), approval=approved), T)


def test_an_approval_may_shorten_the_bridge(pinned):
    short = replace(ENTRY, bridge_until=T + 2 * HOUR)
    approved = approval("anna", "ben", bridge_hours="2", checkpoint="ab" * 32)
    with pytest.raises(SignatureRefused, match="longer"):
        one(pinned, task(listed(), approval=approved), T)
    assert one(pinned, task(listed(short), approval=approved), T)


APPROVALS = {
    "none": lambda: None,
    "one officer": lambda: approval("anna"),
    "another act": lambda: approval("anna", "ben", act=TwoPersonAct.SECRETS),
    "another CA": lambda: approval("anna", "ben", ca="Other"),
    "another instant": lambda: approval("anna", "ben", since="2026-03-02T12:00:00Z"),
}


def test_a_declaration_without_its_approval_is_refused(pinned):
    attempts = {name: partial(one, pinned, task(listed(), approval=make()), T) for name, make in APPROVALS.items()}
    golden.check("sentences/signer-distrust/approvals", {"en.txt": golden.refusals(attempts, SignatureRefused)})
    assert one(pinned, task(listed(), approval=approval("anna", "ben")), T)


def issued(number, **plan):
    """Return a certificate of the issuing CA, and the task to sign it."""
    key = holder_key(number)
    request = leaf_plan(key.public_key(), **plan)
    return issue_certificate(request, issuer()), certificate_task(holder_tbs(key, plan=request))


REAL, REAL_TASK = issued(1)
LATE, LATE_TASK = issued(2, begins=T)
FORGED = issue_certificate(
    replace(leaf_plan(holder_key(3).public_key()), serial=serial_hex(REAL.serial_number)), issuer()
)
REVOKED = CertificateStatusInfo(CertStatus.REVOKED, T, RevocationReason.CA_COMPROMISE)


def data_of(certificate=REAL, *, status=GOOD, at=T, life=10 * MINUTE, **odd):
    """Return the ResponseData of an answer of the bridge."""
    by = odd.get("by", issuer()).certificate
    asked = canonical_request(serial_hex(certificate.serial_number), CertIdHash.SHA256, by)
    named = odd.get("named", certificate)
    digest = None if named is None else sha256(certificate_der(named)).digest()
    response = SingleResponse(status, at, at + life, digest)
    octets = sign_answer(asked, by, response, odd.get("responder", RESPONDER))
    return ocsp.load_der_ocsp_response(octets).tbs_response_bytes


def answer(certificate=REAL, key=KEY, *, shown=None, **odd):
    proof = SignatureProof(certificate_der(shown or certificate), b"", b"", b"")
    return SigningTask(TaskKind.BRIDGE, key, data_of(certificate, **odd), proof)


@pytest.fixture
def declared(rules):
    one(rules, REAL_TASK)
    one(rules, LATE_TASK, T)
    one(rules, task(listed()), T)
    return rules


def test_what_was_signed_here_before_is_confirmed_by_its_hash(declared):
    assert one(declared, answer(), T)
    assert one(declared, answer(status=REVOKED, named=None), T)
    assert one(declared, SigningTask(TaskKind.BRIDGE, KEY, data_of(status=REVOKED, named=None)), T)


NOT_CONFIRMED = {
    "a forged certificate with a real serial": answer(FORGED),
    "the hash of another certificate": answer(named=FORGED),
    "another certificate shown": answer(shown=LATE),
    "another serial": answer(LATE, named=REAL, shown=REAL),
    "no certificate shown": replace(answer(), proof=None),
    "no hash": answer(named=None),
    "one that begins at the instant": answer(LATE),
    "revoked with a hash": answer(status=REVOKED),
    "old": answer(at=T - 6 * MINUTE),
    "valid for longer": answer(life=11 * MINUTE),
    "by the distrusted CA's own responder": answer(key=OWN_KEY, responder=OWN_RESPONDER),
    "about the services CA itself": answer(by=services_issuer()),
    "about a CA that is not distrusted": answer(by=issuer(Channel.SFTP)),
    "another responder's name": answer(responder=OWN_RESPONDER),
}


def test_is_not_confirmed(declared):
    attempts = {name: partial(one, declared, asked, T) for name, asked in NOT_CONFIRMED.items()}
    said = golden.stable_text(golden.refusals(attempts, SignatureRefused))
    golden.check("sentences/signer-distrust/answers", {"en.txt": said})


def test_the_bridge_ends_and_a_revocation_ends_it_for_one_certificate(declared, store):
    end = ENTRY.bridge_until
    assert one(declared, answer(at=end), end)
    with pytest.raises(SignatureRefused, match="ended"):
        one(declared, answer(at=end + MINUTE), end + MINUTE)
    with store.transaction():
        store.insert_revoked(CA, [bytes.fromhex(serial_hex(REAL.serial_number))])
    with pytest.raises(SignatureRefused, match="revocation"):
        one(declared, answer(), T)


def test_an_unknown_certificate_is_not_confirmed(rules):
    one(rules, task(listed()), T)
    with pytest.raises(SignatureRefused, match="signed"):
        one(rules, answer(), T)


def test_a_policy_with_the_services_ca_alone_has_no_bridge(store):
    alone = tuple(ca for ca in rules_of(store).policy.authorities if ca.file_name == SERVICES)
    rules = SigningRules(policy(authorities=alone), store, {KEY: RESPONDER.key})
    with pytest.raises(SignatureRefused, match="other"):
        one(rules, answer(), T)


def test_a_distrusted_intermediate_ca_has_a_bridge_for_those_below(rules):
    middle = authority().hierarchy.authorities[1].file_name
    digest = sha256_hex(certificate_der(authority().certificate(middle)))
    one(rules, REAL_TASK)
    one(rules, task(listed(DistrustEntry(digest, middle, T, T + HOUR))), T)
    assert one(rules, answer(), T)


@pytest.mark.parametrize("name", [CA, authority().hierarchy.authorities[1].file_name])
def test_nothing_new_is_issued_below_a_distrusted_ca(rules, name):
    signature = one(rules, REAL_TASK)
    digest = sha256_hex(certificate_der(authority().certificate(name)))
    one(rules, task(listed(DistrustEntry(digest, name, T, T + HOUR))), T)
    with pytest.raises(SignatureRefused, match="distrusted"):
        one(rules, issued(4)[1])
    assert one(rules, REAL_TASK) == signature, "an answer that was lost"


def test_no_other_answer_has_the_hash_of_a_certificate(declared):
    with pytest.raises(SignatureRefused, match="bridge"):
        one(declared, SigningTask(TaskKind.STATUS, OWN_KEY, data_of(responder=OWN_RESPONDER)), T)
    odd = data_of().replace(bytes.fromhex("2b2408030d"), bytes.fromhex("2b2408030e"))
    with pytest.raises(SignatureRefused, match="form"):
        one(declared, replace(answer(), octets=odd), T)


def test_another_nodes_signer_learns_a_signed_list(rules, store):
    one(rules, REAL_TASK)
    signed = replace(distrust_list(authority()), authorities=(ENTRY,), issued=T)
    for octets in (b"{}", by_root(anchors_list(authority()), authority())):
        with pytest.raises(SignatureRefused, match="list"):
            rules.learn_distrust(octets, NOW)
    assert rules.learn_distrust(by_responder(signed, authority()), NOW) == []
    assert one(rules, answer(), T)
    with pytest.raises(SignatureRefused, match="above"):
        rules.learn_distrust(by_responder(signed, authority()), NOW)


class Client:
    """A client of rules in this process, which counts the calls."""

    def __init__(self, rules):
        self.rules, self.calls = rules, []

    def sign(self, tasks):
        return self.rules.sign(tasks, T)

    def call(self, operation, octets):
        self.calls.append(operation)
        return self.rules.learn_distrust(octets, NOW)


class Key:
    """A key in the signer."""

    name = KEY


def test_the_service_shows_the_newest_list_after_a_refusal(rules):
    one(rules, REAL_TASK)
    client, responder = Client(rules), replace(RESPONDER, key=Key())
    signed = replace(distrust_list(authority()), authorities=(ENTRY,), issued=T)
    with pytest.raises(SignatureRefused):
        remote_bridge_signer(client, lambda: None)(responder, data_of(), certificate_der(REAL))
    confirm = remote_bridge_signer(client, lambda: by_responder(signed, authority()))
    assert confirm(responder, data_of(), certificate_der(REAL))
    assert confirm(responder, data_of(status=REVOKED, named=None), None)
    with pytest.raises(SignatureRefused, match="signed"):
        confirm(responder, data_of(FORGED), certificate_der(FORGED))
    assert len(client.calls) == 2


def test_the_service_has_a_list_signed(rules):
    client, responder = Client(rules), replace(RESPONDER, key=Key())
    assert verify(RESPONDER.key.public_key(), listed(), remote_distrust_signer(client)(responder, listed(), None))


LATER = ("distrust", "distrust_list", "issued", "unlogged", "leaves")


def test_a_store_of_the_version_before_gets_the_new_tables(tmp_path):
    path = tmp_path / "signer.sqlite"
    SignerStore(path).close()
    other = sqlite3.connect(path)
    other.executescript("".join(f"DROP TABLE {name};" for name in LATER) + "PRAGMA user_version = 1")
    other.close()
    store = SignerStore(path, is_new=False)
    with store.transaction():
        assert (store.distrust_number(), store.list_distrust()) == (0, ())
    store.close()
