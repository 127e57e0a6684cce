"""Successors of CAs: names, lifetimes, and certificates that are taken in or refused."""

from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from sinetti.ca.hierarchy_builder import BACKDATED, GeneratedHierarchy, certificate_plan, subject_of, validity_from
from sinetti.ca.hierarchy_model import CaRole, HierarchyError
from sinetti.ca.issuance import assemble_root, attach_signature, new_serial, prepare_authority
from sinetti.ca.profiles import authority as profile
from sinetti.ca.successors import (
    CertificateRefused,
    SuccessorOptions,
    check_ca_certificate,
    check_chain,
    check_key,
    check_new_name,
    later_spec,
    plan_successor,
    read_ca_certificate,
    span_below,
)
from sinetti.domain.values import Channel, Environment, KeyType, ValidityPeriod
from sinetti.pki.csr import build_request
from sinetti.pki.encoding import generate_key, hash_for, load_certificate, sign
from tests.support import golden
from tests.support.authority import BASE_URL, NOW, authority, holder_certificate, holder_key

DAY = timedelta(days=1)
YEAR = 365 * DAY
BUILT = authority()
SUBJECT = subject_of(BUILT.hierarchy)
SPECS = {one.role: one for one in BUILT.hierarchy.authorities if one.channel is not Channel.SFTP}
ROOT, ABOVE, BEFORE = SPECS[CaRole.ROOT], SPECS[CaRole.INTERMEDIATE], SPECS[CaRole.ISSUING]
ISSUER = BUILT.issuer(ABOVE.file_name)
SPEC = plan_successor(BEFORE, ISSUER.certificate, SuccessorOptions(), 730 * DAY, NOW)
KEY = generate_key(SPEC.key_type)


def certified(spec=SPEC, issuer=ISSUER, key=KEY, *, span=None, subject=SUBJECT, by=None):
    """Sign a CA's certificate with the key of `by`, else of its issuer."""
    span = span or span_below(issuer.certificate, spec.lifetime, NOW)
    plan = certificate_plan(subject, spec, key.public_key(), new_serial(), span)
    signing = by or BUILT.key(issuer.file_name)
    return profile(plan, issuer).sign(signing, hash_for(signing.public_key()))


def check(certificate, spec=SPEC, issuer=ISSUER, now=NOW):
    check_ca_certificate(certificate, SUBJECT, spec, issuer, now)


@pytest.mark.parametrize("role", [CaRole.ISSUING, CaRole.SERVICES])
def test_the_successor_of_each_online_ca_is_accepted(role):
    spec = plan_successor(SPECS[role], ISSUER.certificate, SuccessorOptions(), 730 * DAY, NOW)
    made = certified(spec)
    check(made, spec)
    assert spec.name.endswith("v2")
    assert later_spec(made, role, spec.parent, spec.channel) == spec


def test_an_intermediate_and_a_root_are_accepted():
    root = BUILT.issuer(ROOT.file_name)
    spec, key = plan_successor(ABOVE, root.certificate, SuccessorOptions(), DAY, NOW), generate_key(KeyType.EC_P384)
    check(certified(spec, root, key), spec, root)
    top = plan_successor(ROOT, None, SuccessorOptions(), DAY, NOW)
    assert top.parent is None
    plan = certificate_plan(SUBJECT, top, key.public_key(), new_serial(), span_below(None, top.lifetime, NOW))
    tbs = prepare_authority(plan, None)
    made = load_certificate(assemble_root(tbs, sign(key, tbs), plan.public_key))
    check_ca_certificate(made, SUBJECT, top, None, NOW)
    with pytest.raises(CertificateRefused, match="own"):
        check_ca_certificate(ISSUER.certificate, SUBJECT, replace(top, name=ISSUER.name), None, NOW)


def other_profile():
    """Return a certificate that lacks the address of its issuer."""
    plan = certificate_plan(SUBJECT, SPEC, KEY.public_key(), new_serial(), span_below(None, SPEC.lifetime, NOW))
    whole = profile(plan, ISSUER)
    whole._extensions = whole._extensions[:-1]
    return whole.sign(BUILT.key(ABOVE.file_name), hash_for(BUILT.key(ABOVE.file_name).public_key()))


def later_by(begin, length):
    return certified(span=ValidityPeriod(NOW + begin, NOW + begin + length))


REFUSED = {
    "another name": lambda: certified(replace(SPEC, name="Test CA v9")),
    "another key signed it": lambda: certified(by=generate_key(KeyType.EC_P384)),
    "another CA signed it": lambda: certified(issuer=BUILT.issuer(ROOT.file_name)),
    "not yet valid": lambda: later_by(DAY, YEAR),
    "expired": lambda: later_by(-2 * DAY, DAY),
    "longer than the CA above": lambda: later_by(-DAY, 16 * YEAR),
    "longer than requested": lambda: later_by(-DAY, SPEC.lifetime + DAY),
    "policy of another channel": lambda: certified(replace(SPEC, channel=Channel.SFTP)),
    "another environment": lambda: certified(subject=replace(SUBJECT, environment=Environment.PRODUCTION)),
    "policy under another arc": lambda: certified(subject=replace(SUBJECT, policy_arc="2.999")),
    "another path length": lambda: certified(replace(SPEC, role=CaRole.INTERMEDIATE)),
    "another kind of key": lambda: certified(key=generate_key(KeyType.EC_P384)),
    "another organisation": lambda: certified(subject=replace(SUBJECT, organisation="Other")),
    "an extension is missing": other_profile,
}


def test_a_wrong_certificate_is_refused_in_one_sentence():
    attempts = {case: partial(check, made()) for case, made in REFUSED.items()}
    golden.check("sentences/ca-certificates/refused", {"en.txt": golden.refusals(attempts, CertificateRefused)})


def test_a_broken_rule_of_the_lint_is_refused():
    spec = replace(SPEC, lifetime=2 * SPEC.lifetime)
    made = certified(spec, span=ValidityPeriod(ISSUER.certificate.not_valid_before_utc - DAY, NOW + YEAR))
    with pytest.raises(CertificateRefused, match="breaks"):
        check(made, spec)


def test_a_certificate_without_a_name_is_refused():
    name = x509.Name([])
    made = x509.CertificateBuilder(name, name, KEY.public_key(), 7, NOW, NOW + DAY).sign(
        KEY, hash_for(KEY.public_key())
    )
    with pytest.raises(CertificateRefused, match="name"):
        check(made)


def test_the_key_is_that_of_the_request():
    made = certified()
    check_key(made, build_request(KEY, SPEC.name, "Sinetti"), SPEC.name)
    with pytest.raises(CertificateRefused, match="request"):
        check_key(made, build_request(generate_key(SPEC.key_type), SPEC.name, "Sinetti"), SPEC.name)


def test_a_certificate_is_read_as_der_and_as_pem():
    made = certified()
    assert read_ca_certificate(made.public_bytes(Encoding.DER)) == made
    assert read_ca_certificate(b"\n" + made.public_bytes(Encoding.PEM)) == made
    for bad in (b"", b"-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n", b"0\x00"):
        with pytest.raises(CertificateRefused, match="certificate"):
            read_ca_certificate(bad)


def test_a_lifetime_ends_with_the_ca_above():
    late = NOW + 10 * YEAR
    short = plan_successor(BEFORE, ISSUER.certificate, SuccessorOptions(), 730 * DAY, late)
    assert 730 * DAY < short.lifetime < BEFORE.lifetime
    assert span_below(ISSUER.certificate, BEFORE.lifetime, late).not_after == ISSUER.certificate.not_valid_after_utc
    with pytest.raises(HierarchyError, match="successor"):
        plan_successor(BEFORE, ISSUER.certificate, SuccessorOptions(lifetime=BEFORE.lifetime), 730 * DAY, late)
    with pytest.raises(HierarchyError, match="successor"):
        plan_successor(BEFORE, ISSUER.certificate, SuccessorOptions(), 730 * DAY, NOW + 14 * YEAR)
    with pytest.raises(HierarchyError, match=" 730"):
        plan_successor(BEFORE, ISSUER.certificate, SuccessorOptions(lifetime=730 * DAY), 730 * DAY, NOW)


def test_name_key_and_days_are_as_wished():
    wanted = SuccessorOptions("Test Other CA", KeyType.RSA_3072, 1000 * DAY)
    made = plan_successor(BEFORE, ISSUER.certificate, wanted, 730 * DAY, NOW)
    assert (made.name, made.key_type, made.lifetime) == ("Test Other CA", KeyType.RSA_3072, 1000 * DAY)


TAKEN = [one.name for one in BUILT.hierarchy.authorities]
SIGNER = BUILT.hierarchy.response_signer.name
NAMES = {
    "no word for TEST": "Issuing CA v2",
    "a sign that no file has": "Test/CA",
    "too long": "Test " + "x" * 60,
    "a former CA": BEFORE.name,
    "another spelling of a CA": BEFORE.name.replace(" CA v1", " cA v1"),
    "the response signer": SIGNER,
    "a file of the response signer": f"{SIGNER}-1",
    "the address of a list": f"{BEFORE.name}-2",
}


def test_a_wrong_name_is_refused():
    attempts = {case: partial(check_new_name, name, Environment.TEST, TAKEN, SIGNER) for case, name in NAMES.items()}
    golden.check("sentences/ca-certificates/names", {"en.txt": golden.refusals(attempts, HierarchyError)})


def test_a_name_fits_its_environment():
    check_new_name("Data Providers Test Issuing CA v2", Environment.TEST, TAKEN, SIGNER)
    check_new_name("Data Providers Issuing CA v2", Environment.PRODUCTION, TAKEN, SIGNER)
    with pytest.raises(HierarchyError, match="Test"):
        check_new_name("Test CA", Environment.PRODUCTION, TAKEN, SIGNER)


def test_a_chain_leads_to_a_pinned_ca():
    root = BUILT.certificate(ROOT.file_name)
    assert check_chain([], [root], NOW) is None
    assert check_chain([ISSUER.certificate], [BUILT.certificate(BEFORE.file_name), root], NOW) == root
    assert check_chain([certified(), ISSUER.certificate], [root], NOW) == root
    leaf = holder_certificate(holder_key())
    broken = ([leaf, leaf], [certified()], [certified(by=generate_key(KeyType.EC_P384)), ISSUER.certificate])
    for chain in broken:
        with pytest.raises(CertificateRefused, match="pinned"):
            check_chain(chain, [root], NOW)
    with pytest.raises(CertificateRefused, match="force"):
        check_chain([ISSUER.certificate], [root], NOW + 30 * YEAR)


def test_the_hierarchy_has_the_address():
    assert isinstance(BUILT, GeneratedHierarchy)
    assert ISSUER.base_url == BASE_URL
    tbs = prepare_authority(
        certificate_plan(SUBJECT, SPEC, KEY.public_key(), new_serial(), validity_from(NOW, SPEC.lifetime)), ISSUER
    )
    der = attach_signature(tbs, sign(BUILT.key(ABOVE.file_name), tbs), ISSUER.certificate)
    check(load_certificate(der))
    assert load_certificate(der).not_valid_before_utc == NOW - BACKDATED
