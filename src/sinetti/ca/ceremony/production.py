"""Certificates, lists and statements that the offline machine makes in a ceremony.

Certificates and lists are built here from the plan and from data. Octets from outside are never signed.
"""

from collections.abc import Mapping

from sinetti.ca.ceremony.objects import distrust_list, first_lists, make_certificate, make_lists, requested_keys
from sinetti.ca.ceremony.plan import CeremonyPlan
from sinetti.ca.ceremony.registry import MadeItem, MadeKind, OfflineSigner, Registry
from sinetti.ca.ceremony.sets import CeremonyKind, RequestSet, ResultSet, officers_statement
from sinetti.ca.ceremony.succession import certify, check_certify, check_revoke, sign_trust_list
from sinetti.ca.ceremony.words import CeremonyError
from sinetti.ca.hierarchy_builder import authority_plan
from sinetti.ca.hierarchy_model import Hierarchy
from sinetti.ca.issuance import new_serial
from sinetti.pki.encoding import PublicKey

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
    found = [(one.name, one.shard) for one in request.lists]
    wanted = {(one.name, one.shard) for one in registry.items if one.kind is MadeKind.LIST}
    if len(found) > len(set(found)) or not wanted <= set(found) or {name for name, _ in found} - set(registry.signing):
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
