"""Exchange with ceremonies: request sets go out, and result sets come in.

One request waits at a time, in the folder. A result counts only for the request that waits, so an older set is refused.
"""

import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from sinetti.authority.bootstrap import Authority, offline_token_names
from sinetti.authority.data_directory import (
    DataDirectory,
    DirectoryKind,
    FolderDamaged,
    FolderError,
    locked,
)
from sinetti.authority.initialise import (
    InitOptions,
    KeyPlaces,
    check_database_free,
    check_founding,
    finish_founding,
    new_folder,
    refuse_other_options,
)
from sinetti.authority.succession import SuccessionContext, install_successor, pending_spec
from sinetti.ca.ceremony.objects import first_lists
from sinetti.ca.ceremony.sets import (
    AnchorsData,
    CeremonyKind,
    DistrustData,
    DistrustLine,
    ListData,
    OfficerLine,
    RequestSet,
    ResultSet,
    RevocationLine,
    canonical,
    officers_statement,
    parse_request_set,
    parse_result_set,
)
from sinetti.ca.ceremony.verification import (
    verify_certified,
    verify_founding,
    verify_lists,
    verify_officers,
    verify_revoked,
)
from sinetti.ca.ceremony.words import CeremonyError
from sinetti.ca.crl import read_list
from sinetti.ca.hierarchy_builder import HOLDERS_ANCHORS, SERVICES_ANCHORS, bundle_of
from sinetti.ca.hierarchy_config import parse_hierarchy
from sinetti.ca.hierarchy_model import CaRole, Hierarchy
from sinetti.database.approvals import officers
from sinetti.database.authorities import register
from sinetti.database.authorities.distrust import list_distrust
from sinetti.database.authorities.register import AuthorityView
from sinetti.database.issuance import crls
from sinetti.domain.approvals.acts import OfficerRole
from sinetti.domain.authorities.lifecycle import CaState
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.infra.atomic_files import PRIVATE, sync_path, write_atomic, write_synced
from sinetti.pki.csr import build_request
from sinetti.pki.encoding import certificate_der, load_certificate, serial_hex, sha256_hex
from sinetti.pki.trust_lists.lists import AnchorsList, DistrustList
from sinetti.services.approvals.officers import (
    CheckedOfficer,
    NewOfficer,
    RootStatement,
    check_officer,
    recover_officers,
)
from sinetti.services.authorities.distrust_list import declared_entries
from sinetti.services.authorities.trust_lists import newest_anchors, newest_distrust, next_number, store_list
from sinetti.services.context import ServiceContext, no_failpoint
from sinetti.services.status.crl import RegisterMovedOn, offline_list_data, store_ceremony_lists
from sinetti.settings import authority as authority_settings


@dataclass(frozen=True)
class ImportOptions:
    """Options of an import: time, actor, pass-phrase of the keys in the folder.

    `step` is called at each point where a test ends the process.
    """

    now: datetime
    actor: str
    request_id: str
    passphrase: bytes | None = field(default=None, repr=False)
    step: Callable[[str], None] = no_failpoint


def begin_founding(root: Path, founding: InitOptions) -> RequestSet:
    """Create a folder with the keys of all online CAs, and return their request.

    The folder awaits the result of a ceremony. The same call returns the same request until that is taken in.

    Raises the errors of `initialise`.
    """
    folder, hierarchy = check_founding(root, founding)
    if folder.is_partially_initialised():
        refuse_other_options(folder, hierarchy, founding)
        if not folder.awaits_certificates() or _founders(folder) != founding.officers:
            raise FolderError(
                f"another founding was begun in {folder.root}: give the same options as then, or another folder"
            )
        return parse_request_set(folder.read(folder.request_set))
    check_database_free(folder, founding)
    # Keys of root and intermediates are made in the ceremony.
    places, requests = KeyPlaces(hierarchy, founding.settings.token, has_offline_folder=True), {}
    with new_folder(folder, places, founding) as (new, keys):
        for spec in hierarchy.authorities:
            if spec not in hierarchy.kept_offline:
                requests[spec.file_name] = build_request(keys.create(spec), spec.name, hierarchy.organisation)
                keys.keep(spec)
        request = replace(_request(CeremonyKind.FOUNDING, hierarchy, founding.now), requests=requests)
        write_synced(new.request_set, request.octets)
        write_synced(
            new.founders,
            canonical(
                {
                    "officers": [
                        {"name": officer.name, "role": officer.role, "key": officer.key.line}
                        for officer in founding.officers
                    ]
                }
            ),
        )
        founding.also(new)
        founding.step("written")
    founding.step("in place")
    return request


def request_lists(authority: Authority) -> RequestSet:
    """Return the request for new lists of all offline CAs, which then waits.

    Raises FolderError if the keys are not offline.
    """
    ctx = authority.ctx
    if not ctx.offline:
        raise FolderError("no key of this authority is offline, so the service signs all revocation lists itself")
    names = [spec.file_name for spec in authority.hierarchy.kept_offline if spec.file_name in ctx.offline]
    lists = tuple(one for name in names for one in offline_list_data(name, ctx))
    return _await(authority, replace(_request(CeremonyKind.LISTS, authority.hierarchy, ctx.now()), lists=lists))


def request_officers(authority: Authority) -> RequestSet:
    """Return the request to replace all officers, which then waits for its result.

    Raises FolderError if no ceremony could answer it.
    """
    if fault := recovery_fault(authority):
        raise FolderError(fault)
    officer_lines = (
        OfficerLine(officer.name, officer.role.value, officer.key)
        for officer in officers.list_officers(authority.ctx.db)
    )
    return _await(
        authority,
        replace(
            _request(CeremonyKind.OFFICERS, authority.hierarchy, authority.ctx.now()),
            instance=authority.folder.instance_id(),
            officers=tuple(officer_lines),
        ),
    )


def recovery_fault(authority: Authority) -> str | None:
    """Return why no ceremony could replace lost officers, or None."""
    root = authority.hierarchy.kept_offline[0].file_name
    if root in authority.ctx.offline - offline_token_names(authority.folder, authority.hierarchy):
        return None
    where = "this folder" if (authority.folder.keys / f"{root}.pem").exists() else "a token or a signer"
    return (
        f"lost officers could not be replaced, since the key of {root} is in {where}: found the authority with "
        "--offline-dir, by a ceremony, or move the key out with sinetti authority offline"
    )


def request_certificates(authority: Authority) -> RequestSet:
    """Return the request to certify the CAs that were begun below offline CAs.

    It waits for its result. The same call returns the request that waits, if it is for the same CAs. Raises
    FolderError without any such CA.
    """
    ctx, newest = authority.ctx, newest_anchors(authority.ctx.db)
    cas = {ca.name: ca for ca in register.list_authorities(ctx.db)}
    order = list(CaRole)
    begun = sorted(register.list_pending(ctx.db), key=lambda pending: order.index(CaRole(pending.role)))
    asked = [
        pending
        for pending in begun
        if pending.issuer in ctx.offline or (pending.issuer is None and not pending.request)
    ]
    if not asked:
        raise FolderError("no CA that was begun waits for a ceremony: run sinetti authority ca begin first")
    specs = tuple(
        pending_spec(pending, cas[pending.issuer].common_name if pending.issuer else None) for pending in asked
    )
    states = {name: ca.state for name, ca in cas.items()} | {pending.name: CaState.STANDBY for pending in asked}
    new = replace(
        _request(CeremonyKind.CERTIFY, authority.hierarchy, ctx.now()),
        requests={pending.name: pending.request for pending in asked if pending.request},
        authorities=specs,
        anchors=AnchorsData(next_number(newest, ctx), states),
    )
    folder = authority.folder
    if folder.request_set.exists() and _is_same(waiting := waiting_request(folder), new, newest):
        return waiting
    return _await(authority, new)


def _is_same(waiting: RequestSet, new: RequestSet, newest: AnchorsList | None) -> bool:
    """Return True if a request for the same certificates waits already."""
    parts = ("kind", "requests", "authorities")
    is_same = all(getattr(waiting, part) == getattr(new, part) for part in parts)
    anchors, wanted = waiting.anchors, new.anchors
    is_later = anchors is not None and (newest is None or anchors.number > newest.number)
    return is_same and is_later and anchors is not None and wanted is not None and anchors.states == wanted.states


def request_revocations(authority: Authority) -> RequestSet:
    """Return the request for lists with revoked CAs that offline CAs lack.

    It has a list of distrust, too, if one of them was stolen. Raises FolderError if all are listed.
    """
    ctx = authority.ctx
    unlisted = [ca for ca in register.list_authorities(ctx.db) if ca.issuer in ctx.offline and not is_listed(ca, ctx)]
    if not unlisted:
        raise FolderError("every revoked CA is on the list of the CA above it: there is nothing to sign")
    lines = tuple(RevocationLine(ca.name, *_reason(ca)) for ca in unlisted)
    request = replace(request_lists(authority), kind=CeremonyKind.REVOKE, revocations=lines)
    if any(line.since is not None for line in lines):
        last = newest_distrust(ctx.db)
        entries = declared_entries(list_distrust(ctx.db), last)
        rows = tuple(DistrustLine(entry.name, entry.since, entry.bridge_until) for entry in entries)
        request = replace(request, distrust=DistrustData(next_number(last, ctx), rows))
    return _await(authority, request)


def is_listed(ca: AuthorityView, ctx: ServiceContext) -> bool:
    """Return True for a CA that is in force, or on the newest list of the CA above it."""
    if ca.revoked_at is None or ca.issuer is None:
        return True
    newest = crls.latest_crl(ctx.db, ca.issuer, crls.WHOLE)
    serial = serial_hex(load_certificate(ca.certificate).serial_number)
    return newest is not None and any(entry.serial == serial for entry in read_list(newest.der).entries)


def _reason(ca: AuthorityView) -> tuple[RevocationReason, datetime | None]:
    reason = ca.revocation_reason or RevocationReason.UNSPECIFIED
    since = ca.distrust.since if ca.distrust and reason is RevocationReason.CA_COMPROMISE else None
    return reason, since


def waiting_request(folder: DataDirectory) -> RequestSet:
    """Return the request that waits for its result. Raises FolderError without one."""
    if not folder.request_set.exists():
        raise FolderError(f"no request of {folder.root} waits for a result: it was taken in, or none was written")
    return parse_request_set(folder.read(folder.request_set))


def import_founding(root: Path, octets: bytes, options: ImportOptions) -> None:
    """Complete a founding with the certificates and lists of its ceremony.

    Everything is verified first. The result is stored before any certificate, and the same call continues after an
    interruption. Raises CeremonyError, FolderError, FolderDamaged and the errors of `initialise`.
    """
    folder = DataDirectory(root.absolute())
    settings = authority_settings.read(folder.settings)
    text = folder.read(folder.hierarchy).decode("utf-8", "replace")
    hierarchy = parse_hierarchy(text, settings.environment, settings.base_url, is_stored=True)
    with locked(folder.root):
        request, result = waiting_request(folder), parse_result_set(octets)
        certificates = verify_founding(hierarchy, request, result)
        _check_clock(request, options)
        if folder.result_set.exists() and folder.read(folder.result_set) != octets:
            raise CeremonyError("another result of this request was begun to be taken in: carry that one again")
        write_atomic(folder.result_set, octets, PRIVATE)
        options.step("result")
        for (name, shard), der in result.lists.items():
            write_atomic(folder.certificates / f"{name}.{shard}.crl", der)
        for name, certificate in certificates.items():
            write_atomic(folder.certificates / f"{name}.cer", certificate_der(certificate))
            options.step("certificate")
        write_atomic(folder.trust / "holders.pem", bundle_of(hierarchy, certificates, *HOLDERS_ANCHORS))
        write_atomic(folder.trust / "services.pem", bundle_of(hierarchy, certificates, *SERVICES_ANCHORS))
        options.step("certificates")
    founding = InitOptions(
        DirectoryKind.AUTHORITY,
        text,
        settings,
        options.now,
        step=options.step,
        passphrase=options.passphrase,
        officers=_founders(folder),
        actor=options.actor,
    )
    finish_founding(folder, hierarchy, founding)
    options.step("founded")
    _end(folder)


def import_signed(authority: Authority, octets: bytes, options: ImportOptions) -> RequestSet:
    """Take in lists or officers for the request that waits; return that request.

    Raises CeremonyError, FolderError and OfficerError.
    """
    folder, ctx = authority.folder, authority.ctx
    with locked(folder.root):
        if folder.founders.exists():  # a founding was completed, and the process ended before it removed its request
            _end(folder)
        request, result = waiting_request(folder), parse_result_set(octets)
        root = ctx.issuers[authority.hierarchy.kept_offline[0].file_name].certificate
        _check_clock(request, options)
        if request.kind is CeremonyKind.LISTS:
            verify_lists(ctx.issuers, request, result)
            _store_crls(request.lists, dict(result.lists), ctx, options)
        elif request.kind is CeremonyKind.REVOKE:
            distrust = verify_revoked(ctx.issuers, request, result)
            _store_crls(request.lists, dict(result.lists), ctx, options)
            if distrust is not None:
                _store_trust_list(distrust, result.distrust, newest_distrust(ctx.db), ctx, options)
        elif request.kind is CeremonyKind.OFFICERS:
            verify_officers(root, request, result)
            new = [
                check_officer(NewOfficer(officer.name, OfficerRole(officer.role), officer.key.encode()), ctx.approvals)
                for officer in result.officers
            ]
            _check_in_force(request, new, ctx)
            statement = RootStatement(
                officers_statement(request, result.officers), result.signature, certificate_der(root)
            )
            recover_officers(new, statement, ctx, options.actor, options.request_id)
    if request.kind is CeremonyKind.CERTIFY:
        _install(authority, request, result, options)
    options.step("stored")
    with locked(folder.root):
        _end(folder)
    return request


def _install(authority: Authority, request: RequestSet, result: ResultSet, options: ImportOptions) -> None:
    """Take in new CAs, their first lists, and the list of anchors, again if cut short."""
    ctx, new = authority.ctx, {spec.file_name for spec in request.authorities}
    certified = verify_certified({name: ca for name, ca in ctx.issuers.items() if name not in new}, request, result)
    before = newest_anchors(ctx.db)
    if before is not None and before.number >= certified.anchors.number and before != certified.anchors:
        raise CeremonyError(
            "a list of anchors was stored after the request: write a new request set, and have that signed"
        )
    means = SuccessionContext(authority, options.actor, options.request_id)
    lists = first_lists(request.authorities, request)
    for name in (spec.file_name for spec in request.authorities):
        mine = [one for one in lists if one.name == name]
        install_successor(name, result.certificates[name], means)
        options.step("installed")
        if mine:
            _store_crls(mine, dict(result.lists), ctx, options)
            install_successor(name, None, means)
    _store_trust_list(certified.anchors, result.anchors, newest_anchors(ctx.db), ctx, options)


def _store_trust_list(
    new: AnchorsList | DistrustList,
    octets: bytes,
    before: AnchorsList | DistrustList | None,
    ctx: ServiceContext,
    options: ImportOptions,
) -> None:
    """Store a trust list of a ceremony, unless a newer one is stored.

    A list of distrust that was signed online meanwhile has all entries of this one.
    """
    if before is None or before.number < new.number:
        store_list(new, octets, before.number if before else 0, ctx, (options.actor, options.request_id))


def _store_crls(
    asked: Sequence[ListData], lists: dict[tuple[str, int], bytes], ctx: ServiceContext, options: ImportOptions
) -> None:
    audit = ctx.audit_entry(options.actor, options.request_id)
    for name in dict.fromkeys(one.name for one in asked):
        mine = {one.shard: (one, lists[name, one.shard]) for one in asked if one.name == name}
        try:
            store_ceremony_lists(mine, ctx, audit)
        except RegisterMovedOn:
            raise CeremonyError(
                f"a certificate of {name} was revoked after the request: write a new request set, and sign that"
            ) from None
        options.step("list")


def _check_in_force(request: RequestSet, new: Sequence[CheckedOfficer], ctx: ServiceContext) -> None:
    """Raise CeremonyError if officers changed after the request.

    They may be the new ones already, after an interruption.
    """
    in_force = {officer.key for officer in officers.list_officers(ctx.db)}
    if in_force not in ({officer.key for officer in request.officers}, {officer.key.line for officer in new}):
        raise CeremonyError(
            "the officers changed after the request: write a new request set, and run the ceremony with that"
        )


def _check_clock(request: RequestSet, options: ImportOptions) -> None:
    if options.now < request.created:
        raise CeremonyError(
            f"the clock of this machine is before the request of {request.created:%Y-%m-%d %H:%M} UTC: set it"
        )


def _request(kind: CeremonyKind, hierarchy: Hierarchy, now: datetime) -> RequestSet:
    at = now.replace(microsecond=0)
    return RequestSet(kind, hierarchy.environment, hierarchy.base_url, at, secrets.token_hex(32))


def _await(authority: Authority, request: RequestSet) -> RequestSet:
    """Store a request of an existing authority; it replaces one that waits."""
    root = authority.ctx.issuers[authority.hierarchy.kept_offline[0].file_name].certificate
    named = replace(request, authority=sha256_hex(certificate_der(root)))
    with locked(authority.folder.root):
        write_atomic(authority.folder.request_set, named.octets, PRIVATE)
    return named


def _end(folder: DataDirectory) -> None:
    for path in (folder.request_set, folder.result_set, folder.founders):
        path.unlink(missing_ok=True)
    sync_path(folder.root)


def _founders(folder: DataDirectory) -> tuple[CheckedOfficer, ...]:
    """Return the officers of a founding that was begun. Raises FolderDamaged."""
    policy = authority_settings.read(folder.settings).policy
    try:
        rows = json.loads(folder.read(folder.founders))["officers"]
        new = [NewOfficer(row["name"], OfficerRole(row["role"]), row["key"].encode()) for row in rows]
    except (ValueError, TypeError, KeyError):
        raise FolderDamaged(f"{folder.founders} is damaged: restore it from a copy of the folder") from None
    return tuple(check_officer(new_officer, policy) for new_officer in new)
