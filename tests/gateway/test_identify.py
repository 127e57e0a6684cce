"""Holder of a certificate, or the single reason for its rejection.

The table of docs/relying/gateway.md is checked at fixed instants.
"""

from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sinetti.ca.issuance_request import LeafProfile
from sinetti.ca.profiles import key_usage
from sinetti.domain.values import Channel, Environment, KeyType, Language
from sinetti.gateway import gateway as gateway_gateway
from sinetti.gateway.gateway import Gateway
from sinetti.gateway.revocation.crl import CrlSource
from sinetti.gateway.verdicts.verdict import RevocationCheck, Verdict, VerdictReason
from sinetti.gateway.x509 import verdict_texts
from sinetti.gateway.x509.trust_file import CaPurpose, TrustFile
from sinetti.pki.encoding import certificate_der, hash_for, sha256_hex
from sinetti.pki.policy_oids import channel_policy
from tests.gateway.material import (
    ANCHORS,
    CLIENT,
    DAY,
    HOUR,
    SECOND,
    certificate,
    crl,
    holder,
    key,
    leaf,
    loaded,
    name_of,
)
from tests.support import authority
from tests.support.authority import NOW
from tests.support.officers import ARC

END = NOW + timedelta(days=730)
CA = ("Some Issuing CA", "Some Issuing CA")


def judged(der, now=NOW, **changes):
    return Gateway(ANCHORS, **changes).identify(der, now)


def test_who_it_is():
    der = holder()
    verdict = judged(der, NOW + DAY + SECOND)
    assert verdict.accepted
    assert (verdict.customer_id, verdict.name) == (authority.CUSTOMER_ID, authority.CUSTOMER_NAME)
    assert verdict.serial == f"{loaded(der).serial_number:038x}"
    assert (verdict.channel, verdict.environment) == (Channel.WS, Environment.TEST)
    assert (verdict.not_after, verdict.days_left) == (END, 728)
    assert verdict.revocation is RevocationCheck.NOT_CHECKED
    assert "was not checked" in verdict.text(Language.EN)


def test_der_pem_and_object_are_the_same_certificate():
    der = holder()
    pem = loaded(der).public_bytes(Encoding.PEM)
    assert judged(der) == judged(pem) == judged(loaded(der))


def test_json_is_that_of_the_contract():
    der = holder()
    told = judged(der).as_json()
    text = told.pop("text")
    assert told == {
        "verdict": "accepted",
        "reason": None,
        "revocation": "not-checked",
        "customer_id": "0123456-7",
        "name": "Sinisiipi Oy",
        "serial": f"{loaded(der).serial_number:038x}",
        "channel": "WS",
        "not_after": "2028-03-01T12:00:00Z",
    }
    assert len(set(text.values())) == len(text) == len(Language)


INSTANTS = {
    "the first valid second": (NOW, None),
    "one second too early": (NOW - SECOND, VerdictReason.NOT_YET_VALID),
    "the last valid second": (END, None),
    "within the last valid second": (END + timedelta(microseconds=999_999), None),
    "one second after the end": (END + SECOND, VerdictReason.EXPIRED),
}


@pytest.mark.parametrize(("now", "reason"), INSTANTS.values(), ids=INSTANTS)
def test_dates_count_to_the_second_also_of_a_chain_that_is_remembered(now, reason):
    gateway, der = Gateway(ANCHORS), holder()
    assert gateway.identify(der, NOW).accepted
    assert gateway.identify(der, now).reason is reason
    assert judged(der, now).reason is reason


def services_leaf():
    plan = authority.leaf_plan(authority.holder_key(1).public_key())
    return certificate_der(authority.issue(plan, authority.services_issuer(), kind=LeafProfile.SERVICES))


def holder_of_the_services_ca():
    by = authority.services_issuer()
    signed = {"issuer": by.certificate.subject, "signed_by": authority.authority().key(by.key_name)}
    return certificate_der(leaf((by.name, by.name), hashing=hash_for(by.certificate.public_key()), **signed))


def by_some_ca(**changes):
    return lambda: certificate_der(leaf(CA, **changes))


def negative():
    der = holder(4)
    at = der.index(b"\x02\x13") + 2
    return der[:at] + b"\x85" + der[at + 1 :]


TWO = name_of("0123456-7", (NameOID.COMMON_NAME, "7654321-0"))
NO_CN = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Sinisiipi Oy")])
UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
MODULUS = authority.holder_key(9, KeyType.RSA_2048).public_key().public_numbers().n
HUGE = rsa.RSAPublicNumbers(2**1023 + 1, MODULUS).public_key()
SMALL = rsa.RSAPublicNumbers(65537, (1 << 1023) + 1).public_key()

LEAVES = {
    "a good one of a CA without policy": (by_some_ca(), None),
    "no certificate": (lambda: b"hello", VerdictReason.MALFORMED),
    "nothing": (lambda: b"", VerdictReason.MALFORMED),
    "longer than 32 KiB": (
        by_some_ca(put=[(x509.UnrecognizedExtension(UNKNOWN.oid, b"\x04\x82\x7f\xff" + bytes(32_767)), False)]),
        VerdictReason.MALFORMED,
    ),
    "a negative serial": (negative, VerdictReason.MALFORMED),
    "an unknown critical extension": (by_some_ca(put=[(UNKNOWN, True)]), VerdictReason.MALFORMED),
    "an unknown extension that is not critical": (by_some_ca(put=[(UNKNOWN, False)]), None),
    "two CNs": (by_some_ca(subject=TWO), VerdictReason.MALFORMED),
    "no CN": (by_some_ca(subject=NO_CN), VerdictReason.MALFORMED),
    "a CN with a line break": (by_some_ca(subject=name_of("0123456-7\nX: y")), VerdictReason.MALFORMED),
    "a CN with a blank at its end": (by_some_ca(subject=name_of("0123456-7 ")), VerdictReason.MALFORMED),
    "an RSA key of 1024 bits": (by_some_ca(public=SMALL), VerdictReason.MALFORMED),
    "a key on P-521": (
        by_some_ca(public=ec.generate_private_key(ec.SECP521R1()).public_key()),
        VerdictReason.MALFORMED,
    ),
    "RSA with a huge exponent": (by_some_ca(public=HUGE), VerdictReason.MALFORMED),
    "malformed and of nobody": (
        lambda: certificate_der(leaf(("Nobody", "Nobody"), subject=TWO)),
        VerdictReason.MALFORMED,
    ),
    "of nobody": (lambda: certificate_der(leaf(("Nobody", "Nobody"))), VerdictReason.UNTRUSTED),
    "of nobody, in the name of an anchor": (lambda: certificate_der(leaf((CA[0], "Nobody"))), VerdictReason.UNTRUSTED),
    "of nobody, expired": (
        lambda: certificate_der(leaf(("Nobody", "Nobody"), span=(NOW - DAY, NOW - HOUR))),
        VerdictReason.UNTRUSTED,
    ),
    "signed with SHA-224": (by_some_ca(hashing=hashes.SHA224()), VerdictReason.UNTRUSTED),
    "a signer of answers": (services_leaf, VerdictReason.WRONG_PURPOSE),
    "a holder's, but of the services CA": (holder_of_the_services_ca, VerdictReason.WRONG_PURPOSE),
    "for servers": (
        by_some_ca(put=[(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)]),
        VerdictReason.WRONG_PURPOSE,
    ),
    "without digitalSignature": (
        by_some_ca(put=[(key_usage(key_encipherment=True), True)]),
        VerdictReason.WRONG_PURPOSE,
    ),
    "a CA's": (by_some_ca(put=[(x509.BasicConstraints(ca=True, path_length=0), True)]), VerdictReason.WRONG_PURPOSE),
    "an anchor itself": (lambda: certificate_der(ANCHORS[0]), VerdictReason.WRONG_PURPOSE),
    "for something else, and expired": (
        by_some_ca(put=[(key_usage(key_encipherment=True), True)], span=(NOW - DAY, NOW - HOUR)),
        VerdictReason.WRONG_PURPOSE,
    ),
}


def test_a_private_key_is_told_as_one():
    for kind in ("PRIVATE", "EC PRIVATE", "ENCRYPTED PRIVATE"):
        pem = f"-----BEGIN {kind} KEY-----\nMA==\n-----END {kind} KEY-----\n".encode()
        verdict = Gateway(ANCHORS).identify(pem, NOW)
        assert verdict.reason is VerdictReason.MALFORMED
        assert "this is a private key" in verdict.text(Language.EN)


@pytest.mark.filterwarnings("ignore:Parsed a serial number")
@pytest.mark.parametrize(("make", "reason"), LEAVES.values(), ids=LEAVES)
def test_identify(make, reason):
    verdict = Gateway([*ANCHORS, certificate(CA[0])]).identify(make(), NOW)
    assert verdict.reason is reason
    if reason in {VerdictReason.MALFORMED, VerdictReason.UNTRUSTED}:
        assert verdict == Verdict(reason, verdict.sentence, verdict.values), "nothing is told of the holder"


DATES = {
    "all of them good": ((-DAY, DAY), (-DAY, DAY), None, None),
    "the CA has ended": ((-DAY, DAY), (-DAY, -SECOND), VerdictReason.EXPIRED, verdict_texts.CA_EXPIRED),
    "the CA's last second": ((-DAY, DAY), (-DAY, 0 * DAY), None, None),
    "the CA begins later": ((-DAY, DAY), (SECOND, DAY), VerdictReason.NOT_YET_VALID, verdict_texts.CA_NOT_YET_VALID),
    "both have ended: the leaf's": ((-DAY, -HOUR), (-DAY, -SECOND), VerdictReason.EXPIRED, verdict_texts.EXPIRED),
    "the leaf begins later, the CA has ended": (
        (SECOND, DAY), (-DAY, -SECOND), VerdictReason.NOT_YET_VALID, verdict_texts.NOT_YET_VALID,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("own", "above", "reason", "sentence"), DATES.values(), ids=DATES)
def test_dates_of_the_ca_count_as_well_though_it_is_an_anchor(own, above, reason, sentence):
    ca = certificate(CA[0], span=(NOW + above[0], NOW + above[1]))
    verdict = Gateway([ca]).identify(leaf(CA, span=(NOW + own[0], NOW + own[1])), NOW)
    assert verdict.reason is reason
    assert sentence in {None, verdict.sentence}


CHANNELS = {
    "the one asked for": (Channel.WS, {"channel": Channel.WS}, None),
    "the other": (Channel.SFTP, {"channel": Channel.WS}, VerdictReason.WRONG_CHANNEL),
    "any": (Channel.SFTP, {}, None),
    "this environment": (Channel.WS, {"environment": Environment.TEST}, None),
    "the other environment": (Channel.WS, {"environment": Environment.PRODUCTION}, VerdictReason.UNTRUSTED),
}


@pytest.mark.parametrize(("channel", "wanted", "reason"), CHANNELS.values(), ids=CHANNELS)
def test_channel_and_environment(channel, wanted, reason):
    verdict = judged(holder(channel=channel), **wanted)
    assert verdict.reason is reason
    assert verdict.channel is (None if reason is VerdictReason.UNTRUSTED else channel)


def test_an_expired_certificate_of_the_wrong_channel_is_expired():
    assert judged(holder(), END + SECOND, channel=Channel.SFTP).reason is VerdictReason.EXPIRED


def test_a_ca_without_policy_has_the_channel_of_the_trust_file_and_else_none():
    ca, der = certificate(CA[0]), leaf(CA)
    trust = TrustFile({sha256_hex(certificate_der(ca)): CaPurpose(Channel.SFTP, Environment.TEST, "Some")})
    assert Gateway([ca]).identify(der, NOW).channel is None
    assert Gateway([ca], channel=Channel.SFTP).identify(der, NOW).sentence == verdict_texts.UNKNOWN_CHANNEL
    assert Gateway([ca], environment=Environment.TEST).identify(der, NOW).reason is VerdictReason.UNTRUSTED
    told = Gateway([ca], trust=trust, channel=Channel.SFTP, environment=Environment.TEST).identify(der, NOW)
    assert (told.reason, told.channel, told.environment) == (None, Channel.SFTP, Environment.TEST)


def policy(channel, environment=Environment.TEST, arc=None):
    named = channel_policy(channel, environment, arc)
    return x509.CertificatePolicies([x509.PolicyInformation(named, None)]), False


def test_a_policy_goes_before_the_trust_file():
    ca = certificate(CA[0], put=[policy(Channel.WS)])
    trust = TrustFile({sha256_hex(certificate_der(ca)): CaPurpose(Channel.SFTP, Environment.TEST)})
    assert Gateway([ca], trust=trust).identify(leaf(CA), NOW).channel is Channel.WS


def test_in_production_no_ca_under_the_arc_for_examples_is_trusted():
    """A trust file does not change that."""
    real = Environment.PRODUCTION
    for arc, reason in ((ARC, None), ("2.999", VerdictReason.UNTRUSTED)):
        ca = certificate(CA[0], put=[policy(Channel.WS, real, arc)])
        trust = TrustFile({sha256_hex(certificate_der(ca)): CaPurpose(Channel.WS, real)})
        verdict = Gateway([ca], trust=trust, environment=real).identify(leaf(CA), NOW)
        assert verdict.reason is reason


def test_two_cas_of_one_key_that_say_different_things_are_not_believed():
    anchors = [certificate(CA[0], put=[policy(channel)]) for channel in Channel]
    assert Gateway(anchors).identify(leaf(CA), NOW).reason is VerdictReason.UNTRUSTED
    assert Gateway(anchors[:1]).identify(leaf(CA), NOW).accepted


def test_of_a_renewed_ca_the_one_in_force_counts():
    old = certificate(CA[0], span=(NOW - DAY, NOW - SECOND))
    new = certificate(CA[0])
    for anchors in ([old, new], [new, old]):
        assert Gateway(anchors).identify(leaf(CA), NOW).accepted
    assert Gateway([old]).identify(leaf(CA), NOW).reason is VerdictReason.EXPIRED


STATUSES = {
    "on the list": (lambda serial: [crl(revoked=(serial,))], {}, VerdictReason.REVOKED, RevocationCheck.REVOKED),
    "not on the list": (lambda serial: [crl(revoked=(serial + 1,))], {}, None, RevocationCheck.GOOD),
    "no list": (lambda _: [], {}, VerdictReason.STATUS_UNKNOWN, RevocationCheck.NOT_CHECKED),
    "on the list and expired": (
        lambda serial: [crl(revoked=(serial,))], {"now": END + SECOND}, VerdictReason.EXPIRED,
        RevocationCheck.NOT_CHECKED,
    ),
    "on the list, of the other channel": (
        lambda serial: [crl(revoked=(serial,))], {"channel": Channel.SFTP}, VerdictReason.WRONG_CHANNEL,
        RevocationCheck.NOT_CHECKED,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("lists", "changes", "reason", "revocation"), STATUSES.values(), ids=STATUSES)
def test_status(lists, changes, reason, revocation):
    der = holder()
    verdict = judged(der, **{"source": CrlSource(lists(loaded(der).serial_number)), **changes})
    assert (verdict.reason, verdict.revocation) == (reason, revocation)
    assert verdict.customer_id == authority.CUSTOMER_ID


def test_status_is_looked_at_each_time():
    der, lists = holder(), [crl()]

    class Newest:
        def status(self, *asked):
            return CrlSource(lists).status(*asked)

        def above(self, *asked):
            return CrlSource(lists).above(*asked)

    gateway = Gateway(ANCHORS, source=Newest())
    assert gateway.identify(der, NOW).accepted
    lists.append(crl(revoked=(loaded(der).serial_number,), at=NOW + SECOND))
    assert gateway.identify(der, NOW + SECOND).reason is VerdictReason.REVOKED


ABOVE = {
    "both known": ([], None),
    "the CA's list is missing": (["root"], VerdictReason.STATUS_UNKNOWN),
    "the leaf's list is missing": (["issuing"], VerdictReason.STATUS_UNKNOWN),
}


@pytest.mark.parametrize(("missing", "reason"), ABOVE.values(), ids=ABOVE)
def test_a_ca_that_is_no_anchor_has_a_status_too_and_its_list_counts_until_its_end(missing, reason):
    root, ca, lists = two_steps()
    kept = [der for name, der in lists.items() if name not in missing]
    verdict = Gateway([root], source=CrlSource(kept)).identify(leaf(CA), NOW, [ca])
    assert verdict.reason is reason


def test_under_a_revoked_ca_nothing_is_told_of_the_holder():
    root, ca, lists = two_steps()
    lists["root"] = crl(issuer=root, signer=key("Root"), revoked=(ca.serial_number,), at=NOW - 30 * DAY, life=60 * DAY)
    verdict = Gateway([root], source=CrlSource(lists.values())).identify(leaf(CA), NOW, [ca])
    assert (verdict.reason, verdict.revocation, verdict.customer_id) == (
        VerdictReason.REVOKED,
        RevocationCheck.REVOKED,
        None,
    )


def two_steps():
    root, ca = certificate("Root"), certificate(CA[0], ("Root", "Root"))
    lists = {
        "root": crl(issuer=root, signer=key("Root"), at=NOW - 30 * DAY, life=60 * DAY),
        "issuing": crl(issuer=ca, signer=key(CA[1])),
    }
    return root, ca, lists


def test_anchors_that_issue_nothing_are_an_error():
    for anchors in ([], [loaded(holder())]):
        with pytest.raises(ValueError, match="none of its certificates"):
            Gateway(anchors)


def test_only_so_many_chains_are_kept_and_refusals_never(monkeypatch):
    monkeypatch.setattr(gateway_gateway, "KNOWN_AT_MOST", 2)
    gateway = Gateway(ANCHORS)
    ders = [holder() for _ in range(3)]
    for der in ders:
        assert gateway.identify(der, NOW).accepted
    gateway.identify(leaf(("Nobody", "Nobody")), NOW)
    assert len(gateway._state.remembered._kept) == 2
    assert gateway.identify(ders[0], NOW).accepted, "what was dropped is verified anew"


def test_a_chain_that_came_along_is_remembered_for_itself_alone():
    root, ca = certificate("Root"), certificate(CA[0], ("Root", "Root"))
    gateway, der = Gateway([root]), leaf(CA)
    assert gateway.identify(der, NOW, [ca]).accepted
    assert gateway.identify(der, NOW).reason is VerdictReason.UNTRUSTED


@pytest.mark.parametrize("language", Language)
def test_every_sentence_has_its_words_and_stays_short(language):
    values = dict.fromkeys(("serial", "name", "customer_id", "why", "environment", "channel", "wanted"), "x") | {
        "until": NOW,
        "at": NOW,
        "now": NOW,
    }
    ids = [value for name, value in vars(verdict_texts).items() if name.isupper() and isinstance(value, str)]
    assert len(ids) > 30
    for one in ids:
        told = Verdict(VerdictReason.EXPIRED, one, values).text(language)
        assert "{" not in told
        assert len(told) <= 320


def test_what_stands_in_a_certificate_steers_no_terminal():
    verdict = Gateway([certificate(CA[0])]).identify(
        leaf(CA, subject=name_of("0123456-7", (NameOID.ORGANIZATION_NAME, "Evil\x1b[31m\nOy"))), NOW
    )
    assert verdict.accepted
    assert all(sign.isprintable() for sign in verdict.text(Language.FI))


def test_extended_key_usage_of_a_ca_has_to_allow_clients():
    servers = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    for usage, reason in ((CLIENT, None), (servers, VerdictReason.UNTRUSTED)):
        ca = certificate(CA[0], put=[(usage, False)])
        assert Gateway([ca]).identify(leaf(CA), NOW).reason is reason
