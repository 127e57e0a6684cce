"""Service of a command, named by options or by a table of sinetti.toml.

Options override the table.
"""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from sinetti.cli.client import common
from sinetti.client import service_address
from sinetti.client.config import messages as config_messages
from sinetti.client.messages import error_reasons, messages
from sinetti.client.model import CertificateEntry, Config, ServiceEntry
from sinetti.client.results import UsageError
from sinetti.client.store import settings
from sinetti.domain.values import Environment

NEEDED = ("service", "trust_services", "trust_holders", "environment")
"""Options that every service needs, by their names in the parsed arguments."""


def add_service(parser: argparse.ArgumentParser) -> None:
    """Add the options that describe a service."""
    parser.add_argument(
        "--service", metavar="URL|NAME", help="address of the service (https), or the name of its table in sinetti.toml"
    )
    parser.add_argument(
        "--trust-services",
        metavar="PEM",
        type=Path,
        help="CAs that issue the certificates with which the service signs its responses",
    )
    parser.add_argument("--trust-holders", metavar="PEM", type=Path, help="CAs that issue certificates to holders")
    parser.add_argument(
        "--tls-ca",
        metavar="PEM",
        type=Path,
        help="CAs to trust for the server's TLS certificate (default: the system's)",
    )
    parser.add_argument("--environment", choices=common.choices(Environment), help="environment of the service")


def config_for(parsed: argparse.Namespace, *also: str) -> Config | None:
    """Read sinetti.toml if it is named, or if it can supply an option that is missing.

    `also` are options beside the service's that the command needs, by their names in the parsed arguments. Raises
    ConfigError if the file is wrong.
    """
    needed = (*NEEDED, *also)
    alone = all(getattr(parsed, option) is not None for option in needed) and _is_address(parsed.service)
    return None if alone and parsed.config is None else common.config_of(parsed)


def entry_for(parsed: argparse.Namespace, config: Config | None) -> CertificateEntry:
    """Return the entry of sinetti.toml for the command's name.

    Without a file, the entry is empty.
    """
    return CertificateEntry(parsed.name, None) if config is None else config.entry_of(parsed.name)


def service_of(parsed: argparse.Namespace, config: Config | None, entry: CertificateEntry) -> ServiceEntry:
    """Return the service: a table of sinetti.toml, overridden by options.

    The table is the one named by the option, or by the name's own table. An address that no table has takes nothing
    from any table, because the anchors of one service are not valid for another. Raises UsageError for missing or
    unusable values.
    """
    service_entry = _table(parsed, config, entry)
    given: dict[str, Any] = {
        "address": parsed.service if _is_address(parsed.service) else None,
        "environment": None if parsed.environment is None else Environment(parsed.environment),
        **{one: read_bundle(getattr(parsed, one)) for one in ("trust_services", "trust_holders", "tls_ca")},
    }
    said_here = {key: value for key, value in given.items() if value is not None}
    if service_entry is not None:
        return _usable(replace(service_entry, **said_here))
    missing = next((option for option in NEEDED if getattr(parsed, option) is None), None)
    if missing is not None:
        raise _missing(parsed, config, missing)
    return _usable(ServiceEntry(name=parsed.service, **said_here))


def missing_option_error(what: str, config: Config | None) -> UsageError:
    """Return the error for a missing option, with the other place for its value.

    `what` is the option's name in the parsed arguments.
    """
    option = option_name(what)
    if config is None:
        return UsageError(config_messages.NOT_GIVEN_ANYWHERE, option=option)
    return UsageError(config_messages.NOT_GIVEN, option=option, key=what, path=str(config.path))


def option_name(name: str) -> str:
    """Return an option as it is typed, from its name in the parsed arguments.

    That name is its key in sinetti.toml, too.
    """
    return f"--{name.replace('_', '-')}"


def _table(parsed: argparse.Namespace, config: Config | None, entry: CertificateEntry) -> ServiceEntry | None:
    wanted = parsed.service or entry.service
    if config is None or wanted is None:
        if wanted is not None and not _is_address(wanted):
            raise UsageError(config_messages.NOT_GIVEN_ANYWHERE, option=f"--service {wanted}")
        return None
    if _is_address(wanted):
        return next((service for service in config.services.values() if service.address == wanted), None)
    if wanted not in config.services:
        raise UsageError(config_messages.NO_SERVICE, value=wanted, known=", ".join(config.services) or "-")
    return config.services[wanted]


def _missing(parsed: argparse.Namespace, config: Config | None, name: str) -> UsageError:
    if config is not None and parsed.service is not None:
        values = {"path": str(config.path), "address": parsed.service, "option": option_name(name)}
        return UsageError(config_messages.ADDRESS_ALONE, **values)
    return missing_option_error(name, config)


def _usable(service: ServiceEntry) -> ServiceEntry:
    try:
        service_address.parse_service_url(service.address)
    except service_address.InvalidServiceUrl as bad:
        raise UsageError(messages.BAD_SETTING, why=error_reasons.translate_reason(f"service: {bad}")) from bad
    return service


def _is_address(text: str | None) -> bool:
    return text is not None and ("/" in text or ":" in text)


def read_bundle(path: Path | None) -> str | None:
    """Read a file of CAs that an option names; None if there is no option.

    Raises UsageError if the file cannot be used.
    """
    if path is None:
        return None
    try:
        return settings.bundle_text(common.read_file(path))
    except ValueError as bad:
        raise UsageError(messages.UNREADABLE_FILE, path=str(path), why=error_reasons.translate_reason(bad)) from bad
