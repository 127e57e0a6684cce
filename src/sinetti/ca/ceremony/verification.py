"""Check of a result set on the online machine.

Each object is built again from the request and the hierarchy, and must have exactly these octets below its signature.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from cryptography import x509

from sinetti.ca.ceremony.production import first_lists, requested_keys
from sinetti.ca.ceremony.sets import ListData, RequestSet, ResultSet, officers_statement
from sinetti.ca.ceremony.words import CeremonyError
from sinetti.ca.crl import attach_crl_signature, prepare_crl
from sinetti.ca.hierarchy_builder import authority_plan
from sinetti.ca.hierarchy_model import CaSpec, Hierarchy
from sinetti.ca.issuance import assemble_root, attach_signature, prepare_authority
from sinetti.ca.issuance_request import IssuingCa
from sinetti.ca.profiles import ca_key
from sinetti.pki.encoding import PublicKey, load_certificate, serial_hex, verify
from sinetti.pki.key_policy import key_type

LONGEST_LIST = timedelta(days=400)
"""Longest life of a list that is accepted, as plans have it."""


def check_answer(request: RequestSet, result: ResultSet) -> None:
    """Raise CeremonyError if a result is a rehearsal's, or answers another request."""
    if result.is_rehearsal:
        sentence = "the result set is of a rehearsal, whose keys were thrown away: carry that of the ceremony"
        raise CeremonyError(sentence)
    if (result.kind, result.request) != (request.kind, request.sha256):
        sentence = (
            f"the result set answers another request than {request.sha256[:16]}…: carry the result of this request, or "
            "have a new request written and run the ceremony with it"
        )
        raise CeremonyError(sentence)


def verify_founding(hierarchy: Hierarchy, request: RequestSet, result: ResultSet) -> dict[str, x509.Certificate]:
    """Return the certificates of all CAs by name. Raises CeremonyError if any differs."""
    check_answer(request, result)
    names = [spec.file_name for spec in hierarchy.authorities]
    if result.certificates.keys() != set(names):
        sentence = "the result set has not exactly the CAs of this authority's hierarchy: run the ceremony again"
        raise CeremonyError(sentence)
    requested = requested_keys(hierarchy, request)
    issuers: dict[str, IssuingCa] = {}
    for spec in hierarchy.authorities:
        issuer = issuers[spec.parent] if spec.parent else None
        der = result.certificates[spec.file_name]
        if _rebuilt(_Place(hierarchy, spec, issuer, requested.get(spec.file_name)), der, request.created) != der:
            sentence = (
                f"the certificate of {spec.name} is not the one that the request and this authority's hierarchy give: "
                "compare the hierarchy with the plan of the ceremony"
            )
            raise CeremonyError(sentence)
        name = spec.file_name
        issuers[spec.name] = IssuingCa(spec.name, name, name, load_certificate(der), hierarchy.base_url)
    by_file = {one.file_name: one for one in issuers.values()}
    found = {name: one.certificate for name, one in by_file.items()}
    _check_distinct(found)
    _check_lists(first_lists(hierarchy, request), request, result, by_file)
    return found


@dataclass(frozen=True, slots=True)
class _Place:
    """Place of a certificate: hierarchy, CA, the CA above it, and the requested key."""

    hierarchy: Hierarchy
    spec: CaSpec
    issuer: IssuingCa | None
    requested: PublicKey | None


def _rebuilt(place: _Place, der: bytes, created: datetime) -> bytes:
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
        serial = serial_hex(certificate.serial_number)
        tbs = prepare_authority(authority_plan(place.hierarchy, place.spec, key, serial, created), place.issuer)
        if place.issuer is None:
            return assemble_root(tbs, certificate.signature, key)
        return attach_signature(tbs, certificate.signature, place.issuer.certificate)
    except ValueError:
        return b""


def verify_lists(issuers: Mapping[str, IssuingCa], request: RequestSet, result: ResultSet) -> None:
    """Raise CeremonyError unless the lists are those that the request asks for."""
    check_answer(request, result)
    _check_lists(request.lists, request, result, issuers)


def verify_officers(root: x509.Certificate, request: RequestSet, result: ResultSet) -> None:
    """Raise CeremonyError unless the root key signed these officers for this request."""
    check_answer(request, result)
    if not verify(ca_key(root), officers_statement(request, result.officers), result.signature):
        sentence = "the root CA of this authority has not signed these officers for this request"
        raise CeremonyError(sentence)


def _check_distinct(certificates: Mapping[str, x509.Certificate]) -> None:
    serials = {one.serial_number for one in certificates.values()}
    keys = {ca_key(one).public_numbers() for one in certificates.values()}
    if min(len(serials), len(keys)) < len(certificates):
        sentence = "two certificates of the result set have one key or one serial number: run the ceremony again"
        raise CeremonyError(sentence)


def _check_lists(
    lists: tuple[ListData, ...], request: RequestSet, result: ResultSet, issuers: Mapping[str, IssuingCa]
) -> None:
    if result.lists.keys() != {(one.name, one.shard) for one in lists}:
        sentence = "the result set has not exactly the lists of the request: run the ceremony again"
        raise CeremonyError(sentence)
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
            sentence = f"the list of {one.name}, shard {one.shard}, is not the one that the request asks for"
            raise CeremonyError(sentence)
