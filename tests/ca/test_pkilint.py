"""Every profile with every type of key from both CA families, judged by pkilint."""

from datetime import timedelta
from functools import cache
from pathlib import Path

import pytest
from cryptography import x509

from sinetti.ca.crl import RevokedEntry, attach_crl_signature, prepare_crl
from sinetti.ca.hierarchy_builder import generate_hierarchy
from sinetti.ca.hierarchy_config import PRESETS, load_preset, parse_hierarchy
from sinetti.ca.hierarchy_model import CaRole
from sinetti.ca.issuance import attach_signature, new_serial, prepare_authority
from sinetti.ca.issuance_request import CaRequest, LeafProfile, LeafRequest
from sinetti.domain.values import Environment, KeyType, ValidityPeriod
from sinetti.pki.encoding import certificate_der, sign
from tests.ca.linters import certificate_findings, list_findings
from tests.support.authority import BASE_URL, NOW, authority, holder_key, issue, issuer, leaf_plan, services_issuer
from tests.support.officers import ARC

DIVERGENCES = Path(__file__).resolve().parents[2] / "docs" / "integrators" / "divergences.md"

ACCEPTED = {
    # Numbers of an object identifier have no upper bound (ITU-T X.660), and one below 2.25 has 128 bits (X.667).
    # pkilint's decoder stops at 32 bits; so the same certificate with a short identifier is looked at as well, below.
    "itu.invalid_asn1_syntax": (CaRole.ISSUING, CaRole.SERVICES),
}
"""Findings accepted on purpose, and the roles whose certificates may have them.

docs/integrators/divergences.md lists each.
"""


EXAMPLE_POLICY = x509.ObjectIdentifier("1.3.6.1.4.1.32473.1")
"""Object identifier below the enterprise number for examples (RFC 5612)."""


@cache
def built(preset):
    if preset == "default":
        return authority()
    return generate_hierarchy(parse_hierarchy(load_preset(preset), Environment.TEST, BASE_URL), NOW)


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("role", CaRole)
def test_certificates_of_cas(preset, role):
    accepted = {finding for finding, roles in ACCEPTED.items() if role in roles}
    for spec in built(preset).hierarchy.authorities:
        if spec.role is role:
            assert certificate_findings(certificate_der(built(preset).certificate(spec.file_name))) == accepted


def test_certificates_of_cas_under_an_arc_of_their_own():
    new = authority(ARC)
    for spec in new.hierarchy.authorities:
        assert certificate_findings(certificate_der(new.certificate(spec.file_name))) == set()


@pytest.mark.parametrize("kind", KeyType)
@pytest.mark.parametrize("preset", PRESETS)
def test_an_issuing_ca_of_any_key_with_a_short_identifier(preset, kind):
    parent = built(preset).issuer(built(preset).hierarchy.authorities[1].file_name)
    plan = CaRequest(
        name="Data Providers Test Issuing CA v2",
        organisation="Sinetti",
        country="FI",
        public_key=holder_key(1, kind).public_key(),
        serial=new_serial(),
        span=ValidityPeriod(NOW, NOW + timedelta(days=2922)),
        path_length=0,
        policy=EXAMPLE_POLICY,
    )
    tbs = prepare_authority(plan, parent)
    der = attach_signature(tbs, sign(built(preset).key(parent.key_name), tbs), parent.certificate)
    assert certificate_findings(der) == set()


@pytest.mark.parametrize("kind", KeyType)
@pytest.mark.parametrize("preset", PRESETS)
def test_certificates_of_holders(preset, kind):
    public_key = holder_key(1, kind).public_key()
    leaf = issue(leaf_plan(public_key), issuer(built=built(preset)), built=built(preset))
    assert certificate_findings(certificate_der(leaf)) == set()


@pytest.mark.parametrize("kind", KeyType)
@pytest.mark.parametrize("preset", PRESETS)
def test_certificates_of_signers(preset, kind):
    span = ValidityPeriod(NOW, NOW + timedelta(days=365))
    plan = LeafRequest("A Signer", "Sinetti", "FI", None, holder_key(1, kind).public_key(), new_serial(), span)
    leaf = issue(plan, services_issuer(built(preset)), kind=LeafProfile.SERVICES, built=built(preset))
    assert certificate_findings(certificate_der(leaf)) == set()


REVOKED = (
    RevokedEntry(new_serial(), NOW, "keyCompromise", invalidity_date=NOW - timedelta(days=1)),
    RevokedEntry(new_serial(), NOW, "unspecified"),
)


@pytest.mark.parametrize("entries", [(), REVOKED], ids=["empty", "two entries"])
@pytest.mark.parametrize("shard", [0, 1], ids=["full", "of a shard"])
@pytest.mark.parametrize("preset", PRESETS)
def test_lists_of_every_ca(preset, shard, entries):
    for spec in built(preset).hierarchy.authorities:
        by = built(preset).issuer(spec.file_name, shard)
        tbs = prepare_crl(by, entries, 7, NOW, NOW + timedelta(days=7))
        der = attach_crl_signature(tbs, sign(built(preset).key(by.key_name), tbs), by.certificate)
        assert list_findings(der) == set()


def test_accepted_findings_stand_in_the_document():
    page = DIVERGENCES.read_text(encoding="utf-8")
    for finding in ACCEPTED:
        assert f"`{finding}`" in page
