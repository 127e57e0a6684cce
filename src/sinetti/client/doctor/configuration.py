"""Checks of sinetti.toml against the store.

Programs have to be executable, secrets readable by the owner alone, and names present in the store.
"""

import os
import shutil
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from sinetti.client.config import apply
from sinetti.client.config.errors import ConfigError
from sinetti.client.doctor import findings
from sinetti.client.doctor.findings import Check, DoctorFinding, Level, passed, warning
from sinetti.client.messages import error_reasons
from sinetti.client.messages.messages import make_message, make_plural_message
from sinetti.client.model import CertificateEntry, Config, Format
from sinetti.client.results import ExitCode
from sinetti.client.store import files, rights, settings
from sinetti.client.store.settings import NameSettings
from sinetti.infra import file_permissions
from sinetti.infra.file_permissions import RightsError

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def mistakes(bad: ConfigError) -> Iterator[DoctorFinding]:
    """Make a finding of each mistake of a configuration that cannot be read."""
    for fault in bad.faults:
        message = (
            fault.message
            if fault.line is None
            else make_message(findings.IN_LINE, line=fault.line, message=fault.message)
        )
        step = make_message(findings.CONFIG_BAD_STEP)
        yield DoctorFinding(Check.CONFIGURATION, Level.FAIL, message, str(bad.path), step, ExitCode.USAGE)


def check_configuration(config: Config, names: Sequence[str]) -> Iterator[DoctorFinding]:
    """Check a configuration that could be read against `names` of the store."""
    message = make_plural_message(findings.CONFIG_GOOD, len(config.entries), path=str(config.path))
    yield passed(Check.CONFIGURATION, message, str(config.path))
    place = config.care.prometheus
    if place is not None and (place.is_dir() or not os.access(place.parent, os.W_OK)):
        message = make_message(findings.METRICS_PLACE, path=str(place))
        yield DoctorFinding(Check.CONFIGURATION, Level.FAIL, message, str(place), None, ExitCode.USAGE)
    entries = [config.defaults, *config.entries.values()]
    yield from _programs(entries)
    yield from _secrets(entries)
    if any(Format.JKS in entry.files.formats for entry in entries) and shutil.which("keytool") is None:
        yield warning(Check.CONFIGURATION, make_message(findings.NO_KEYTOOL), make_message(findings.KEYTOOL_STEP))
    for name in names:
        yield from _beside(config, name)


def services(config: Config | None, name: str | None) -> Iterator[NameSettings]:
    """Yield the settings of configured names that are not in the store yet.

    With `name`, of that name alone.
    """
    if config is None:
        return
    for entry in config.entries.values():
        service = config.services.get(entry.service or "")
        if name not in {None, entry.name} or service is None or entry.customer_id is None:
            continue
        if not files.is_kept(config.store / entry.name):
            yield NameSettings(
                service=service.address,
                environment=service.environment,
                customer_id=entry.customer_id,
                customer_name=entry.customer_name,
                key=entry.key,
                trust_services=service.trust_services,
                trust_holders=service.trust_holders,
                tls_ca=service.tls_ca,
            )


def _programs(entries: Iterable[CertificateEntry]) -> Iterator[DoctorFinding]:
    wanted = {(stage, command[0]): entry.name for entry in entries for stage, command in entry.hooks.commands.items()}
    for (stage, program), name in wanted.items():
        values = {"stage": stage.value, "program": program}
        text = shutil.which(program)
        try:
            if text is not None:
                file_permissions.check_program(Path(text))
        except RightsError as bad:
            message, step = (
                make_message(findings.PROGRAM_OPEN, **values, path=str(bad.path)),
                make_message(rights.CHMOD_STEP, mode="o-w", path=str(bad.path)),
            )
            yield DoctorFinding(Check.HOOKS, Level.FAIL, message, name, step, ExitCode.USAGE)
            continue
        if text is not None:
            yield passed(Check.HOOKS, make_message(findings.PROGRAM_GOOD, **values), name)
        else:
            message = make_message(findings.PROGRAM_MISSING, **values)
            yield DoctorFinding(
                Check.HOOKS, Level.FAIL, message, name, make_message(findings.PROGRAM_STEP), ExitCode.USAGE
            )


def _secrets(entries: Iterable[CertificateEntry]) -> Iterator[DoctorFinding]:
    for path in dict.fromkeys(path for entry in entries for path in _files_of(entry)):
        try:
            mode = path.stat().st_mode
            files.octets_of(path, 1)
        except OSError as bad:
            message = make_message(findings.SECRET_MISSING, path=str(path), why=error_reasons.translate_reason(bad))
            yield DoctorFinding(
                Check.CONFIGURATION, Level.FAIL, message, str(path), make_message(findings.SECRET_STEP), ExitCode.USAGE
            )
            continue
        if os.name == "posix" and mode & _OTHERS:
            step = make_message(rights.CHMOD_STEP, mode="0600", path=str(path))
            yield warning(Check.RIGHTS, make_message(findings.SECRET_OPEN, path=str(path)), step, str(path))


def _files_of(entry: CertificateEntry) -> Iterator[Path]:
    wanted = entry.files
    token = (wanted.token.pin_file,) if wanted.token is not None else ()
    yield from (path for path in (wanted.password_file, wanted.key_password_file, *token) if path is not None)


def _beside(config: Config, name: str) -> Iterator[DoctorFinding]:
    """Compare what a name keeps with the table of its service."""
    try:
        kept = settings.load(config.store / name)
    except (files.StoreError, OSError):
        return  # the check of the certificate reports it
    wanted = apply.adapt(kept, config, config.store / name)
    if kept != replace(wanted, customer_name=kept.customer_name, key=kept.key, files=kept.files):
        yield warning(
            Check.CONFIGURATION, make_message(findings.OTHER_SERVICE), make_message(findings.OTHER_SERVICE_STEP), name
        )
