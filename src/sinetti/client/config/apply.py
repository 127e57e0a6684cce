"""Adaptation of a name's stored settings to sinetti.toml (docs/holders/agent.md).

It happens before any service is called for the name.
"""

from collections.abc import Collection, Iterator
from dataclasses import fields, replace
from datetime import datetime
from functools import lru_cache, partial
from pathlib import Path

from cryptography import x509

from sinetti.client.config import messages
from sinetti.client.messages.messages import Message, make_message
from sinetti.client.model import CertificateEntry, Config, OutputOptions, ServiceEntry
from sinetti.client.results import UsageError
from sinetti.client.store import event_log, files, generations, journal, settings, snapshot
from sinetti.client.store.event_log import EventType
from sinetti.client.store.journal import RequestKind
from sinetti.client.store.key_checks import KeyChecks
from sinetti.client.store.settings import NameSettings
from sinetti.client.store.snapshot import NameSnapshot
from sinetti.client.store.trust_memory import extend, memory_of
from sinetti.domain.values import is_same_identifier
from sinetti.pki import chain


def list_configured(
    config: Config, *, for_agent: bool = False, checks: KeyChecks | None = None, only: Collection[str] = ()
) -> Iterator[NameSnapshot]:
    """Yield the snapshots of the names of store and file, as `list_snapshots` does."""
    find = partial(find_conflict, config)
    for name_snapshot in snapshot.list_snapshots(
        config.store, for_agent=for_agent, checks=checks, entries=config.entries, find_conflict=find, only=only
    ):
        service = None if name_snapshot.absence is None else _service(config.entries[name_snapshot.name], config)
        yield (
            name_snapshot
            if service is None
            else replace(name_snapshot, service=service.address, environment=service.environment)
        )


def sync_settings(folder: Path, entry: CertificateEntry, config: Config, now: datetime) -> NameSettings:
    """Return the settings of a name as sinetti.toml wants them; store changes.

    `now` is for the log. Address and anchors come from the table of its service. The customer's name and the key's
    type change if the file gives them. Raises UsageError, with nothing changed, for another environment or customer;
    StoreError; OSError.
    """
    kept = settings.load(folder)
    if not _agrees(folder, kept, entry, config):
        with files.locked(folder):
            kept = settings.load(folder)
            wanted = _wanted(kept, entry, config)
            settings.store(folder, wanted)
            event_log.append(folder, now, EventType.SETTINGS_CHANGED, changed=", ".join(_changes(kept, wanted)))
            kept = wanted
    _settle_open(folder, entry, config)
    return kept


def _settle_open(folder: Path, entry: CertificateEntry, config: Config) -> None:
    """Do the same for a first request that is under way.

    Its settings lie beside its journal, and its key is made.
    """
    where = journal.folder_of(folder, RequestKind.ENROL)
    if not files.exists(where / settings.FILE):
        return
    begun = settings.load(where)
    # Its key is made already, and stored with the options of that time.
    entry = replace(entry, key_is_explicit=False, files=OutputOptions())
    if _agrees(folder, begun, entry, config):
        return
    with files.locked(folder):
        if files.exists(where / settings.FILE):
            settings.store(where, _wanted(begun, entry, config))


def _agrees(folder: Path, kept: NameSettings, entry: CertificateEntry, config: Config) -> bool:
    """Return whether nothing has to be changed.

    Raises UsageError if a change is not allowed.
    """
    conflict = find_conflict(config, folder, kept)
    if conflict is not None:
        raise UsageError(conflict)
    return _wanted(kept, entry, config) == kept


def find_conflict(config: Config, folder: Path, kept: NameSettings) -> Message | None:
    """Return the message on what in sinetti.toml prevents a renewal, or None."""
    entry, name, where = config.entry_of(folder.name), folder.name, str(config.path)
    service = _service(entry, config)
    if service is not None and service.environment is not kept.environment:
        worlds = {"kept": kept.environment.value, "wanted": service.environment.value}
        return make_message(messages.OTHER_ENVIRONMENT, name=name, service=service.name, path=where, **worlds)
    if entry.customer_id is not None and not is_same_identifier(entry.customer_id, kept.customer_id):
        ids = {"kept": kept.customer_id, "wanted": entry.customer_id}
        return make_message(messages.OTHER_CUSTOMER, name=name, path=where, **ids)
    # An encrypted key would lose the password that opens it. Another place of the same password is no loss.
    before, after = kept.files.key_password_file, entry.files.key_password_file
    is_kept = before is None or (entry.files.token is None and after in {None, before})
    if before is not None and not is_kept and (after is None or _differ(before, after)):
        return make_message(messages.OTHER_PASSWORD, name=name, kept=str(before), path=where)
    try:
        octets = files.octets_of(files.live_path(folder) / generations.CHAIN)
        trusts = _trusts(octets, kept.trust_holders if service is None else service.trust_holders)
        trusts = trusts or (service is not None and _trusts(octets, _wanted(kept, entry, config).trust_holders))
    except (OSError, ValueError):  # damage, or no certificate yet
        return None
    place = folder / settings.FILE if service is None else config.path
    return None if trusts else make_message(messages.OTHER_ISSUER, name=name, path=str(place))


@lru_cache(maxsize=256)
def _trusts(octets: bytes, bundle: str) -> bool:
    """Return whether a bundle has the first CA of a chain file, or its successor.

    A successor has the same policies. Its issuer has the same key, or the bundle has the issuer of the chain.
    """
    above, anchors = chain.load_bundle(octets), chain.load_bundle(bundle.encode())
    if above[0] in anchors:
        return True
    policies, parent = (
        [chain.extension_value(anchor, kind) for anchor in (above[0], *anchors)]
        for kind in (x509.CertificatePolicies, x509.AuthorityKeyIdentifier)
    )
    is_kin = bool(chain.issuers_of(above[-1], anchors))
    return any(
        policies[number] == policies[0] and (is_kin or parent[number] == parent[0])
        for number in range(1, len(policies))
    )


def _differ(before: Path, after: Path) -> bool:
    try:
        return before.read_bytes().rstrip(b"\r\n") != after.read_bytes().rstrip(b"\r\n")
    except OSError:  # the former file was moved, or the new one cannot be read, which its reader reports
        return False


def adapt(kept: NameSettings, config: Config, folder: Path) -> NameSettings:
    """Return settings as the next renewal stores them; unchanged if it is refused."""
    return kept if find_conflict(config, folder, kept) else _wanted(kept, config.entry_of(folder.name), config)


def _wanted(kept: NameSettings, entry: CertificateEntry, config: Config) -> NameSettings:
    service = _service(entry, config)
    if service is not None:
        kept = replace(
            kept,
            service=service.address,
            trust_services=service.trust_services,
            trust_holders=service.trust_holders,
            tls_ca=service.tls_ca,
        )
        kept = extend(kept, memory_of(config.store, service.address))
    key = entry.key if entry.key_is_explicit else kept.key
    name = entry.customer_name or kept.customer_name
    return replace(kept, customer_name=name, key=key, files=entry.files.over(kept.files))


def _service(entry: CertificateEntry, config: Config) -> ServiceEntry | None:
    return None if entry.service is None else config.services[entry.service]


def _changes(before: NameSettings, after: NameSettings) -> list[str]:
    return [field.name for field in fields(NameSettings) if getattr(before, field.name) != getattr(after, field.name)]
