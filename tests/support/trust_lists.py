"""Trust lists of the test authority, and of a root that succeeds its root."""

from dataclasses import replace
from datetime import timedelta
from functools import cache

from cryptography import x509

from sinetti.ca.hierarchy_builder import GeneratedHierarchy, authority_plan, generate_hierarchy
from sinetti.ca.hierarchy_config import load_preset, parse_hierarchy
from sinetti.ca.issuance import assemble_root, attach_signature, new_serial, prepare_authority
from sinetti.ca.issuance_request import CaRequest, IssuingCa
from sinetti.domain.authorities.lifecycle import CaState
from sinetti.domain.values import Environment
from sinetti.pki.chain import build_chain
from sinetti.pki.encoding import (
    PrivateKey,
    certificate_der,
    generate_key,
    load_certificate,
    sha256_hex,
    sign,
)
from sinetti.pki.trust_lists.lists import (
    AnchorEntry,
    AnchorRole,
    AnchorsList,
    DistrustEntry,
    DistrustList,
    ListSignature,
    SignedList,
    TrustList,
    octets_to_sign,
)
from sinetti.pki.trust_lists.verification import ListReader
from tests.support.authority import BASE_URL, NOW, authority, ocsp_responder


@cache
def rsa_authority() -> GeneratedHierarchy:
    """Return an authority whose root has an RSA key."""
    text = load_preset("default").replace('"ec-p384"', '"rsa-2048"', 1)
    return generate_hierarchy(parse_hierarchy(text, Environment.TEST, BASE_URL), NOW)


def root_of(built: GeneratedHierarchy) -> x509.Certificate:
    """Return the certificate of the root."""
    return built.certificate(built.hierarchy.authorities[0].file_name)


def root_sha256(built: GeneratedHierarchy) -> str:
    """Return the name of the authority in lists."""
    return sha256_hex(certificate_der(root_of(built)))


def reader_of(built: GeneratedHierarchy, *roots: x509.Certificate) -> ListReader:
    """Return a reader that trusts the root, or these roots instead."""
    return ListReader(Environment.TEST, roots or (root_of(built),))


def anchors_list(built: GeneratedHierarchy, number: int = 1) -> AnchorsList:
    """Return the list of all CAs."""
    entries = tuple(
        AnchorEntry(built.certificate(one.file_name), AnchorRole(one.role.value), one.channel, CaState.ISSUING)
        for one in built.hierarchy.authorities
    )
    return AnchorsList(Environment.TEST, root_sha256(built), number, NOW, entries)


def distrust_list(built: GeneratedHierarchy, number: int = 1) -> DistrustList:
    """Return a list with the issuing CA of the first channel."""
    name = built.hierarchy.authorities[2].file_name
    sha256 = sha256_hex(certificate_der(built.certificate(name)))
    entry = DistrustEntry(sha256, name, NOW - timedelta(hours=1), NOW + timedelta(hours=72))
    return DistrustList(Environment.TEST, root_sha256(built), number, NOW, (entry,))


def signature_of(
    found: TrustList, key: PrivateKey, certificate: x509.Certificate, *chain: x509.Certificate
) -> ListSignature:
    """Sign a list."""
    return ListSignature(certificate, chain, sign(key, octets_to_sign(found.kind, found.payload)))


def by_root(found: TrustList, built: GeneratedHierarchy) -> bytes:
    """Return the file of a list that the root signed."""
    name = built.hierarchy.authorities[0].file_name
    return SignedList(found.payload, (signature_of(found, *built.entries[name]),)).octets


def by_responder(found: TrustList, built: GeneratedHierarchy) -> bytes:
    """Return the file of a list that the OCSP responder of the services CA signed."""
    responder = ocsp_responder(built.hierarchy.services.file_name, built=built)
    chain = build_chain(responder.certificate, [one for _, one in built.entries.values()])
    return SignedList(found.payload, (signature_of(found, responder.key, responder.certificate, *chain),)).octets


def new_root(built: GeneratedHierarchy, name: str, key: PrivateKey) -> x509.Certificate:
    """Return the certificate of another root."""
    spec = replace(built.hierarchy.authorities[0], name=name)
    plan = authority_plan(built.hierarchy, spec, key.public_key(), new_serial(), NOW)
    tbs = prepare_authority(plan, None)
    return load_certificate(assemble_root(tbs, sign(key, tbs), key.public_key()))


def cross_certificate(
    below: x509.Certificate, above: x509.Certificate, key: PrivateKey, like: CaRequest
) -> x509.Certificate:
    """Certify a CA's name and key under another root; `like` has the rest."""
    name = above.subject.rfc4514_string().split("CN=")[1]
    issuer = IssuingCa(name, name.replace(" ", ""), name, above, BASE_URL)
    cn = below.subject.rfc4514_string().split("CN=")[1]
    tbs = prepare_authority(replace(like, name=cn, public_key=below.public_key(), serial=new_serial()), issuer)
    return load_certificate(attach_signature(tbs, sign(key, tbs), above))


@cache
def successor() -> tuple[PrivateKey, x509.Certificate, x509.Certificate, x509.Certificate]:
    """Return key and certificate of the next root, newWithOld and oldWithNew."""
    built, key = authority(), generate_key(authority().hierarchy.authorities[0].key_type)
    spec, old = built.hierarchy.authorities[0], root_of(built)
    root = new_root(built, spec.name.replace("v1", "v2"), key)
    like = authority_plan(built.hierarchy, spec, key.public_key(), new_serial(), NOW)
    new_with_old = cross_certificate(root, old, built.key(spec.file_name), like)
    return key, root, new_with_old, cross_certificate(old, root, key, like)
