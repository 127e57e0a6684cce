"""Certificates, lists and statements that the offline machine makes in a ceremony.

Certificates and lists are built here from the plan and from data. Octets from outside are never signed.

`verification.py` has the check of the other machine.
"""

from collections.abc import Mapping
from datetime import timedelta
from functools import partial

from cryptography import x509

from sinetti.ca.ceremony.objects import distrust_list, first_lists, make_certificate, make_lists, requested_keys
from sinetti.ca.ceremony.plan import CeremonyPlan
from sinetti.ca.ceremony.registry import MadeItem, MadeKind, OfflineSigner, Registry
from sinetti.ca.ceremony.sets import CeremonyKind, LinkKind, RequestSet, ResultSet, officers_statement
from sinetti.ca.ceremony.words import CeremonyError
from sinetti.ca.hierarchy_builder import authority_plan, certificate_plan
from sinetti.ca.hierarchy_config import ABOVE
from sinetti.ca.hierarchy_model import CaRole, CaSpec, Hierarchy, file_name_for
from sinetti.ca.issuance import attach_signature, new_serial
from sinetti.ca.profiles import ca_key
from sinetti.ca.successors import span_below
from sinetti.ca.trust_lists import (
    ListHead,
    build_anchors,
    prepare_link,
    role_of,
    sign_by_roots,
    subject_of_certificate,
)
from sinetti.domain.authorities.distrust import LONGEST_BRIDGE
from sinetti.domain.authorities.lifecycle import CaState
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.values import Sha256
from sinetti.pki.encoding import PublicKey, serial_hex
from sinetti.pki.trust_lists.lists import (
    AnchorsList,
    InvalidTrustList,
    TrustList,
    parse_octets_to_sign,
)
from sinetti.pki.trust_lists.verification import check_newer


def check_certify(plan: CeremonyPlan, request: RequestSet, registry: Registry) -> None:
    """Raise CeremonyError unless a request has the plan's CAs, below the medium's."""
    if request.authorities != plan.authorities or request.anchors is None:
        raise CeremonyError(
            "the CAs of the request set are not those of the plan: take the plan and the set of one ceremony"
        )
    existing = registry.certificates()
    others = {one.name: one for one in registry.items if one.kind is MadeKind.CERTIFICATE and one.made}
    taken = {name.lower() for name, one in others.items() if one.request != request.sha256}
    roles = {
        name: CaRole(role_of(certificate)[0].value) for name, certificate in existing.items() if name.lower() in taken
    }
    for spec in plan.authorities:
        if spec.file_name.lower() in taken:
            raise CeremonyError(f"the medium has certified a CA {spec.name} before: names are unique for ever. Stop")
        if spec.parent is not None and roles.get(file_name_for(spec.parent)) is not ABOVE[spec.role]:
            raise CeremonyError(
                f"{spec.parent}, above {spec.name}, is no CA of the role {ABOVE[spec.role]} on this medium"
            )
        roles[spec.file_name] = spec.role
    keys = requested_keys(plan.authorities, request)
    if {key.public_numbers() for key in keys.values()} & {
        ca_key(existing[name]).public_numbers() for name in existing if name.lower() in taken
    }:
        raise CeremonyError("a CSR of the request set has the key of a CA that exists: have a key made for each CA")
    if request.anchors.states.keys() != roles.keys() or CaState.PENDING in request.anchors.states.values():
        raise CeremonyError(
            "the request set does not have the states of exactly the CAs on the medium: have it written again"
        )
    _check_number(MadeKind.ANCHORS, request.anchors.number, request, registry)


def check_revoke(plan: CeremonyPlan, request: RequestSet, registry: Registry) -> None:
    """Raise CeremonyError unless the lists' new entries are the plan's revocations."""
    existing = registry.certificates()
    lines = {revocation.name: revocation for revocation in request.revocations}
    if request.revocations != plan.revocations or not lines.keys() <= existing.keys() - set(registry.roots):
        raise CeremonyError(
            "the CAs to be revoked are not those of the plan, or are no CAs below a root of this medium: stop"
        )
    # invalidityDate (RFC 5280, 5.3.2) of a stolen CA is the instant that people have read in the plan.
    wanted = {serial_hex(existing[name].serial_number): (line.reason.value, line.since) for name, line in lines.items()}
    for one in request.lists:
        before = {entry.serial for entry in registry.last_entries(one, request)}
        entries = (entry for entry in one.entries if entry.serial not in before)
        new = {entry.serial: (str(entry.reason), entry.invalidity_date) for entry in entries}
        below = {serial_hex(existing[name].serial_number) for name in registry.issued_by(one.name)}
        if new != {serial: instants for serial, instants in wanted.items() if serial in below}:
            raise CeremonyError(
                f"the list {one.name}, shard {one.shard}, has not exactly the plan's revocations as new entries"
            )
    stolen = {(line.name, line.since) for line in lines.values() if line.reason is RevocationReason.CA_COMPROMISE}
    rows = request.distrust.rows if request.distrust else ()
    if not stolen <= {(row.name, row.since) for row in rows} or bool(stolen) is not bool(rows):
        raise CeremonyError("the request set does not declare exactly the plan's compromises: have it written again")
    if request.distrust is not None:
        _check_distrust(request, registry)


def _check_distrust(request: RequestSet, registry: Registry) -> None:
    assert request.distrust is not None  # noqa: S101 - the caller has checked it
    rows, existing = request.distrust.rows, registry.certificates()
    latest = request.created + timedelta(hours=LONGEST_BRIDGE)
    if {row.name for row in rows} - existing.keys() or any(row.bridge_until > latest for row in rows):
        raise CeremonyError(
            "a compromise is of a CA that is not on the medium, or has a bridge of more than 72 hours: stop"
        )
    _check_number(MadeKind.DISTRUST, request.distrust.number, request, registry)
    try:
        before, new = _last_list(MadeKind.DISTRUST, request, registry), distrust_list(request, existing)
        if before is not None and new is not None:
            check_newer(before, new)
    except InvalidTrustList as bad:
        raise CeremonyError(str(bad)) from None


def _check_number(kind: MadeKind, number: int, request: RequestSet, registry: Registry) -> None:
    if number <= (highest := registry.highest(kind, request.sha256)):
        raise CeremonyError(
            f"the list of {kind} has the number {number}, and the medium has signed {highest}: the request is old or "
            "was changed. Have a new one written"
        )


def _last_list(kind: MadeKind, request: RequestSet, registry: Registry) -> TrustList | None:
    """Return the last list of a kind that the medium signed for another request."""
    items = [one for one in registry.items if one.kind is kind and one.made and one.request != request.sha256]
    return parse_octets_to_sign(max(items, key=lambda one: one.number).tbs) if items else None


def certify(plan: CeremonyPlan, request: RequestSet, signer: OfflineSigner, keys: Mapping[str, PublicKey]) -> ResultSet:
    """Make certificates of a plan's CAs, their first lists, and the list of anchors.

    `keys` are the public keys on the medium.
    """
    signer.add_names({spec.file_name: spec.name for spec in plan.authorities})
    public = {**keys, **requested_keys(plan.authorities, request)}
    made = {spec.file_name: _certify_one(spec, public[spec.file_name], request, signer) for spec in plan.authorities}
    links = {
        place: der
        for spec in plan.authorities
        if spec.role is CaRole.ROOT
        for place, der in _make_links(spec.file_name, request, signer).items()
    }
    lists = make_lists(plan, request, first_lists(plan.authorities, request), signer)
    anchors = sign_trust_list(MadeKind.ANCHORS, _anchors_list(request, signer.registry), request, signer)
    return ResultSet(
        plan.kind, request.sha256, is_rehearsal=False, certificates=made, lists=lists, links=links, anchors=anchors
    )


def _certify_one(spec: CaSpec, key: PublicKey, request: RequestSet, signer: OfflineSigner) -> bytes:
    registry = signer.registry
    above = registry.issuer(file_name_for(spec.parent)).certificate if spec.parent else None
    known = registry.certificates()
    subject = subject_of_certificate(known[registry.roots[0]], request.environment, known.values())
    wanted = certificate_plan(subject, spec, key, new_serial(), span_below(above, spec.lifetime, request.created))
    return make_certificate(spec, wanted, request, signer)


def _make_links(name: str, request: RequestSet, signer: OfflineSigner) -> dict[tuple[LinkKind, str], bytes]:
    """Certify the new root and the root before it by each other."""
    registry = signer.registry
    old = registry.roots[registry.roots.index(name) - 1]
    new = registry.certificates()[name]
    made = {}
    for kind, below, above in ((LinkKind.NEW_WITH_OLD, name, old), (LinkKind.OLD_WITH_NEW, old, name)):
        issuer = registry.issuer(above)
        item = MadeItem(request.sha256, MadeKind(kind.value), name, above)
        prepare = partial(prepare_link, registry.certificates()[below], issuer, new, new_serial())
        made[kind, name] = signer.make(item, prepare, partial(attach_signature, issuer_certificate=issuer.certificate))
    return made


def _anchors_list(request: RequestSet, registry: Registry) -> AnchorsList:
    """Return the list of anchors with all CAs on the medium, in the request's states."""
    assert request.anchors is not None  # noqa: S101 - `check_certify` has refused it
    head = ListHead(request.environment, Sha256(registry.authority), request.anchors.number, request.created)
    states = request.anchors.states
    return build_anchors(
        head, ((certificate, states[name]) for name, certificate in registry.certificates().items()), registry.links()
    )


def sign_trust_list(kind: MadeKind, trust_list: TrustList, request: RequestSet, signer: OfflineSigner) -> bytes:
    """Return the file of a list, signed by the roots."""
    certificates = signer.registry.certificates()
    names = {certificates[name]: name for name in signer.registry.roots}

    def sign(root: x509.Certificate, octets: bytes) -> bytes:
        item = MadeItem(request.sha256, kind, names[root], names[root], number=trust_list.number)
        return signer.make(item, lambda: octets, lambda _octets, signature: signature)

    return sign_by_roots(trust_list, tuple(names), signer.registry.links(), sign)


_CONTENT = {
    CeremonyKind.FOUNDING: {"requests"},
    CeremonyKind.LISTS: {"lists"},
    CeremonyKind.OFFICERS: {"officers"},
    CeremonyKind.CERTIFY: {"requests", "authorities", "anchors"},
    CeremonyKind.REVOKE: {"lists", "revocations", "distrust"},
}
"""Content of a request for each kind of ceremony."""

_PARTS = frozenset().union(*_CONTENT.values())


def check_request(plan: CeremonyPlan, request: RequestSet, registry: Registry | None) -> None:
    """Raise CeremonyError unless a request fits the plan and the medium.

    `registry` is None before the founding.
    """
    if (request.kind, request.environment) != (plan.kind, plan.environment):
        raise CeremonyError(
            f"the request set is for {request.kind} in {request.environment}, and the plan for {plan.kind} in "
            f"{plan.environment}: take the plan and the set of one ceremony"
        )
    plan.check_date(request.created, "the request set")
    others = any(getattr(request, part) for part in _PARTS - _CONTENT[plan.kind])
    if others or (plan.kind is CeremonyKind.FOUNDING and request.authority):
        raise CeremonyError(f"the request set has content that a ceremony of the kind {plan.kind} does not have: stop")
    if plan.hierarchy is not None:
        if request.base_url != plan.hierarchy.base_url:
            raise CeremonyError(
                f"the request set has the address {request.base_url}, and the plan {plan.hierarchy.base_url}"
            )
        requested_keys(plan.hierarchy.authorities, request)
    elif registry is None:
        raise CeremonyError("the medium of this authority is missing: name its folder")
    if registry is not None:
        _check_medium(plan, request, registry)


def _check_medium(plan: CeremonyPlan, request: RequestSet, registry: Registry) -> None:
    same = (registry.environment, registry.base_url) == (plan.environment, request.base_url)
    is_founding = plan.kind is CeremonyKind.FOUNDING
    mine = registry.items[0].request == request.sha256 if registry.items else True
    same &= mine if is_founding else request.authority == registry.authority
    if same and not registry.custodians and plan.kind is CeremonyKind.OFFICERS:
        return  # a folder of --offline-dir: its pass-phrase opens it
    if not same or plan.custodians != registry.custodians:
        raise CeremonyError(
            f"the medium {registry.medium} is that of another authority, or has other custodians: take the medium of "
            "this authority, or a new folder for a founding, and a plan with its custodians in their order"
        )
    if plan.kind in {CeremonyKind.LISTS, CeremonyKind.REVOKE}:
        _check_lists(request, registry)
    if plan.kind is CeremonyKind.CERTIFY:
        check_certify(plan, request, registry)
    if plan.kind is CeremonyKind.REVOKE:
        check_revoke(plan, request, registry)


def _check_lists(request: RequestSet, registry: Registry) -> None:
    pairs = [(one.name, one.shard) for one in request.lists]
    wanted = {(one.name, one.shard) for one in registry.items if one.kind is MadeKind.LIST}
    if len(pairs) > len(set(pairs)) or not wanted <= set(pairs) or {name for name, _ in pairs} - set(registry.signing):
        raise CeremonyError(
            "the request set does not have the lists of each CA on the medium once: have it written again"
        )
    for one in request.lists:
        registry.check_list(one, request)


def make_result(
    plan: CeremonyPlan, request: RequestSet, signer: OfflineSigner, keys: Mapping[str, PublicKey]
) -> ResultSet:
    """Make what the plan says for a request that `check_request` has accepted.

    `keys` are the public keys on the medium. The caller marks the result of a rehearsal.
    """
    check_request(plan, request, signer.registry)
    if plan.hierarchy is not None:
        return _make_hierarchy(plan, plan.hierarchy, request, signer, keys)
    if plan.kind is CeremonyKind.CERTIFY:
        return certify(plan, request, signer, keys)
    if plan.kind in {CeremonyKind.LISTS, CeremonyKind.REVOKE}:
        lists = make_lists(plan, request, request.lists, signer)
        declared = distrust_list(request, signer.registry.certificates())
        distrust = b"" if declared is None else sign_trust_list(MadeKind.DISTRUST, declared, request, signer)
        return ResultSet(plan.kind, request.sha256, is_rehearsal=False, lists=lists, distrust=distrust)
    root = signer.registry.signing[0]
    statement = officers_statement(request, plan.officers)
    item = MadeItem(request.sha256, MadeKind.OFFICERS, root, root)
    found = signer.registry.find(item)
    if found is not None and found.tbs != statement:
        raise CeremonyError(
            "the medium has signed other officers for this request: have a new request written, and begin again"
        )
    signature = signer.make(item, lambda: statement, lambda _tbs, made: made)
    return ResultSet(plan.kind, request.sha256, is_rehearsal=False, officers=plan.officers, signature=signature)


def _make_hierarchy(
    plan: CeremonyPlan, hierarchy: Hierarchy, request: RequestSet, signer: OfflineSigner, keys: Mapping[str, PublicKey]
) -> ResultSet:
    public = {**requested_keys(hierarchy.authorities, request), **keys}
    made = {}
    for spec in hierarchy.authorities:
        wanted = authority_plan(hierarchy, spec, public[spec.file_name], new_serial(), request.created)
        made[spec.file_name] = make_certificate(spec, wanted, request, signer)
    lists = make_lists(plan, request, first_lists(hierarchy.authorities, request), signer)
    return ResultSet(plan.kind, request.sha256, is_rehearsal=False, certificates=made, lists=lists)
