"""Generation of a hierarchy's CAs and their first response signer, in memory.

The caller stores them.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from sinetti.ca.hierarchy_model import CaRole, CaSpec, Hierarchy, ResponseSignerSpec
from sinetti.ca.issuance import assemble_root, attach_signature, build_tbs, new_serial, prepare_authority
from sinetti.ca.issuance_request import CaRequest, IssuingCa, LeafProfile, LeafRequest
from sinetti.domain.values import Environment, Serial, ValidityPeriod
from sinetti.pki.chain import build_chain
from sinetti.pki.encoding import ORGANISATION_LIMIT, PrivateKey, PublicKey, generate_key, load_certificate, sign
from sinetti.pki.policy_oids import ANY_POLICY, channel_policy

BACKDATED = timedelta(hours=1)
"""Time before `now` at which CAs and response signers begin.

A slightly slow clock therefore does not reject the chain.
"""

RESPONDER_LIFE = timedelta(days=60)
"""Validity of an OCSP responder's certificate, which cannot be revoked.

It is replaced a third of its validity before its end.
"""

_RESPONDER = " OCSP"
_ROOM_FOR_NAME = ORGANISATION_LIMIT - len(_RESPONDER)
"""Limit of a name, so that the CN has 64 characters at most.

The source is ub-common-name (RFC 5280, appendix A.1).
"""

_ONE_SECOND = timedelta(seconds=1)
_PATH_LENGTHS: Mapping[CaRole, int | None] = {
    CaRole.ROOT: None,
    CaRole.INTERMEDIATE: 1,
    CaRole.ISSUING: 0,
    CaRole.SERVICES: 0,
}
"""Path lengths of CAs (RFC 5280, 4.2.1.9); None sets no limit."""

HOLDERS_ANCHORS = (CaRole.ROOT, CaRole.INTERMEDIATE, CaRole.ISSUING)
SERVICES_ANCHORS = (CaRole.ROOT, CaRole.INTERMEDIATE, CaRole.SERVICES)
"""Roles of the CAs in the bundles of relying parties."""

Entry = tuple[PrivateKey, x509.Certificate]


@dataclass(frozen=True)
class GeneratedHierarchy:
    """Keys and certificates of all CAs and of the response signer, by file name."""

    hierarchy: Hierarchy
    entries: Mapping[str, Entry] = field(repr=False)

    def key(self, file_name: str) -> PrivateKey:
        """Return the private key.

        Raises KeyError if the hierarchy has no such name.
        """
        return self.entries[file_name][0]

    def certificate(self, file_name: str) -> x509.Certificate:
        """Return the certificate.

        Raises KeyError if the hierarchy has no such name.
        """
        return self.entries[file_name][1]

    def issuer(self, file_name: str, shard: int = 1) -> IssuingCa:
        """Return the CA as `build_tbs` and `prepare_crl` need it.

        Its key has the file name. Raises KeyError if no CA has the name.
        """
        names = {ca.file_name: ca.name for ca in self.hierarchy.authorities}
        return IssuingCa(
            names[file_name], file_name, file_name, self.certificate(file_name), self.hierarchy.base_url, shard
        )

    def bundle(self, *roles: CaRole) -> bytes:
        """Return the bundle of `bundle_of`, with these certificates."""
        return bundle_of(self.hierarchy, {name: certificate for name, (_, certificate) in self.entries.items()}, *roles)

    @property
    def holders_bundle(self) -> bytes:
        """Anchors for holders' certificates: root, intermediates and issuing CAs.

        The services CA is excluded.
        """
        return self.bundle(*HOLDERS_ANCHORS)

    @property
    def services_bundle(self) -> bytes:
        """Anchors for the signers of responses: root, intermediates and services CA.

        The CAs of holders are excluded.
        """
        return self.bundle(*SERVICES_ANCHORS)

    def chain_above(self, certificate: x509.Certificate) -> tuple[x509.Certificate, ...]:
        """Return the CAs above a certificate of this hierarchy, issuing CA first.

        The root is excluded.
        """
        return build_chain(certificate, [held for _, held in self.entries.values()])


def _key_in_memory(spec: CaSpec | ResponseSignerSpec) -> PrivateKey:
    return generate_key(spec.key_type)


def bundle_of(hierarchy: Hierarchy, certificates: Mapping[str, x509.Certificate], *roles: CaRole) -> bytes:
    """Return the PEM bundle of every CA with one of these roles, top first.

    Relying parties use it as anchors.
    """
    chosen = [ca for ca in hierarchy.authorities if ca.role in roles]
    return b"".join(certificates[ca.file_name].public_bytes(Encoding.PEM) for ca in chosen)


def generate_hierarchy(
    hierarchy: Hierarchy,
    now: datetime,
    random: Callable[[int], bytes] = os.urandom,
    create_key: Callable[[CaSpec | ResponseSignerSpec], PrivateKey] = _key_in_memory,
) -> GeneratedHierarchy:
    """Generate every key and certificate of a hierarchy.

    `now` is UTC, in whole seconds. `random` is used for serial numbers only. `create_key` creates the keys. A CA of N
    days begins an hour before `now`. Its last second is N days after `now`, less one second.
    """
    entries: dict[str, Entry] = {}
    built = GeneratedHierarchy(hierarchy, entries)
    parents = {spec.name: spec.file_name for spec in hierarchy.authorities}
    for spec in hierarchy.authorities:
        key = create_key(spec)
        parent = None if spec.parent is None else built.issuer(parents[spec.parent])
        plan = authority_plan(hierarchy, spec, key.public_key(), new_serial(random), now)
        entries[spec.file_name] = (key, _signed_authority(plan, key, parent, built))
    signer_key = create_key(hierarchy.response_signer)
    entries[hierarchy.response_signer.file_name] = (
        signer_key,
        _signed_signer(built, signer_key.public_key(), now, random),
    )
    return built


@dataclass(frozen=True)
class CaSubject:
    """Subject, environment and arc of policies that all CAs of an authority share."""

    organisation: str
    country: str
    environment: Environment
    policy_arc: str | None = None


def subject_of(hierarchy: Hierarchy) -> CaSubject:
    """Return the parts that the names of a hierarchy's CAs share."""
    return CaSubject(hierarchy.organisation, hierarchy.country, hierarchy.environment, hierarchy.policy_arc)


def authority_plan(
    hierarchy: Hierarchy, spec: CaSpec, public_key: PublicKey, serial: Serial, now: datetime
) -> CaRequest:
    """Return the request for a CA certificate of this hierarchy that is created now."""
    return certificate_plan(subject_of(hierarchy), spec, public_key, serial, validity_from(now, spec.lifetime))


def certificate_plan(
    subject: CaSubject, spec: CaSpec, key: PublicKey, serial: Serial, span: ValidityPeriod
) -> CaRequest:
    """Return the request for the certificate of a CA."""
    return CaRequest(
        name=spec.name,
        organisation=subject.organisation,
        country=subject.country,
        public_key=key,
        serial=serial,
        span=span,
        path_length=_PATH_LENGTHS[spec.role],
        policy=policy_for(spec, subject),
    )


def validity_from(now: datetime, lifetime: timedelta) -> ValidityPeriod:
    """Return the validity period of a CA or response signer that is created now.

    Both ends are inclusive (RFC 5280, 4.1.2.5).
    """
    return ValidityPeriod(now - BACKDATED, now + lifetime - _ONE_SECOND)


def policy_for(spec: CaSpec, subject: CaSubject) -> x509.ObjectIdentifier | None:
    """Return the policy in this CA's certificate (docs/operators/oids.md)."""
    if spec.channel or spec.role is CaRole.SERVICES:
        return channel_policy(spec.channel, subject.environment, subject.policy_arc)
    return ANY_POLICY if spec.role is CaRole.INTERMEDIATE else None


def response_signer_plan(
    hierarchy: Hierarchy,
    public_key: PublicKey,
    now: datetime,
    random: Callable[[int], bytes] = os.urandom,
    ends_by: datetime | None = None,
) -> LeafRequest:
    """Return the request for the certificate of a response signer with a new key.

    It is for `build_tbs` with LeafProfile.SERVICES. `ends_by` is the end of its CA, which limits the validity of the
    CA's last signer.
    """
    span = validity_from(now, hierarchy.response_signer.lifetime)
    return LeafRequest(
        customer_id=hierarchy.response_signer.name,
        organisation=hierarchy.organisation,
        country=hierarchy.country,
        subject_serial=None,
        public_key=public_key,
        serial=new_serial(random),
        span=span if ends_by is None else replace(span, not_after=min(span.not_after, ends_by)),
    )


def responder_name(ca_name: str) -> str:
    """Return the CN of the OCSP responder of a CA."""
    return f"{ca_name[:_ROOM_FOR_NAME].rstrip()}{_RESPONDER}"


def responder_plan(
    hierarchy: Hierarchy,
    issuer: IssuingCa,
    public_key: PublicKey,
    now: datetime,
    random: Callable[[int], bytes] = os.urandom,
) -> LeafRequest:
    """Return the request for the certificate of a CA's OCSP responder.

    It is for `build_tbs` with LeafProfile.RESPONDER. It never ends after its CA.
    """
    span = validity_from(now, RESPONDER_LIFE)
    ends_by = issuer.certificate.not_valid_after_utc
    return LeafRequest(
        customer_id=responder_name(issuer.name),
        organisation=hierarchy.organisation,
        country=hierarchy.country,
        subject_serial=None,
        public_key=public_key,
        serial=new_serial(random),
        span=replace(span, not_after=min(span.not_after, ends_by)),
    )


def _signed_authority(
    plan: CaRequest, key: PrivateKey, parent: IssuingCa | None, built: GeneratedHierarchy
) -> x509.Certificate:
    tbs = prepare_authority(plan, parent)
    if parent is None:
        return load_certificate(assemble_root(tbs, sign(key, tbs), plan.public_key))
    signature = sign(built.key(parent.key_name), tbs)
    return load_certificate(attach_signature(tbs, signature, parent.certificate))


def _signed_signer(
    built: GeneratedHierarchy,
    public_key: PublicKey,
    now: datetime,
    random: Callable[[int], bytes],
) -> x509.Certificate:
    issuer = built.issuer(built.hierarchy.services.file_name)
    tbs = build_tbs(response_signer_plan(built.hierarchy, public_key, now, random), issuer, LeafProfile.SERVICES)
    return load_certificate(attach_signature(tbs, sign(built.key(issuer.key_name), tbs), issuer.certificate))
