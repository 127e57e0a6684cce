"""Trust lists of an authority's CAs, and the cross-certificates of its roots.

A new root is certified by the old one (newWithOld), and the old one by the new one (oldWithNew; RFC 9810, 4.4).
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from cryptography import x509
from cryptography.x509.oid import NameOID

from sinetti.ca.hierarchy_builder import CaSubject
from sinetti.ca.issuance import attach_signature, new_serial, prepare_authority
from sinetti.ca.issuance_request import CaRequest, IssuingCa
from sinetti.ca.profiles import ca_key
from sinetti.ca.successors import common_name
from sinetti.domain.authorities.lifecycle import CaState
from sinetti.domain.values import Channel, Environment, Serial, Sha256, ValidityPeriod
from sinetti.pki.chain import is_self_signed
from sinetti.pki.encoding import certificate_der, load_certificate
from sinetti.pki.policy_oids import channel_from_policy, find_arc, signs_responses
from sinetti.pki.trust_lists.lists import (
    AnchorEntry,
    AnchorRole,
    AnchorsList,
    ListSignature,
    SignedList,
    TrustList,
    octets_to_sign,
)


@dataclass(frozen=True)
class ListHead:
    """Head of a trust list: environment, SHA-256 of the first root, number and time."""

    environment: Environment
    authority: Sha256
    number: int
    issued: datetime


def build_anchors(
    head: ListHead, certificates: Iterable[tuple[x509.Certificate, CaState]], links: Iterable[x509.Certificate]
) -> AnchorsList:
    """Return the list of anchors with these CAs and all cross-certificates."""
    entries = [AnchorEntry(certificate, *role_of(certificate), state) for certificate, state in certificates]
    order = list(AnchorRole)
    entries.sort(key=lambda anchor_entry: (order.index(anchor_entry.role), common_name(anchor_entry.certificate)))
    sorted_links = sorted(set(links), key=certificate_der)
    return AnchorsList(head.environment, head.authority, head.number, head.issued, tuple(entries), tuple(sorted_links))


def prepare_link(root: x509.Certificate, issuer: IssuingCa, newer: x509.Certificate, serial: Serial) -> bytes:
    """Return the octets to sign for a root's name and key under another root.

    `newer` is the newer of both: the link is valid from its beginning until the end of the root that ends first.
    """
    subject = subject_of_certificate(root, Environment.TEST)
    end = min(root.not_valid_after_utc, issuer.certificate.not_valid_after_utc)
    plan = CaRequest(
        name=common_name(root),
        organisation=subject.organisation,
        country=subject.country,
        public_key=ca_key(root),
        serial=serial,
        span=ValidityPeriod(newer.not_valid_before_utc, end),
        path_length=None,
        policy=None,
    )
    return prepare_authority(plan, issuer)


def link_serial(root: x509.Certificate, issuer: x509.Certificate) -> Serial:
    """Return the serial number of a cross-certificate, always the same for two roots.

    An interrupted command therefore signs the same octets again.
    """
    digest = hashlib.sha256(certificate_der(root) + certificate_der(issuer)).digest()
    return new_serial(lambda count: digest[:count])


def subject_of_certificate(
    certificate: x509.Certificate, environment: Environment, authorities: Iterable[x509.Certificate] = ()
) -> CaSubject:
    """Return the parts that all CAs of an authority share; `authorities` have the arc."""
    names = {attribute.oid: str(attribute.value) for attribute in certificate.subject}
    return CaSubject(names[NameOID.ORGANIZATION_NAME], names[NameOID.COUNTRY_NAME], environment, find_arc(authorities))


def role_of(certificate: x509.Certificate) -> tuple[AnchorRole, Channel | None]:
    """Return the role of one of our CAs, and the channel of an issuing CA."""
    if is_self_signed(certificate):
        return AnchorRole.ROOT, None
    if environments := channel_from_policy(certificate):
        return AnchorRole.ISSUING, environments[0]
    return (AnchorRole.SERVICES if signs_responses(certificate) else AnchorRole.INTERMEDIATE), None


def missing_links(
    roots: Sequence[IssuingCa], links: Sequence[x509.Certificate], sign: Callable[[str, bytes], bytes]
) -> tuple[x509.Certificate, ...]:
    """Certify each root and the one before it by each other, where no link does.

    `roots` are all roots, the newest last. `sign` signs octets with the key of a root of that file name.
    """
    made = []
    for old, new in pairwise(roots):
        for below, above in ((new, old), (old, new)):
            names = (below.certificate.subject, above.certificate.subject)
            if names in {(link.subject, link.issuer) for link in links}:
                continue
            serial = link_serial(below.certificate, above.certificate)
            tbs = prepare_link(below.certificate, above, new.certificate, serial)
            made.append(load_certificate(attach_signature(tbs, sign(above.file_name, tbs), above.certificate)))
    return tuple(made)


def sign_by_roots(
    trust_list: TrustList,
    roots: Sequence[x509.Certificate],
    links: Iterable[x509.Certificate],
    sign: Callable[[x509.Certificate, bytes], bytes],
) -> bytes:
    """Return the file of a list that the newest root signs, and the one before it.

    `roots` are all roots, the newest last. A reader of the first root follows `links`; one of the root before the
    newest needs none. `sign` signs octets with the key of a root.
    """
    octets, newest, way = (
        octets_to_sign(trust_list.kind, trust_list.payload),
        roots[-1],
        _links_down(roots, tuple(links)),
    )
    signature = sign(newest, octets)
    signatures = [ListSignature(newest, (), signature)]
    if way:
        signatures.append(ListSignature(way[0], way[1:], signature))
    signatures += [ListSignature(root, (), sign(root, octets)) for root in roots[-2:-1]]
    return SignedList(trust_list.payload, tuple(signatures)).octets


def _links_down(roots: Sequence[x509.Certificate], links: tuple[x509.Certificate, ...]) -> tuple[x509.Certificate, ...]:
    """Return newWithOld of each root from the newest to the second."""
    pairs = zip(reversed(roots[1:]), reversed(roots[:-1]), strict=True)
    return tuple(
        next(link for link in links if (link.subject, link.issuer) == (new.subject, old.subject)) for new, old in pairs
    )
