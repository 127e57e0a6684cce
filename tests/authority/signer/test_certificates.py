"""Holders' certificates: each part that differs from the profile is refused."""

from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from sinetti.authority.signer.certificates import read_fields
from sinetti.authority.signer.rules import FINISHED_WITHIN
from sinetti.ca import profiles
from sinetti.ca.issuance import attach_signature
from sinetti.domain.values import VALIDITY, Channel, KeyPolicy, KeyType, Serial, ValidityPeriod
from sinetti.pki.encoding import verify
from sinetti.pki.signers import SignatureRefused
from tests.support.authority import NOW, authority, holder_key, issuer, leaf_plan
from tests.support.signing import CA, SERVICES, certificate_task, holder_tbs, one, policy, rules_of, unlinted

KEY = holder_key()
AT = NOW + timedelta(days=3)
"""Instant of these tests, at which the CA is three days old."""

PLAN = leaf_plan(KEY.public_key(), begins=AT)
SECOND, MINUTE, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(days=1)
SFTP = issuer(Channel.SFTP).file_name


def span(begins, life=VALIDITY):
    return {"span": ValidityPeriod(begins, begins + life)}


def holder(**changes):
    return profiles.holder(replace(PLAN, **changes), issuer())


@pytest.mark.parametrize("kind", [KeyType.RSA_2048, KeyType.EC_P256, KeyType.EC_P384])
def test_each_family_of_keys_gets_a_certificate_that_the_service_accepts(rules, kind):
    tbs = holder_tbs(holder_key(1, kind))
    signature = one(rules, certificate_task(tbs))
    attach_signature(tbs, signature, issuer().certificate)


ACCEPTED = {
    "another list": holder_tbs(KEY, plan=PLAN, by=replace(issuer(), shard=312)),
    "letters outside ASCII": holder_tbs(KEY, plan=PLAN, organisation="Äiti & Öljy Oy"),
    "64 characters of four octets": holder_tbs(KEY, plan=PLAN, organisation="\N{GRINNING FACE}" * 64),
    "a customer without letters": holder_tbs(KEY, plan=PLAN, customer_id="FI01234567"),
    "five minutes ahead": holder_tbs(KEY, plan=PLAN, **span(AT + 5 * MINUTE)),
    "a reservation of yesterday": holder_tbs(KEY, plan=PLAN, **span(AT - FINISHED_WITHIN)),
    "one second of life": holder_tbs(KEY, plan=PLAN, **span(AT, SECOND)),
}


@pytest.mark.parametrize("tbs", ACCEPTED.values(), ids=ACCEPTED)
def test_is_signed(rules, tbs):
    assert verify(profiles.ca_key(issuer().certificate), tbs, one(rules, certificate_task(tbs), AT))


def test_a_certificate_that_ends_after_2049_has_another_form_of_time():
    tbs = unlinted(holder(**span(NOW, timedelta(days=9_000))))
    assert read_fields(tbs).not_after == NOW + timedelta(days=9_000)


def with_extension(value, *, critical=False):
    return unlinted(holder().add_extension(value, critical=critical))


def without(kind):
    builder = holder()
    builder._extensions = [one for one in builder._extensions if not isinstance(one.value, kind)]
    return builder


def elsewhere(**changes):
    return holder_tbs(KEY, plan=PLAN, by=replace(issuer(), **changes))


def titled(builder):
    builder._subject_name = x509.Name([*builder._subject_name, x509.NameAttribute(x509.NameOID.TITLE, "x")])
    return builder


SAN = x509.SubjectAlternativeName([x509.DNSName("tax.example")])
CA_TRUE = x509.BasicConstraints(ca=True, path_length=None)
CERT_SIGN = profiles.key_usage(digital_signature=True, key_cert_sign=True)
SERVER = x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.SERVER_AUTH])
POLICY = x509.CertificatePolicies([x509.PolicyInformation(x509.ObjectIdentifier("1.2.3"), None)])
REFUSED = {
    "a CA": unlinted(without(x509.BasicConstraints).add_extension(CA_TRUE, critical=True)),
    "keyCertSign": unlinted(without(x509.KeyUsage).add_extension(CERT_SIGN, critical=True)),
    "a TLS server": unlinted(without(x509.ExtendedKeyUsage).add_extension(SERVER, critical=False)),
    "a name of a host": with_extension(SAN),
    "a policy": with_extension(POLICY),
    "no key identifier": unlinted(without(x509.SubjectKeyIdentifier)),
    "another CA's name": holder_tbs(KEY, plan=PLAN, by=issuer(Channel.SFTP)),
    "the profile of a response signer": unlinted(profiles.services(PLAN, issuer())),
    "an OCSP responder": unlinted(profiles.responder(PLAN, issuer())),
    "addresses of another host": elsewhere(base_url="http://other.example"),
    "addresses of another CA": elsewhere(file_name="Other"),
    "the list of all certificates": elsewhere(shard=0),
    "a list beyond all numbers": elsewhere(shard=10_000_000),
    "a serial number of 18 octets": holder_tbs(KEY, plan=PLAN, serial=Serial("4a" * 18)),
    "a serial number of 20 octets": unlinted(holder(serial=Serial("4a" * 20))),
    "a first octet that was not drawn": holder_tbs(KEY, plan=PLAN, serial=Serial("3f" + "4a" * 18)),
    "version 2": holder_tbs(KEY, plan=PLAN).replace(bytes.fromhex("a003020102"), bytes.fromhex("a003020101"), 1),
    "an attribute more in the subject": unlinted(titled(holder())),
    "another country": holder_tbs(KEY, plan=PLAN, country="SE"),
    "a lineage in small letters": unlinted(holder(subject_serial="0f" * 16)),
    "a line break in a name": unlinted(holder(organisation="Two\nLines")),
    "six minutes ahead": holder_tbs(KEY, plan=PLAN, **span(AT + 6 * MINUTE)),
    "the day before yesterday": holder_tbs(KEY, plan=PLAN, **span(AT - FINISHED_WITHIN - SECOND)),
    "a second too long": holder_tbs(KEY, plan=PLAN, **span(AT, VALIDITY + SECOND)),
    "no validity at all": unlinted(holder(**span(AT, timedelta(0)))),
    "nothing": b"",
    "something else": b"\x30\x03\x02\x01\x01",
    "16 KiB": bytes(16 * 1024 + 1),
}


@pytest.mark.parametrize("tbs", REFUSED.values(), ids=REFUSED)
def test_is_refused(rules, tbs):
    with pytest.raises(SignatureRefused):
        one(rules, certificate_task(tbs), AT)


def test_a_key_of_another_type_is_refused(rules):
    builder = holder()
    builder._public_key = ed25519.Ed25519PrivateKey.generate().public_key()
    with pytest.raises(SignatureRefused, match="RSA"):
        one(rules, certificate_task(unlinted(builder)), AT)


def test_a_weak_key_is_refused(rules):
    even = rsa.RSAPublicNumbers(65_537, (1 << 2047) + 1).public_key()
    with pytest.raises(SignatureRefused, match="accepts"):
        one(rules, certificate_task(unlinted(holder(public_key=even))), AT)


def test_the_policy_decides_on_key_types(store):
    rules = rules_of(store, keys=KeyPolicy(frozenset({KeyType.EC_P384})))
    with pytest.raises(SignatureRefused, match="accepts"):
        one(rules, certificate_task(holder_tbs(KEY)))
    assert one(rules, certificate_task(holder_tbs(holder_key(1, KeyType.EC_P384))))


def test_a_validity_beyond_the_ca_is_refused(rules):
    end = issuer().certificate.not_valid_after_utc
    tbs = unlinted(holder(**span(end - VALIDITY + SECOND)))
    with pytest.raises(SignatureRefused, match="within"):
        one(rules, certificate_task(tbs), end - VALIDITY)
    assert one(rules, certificate_task(holder_tbs(KEY, **span(end - VALIDITY))), end - VALIDITY)


NO_ISSUERS = {"a services CA": SERVICES, "a root": authority().hierarchy.authorities[0].file_name, "no key": "Other"}


@pytest.mark.parametrize("name", NO_ISSUERS.values(), ids=NO_ISSUERS)
def test_only_issuing_cas_sign_holders(rules, name):
    with pytest.raises(SignatureRefused):
        one(rules, certificate_task(holder_tbs(KEY), ca=name))


def test_the_same_octets_get_the_stored_signature(rules):
    task = certificate_task(holder_tbs(KEY))
    first = one(rules, task)
    assert one(rules, task, NOW + 30 * DAY) == first
    assert rules.status(NOW).orders == 1


def test_other_octets_with_the_same_serial_are_refused(rules):
    one(rules, certificate_task(holder_tbs(KEY, plan=PLAN)), AT)
    with pytest.raises(SignatureRefused, match="serial"):
        one(rules, certificate_task(holder_tbs(KEY, plan=PLAN, organisation="Other Oy")), AT)


def test_one_serial_may_be_that_of_two_cas(rules):
    assert one(rules, certificate_task(holder_tbs(KEY, plan=PLAN)), AT)
    assert one(rules, certificate_task(holder_tbs(KEY, plan=PLAN, by=issuer(Channel.SFTP)), ca=SFTP), AT)


def test_orders_are_counted_and_refused_with_an_alarm(store, caplog):
    rules = rules_of(store, orders_per_day=5)
    for number in range(5):
        assert rules.status(NOW).has_warning is (number >= 4)
        one(rules, certificate_task(holder_tbs(KEY)))
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert rules.status(NOW).orders == 5
    for _ in range(2):
        with pytest.raises(SignatureRefused, match="limit"):
            one(rules, certificate_task(holder_tbs(KEY)))
    assert [record.levelname for record in caplog.records].count("ERROR") == 1
    assert not rules.status(NOW + DAY).has_warning
    assert one(rules, certificate_task(holder_tbs(KEY, **span(NOW + DAY))), NOW + DAY)


def test_a_refusal_leaves_the_rest_of_the_batch(rules):
    good, bad = certificate_task(holder_tbs(KEY)), certificate_task(REFUSED["a CA"])
    first, second, third = rules.sign([good, bad, good], NOW)
    assert first == third
    assert isinstance(second, SignatureRefused)


def test_every_octet_counts(rules):
    """A changed octet is refused, or stands in a part that may vary."""
    tbs = holder_tbs(KEY, plan=PLAN)
    fields = read_fields(tbs)
    signed = set()
    for at in range(len(tbs)):
        changed = bytearray(tbs)
        changed[at] ^= 1
        (result,) = rules.sign([certificate_task(bytes(changed))], AT)
        if isinstance(result, bytes):
            signed.add(at)
    vary = set()
    for part in (fields.serial, fields.dates, fields.name, f"{CA}-1.crl".encode()):
        begin = tbs.index(part)
        vary.update(range(begin, begin + len(part)))
    assert signed
    assert signed <= vary


def test_a_policy_that_does_not_fit_its_certificates_is_refused(store):
    ws = next(one for one in policy().authorities if one.channel is Channel.WS)
    wrong = replace(ws, channel=Channel.SFTP)
    with pytest.raises(ValueError, match="channel"):
        rules_of(store, authorities=(wrong,))


@pytest.mark.parametrize("name", [CA, "unknown", "log-1", f"{CA}-1"])
def test_a_key_needs_a_name_of_the_policy(rules, name):
    with pytest.raises(ValueError, match="policy names"):
        rules.add_key(name, holder_key(2))
