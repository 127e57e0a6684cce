"""Requests of a taken-over process of the service, which speaks to the signer's socket as it likes."""

import os
import socket
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from threading import Thread

import pytest
from cryptography.x509 import ocsp

from sinetti.authority.signer.client import SignerClient
from sinetti.authority.signer.lists import adopt
from sinetti.authority.signer.server import SignerActions, SignerServer
from sinetti.authority.signer.store import AdoptedCertificate, SignerStore
from sinetti.authority.signer.tasks import ConsistencyProof, SigningTask, TaskKind
from sinetti.ca import profiles
from sinetti.ca.crl import RevokedEntry, prepare_crl
from sinetti.ca.hierarchy_builder import responder_plan, response_signer_plan
from sinetti.ca.issuance import build_tbs, new_serial
from sinetti.ca.issuance_request import CaRequest, LeafProfile
from sinetti.ca.ocsp import canonical_request, sign_answer
from sinetti.domain.certificates.ocsp_status import ANSWER_LIFE, GOOD, CertIdHash, SingleResponse
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.values import Channel, KeyType, Serial, ValidityPeriod
from sinetti.infra.unix_socket import listen_on_path
from sinetti.pki.encoding import certificate_der, generate_key
from sinetti.pki.signers import SignatureProof, SignatureRefused
from sinetti.wire.transparency.notes import Checkpoint
from tests.support.authority import (
    CUSTOMER_ID,
    NOW,
    authority,
    holder_certificate,
    holder_key,
    issuer,
    leaf_plan,
    ocsp_responder,
    services_issuer,
)
from tests.support.signing import (
    CA,
    LOG,
    ORIGIN,
    RESPONSE_SIGNER,
    SERVICES,
    certificate_task,
    holder_tbs,
    renewal_proof,
    rules_of,
    unlinted,
)

DAY = timedelta(days=1)
MINE = generate_key(KeyType.EC_P256)
ROOT = authority().hierarchy.authorities[0].file_name
RESPONDER = ocsp_responder(CA)
RESPONDER_NAME = f"{CA}_ocsp-1a"
LISTED, OTHER = (Serial(f"4a{number:036x}") for number in (1, 2))
OLD = holder_certificate(holder_key(1))


def listed(*serials, number):
    entries = [RevokedEntry(one, NOW - DAY, RevocationReason.KEY_COMPROMISE, None) for one in serials]
    return prepare_crl(issuer(), entries, number, NOW, NOW + 7 * DAY)


@contextmanager
def signer_at(path):
    store = SignerStore(path.with_suffix(".sqlite"))
    adopt(store, [AdoptedCertificate(CA, bytes.fromhex(one), NOW + 365 * DAY) for one in (LISTED, OTHER)], [], None)
    rules = rules_of(store, orders_per_day=3)
    rules.add_key(RESPONDER_NAME, RESPONDER.key)
    listener, (stop, stopping) = listen_on_path(path, 8), socket.socketpair()
    server = SignerServer(listener, {os.getuid()}, SignerActions(rules.sign, {}, lambda: NOW))
    thread = Thread(target=server.run, args=(stop.fileno(),))
    thread.start()
    client = SignerClient(path)
    try:
        (signature,) = client.sign([SigningTask(TaskKind.LIST, CA, listed(LISTED, number=1))])
        assert isinstance(signature, bytes)
        yield client
    finally:
        client.close()
        stopping.send(b"x")
        thread.join(60)
        for one in (listener, stop, stopping):
            one.close()
        store.close()


@pytest.fixture
def client(tmp_path):
    with signer_at(tmp_path / "signer.sock") as found:
        yield found


def head_of(leaf):
    """The head of a log with one entry, and its growth."""
    return Checkpoint(ORIGIN, 1, leaf).text.encode(), None, ConsistencyProof((leaf,))


def ca_certificate():
    """A CA below an issuing CA, for any name."""
    span = ValidityPeriod(NOW, NOW + 365 * DAY)
    request = CaRequest("Any CA", "Any Oy", "FI", MINE.public_key(), new_serial(), span, 0, None)
    return unlinted(profiles.authority(request, issuer()))


def good_for_revoked():
    asked = canonical_request(LISTED, CertIdHash.SHA1, issuer().certificate)
    response = sign_answer(asked, issuer().certificate, SingleResponse(GOOD, NOW, NOW + ANSWER_LIFE), RESPONDER)
    return ocsp.load_der_ocsp_response(response).tbs_response_bytes


def own_responder():
    return build_tbs(
        responder_plan(authority().hierarchy, issuer(), MINE.public_key(), NOW), issuer(), LeafProfile.RESPONDER
    )


def own_response_signer():
    plan = response_signer_plan(authority().hierarchy, MINE.public_key(), NOW, ends_by=NOW + 3650 * DAY)
    return build_tbs(plan, services_issuer(), LeafProfile.SERVICES)


def renewal_of_another():
    """A renewal for one holder, proven with the key of another."""
    tbs = holder_tbs(MINE, plan=leaf_plan(MINE.public_key(), customer_id="7654321-0"))
    return tbs, renewal_proof(holder_key(1), OLD, MINE)


def renewal_for_another_key():
    """A real proof of the holder, and the attacker's key in the certificate."""
    return holder_tbs(MINE), renewal_proof(holder_key(1), OLD, holder_key(2))


def renewal_with_own_certificate():
    """A proof by a certificate that no CA issued."""
    fake = certificate_der(OLD)[:-8] + bytes(8)
    proof = renewal_proof(holder_key(1), OLD, MINE)
    return holder_tbs(MINE), SignatureProof(fake, proof.signed_info, proof.signature, proof.digested)


LONG = holder_tbs(MINE, plan=leaf_plan(MINE.public_key(), life=3 * 730 * DAY))
SFTP = holder_tbs(MINE, by=issuer(Channel.SFTP))

WANTED = {
    "a CA": [(kind, key, ca_certificate(), None) for kind in TaskKind for key in (CA, SERVICES, ROOT)],
    "a holder's certificate by the services CA": [(kind, SERVICES, holder_tbs(MINE), None) for kind in TaskKind],
    "a holder's certificate of another channel": [(TaskKind.CERTIFICATE, CA, SFTP, None)],
    "a certificate for six years": [(TaskKind.CERTIFICATE, CA, LONG, None)],
    "an OCSP responder with one's own key": [(kind, CA, own_responder(), None) for kind in TaskKind],
    "a response signer with one's own key": [(kind, SERVICES, own_response_signer(), None) for kind in TaskKind],
    "a renewal of another holder": [(TaskKind.CERTIFICATE, CA, *renewal_of_another())],
    "a renewal for another key": [(TaskKind.CERTIFICATE, CA, *renewal_for_another_key())],
    "a renewal by a certificate of no CA": [(TaskKind.CERTIFICATE, CA, *renewal_with_own_certificate())],
    "good for a revoked serial": [(kind, RESPONDER_NAME, good_for_revoked(), None) for kind in TaskKind],
    "a list with an entry missing": [(kind, CA, listed(OTHER, number=2), None) for kind in TaskKind],
    "an empty list": [(kind, CA, listed(number=2), None) for kind in TaskKind],
    "an older list": [(kind, CA, listed(LISTED, OTHER, number=1), None) for kind in TaskKind],
    "octets of one's own": [
        (kind, key, b"pay to the bearer", None)
        for kind in TaskKind
        for key in (CA, SERVICES, ROOT, RESPONSE_SIGNER, RESPONDER_NAME, LOG)
    ],
    "a list by the key of answers": [
        (kind, RESPONSE_SIGNER, listed(LISTED, OTHER, number=2), None) for kind in TaskKind
    ],
    "a head by a CA": [(kind, CA, Checkpoint(ORIGIN, 1, bytes(32)).text.encode(), None) for kind in TaskKind],
}


@pytest.mark.parametrize("wanted", WANTED.values(), ids=WANTED)
def test_a_taken_over_process_does_not_get(client, wanted):
    assert all(octets for _, _, octets, _ in wanted)
    tasks = [SigningTask(kind, key, octets, proof) for kind, key, octets, proof in wanted]
    answers = client.sign(tasks)
    assert [one for one in answers if not isinstance(one, SignatureRefused)] == []


def test_the_same_kinds_of_octets_are_signed_for_the_service(client):
    """The refusals above are about the rule, and not about the octets' form."""
    proof = renewal_proof(holder_key(1), OLD, holder_key(2))
    tbs = holder_tbs(holder_key(2), plan=leaf_plan(holder_key(2).public_key(), customer_id=CUSTOMER_ID))
    answers = client.sign(
        [
            SigningTask(TaskKind.CERTIFICATE, CA, tbs, proof),
            SigningTask(TaskKind.LIST, CA, listed(LISTED, OTHER, number=2)),
            SigningTask(TaskKind.CHECKPOINT, LOG, *head_of(bytes(32))),
        ]
    )
    assert all(isinstance(one, bytes) for one in answers)


def test_the_tree_of_the_log_does_not_fork(client):
    answers = client.sign([SigningTask(TaskKind.CHECKPOINT, LOG, *head_of(bytes([number]) * 32)) for number in (1, 2)])
    assert [isinstance(one, SignatureRefused) for one in answers] == [False, True]


def test_certificates_without_a_renewal_end_with_the_day_s_number(client):
    """A process that is taken over can order; it cannot order without end."""
    tasks = []
    for number in range(5):
        key = holder_key(10 + number)
        tasks.append(certificate_task(holder_tbs(key)))
    assert [isinstance(one, bytes) for one in client.sign(tasks)] == [True, True, True, False, False]


def test_a_serial_is_signed_for_one_content_only(client):
    plan = leaf_plan(holder_key(1).public_key())
    first = certificate_task(holder_tbs(holder_key(1), plan=plan))
    other = replace(plan, organisation="Another Oy")
    second = certificate_task(holder_tbs(holder_key(1), plan=other))
    (one,), (again,), (refused,) = (client.sign([task]) for task in (first, first, second))
    assert one == again
    assert isinstance(refused, SignatureRefused)
