"""Certificates, lists and statements that the offline machine makes in a ceremony.

Certificates and lists are built here from the plan and from data. Octets from outside are never signed.
"""

from collections.abc import Mapping
from datetime import timedelta
from functools import partial

from sinetti.ca.ceremony.plan import CeremonyPlan
from sinetti.ca.ceremony.registry import MadeItem, MadeKind, OfflineSigner, Registry
from sinetti.ca.ceremony.sets import CeremonyKind, ListData, RequestSet, ResultSet, officers_statement
from sinetti.ca.ceremony.words import CeremonyError
from sinetti.ca.crl import attach_crl_signature, prepare_crl
from sinetti.ca.hierarchy_builder import authority_plan
from sinetti.ca.hierarchy_model import CaSpec, Hierarchy
from sinetti.ca.issuance import assemble_root, attach_signature, new_serial, prepare_authority
from sinetti.domain.refusals import Rejection
from sinetti.domain.values import KeyPolicy
from sinetti.pki.csr import read_request, request_name
from sinetti.pki.encoding import PublicKey

SHARDS = (0, 1)
"""Lists of a CA at its founding: the whole one, and that of its first shard."""


def first_lists(hierarchy: Hierarchy, request: RequestSet) -> tuple[ListData, ...]:
    """Return the data of the first lists of root and intermediates, which are empty."""
    number = int(request.created.timestamp() * 1000)
    return tuple(ListData(spec.file_name, shard, number, ()) for spec in hierarchy.kept_offline for shard in SHARDS)


def requested_keys(hierarchy: Hierarchy, request: RequestSet) -> dict[str, PublicKey]:
    """Return the keys in the CSRs of a founding, by the file name of their CA.

    Raises CeremonyError if a CSR is missing, extra, of another name or type, or without proof of possession.
    """
    specs = {spec.file_name: spec for spec in hierarchy.authorities if spec not in hierarchy.kept_offline}
    if extra := sorted(request.requests.keys() - specs.keys()):
        sentence = f"the request set has a CSR of {extra[0]}, which the plan does not have below an offline CA: stop"
        raise CeremonyError(sentence)
    if missing := sorted(specs.keys() - request.requests.keys()):
        sentence = f"the request set has no CSR of {missing[0]}, which the plan has: have the set written again"
        raise CeremonyError(sentence)
    keys = {name: _requested_key(specs[name], der) for name, der in request.requests.items()}
    if len({key.public_numbers() for key in keys.values()}) < len(keys):
        sentence = "two CSRs of the request set have one key: have the set written again, with a key for each CA"
        raise CeremonyError(sentence)
    return keys


def _requested_key(spec: CaSpec, der: bytes) -> PublicKey:
    found = read_request(der, KeyPolicy(frozenset({spec.key_type})))
    if isinstance(found, Rejection):
        sentence = f"the CSR of {spec.name} is no request with a key {spec.key_type}, signed by that key: stop"
        raise CeremonyError(sentence)
    if (named := request_name(der)) != spec.name:
        sentence = f"the CSR in the place of {spec.name} has the name {named!r}: the set was changed. Stop"
        raise CeremonyError(sentence)
    return found.public_key


def check_request(plan: CeremonyPlan, request: RequestSet, registry: Registry | None) -> None:
    """Raise CeremonyError unless a request fits the plan and the medium.

    `registry` is None before the founding.
    """
    if (request.kind, request.environment) != (plan.kind, plan.environment):
        sentence = (
            f"the request set is for {request.kind} in {request.environment}, and the plan for {plan.kind} in "
            f"{plan.environment}: take the plan and the set of one ceremony"
        )
        raise CeremonyError(sentence)
    plan.check_date(request.created, "the request set")
    is_empty = {
        CeremonyKind.FOUNDING: not (request.authority or request.lists or request.officers),
        CeremonyKind.LISTS: not (request.requests or request.officers),
        CeremonyKind.OFFICERS: not (request.requests or request.lists),
    }
    if not is_empty[plan.kind]:
        sentence = f"the request set has content that a ceremony of the kind {plan.kind} does not have: stop"
        raise CeremonyError(sentence)
    if plan.hierarchy is not None:
        if request.base_url != plan.hierarchy.base_url:
            sentence = f"the request set has the address {request.base_url}, and the plan {plan.hierarchy.base_url}"
            raise CeremonyError(sentence)
        requested_keys(plan.hierarchy, request)
    elif registry is None:
        sentence = "the medium of this authority is missing: name its folder"
        raise CeremonyError(sentence)
    if registry is not None:
        _check_medium(plan, request, registry)


def _check_medium(plan: CeremonyPlan, request: RequestSet, registry: Registry) -> None:
    same = (registry.environment, registry.base_url) == (plan.environment, request.base_url)
    is_founding = plan.kind is CeremonyKind.FOUNDING
    mine = registry.items[0].request == request.sha256 if registry.items else True
    same &= mine if is_founding else request.authority == registry.authority
    if not same or plan.custodians != registry.custodians:
        sentence = (
            f"the medium {registry.medium} is that of another authority, or has other custodians: take the medium of "
            "this authority, or a new folder for a founding, and a plan with its custodians in their order"
        )
        raise CeremonyError(sentence)
    if plan.kind is CeremonyKind.LISTS:
        _check_lists(request, registry)


def _check_lists(request: RequestSet, registry: Registry) -> None:
    found = [(one.name, one.shard) for one in request.lists]
    wanted = {(one.name, one.shard) for one in registry.items if one.kind is MadeKind.LIST}
    if len(found) > len(set(found)) or not wanted <= set(found) or {name for name, _ in found} - set(registry.signing):
        sentence = "the request set does not have the lists of each CA on the medium once: have it written again"
        raise CeremonyError(sentence)
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
    if plan.kind is CeremonyKind.LISTS:
        return ResultSet(
            plan.kind, request.sha256, is_rehearsal=False, lists=_make_lists(plan, request, request.lists, signer)
        )
    root = signer.registry.signing[0]
    statement = officers_statement(request, plan.officers)
    item = MadeItem(request.sha256, MadeKind.OFFICERS, root, root)
    found = signer.registry.find(item)
    if found is not None and found.tbs != statement:
        sentence = "the medium has signed other officers for this request: have a new request written, and begin again"
        raise CeremonyError(sentence)
    signature = signer.make(item, lambda: statement, lambda _tbs, made: made)
    return ResultSet(plan.kind, request.sha256, is_rehearsal=False, officers=plan.officers, signature=signature)


def _make_hierarchy(
    plan: CeremonyPlan, hierarchy: Hierarchy, request: RequestSet, signer: OfflineSigner, keys: Mapping[str, PublicKey]
) -> ResultSet:
    public = {**requested_keys(hierarchy, request), **keys}
    parents = {spec.name: spec.file_name for spec in hierarchy.authorities}
    made = {}
    for spec in hierarchy.authorities:
        name, parent = spec.file_name, parents[spec.parent] if spec.parent else ""
        item = MadeItem(request.sha256, MadeKind.CERTIFICATE, name, parent or name)
        issuer = signer.registry.issuer(parent) if parent else None
        wanted = authority_plan(hierarchy, spec, public[name], new_serial(), request.created)
        attach = (
            partial(attach_signature, issuer_certificate=issuer.certificate)
            if issuer is not None
            else partial(assemble_root, public_key=public[name])
        )
        made[name] = signer.make(item, partial(prepare_authority, wanted, issuer), attach)
    lists = _make_lists(plan, request, first_lists(hierarchy, request), signer)
    return ResultSet(plan.kind, request.sha256, is_rehearsal=False, certificates=made, lists=lists)


def _make_lists(
    plan: CeremonyPlan, request: RequestSet, lists: tuple[ListData, ...], signer: OfflineSigner
) -> dict[tuple[str, int], bytes]:
    made, until = {}, request.created + timedelta(days=plan.list_days)
    for one in lists:
        issuer = signer.registry.issuer(one.name, one.shard)
        item = MadeItem(request.sha256, MadeKind.LIST, one.name, one.name, one.shard, one.number)
        prepare = partial(prepare_crl, issuer, one.entries, one.number, request.created, until)
        made[one.name, one.shard] = signer.make(
            item, prepare, partial(attach_crl_signature, issuer_certificate=issuer.certificate)
        )
    return made
