"""OCSP: one answer of one form, and never "good" for what is revoked or unknown."""

from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
from cryptography.x509 import ocsp

from sinetti.authority.signer.der import LARGEST
from sinetti.authority.signer.lists import adopt
from sinetti.authority.signer.store import AdoptedCertificate
from sinetti.authority.signer.tasks import SigningTask, TaskKind
from sinetti.ca.crl import RevokedEntry, prepare_crl
from sinetti.ca.ocsp import canonical_request, sign_answer
from sinetti.ca.profiles import encode_tlv
from sinetti.domain.certificates.ocsp_status import (
    ANSWER_LIFE,
    GOOD,
    UNKNOWN,
    CertIdHash,
    CertificateStatusInfo,
    CertStatus,
    SingleResponse,
)
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.values import Channel, Serial
from sinetti.pki.signers import SignatureRefused
from tests.support import golden
from tests.support.authority import NOW, holder_certificate, holder_key, issuer, leaf_plan, ocsp_responder
from tests.support.signing import CA, RESPONSE_SIGNER, certificate_task, der_of, holder_tbs, one

RESPONDER = ocsp_responder(CA)
KEY = f"{CA}_ocsp-1a"
PLAN = leaf_plan(holder_key().public_key())
SERIAL = PLAN.serial
MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
REVOKED = CertificateStatusInfo(CertStatus.REVOKED, NOW - MINUTE, RevocationReason.KEY_COMPROMISE)


def data_of(status=GOOD, *, at=NOW, life=ANSWER_LIFE, serial=SERIAL, hash_=CertIdHash.SHA1, nonce=None, **changes):
    """Return the ResponseData that the service would have signed."""
    by = changes.get("by", issuer()).certificate
    asked = replace(canonical_request(serial, hash_, by), nonce=nonce)
    responder = changes.get("responder", RESPONDER)
    response = sign_answer(asked, by, SingleResponse(status, at, at + life), responder)
    return ocsp.load_der_ocsp_response(response).tbs_response_bytes


def task(octets, key=KEY):
    return SigningTask(TaskKind.STATUS, key, octets)


@pytest.fixture
def rules(rules, store):
    rules.add_key(KEY, RESPONDER.key)
    adopt(store, [AdoptedCertificate(CA, bytes.fromhex(SERIAL), PLAN.span.not_after)], [], None)
    return rules


ACCEPTED = {
    "good": data_of(),
    "good by SHA-256": data_of(hash_=CertIdHash.SHA256),
    "unknown": data_of(UNKNOWN),
    "an unknown serial": data_of(UNKNOWN, serial=Serial("ff")),
    "revoked": data_of(REVOKED),
    "revoked without a reason": data_of(replace(REVOKED, reason=None)),
    "revoked, with the dates of the last answer": data_of(REVOKED, at=NOW - ANSWER_LIFE),
    "a nonce": data_of(nonce=bytes(32)),
    "a nonce of one octet": data_of(nonce=b"n"),
    "five minutes ago": data_of(at=NOW - 5 * MINUTE),
    "in five minutes": data_of(at=NOW + 5 * MINUTE),
    "a second of life": data_of(life=SECOND),
}


@pytest.mark.parametrize("octets", ACCEPTED.values(), ids=ACCEPTED)
def test_is_signed(rules, octets):
    assert one(rules, task(octets))


REFUSED = {
    "good for a serial that was not signed here": data_of(serial=Serial("4b" * 19)),
    "six minutes ago": data_of(at=NOW - 6 * MINUTE),
    "unknown six minutes ago": data_of(UNKNOWN, at=NOW - 6 * MINUTE),
    "revoked in six minutes": data_of(REVOKED, at=NOW + 6 * MINUTE),
    "more than a day": data_of(life=ANSWER_LIFE + SECOND),
    "an end before the beginning": data_of(life=-SECOND),
    "another CA": data_of(by=issuer(Channel.SFTP)),
    "another responder": data_of(responder=ocsp_responder(CA)),
    "a nonce of 33 octets": data_of(nonce=bytes(33)),
    "an empty nonce": data_of(nonce=b""),
    "a serial of 21 octets": data_of(UNKNOWN, serial=Serial("4a" * 21)),
    "an octet more": data_of() + b"\0",
    "no octets": b"",
    "16 KiB": bytes(LARGEST + 1),
    "removeFromCRL": data_of(REVOKED).replace(bytes.fromhex("0a0101"), bytes.fromhex("0a0108")),
    "a good that is not empty": encode_tlv(0x30, b""),
    "another extension": data_of(nonce=b"n").replace(
        bytes.fromhex("06092b0601050507300102"), bytes.fromhex("06092b0601050507300109")
    ),
}


@pytest.mark.parametrize("octets", REFUSED.values(), ids=REFUSED)
def test_is_refused(rules, octets):
    with pytest.raises(SignatureRefused):
        one(rules, task(octets))


def test_a_serial_on_a_list_is_never_good_again(rules):
    assert one(rules, task(data_of()))
    entry = RevokedEntry(SERIAL, NOW, "superseded")
    one(rules, SigningTask(TaskKind.LIST, CA, prepare_crl(issuer(), [entry], 1, NOW, NOW + ANSWER_LIFE)))
    with pytest.raises(SignatureRefused, match="revoked"):
        one(rules, task(data_of()))
    assert one(rules, task(data_of(REVOKED)))


def test_a_certificate_and_its_answers_are_one_batch(rules):
    plan = leaf_plan(holder_key(2).public_key())
    certificate = certificate_task(holder_tbs(holder_key(2), plan=plan))
    answers = [task(data_of(serial=plan.serial, hash_=one)) for one in CertIdHash]
    assert all(isinstance(result, bytes) for result in rules.sign([certificate, *answers], NOW))


def test_no_answer_before_its_certificate(rules):
    plan = leaf_plan(holder_key(2).public_key())
    certificate = certificate_task(holder_tbs(holder_key(2), plan=plan))
    answer, signed = rules.sign([task(data_of(serial=plan.serial)), certificate], NOW)
    assert isinstance(answer, SignatureRefused)
    assert isinstance(signed, bytes)


OTHER = holder_certificate(holder_key(3))


def test_a_certificate_of_a_second_node_is_good_once_it_was_shown(rules):
    """Each node has a signer of its own, and each signer a memory of its own."""
    name, asked = (
        (CA, OTHER.serial_number.to_bytes(19, "big")),
        task(data_of(serial=Serial(f"{OTHER.serial_number:x}"))),
    )
    with pytest.raises(SignatureRefused, match="show"):
        one(rules, asked)
    assert rules.list_unknown([name, (CA, bytes.fromhex(SERIAL))]) == [name]
    rules.show([der_of(OTHER)])
    assert rules.list_unknown([name]) == []
    assert one(rules, asked)


NOT_SHOWN = {
    "one with another signature": der_of(OTHER)[:-1] + bytes([der_of(OTHER)[-1] ^ 1]),
    "no certificate": b"\x30\x00",
    "16 KiB": bytes(LARGEST + 1),
}


def test_what_is_shown_is_verified(rules):
    attempts = {name: partial(rules.show, [der_of(OTHER), shown]) for name, shown in NOT_SHOWN.items()}
    said = golden.stable_text(golden.refusals(attempts, SignatureRefused))
    golden.check("sentences/signer-certificates/shown", {"en.txt": said})
    assert rules.list_unknown([(CA, OTHER.serial_number.to_bytes(19, "big"))]) != []


NO_RESPONDERS = {
    "a CA": CA,
    "a response signer": RESPONSE_SIGNER,
    "a key that is not here": f"{CA}_ocsp-2b",
    "the responder of another": "Other_ocsp-1a",
}


@pytest.mark.parametrize("name", NO_RESPONDERS.values(), ids=NO_RESPONDERS)
def test_only_responders_sign_answers(rules, name):
    with pytest.raises(SignatureRefused, match="responder"):
        one(rules, task(data_of(), name))


def test_each_octet_counts(rules):
    """A changed octet is refused, or stands in date, serial or status of an answer that is not "good"."""
    octets = data_of(REVOKED, nonce=b"nonce")
    may_vary = set()
    for part in (bytes.fromhex(SERIAL), f"{NOW - MINUTE:%Y%m%d%H%M%SZ}".encode(), b"\x0a\x01\x01", b"nonce"):
        begin = octets.index(part)
        may_vary.update(range(begin, begin + len(part)))
    until = f"{NOW + ANSWER_LIFE:%Y%m%d%H%M%SZ}".encode()
    may_vary.update(range(octets.index(until), octets.index(until) + len(until)))
    signed = {
        at
        for at in range(len(octets))
        if isinstance(rules.sign([task(octets[:at] + bytes([octets[at] ^ 1]) + octets[at + 1 :])], NOW)[0], bytes)
    }
    assert signed
    assert signed <= may_vary
