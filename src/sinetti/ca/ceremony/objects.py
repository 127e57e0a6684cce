"""Keys, certificates and lists that several kinds of ceremonies have in common."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from functools import partial

from cryptography import x509

from sinetti.ca.ceremony.plan import CeremonyPlan
from sinetti.ca.ceremony.registry import MadeItem, MadeKind, OfflineSigner
from sinetti.ca.ceremony.sets import ListData, RequestSet
from sinetti.ca.ceremony.words import CeremonyError
from sinetti.ca.crl import attach_crl_signature, prepare_crl
from sinetti.ca.hierarchy_model import CaRole, CaSpec, file_name_for
from sinetti.ca.issuance import assemble_root, attach_signature, prepare_authority
from sinetti.ca.issuance_request import CaRequest
from sinetti.domain.refusals import Rejection
from sinetti.domain.values import KeyPolicy, Sha256
from sinetti.pki.csr import read_request, request_name
from sinetti.pki.encoding import PublicKey, certificate_der, sha256_hex
from sinetti.pki.trust_lists.lists import DistrustEntry, DistrustList

FIRST_LISTS = (0, 1)
"""Shards of the lists that a new CA has: the whole list, and its first shard."""

OFFLINE_ROLES = frozenset({CaRole.ROOT, CaRole.INTERMEDIATE})
"""Roles of CAs whose keys are made on the medium."""


def first_lists(specs: Iterable[CaSpec], request: RequestSet) -> tuple[ListData, ...]:
    """Return the data of the first lists of offline CAs, which are empty."""
    number = int(request.created.timestamp() * 1000)
    offline = (spec for spec in specs if spec.role in OFFLINE_ROLES)
    return tuple(ListData(spec.file_name, shard, number, ()) for spec in offline for shard in FIRST_LISTS)


def requested_keys(specs: Iterable[CaSpec], request: RequestSet) -> dict[str, PublicKey]:
    """Return the keys in the CSRs of the online ones among CAs, by file name.

    Raises CeremonyError if a CSR is missing, extra, of another name or type, or without proof of possession.
    """
    online = {spec.file_name: spec for spec in specs if spec.role not in OFFLINE_ROLES}
    if extra := sorted(request.requests.keys() - online.keys()):
        raise CeremonyError(
            f"the request set has a CSR of {extra[0]}, which the plan does not have below an offline CA: stop"
        )
    if missing := sorted(online.keys() - request.requests.keys()):
        raise CeremonyError(
            f"the request set has no CSR of {missing[0]}, which the plan has: have the set written again"
        )
    keys = {name: _requested_key(online[name], der) for name, der in request.requests.items()}
    if len({key.public_numbers() for key in keys.values()}) < len(keys):
        raise CeremonyError(
            "two CSRs of the request set have one key: have the set written again, with a key for each CA"
        )
    return keys


def _requested_key(spec: CaSpec, der: bytes) -> PublicKey:
    request = read_request(der, KeyPolicy(frozenset({spec.key_type})))
    if isinstance(request, Rejection):
        raise CeremonyError(
            f"the CSR of {spec.name} is no request with a key {spec.key_type}, signed by that key: stop"
        )
    if (named := request_name(der)) != spec.name:
        raise CeremonyError(f"the CSR in the place of {spec.name} has the name {named!r}: the set was changed. Stop")
    return request.public_key


def make_certificate(spec: CaSpec, wanted: CaRequest, request: RequestSet, signer: OfflineSigner) -> bytes:
    """Sign a CA's certificate with the key of the CA above it; a root signs itself."""
    name, parent = spec.file_name, file_name_for(spec.parent) if spec.parent else ""
    issuer = signer.registry.issuer(parent) if parent else None
    attach = (
        partial(assemble_root, public_key=wanted.public_key)
        if issuer is None
        else partial(attach_signature, issuer_certificate=issuer.certificate)
    )
    item = MadeItem(request.sha256, MadeKind.CERTIFICATE, name, parent or name)
    return signer.make(item, partial(prepare_authority, wanted, issuer), attach)


def distrust_list(request: RequestSet, certificates: Mapping[str, x509.Certificate]) -> DistrustList | None:
    """Return the list of distrust that a request has, or None without one.

    `certificates` has those of all CAs by file name.
    """
    data = request.distrust
    if data is None:
        return None
    entries = tuple(
        DistrustEntry(sha256_hex(certificate_der(certificates[row.name])), row.name, row.since, row.bridge_until)
        for row in data.rows
    )
    return DistrustList(request.environment, Sha256(request.authority), data.number, request.created, entries)


def make_lists(
    plan: CeremonyPlan, request: RequestSet, lists: tuple[ListData, ...], signer: OfflineSigner
) -> dict[tuple[str, int], bytes]:
    """Sign revocation lists with these data, by name and shard."""
    made, until = {}, request.created + timedelta(days=plan.list_days)
    for one in lists:
        issuer = signer.registry.issuer(one.name, one.shard)
        item = MadeItem(request.sha256, MadeKind.LIST, one.name, one.name, one.shard, one.number)
        prepare = partial(prepare_crl, issuer, one.entries, one.number, request.created, until)
        made[one.name, one.shard] = signer.make(
            item, prepare, partial(attach_crl_signature, issuer_certificate=issuer.certificate)
        )
    return made
