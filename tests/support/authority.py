"""Test authority shared by all tests, made once per run at a fixed instant.

It has EC keys, the preset `default` and the environment TEST.
"""

from datetime import UTC, datetime, timedelta
from functools import cache
from uuid import UUID

from cryptography import x509

from sinetti.ca.hierarchy_builder import GeneratedHierarchy, generate_hierarchy, responder_plan
from sinetti.ca.hierarchy_config import load_preset, parse_hierarchy, with_policy_arc
from sinetti.ca.issuance import attach_signature, build_tbs, new_serial
from sinetti.ca.issuance_request import IssuingCa, LeafProfile, LeafRequest
from sinetti.ca.ocsp import Responder, responder_of
from sinetti.domain.values import VALIDITY, Channel, Environment, KeyType, ValidityPeriod
from sinetti.pki.encoding import PrivateKey, PublicKey, generate_key, load_certificate, sign

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
"""Instant at which the authority was made and at which tests begin."""

BASE_URL = "http://pki.sinetti.example"
CUSTOMER_ID = "0123456-7"
CUSTOMER_NAME = "Sinisiipi Oy"
LINEAGE = UUID("0f0e0d0c-0b0a-4908-8706-050403020100").hex.upper()
"""Lineage id in the form of the subject."""


@cache
def authority(arc: str | None = None) -> GeneratedHierarchy:
    """Return keys and certificates of all CAs and of the response signer.

    Without an arc, they are as before arcs could be given.
    """
    text = load_preset("default") if arc is None else with_policy_arc(load_preset("default"), Environment.TEST, arc)
    return generate_hierarchy(parse_hierarchy(text, Environment.TEST, BASE_URL), NOW)


@cache
def holder_key(number: int = 1, kind: KeyType = KeyType.EC_P256) -> PrivateKey:
    """Return a holder's key, the same one per number and kind within a run."""
    assert number > 0
    return generate_key(kind)


def issuer(channel: Channel = Channel.WS, built: GeneratedHierarchy | None = None) -> IssuingCa:
    """Return the CA that issues to holders for a channel."""
    built = built or authority()
    spec = built.hierarchy.issuing(channel)
    assert spec is not None
    return built.issuer(spec.file_name)


def services_issuer(built: GeneratedHierarchy | None = None) -> IssuingCa:
    """Return the CA that issues response signers."""
    built = built or authority()
    return built.issuer(built.hierarchy.services.file_name)


def response_signer(built: GeneratedHierarchy | None = None) -> tuple[PrivateKey, x509.Certificate]:
    """Return the key and certificate that sign responses."""
    built = built or authority()
    return built.entries[built.hierarchy.response_signer.file_name]


def leaf_plan(
    public_key: PublicKey, *, begins: datetime = NOW, customer_id: str = CUSTOMER_ID, life: timedelta = VALIDITY
) -> LeafRequest:
    """Return a request for a holder's certificate, by default of 730 days."""
    span = ValidityPeriod(begins, begins + life)
    return LeafRequest(customer_id, CUSTOMER_NAME, "FI", LINEAGE, public_key, new_serial(), span)


def issue(
    plan: LeafRequest, by: IssuingCa, *, kind: LeafProfile = LeafProfile.HOLDER, built: GeneratedHierarchy | None = None
) -> x509.Certificate:
    """Issue a certificate by signing a plan with the CA's key."""
    tbs = build_tbs(plan, by, kind)
    return load_certificate(attach_signature(tbs, sign((built or authority()).key(by.key_name), tbs), by.certificate))


def ocsp_responder(name: str, now: datetime = NOW, built: GeneratedHierarchy | None = None) -> Responder:
    """Make the OCSP responder of a CA, in force at an instant.

    `name` is the CA's file name.
    """
    built, key = built or authority(), generate_key(KeyType.EC_P256)
    by = built.issuer(name)
    plan = responder_plan(built.hierarchy, by, key.public_key(), now)
    return responder_of(issue(plan, by, kind=LeafProfile.RESPONDER, built=built), key)


def holder_certificate(
    key: PrivateKey,
    *,
    channel: Channel = Channel.WS,
    begins: datetime = NOW,
    customer_id: str = CUSTOMER_ID,
) -> x509.Certificate:
    """Issue a holder's certificate for this key from the test authority."""
    return issue(leaf_plan(key.public_key(), begins=begins, customer_id=customer_id), issuer(channel))
