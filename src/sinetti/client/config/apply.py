"""Adaptation of a name's stored settings to sinetti.toml (docs/holders/agent.md).

It happens before any service is called for the name.
"""

from dataclasses import fields, replace
from datetime import datetime
from pathlib import Path

from sinetti.client.config import messages
from sinetti.client.messages.messages import make_message
from sinetti.client.model import CertificateEntry, Config, OutputOptions, ServiceEntry
from sinetti.client.results import UsageError
from sinetti.client.store import event_log, files, journal, settings
from sinetti.client.store.event_log import EventType
from sinetti.client.store.journal import RequestKind
from sinetti.client.store.settings import NameSettings
from sinetti.client.store.trust_memory import extend, memory_of
from sinetti.domain.values import is_same_identifier


def sync_settings(folder: Path, entry: CertificateEntry, config: Config, now: datetime) -> NameSettings:
    """Return the settings of a name as sinetti.toml wants them; store changes.

    `now` is for the log. Address and anchors come from the table of its service. The customer's name and the key's
    type change if the file gives them. Raises UsageError, with nothing changed, for another environment or customer;
    StoreError; OSError.
    """
    kept = settings.load(folder)
    if not _agrees(folder.name, kept, entry, config):
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
    if _agrees(folder.name, begun, entry, config):
        return
    with files.locked(folder):
        if files.exists(where / settings.FILE):
            settings.store(where, _wanted(begun, entry, config))


def _agrees(name: str, kept: NameSettings, entry: CertificateEntry, config: Config) -> bool:
    """Return whether nothing has to be changed.

    Raises UsageError if a change is not allowed.
    """
    service = _service(entry, config)
    where = str(config.path)
    if service is not None and service.environment is not kept.environment:
        worlds = {"kept": kept.environment.value, "wanted": service.environment.value}
        raise UsageError(
            make_message(messages.OTHER_ENVIRONMENT, name=name, service=service.name, path=where, **worlds)
        )
    if entry.customer_id is not None and not is_same_identifier(entry.customer_id, kept.customer_id):
        ids = {"kept": kept.customer_id, "wanted": entry.customer_id}
        raise UsageError(make_message(messages.OTHER_CUSTOMER, name=name, path=where, **ids))
    _refuse_other_password(name, kept, entry, where)
    return _wanted(kept, entry, config) == kept


def _refuse_other_password(name: str, kept: NameSettings, entry: CertificateEntry, where: str) -> None:
    """Raise UsageError if an encrypted key would lose the password that opens it.

    Another place of the same password is no loss.
    """
    before, after = kept.files.key_password_file, entry.files.key_password_file
    if before is None or (entry.files.token is None and after in {None, before}):
        return
    if after is None or _differ(before, after):
        raise UsageError(make_message(messages.OTHER_PASSWORD, name=name, kept=str(before), path=where))


def _differ(before: Path, after: Path) -> bool:
    try:
        return before.read_bytes().rstrip(b"\r\n") != after.read_bytes().rstrip(b"\r\n")
    except OSError:  # the former file was moved, or the new one cannot be read, which its reader reports
        return False


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
    return [one.name for one in fields(NameSettings) if getattr(before, one.name) != getattr(after, one.name)]
