"""Checks of the folder: settings, permissions, certificates, keys, disk, journals.

They need no network and no database.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from cryptography import x509

from sinetti.authority.bootstrap import check_opens, journal_mark, parts_off, read_certificate, read_hierarchy
from sinetti.authority.checks.state import CheckState, CheckStep, is_owner_or_root
from sinetti.authority.data_directory import DirectoryKind, FolderError, journal_folder
from sinetti.authority.key_inventory import CheckedKey, KeyHolder, KeyRole, check_keys
from sinetti.authority.key_store import StoreKind
from sinetti.authority.passphrases import PassphraseSource, locate
from sinetti.ca.hierarchy_model import CaRole
from sinetti.domain.operations.monitoring import CheckFinding, Impact, finding_of, is_near_expiry
from sinetti.domain.values import Environment
from sinetti.infra.clock import utc_now
from sinetti.infra.file_permissions import user_name
from sinetti.infra.toml_tables import SettingsError
from sinetti.journal.writer import LEAST_ROOM, Journal, JournalHeader
from sinetti.pki.chain import issuers_of as signers_of
from sinetti.server.addresses import check_available
from sinetti.server.listener import check_key_pair
from sinetti.settings import authority as authority_settings
from sinetti.settings import notifications, portal

_LITTLE_ROOM = 256 * 1024 * 1024
"""Free octets on a disk below which the check warns."""
_OTHERS, _OTHERS_WRITE = 0o077, 0o022
"""Bits of a mode that give rights, or the right to write, to other users."""

_MEBIBYTE = 1024 * 1024


def inspect_settings(state: CheckState) -> Iterator[CheckFinding]:
    """Read `authority.toml`, with one finding for each fault."""
    path = state.folder.settings
    try:
        state.settings = authority_settings.read(path)
    except SettingsError as bad:
        for sentence in bad.faults:
            yield finding_of(Impact.START, str(path), sentence)


def inspect_hierarchy(state: CheckState) -> Iterator[CheckFinding]:
    """Read the hierarchy."""
    if state.settings is not None:
        state.hierarchy = read_hierarchy(state.folder, state.settings)
    yield from ()


def inspect_certificates(state: CheckState) -> Iterator[CheckFinding]:
    """Read the certificate of each CA, and judge its dates and its issuer."""
    for spec in state.hierarchy.authorities if state.hierarchy else ():
        path = state.folder.certificates / f"{spec.file_name}.cer"
        try:
            certificate = read_certificate(state.folder, spec.file_name)
        except FolderError as bad:
            yield finding_of(Impact.START, str(path), str(bad))
            continue
        state.certificates[spec.file_name] = certificate
        yield from _dates(state, str(path), certificate)
        above = next((other for other in state.certificates.values() if signers_of(certificate, [other])), None)
        if above is None and spec.role is not CaRole.ROOT:
            why = "no CA of the hierarchy issued this certificate"
            yield CheckFinding(Impact.SOAP, str(path), why, "restore the certificate from a copy of the folder")


def _dates(state: CheckState, what: str, certificate: x509.Certificate) -> Iterator[CheckFinding]:
    now = utc_now()
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if now < begins:
        why = f"it is valid only from {_written(begins)}, and this machine's clock says {_written(now)}"
        yield CheckFinding(Impact.SOAP, what, why, "set the clock, preferably with NTP")
    elif now > ends:
        yield CheckFinding(Impact.SOAP, what, f"the CA ended on {_written(ends)}", "create its successor")
    elif state.options.is_offline and is_near_expiry(begins, ends, now):
        yield CheckFinding(Impact.UPKEEP, what, f"the CA ends on {_written(ends)}", "create its successor")


def _written(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def inspect_passphrase(state: CheckState) -> Iterator[CheckFinding]:
    """Find the pass-phrase of the keys, and try it."""
    given = state.options.passphrase
    kind = DirectoryKind.AUTHORITY
    source = locate(state.folder, kind) if given is None else PassphraseSource("the file of --passphrase-file", given)
    if source is None:
        if any(state.folder.keys.glob("*.pem")) and not (state.settings and state.settings.signer):
            why = "no pass-phrase was found, so the keys in files cannot be opened"
            fix = "give --passphrase-file, or run the command with systemd's credential (docs/operators/keys.md)"
            # A person checks without the credential; the service itself cannot start without it.
            is_start = state.options.is_start and state.serving is None
            yield CheckFinding(Impact.START if is_start else Impact.UPKEEP, "pass-phrase", why, fix)
        return
    # A services CA without any key has a finding of its own, and must not hide those of the other keys.
    if state.hierarchy is not None and any(state.folder.keys.glob(f"{state.hierarchy.services.file_name}.*")):
        check_opens(state.folder, state.hierarchy, source)
    state.passphrase = source.octets


_ROLES = {
    KeyRole.ISSUING: Impact.SOAP,
    KeyRole.SERVICES: Impact.SOAP,
    KeyRole.ROOT: Impact.STATUS,
    KeyRole.INTERMEDIATE: Impact.STATUS,
}
"""Impact of a key that cannot be used; the service replaces other keys itself."""


def inspect_keys(state: CheckState) -> Iterator[CheckFinding]:
    """Sign with each key that is here, and compare it with its certificate."""
    if not state.is_complete:
        return
    holder = state.holder()
    try:
        for checked_key in check_keys(holder):
            if checked_key.problem is not None and _is_openable(holder, checked_key.listed.name):
                yield _key_finding(state, checked_key)
    finally:
        holder.keys.close()


def _is_openable(holder: KeyHolder, name: str) -> bool:
    """Return False for a key that only waits for a pass-phrase.

    The missing pass-phrase has a finding of its own.
    """
    return holder.keys.store_of(name).is_usable() or not (holder.folder.keys / f"{name}.pem").exists()


def _key_finding(state: CheckState, checked_key: CheckedKey) -> CheckFinding:
    role, name = checked_key.listed.role, checked_key.listed.name
    certificate = state.folder.certificates / f"{name}.cer"
    impact = _ROLES.get(role, Impact.UPKEEP) if checked_key.has_signed is False else Impact.SAFETY
    why = f"{role} key: {' '.join(str(checked_key.problem).split())}"
    what = str(state.folder.keys / name)
    if checked_key.has_signed is not False:
        return finding_of(impact, what, why)
    if checked_key.listed.kind is StoreKind.FILE:
        return CheckFinding(impact, what, why, f"restore this key from a copy, so that it matches {certificate}")
    place = "the separate signer" if checked_key.listed.kind is StoreKind.SIGNER else "the token"
    return CheckFinding(impact, what, why, f"make {place} available, with the key that matches {certificate}")


def inspect_permissions(state: CheckState) -> Iterator[CheckFinding]:
    """Judge owners and modes of the folder's files."""
    folder = state.folder
    owner = folder.root.stat().st_uid
    if not is_owner_or_root(folder.root):
        why = f"this command runs as {user_name(os.geteuid())}, and the folder belongs to {user_name(owner)}"
        fix = f"run it as that user: runuser -u {user_name(owner)} -- sinetti authority check"
        yield CheckFinding(Impact.UPKEEP, str(folder.root), why, fix)
        return
    for path in (folder.root, *sorted(folder.root.rglob("*"))):
        with suppress(FileNotFoundError):  # a temporary file of a database or a writer
            yield from _permissions(state, path, owner)
    yield from _journal_permissions(state)
    for path in (folder.root, folder.keys, folder.certificates, folder.secrets):
        if not os.access(path, os.W_OK):
            why = "the service cannot write it"
            yield CheckFinding(Impact.START, str(path), why, "mount it writable, and give it to the service's user")


def _journal_permissions(state: CheckState) -> Iterator[CheckFinding]:
    if state.settings is None:
        return
    with suppress(SettingsError, FileNotFoundError):  # findings of the step for journals
        place = journal_folder(state.folder, DirectoryKind.AUTHORITY, state.settings)
        yield from _changeable(place, place.stat().st_mode)


def _changeable(path: Path, mode: int) -> Iterator[CheckFinding]:
    if not stat.S_ISLNK(mode) and mode & _OTHERS_WRITE:
        yield CheckFinding(Impact.SAFETY, str(path), "other users can change it", f"run chmod go-w {path}")


def _permissions(state: CheckState, path: Path, owner: int) -> Iterator[CheckFinding]:
    status = path.lstat()
    if status.st_uid != owner:
        why = f"it belongs to {user_name(status.st_uid)}, and the service runs as {user_name(owner)}"
        impact = Impact.UPKEEP if status.st_mode & stat.S_IROTH else Impact.START
        yield CheckFinding(impact, str(path), why, f"run chown {user_name(owner)} {path}")
    yield from _changeable(path, status.st_mode)
    is_secret = {state.folder.keys, state.folder.secrets} & set(path.parents)
    if is_secret and stat.S_ISREG(status.st_mode) and status.st_mode & _OTHERS:
        yield CheckFinding(Impact.SAFETY, str(path), "other users can read it", f"run chmod 600 {path}")


def inspect_disks(state: CheckState) -> Iterator[CheckFinding]:
    """Judge the free space of the disks that the service writes to."""
    places = [state.folder.root]
    if state.settings is not None:
        journal = journal_folder(state.folder, DirectoryKind.AUTHORITY, state.settings)
        places.append(next(parent for parent in (journal, *journal.parents) if parent.exists()))
    for place in dict.fromkeys(places):
        space = os.statvfs(place)
        free = space.f_bavail * space.f_frsize
        fix = f"free space on the disk of {place}, or move the folder to a larger one"
        if free < LEAST_ROOM or (space.f_files and not space.f_favail):
            why = "the disk is full" if free < LEAST_ROOM else "the disk has no inode left"
            yield CheckFinding(Impact.SOAP, str(place), f"{why}, so no fact can be written", fix)
        elif free < _LITTLE_ROOM:
            yield CheckFinding(Impact.UPKEEP, str(place), f"only {free // _MEBIBYTE} MiB are free", fix)


def inspect_journals(state: CheckState) -> Iterator[CheckFinding]:
    """Check that journals of this authority are where they were, and can be written."""
    if state.settings is None:
        return
    path = journal_folder(state.folder, DirectoryKind.AUTHORITY, state.settings)
    mark = journal_mark(state.folder, DirectoryKind.AUTHORITY)
    header = JournalHeader(state.folder.instance_id(), state.settings.environment, mark.node)
    Journal(path, header, utc_now, mark).check_not_lost()
    existing = next(parent for parent in (path, *path.parents) if parent.exists())
    if is_owner_or_root(state.folder.root) and not os.access(existing, os.W_OK):
        fix = f"create it for the service's user: install -d -m 0700 -o USER {path}"
        yield CheckFinding(Impact.START, str(path), "the service cannot write journals here", fix)


_PARTS = {"sms": Impact.MESSAGES, notifications.FILE: Impact.MESSAGES, "witnesses": Impact.UPKEEP}
"""Impact of an optional part that is left out; all others belong to the pages."""


def inspect_parts(state: CheckState) -> Iterator[CheckFinding]:
    """List optional parts that are left out, and what PRODUCTION lacks without a file."""
    settings, folder = state.settings, state.folder
    if settings is None:
        return
    for part_off in parts_off(folder, settings):
        yield finding_of(_PARTS.get(part_off.part, Impact.PAGES), f"{part_off.part} (left out)", part_off.why)
    is_production = settings.environment is Environment.PRODUCTION
    if not folder.notices.exists() and (is_production or state.has_pages):
        why = "it is missing, so no messages are sent and no pages are served"
        yield CheckFinding(Impact.MESSAGES, str(folder.notices), why, "copy deploy/notices.toml, and write your texts")
    if is_production and state.has_pages:
        found = portal.read(folder.eservice)
        texts = {"appeal": found.appeal, "legal_basis": found.legal_basis, "operator": found.operator}
        if missing := [name for name, text in texts.items() if not text]:
            why = f"it has no {', '.join(missing)}, which the law requires on the pages"
            fix = "write these tables as deploy/eservice.toml shows"
            yield CheckFinding(Impact.PAGES, str(folder.eservice), why, fix)


def inspect_tls(state: CheckState) -> Iterator[CheckFinding]:
    """Check that the TLS key belongs to the certificate, and its dates."""
    if state.tls is None:
        return
    certificate, key = state.tls
    now, pair = utc_now(), check_key_pair(certificate, key)
    if now > pair.ends:
        why = f"the TLS certificate ended on {_written(pair.ends)}"
        yield CheckFinding(Impact.SOAP, str(certificate), why, "install a new one, then run sinetti authority reload")
    elif is_near_expiry(pair.begins, pair.ends, now):
        why = f"the TLS certificate ends on {_written(pair.ends)}"
        yield CheckFinding(Impact.UPKEEP, str(certificate), why, "install a new one, then run sinetti authority reload")
    if key.stat().st_mode & _OTHERS:
        yield CheckFinding(Impact.SAFETY, str(key), "other users can read it", f"run chmod 600 {key}")


def inspect_addresses(state: CheckState) -> Iterator[CheckFinding]:
    """Check that the service can listen on its addresses, unless it already does."""
    if state.serving is None:
        for host, port in state.options.listens:
            check_available(host, port)
    yield from ()


STEPS = (
    CheckStep("authority.toml", Impact.START, inspect_settings),
    CheckStep("hierarchy", Impact.START, inspect_hierarchy),
    CheckStep("CA certificates", Impact.START, inspect_certificates),
    CheckStep("permissions", Impact.UPKEEP, inspect_permissions),
    CheckStep("pass-phrase", Impact.START, inspect_passphrase),
    CheckStep("keys", Impact.START, inspect_keys),
    CheckStep("disk", Impact.START, inspect_disks),
    CheckStep("journals", Impact.START, inspect_journals),
    CheckStep("TLS certificate", Impact.START, inspect_tls),
    CheckStep("addresses to listen on", Impact.START, inspect_addresses),
    CheckStep("optional parts", Impact.UPKEEP, inspect_parts),
)
"""Steps in the order in which later ones need the results of earlier ones."""
