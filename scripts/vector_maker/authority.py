"""Authority of the vectors: stored keys, with CAs and certificates made from them.

The product's own code makes them. Nothing here is random: serial numbers are derived from names, and signatures are
made as in xml.py.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from sinetti.ca.crl import attach_crl_signature, prepare_crl
from sinetti.ca.hierarchy_builder import (
    GeneratedHierarchy,
    policy_for,
    responder_plan,
    response_signer_plan,
    subject_of,
    validity_from,
)
from sinetti.ca.hierarchy_config import load_preset, parse_hierarchy
from sinetti.ca.hierarchy_model import CaRole
from sinetti.ca.issuance import assemble_root, attach_signature, build_tbs, new_serial, prepare_authority
from sinetti.ca.issuance_request import CaRequest, IssuingCa, LeafProfile, LeafRequest, RevokedEntry
from sinetti.ca.ocsp import Responder, canonical_request, responder_of, sign_answer
from sinetti.domain.certificates.ocsp_status import CertIdHash, SingleResponse
from sinetti.domain.values import VALIDITY, Channel, Environment, KeyType, ValidityPeriod
from sinetti.pki.encoding import certificate_der, dump_private_key, generate_key, load_certificate, serial_hex
from sinetti.wire.xmldsig.signers import DocumentSigner, signer_with
from vector_maker.xml import AnyKey, hash_of, plain_signature

BASE_URL = "http://pki.sinetti.example"
COUNTRY = "FI"
_PATH_LENGTHS = {CaRole.ROOT: None, CaRole.INTERMEDIATE: 1, CaRole.ISSUING: 0, CaRole.SERVICES: 0}


@dataclass(slots=True)
class Keys:
    """Private keys as files: existing ones are read, others are made."""

    folder: Path
    used: dict[str, bytes] = field(default_factory=dict)

    def __call__(self, name: str, make: Callable[[], AnyKey]) -> AnyKey:
        """Return a key by the name of its file."""
        path = self.folder / f"{name}.pem"
        pem = path.read_bytes() if path.exists() else dump_private_key(make(), None)
        self.used[name] = pem
        # The keys are this project's own, and testing p and q for primality takes longer than all the rest.
        key = load_pem_private_key(pem, None, unsafe_skip_rsa_key_validation=True)
        if not isinstance(key, AnyKey):
            raise TypeError(name)
        return key


@dataclass(frozen=True, slots=True)
class Authority:
    """The preset `default` in TEST, founded at `made` (UTC)."""

    built: GeneratedHierarchy
    keys: Keys
    made: datetime

    def issuing(self) -> IssuingCa:
        """Return the CA of holders' certificates for the channel WS."""
        return self.built.issuer(
            next(one.file_name for one in self.built.hierarchy.authorities if one.channel is Channel.WS)
        )

    def holder(
        self,
        name: str,
        key: AnyKey,
        customer: tuple[str, str],
        renews: str | None = None,
        after: timedelta = timedelta(),
    ) -> x509.Certificate:
        """Issue an organisation's certificate.

        It is valid for 730 days from `after` after `made`.
        """
        span = ValidityPeriod(self.made + after, self.made + after + VALIDITY)
        lineage = hashlib.sha256((renews or name).encode()).hexdigest()[:32].upper()
        plan = LeafRequest(*customer, COUNTRY, lineage, key.public_key(), new_serial(drawn(name)), span)
        return self._issued(plan, self.issuing(), LeafProfile.HOLDER)

    def response_signer(self, name: str, key: AnyKey) -> x509.Certificate:
        """Issue a certificate whose key signs answers."""
        plan = response_signer_plan(self.built.hierarchy, key.public_key(), self.made, drawn(name))
        return self._issued(plan, self.built.issuer(self.built.hierarchy.services.file_name), LeafProfile.SERVICES)

    def responder(self, name: str, key: AnyKey, now: datetime) -> Responder:
        """Make the responder of OCSP requests about the holders' certificates.

        The key is RSA, so that its answers do not vary.
        """
        plan = responder_plan(self.built.hierarchy, self.issuing(), key.public_key(), now, drawn(name))
        return responder_of(self._issued(plan, self.issuing(), LeafProfile.RESPONDER), key)

    def crl(self, entries: list[RevokedEntry], now: datetime) -> bytes:
        """Sign the CRL of the holders' CA."""
        issuer = self.issuing()
        tbs = prepare_crl(issuer, entries, 1, now, now + timedelta(days=7))
        return attach_crl_signature(tbs, plain_signature(self.built.key(issuer.key_name), tbs), issuer.certificate)

    def ocsp(self, certificate: x509.Certificate, response: SingleResponse, responder: Responder) -> bytes:
        """Sign an OCSP response about a certificate of the holders' CA."""
        issuer = self.issuing().certificate
        asked = canonical_request(serial_hex(certificate.serial_number), CertIdHash.SHA1, issuer)
        return sign_answer(asked, issuer, response, responder)

    def _issued(self, plan: LeafRequest, issuer: IssuingCa, kind: LeafProfile) -> x509.Certificate:
        tbs = build_tbs(plan, issuer, kind)
        signature = plain_signature(self.built.key(issuer.key_name), tbs)
        return load_certificate(attach_signature(tbs, signature, issuer.certificate))


def drawn(name: str) -> Callable[[int], bytes]:
    """Return octets made of a name, in place of the random part of a serial number."""
    return lambda count: hashlib.sha256(name.encode()).digest()[:count]


def found(keys: Keys, made: datetime) -> Authority:
    """Make the CAs as `sinetti.ca.hierarchy_builder.generate_hierarchy` does.

    The keys are the stored ones.
    """
    hierarchy = parse_hierarchy(load_preset("default"), Environment.TEST, BASE_URL)
    entries: dict[str, tuple[AnyKey, x509.Certificate]] = {}
    built = GeneratedHierarchy(hierarchy, entries)
    parents = {spec.name: spec.file_name for spec in hierarchy.authorities}
    for spec in hierarchy.authorities:
        key = keys(f"ca-{spec.channel or spec.role}".lower(), partial(generate_key, spec.key_type))
        plan = CaRequest(
            spec.name,
            hierarchy.organisation,
            hierarchy.country,
            key.public_key(),
            new_serial(drawn(spec.name)),
            validity_from(made, spec.lifetime),
            _PATH_LENGTHS[spec.role],
            policy_for(spec, subject_of(hierarchy)),
        )
        if spec.parent is None:
            tbs = prepare_authority(plan, None)
            der = assemble_root(tbs, plain_signature(key, tbs), plan.public_key)
        else:
            parent = built.issuer(parents[spec.parent])
            tbs = prepare_authority(plan, parent)
            der = attach_signature(tbs, plain_signature(built.key(parent.key_name), tbs), parent.certificate)
        entries[spec.file_name] = (key, load_certificate(der))
    authority = Authority(built, keys, made)
    signer = keys("response-signer-p256", partial(generate_key, KeyType.EC_P256))
    entries[hierarchy.response_signer.file_name] = (signer, authority.response_signer("response-signer-p256", signer))
    return authority


def seal(key: AnyKey, certificate: x509.Certificate) -> DocumentSigner:
    """Return the signer of answers, receipts and documents.

    The same input always gives the same signature.
    """
    return signer_with(certificate_der(certificate), lambda octets: plain_signature(key, octets))


def signing_request(key: AnyKey, customer: tuple[str, str]) -> bytes:
    """Make a signing request (DER): CN = customer id, O = name, C = FI."""
    names = ((x509.NameOID.COMMON_NAME, customer[0]), (x509.NameOID.ORGANIZATION_NAME, customer[1]))
    subject = x509.Name([x509.NameAttribute(oid, text) for oid, text in (*names, (x509.NameOID.COUNTRY_NAME, COUNTRY))])
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    deterministic = True if isinstance(key, ec.EllipticCurvePrivateKey) else None
    return builder.sign(key, hash_of(key), ecdsa_deterministic=deterministic).public_bytes(Encoding.DER)


def stranger(key: AnyKey, like: x509.Certificate) -> x509.Certificate:
    """Make a self-signed certificate that looks like a holder's."""
    builder = x509.CertificateBuilder().subject_name(like.subject).issuer_name(like.issuer)
    builder = builder.public_key(key.public_key()).serial_number(like.serial_number + 1)
    builder = builder.not_valid_before(like.not_valid_before_utc).not_valid_after(like.not_valid_after_utc)
    return builder.sign(key, hash_of(key), ecdsa_deterministic=True)
