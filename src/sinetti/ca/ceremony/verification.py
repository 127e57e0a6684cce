"""Check of a result set on the online machine.

Each object is built again from the request and the hierarchy, and must have exactly these octets below its signature.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from cryptography import x509

from sinetti.ca.ceremony.objects import distrust_list, first_lists, requested_keys
from sinetti.ca.ceremony.sets import LinkKind, ListData, RequestSet, ResultSet, officers_statement
from sinetti.ca.ceremony.words import CeremonyError
from sinetti.ca.crl import attach_crl_signature, prepare_crl
from sinetti.ca.hierarchy_builder import authority_plan, certificate_plan
from sinetti.ca.hierarchy_model import CaRole, CaSpec, Hierarchy, file_name_for
from sinetti.ca.issuance import assemble_root, attach_signature, prepare_authority
from sinetti.ca.issuance_request import CaRequest, IssuingCa
from sinetti.ca.profiles import ca_key
from sinetti.ca.successors import span_below
from sinetti.ca.trust_lists import ListHead, build_anchors, prepare_link, subject_of_certificate
from sinetti.domain.values import Serial, Sha256, ValidityPeriod
from sinetti.pki.encoding import PublicKey, load_certificate, serial_hex, verify
from sinetti.pki.key_policy import key_type
from sinetti.pki.trust_lists.lists import AnchorsList, DistrustList, InvalidTrustList
from sinetti.pki.trust_lists.verification import ListReader, verify_anchors, verify_distrust

LONGEST_LIST = timedelta(days=400)
"""Longest life of a list that is accepted, as plans have it."""


def check_answer(request: RequestSet, result: ResultSet) -> None:
    """Raise CeremonyError if a result is a rehearsal's, or answers another request."""
    if result.is_rehearsal:
        raise CeremonyError("the result set is of a rehearsal, whose keys were thrown away: carry that of the ceremony")
    if (result.kind, result.request) != (request.kind, request.sha256):
        raise CeremonyError(
            f"the result set answers another request than {request.sha256[:16]}…: carry the result of this request, or "
            "have a new request written and run the ceremony with it"
        )


def verify_founding(hierarchy: Hierarchy, request: RequestSet, result: ResultSet) -> dict[str, x509.Certificate]:
    """Return the certificates of all CAs by name. Raises CeremonyError if any differs."""
    check_answer(request, result)
    names = [spec.file_name for spec in hierarchy.authorities]
    if result.certificates.keys() != set(names):
        raise CeremonyError(
            "the result set has not exactly the CAs of this authority's hierarchy: run the ceremony again"
        )
    requested = requested_keys(hierarchy.authorities, request)
    issuers: dict[str, IssuingCa] = {}
    for spec in hierarchy.authorities:
        issuer = issuers[file_name_for(spec.parent)] if spec.parent else None

        def plan(key: PublicKey, serial: Serial, spec: CaSpec = spec) -> CaRequest:
            return authority_plan(hierarchy, spec, key, serial, request.created)

        place = _Place(spec, issuer, requested.get(spec.file_name), plan)
        issuers[spec.file_name] = _accepted(place, result, hierarchy.base_url)
    certificates = {name: ca.certificate for name, ca in issuers.items()}
    _check_distinct(certificates)
    _check_lists(first_lists(hierarchy.authorities, request), request, result, issuers)
    return certificates


@dataclass(frozen=True)
class _Place:
    """Place of a certificate: CA, the CA above it, the requested key, and its content."""

    spec: CaSpec
    issuer: IssuingCa | None
    requested: PublicKey | None
    plan: Callable[[PublicKey, Serial], CaRequest]


def _accepted(place: _Place, result: ResultSet, base_url: str) -> IssuingCa:
    """Return a CA of the result. Raises CeremonyError unless it is as it must be."""
    spec, name = place.spec, place.spec.file_name
    der = result.certificates[name]
    if _rebuilt(place, der) != der:
        raise CeremonyError(
            f"the certificate of {spec.name} is not the one that the request and this authority's hierarchy give: "
            "compare the hierarchy with the plan of the ceremony"
        )
    return IssuingCa(spec.name, name, name, load_certificate(der), base_url)


def _rebuilt(place: _Place, der: bytes) -> bytes:
    """Return the certificate as it must be; empty if it cannot be.

    Serial, key and signature are those of `der`.
    """
    try:
        certificate = load_certificate(der)
        key = certificate.public_key()
        if (
            not isinstance(key, PublicKey)
            or key_type(key) is not place.spec.key_type
            or key != (place.requested or key)
        ):
            return b""
        tbs = prepare_authority(place.plan(key, serial_hex(certificate.serial_number)), place.issuer)
        if place.issuer is None:
            return assemble_root(tbs, certificate.signature, key)
        return attach_signature(tbs, certificate.signature, place.issuer.certificate)
    except ValueError:
        return b""


@dataclass(frozen=True)
class Certified:
    """Accepted result of the kind certify: new CAs by file name, and all anchors."""

    issuers: Mapping[str, IssuingCa]
    anchors: AnchorsList


def verify_certified(known: Mapping[str, IssuingCa], request: RequestSet, result: ResultSet) -> Certified:
    """Return what a ceremony made for CAs that were begun.

    Raises CeremonyError if anything differs. `known` are all CAs that have certificates, by file name.
    """
    check_answer(request, result)
    names = {spec.file_name for spec in request.authorities}
    if result.certificates.keys() != names or names & known.keys():
        raise CeremonyError("the result set has not exactly the CAs of the request: run the ceremony again")
    requested = requested_keys(request.authorities, request)
    roots = [ca for ca in known.values() if _is_root(ca)]
    every = (ca.certificate for ca in known.values())
    subject = subject_of_certificate(roots[0].certificate, request.environment, every)
    issuers: dict[str, IssuingCa] = {}
    for spec in request.authorities:
        parent = file_name_for(spec.parent) if spec.parent else ""
        issuer = (issuers.get(parent) or known[parent]) if parent else None
        span = span_below(issuer.certificate if issuer else None, spec.lifetime, request.created)

        def plan(key: PublicKey, serial: Serial, spec: CaSpec = spec, span: ValidityPeriod = span) -> CaRequest:
            return certificate_plan(subject, spec, key, serial, span)

        place = _Place(spec, issuer, requested.get(spec.file_name), plan)
        issuers[spec.file_name] = _accepted(place, result, request.base_url)
    _check_distinct({name: ca.certificate for name, ca in {**known, **issuers}.items()})
    _check_lists(first_lists(request.authorities, request), request, result, issuers)
    _check_links(roots, request, result, issuers)
    return Certified(issuers, _checked_anchors(roots, {**known, **issuers}, request, result))


def _check_links(
    roots: Sequence[IssuingCa], request: RequestSet, result: ResultSet, issuers: Mapping[str, IssuingCa]
) -> None:
    """Check the cross-certificates of a new root and the root before it."""
    wanted: dict[tuple[LinkKind, str], bytes] = {}
    old = max(roots, key=lambda one: one.certificate.not_valid_before_utc)
    for spec in request.authorities:
        if spec.role is CaRole.ROOT:
            name, new = spec.file_name, issuers[spec.file_name]
            wanted[LinkKind.NEW_WITH_OLD, name] = _rebuilt_link(result, LinkKind.NEW_WITH_OLD, new, (new, old))
            wanted[LinkKind.OLD_WITH_NEW, name] = _rebuilt_link(result, LinkKind.OLD_WITH_NEW, new, (old, new))
    if dict(result.links) != wanted:
        raise CeremonyError(
            "the result set has not exactly the cross-certificates of the new root: run the ceremony again"
        )


def _rebuilt_link(result: ResultSet, kind: LinkKind, new: IssuingCa, pair: tuple[IssuingCa, IssuingCa]) -> bytes:
    """Return a cross-certificate as it must be; empty if it cannot be."""
    (below, above), der = pair, result.links.get((kind, new.file_name), b"")
    try:
        link = load_certificate(der)
        tbs = prepare_link(below.certificate, above, new.certificate, serial_hex(link.serial_number))
        return attach_signature(tbs, link.signature, above.certificate)
    except ValueError:
        return b""


def _checked_anchors(
    roots: Sequence[IssuingCa], cas: Mapping[str, IssuingCa], request: RequestSet, result: ResultSet
) -> AnchorsList:
    """Return the list of anchors, as a reader with the roots of today takes it."""
    assert request.anchors is not None  # noqa: S101 - requests of this kind have them
    head = ListHead(request.environment, Sha256(request.authority), request.anchors.number, request.created)
    states = request.anchors.states
    is_fit = states.keys() == cas.keys()
    try:
        reader = ListReader(request.environment, tuple(ca.certificate for ca in roots), head.authority)
        anchors_list = verify_anchors(result.anchors, reader, request.created)
    except InvalidTrustList:
        is_fit = False
    if is_fit:
        new = {load_certificate(der) for der in result.links.values()}
        wanted = build_anchors(head, ((ca.certificate, states[name]) for name, ca in cas.items()), anchors_list.links)
        is_fit = anchors_list == wanted and new <= set(anchors_list.links)
    if not is_fit:
        raise CeremonyError("the list of anchors is not the one that the request asks for: run the ceremony again")
    return anchors_list


def verify_revoked(known: Mapping[str, IssuingCa], request: RequestSet, result: ResultSet) -> DistrustList | None:
    """Return the list of distrust of a ceremony that revoked CAs, if it has one.

    Raises CeremonyError unless its lists are those that the request asks for.
    """
    verify_lists(known, request, result)
    wanted = distrust_list(request, {name: ca.certificate for name, ca in known.items()})
    if wanted is None:
        return None
    reader = ListReader(request.environment, tuple(ca.certificate for ca in known.values() if _is_root(ca)))
    try:
        found = verify_distrust(result.distrust, reader, request.created)
    except InvalidTrustList:
        found = None
    if found != wanted:
        raise CeremonyError("the list of distrust is not the one that the request asks for: run the ceremony again")
    return found


def _is_root(ca: IssuingCa) -> bool:
    return ca.certificate.subject == ca.certificate.issuer


def verify_lists(issuers: Mapping[str, IssuingCa], request: RequestSet, result: ResultSet) -> None:
    """Raise CeremonyError unless the lists are those that the request asks for."""
    check_answer(request, result)
    _check_lists(request.lists, request, result, issuers)


def verify_officers(root: x509.Certificate, request: RequestSet, result: ResultSet) -> None:
    """Raise CeremonyError unless the root key signed these officers for this request."""
    check_answer(request, result)
    if not verify(ca_key(root), officers_statement(request, result.officers), result.signature):
        raise CeremonyError("the root CA of this authority has not signed these officers for this request")


def _check_distinct(certificates: Mapping[str, x509.Certificate]) -> None:
    serials = {certificate.serial_number for certificate in certificates.values()}
    keys = {ca_key(certificate).public_numbers() for certificate in certificates.values()}
    if min(len(serials), len(keys)) < len(certificates):
        raise CeremonyError(
            "two certificates of the result set have one key or one serial number: run the ceremony again"
        )


def _check_lists(
    lists: tuple[ListData, ...], request: RequestSet, result: ResultSet, issuers: Mapping[str, IssuingCa]
) -> None:
    if result.lists.keys() != {(one.name, one.shard) for one in lists}:
        raise CeremonyError("the result set has not exactly the lists of the request: run the ceremony again")
    for one in lists:
        der = result.lists[one.name, one.shard]
        issuer = replace(issuers[one.name], shard=one.shard)
        try:
            crl = x509.load_der_x509_crl(der)
            until = crl.next_update_utc or request.created
            tbs = prepare_crl(issuer, one.entries, one.number, request.created, until)
            signed = attach_crl_signature(tbs, crl.signature, issuer.certificate)
        except ValueError:
            signed = b""
        if signed != der or until > request.created + LONGEST_LIST:
            raise CeremonyError(f"the list of {one.name}, shard {one.shard}, is not the one that the request asks for")
