"""Reader of sinetti.toml, from its search to validated values.

Each mistake is reported with its place and its correction.
"""

import re
import stat
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sinetti.client import service_address
from sinetti.client.config import file_references, messages, schema, table_reader
from sinetti.client.config.certificate_entries import EntryReader
from sinetti.client.config.errors import ConfigError, ConfigIssue
from sinetti.client.config.table_reader import ConfigDocument, ConfigTable
from sinetti.client.messages import error_reasons
from sinetti.client.messages.messages import make_message, strip_control_chars
from sinetti.client.model import AgentSettings, CertificateEntry, Config, MaintenanceWindow, ServiceEntry
from sinetti.domain.values import RENEWAL_WINDOW, Environment, Language
from sinetti.infra import environment, file_permissions
from sinetti.infra.file_permissions import Fault as RightsFault
from sinetti.infra.file_permissions import RightsError
from sinetti.infra.toml_tables import parse_toml
from sinetti.wire.transparency.notes import NoteError
from sinetti.wire.transparency.observer import LogPolicy

STORE = "store"
"""Default store: a folder beside the configuration file."""

_AT_ONCE = 64
_COSIGNATURES = 16
_NONE = timedelta()
_PLACE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")
"""Position that tomllib appends to its error message."""

_MARKS = {b"\xef\xbb\xbf": messages.BYTE_ORDER_MARK, b"\xff\xfe": messages.UTF_16, b"\xfe\xff": messages.UTF_16}
"""Byte order marks that some editors put at the beginning of a file."""


def read(path: Path, *, is_named: bool = True) -> Config:
    """Read a sinetti.toml and its bundles. Raises ConfigError with all mistakes.

    `is_named`: a person named the file, and so vouches for its owner. The rights of the file are checked, since it
    names programs to run (file_permissions.py).
    """
    text = _text(path, is_named=is_named)
    book = ConfigDocument(path, text)
    root = ConfigTable(book, (), _parsed(path, text))
    root.only(schema.ROOT)
    services = _services(root.below("services"))
    # With a single service, the tables need not name it.
    only_one = next(iter(services)) if len(services) == 1 else None
    reader = EntryReader(services, CertificateEntry("", only_one))
    reader = replace(reader, defaults=reader.default(root.below("defaults")))
    config = Config(
        path=path,
        store=_store(root),
        language=root.choice("language", Language),
        services=MappingProxyType(
            {name: service_entry for name, service_entry in services.items() if service_entry is not None}
        ),
        care=_care(root.below("agent")),
        defaults=reader.defaults,
        entries=reader.all(root.below("certificates")),
    )
    book.settled()
    return config


def _text(path: Path, *, is_named: bool) -> str:
    try:
        octets = file_permissions.read_trusted(path, is_named=is_named)
    except RightsError as bad:
        text = messages.FOREIGN if bad.fault is RightsFault.FOREIGN else messages.WRITABLE
        why = make_message(text, owner=bad.owner, path=str(bad.path))
        raise ConfigError(path, [ConfigIssue(None, why)]) from bad
    except OSError as bad:
        raise ConfigError(
            path, [ConfigIssue(None, make_message(messages.NOT_READABLE, why=error_reasons.translate_reason(bad)))]
        ) from bad
    for mark, text in _MARKS.items():
        if octets.startswith(mark):
            raise ConfigError(path, [ConfigIssue(1, make_message(text))])
    try:
        return octets.decode()
    except UnicodeDecodeError as bad:
        line = octets[: bad.start].count(b"\n") + 1
        raise ConfigError(path, [ConfigIssue(line, make_message(messages.NOT_UTF_8))]) from bad


def _parsed(path: Path, text: str) -> dict[str, Any]:
    try:
        return parse_toml(text)
    except ValueError as bad:
        match = _PLACE.search(str(bad))
        line = int(match[1]) if match and match[1] else text.count("\n") + (not text.endswith("\n"))
        why = _PLACE.sub("", str(bad))
        raise ConfigError(path, [ConfigIssue(max(1, line), make_message(messages.NOT_TOML, why=why))]) from bad


def _store(root: ConfigTable) -> Path:
    path = root.file("store") or root.book.beside(STORE)
    try:
        is_file = path.exists() and not path.is_dir()
    except OSError:  # no access to the parent folder: the command that opens the store reports it
        return path
    if is_file:
        root.blame("store", make_message(messages.A_FILE, key="store", path=str(path)))
    return path


def _services(table: ConfigTable) -> Mapping[str, ServiceEntry | None]:
    found: dict[str, ServiceEntry | None] = {}
    for name in table.raw:
        found[name] = _service(table.below(name), name)
    return found


def _service(table: ConfigTable, name: str) -> ServiceEntry | None:
    table.only(schema.SERVICE)
    address, environment = table.required("address"), table.choice("environment", Environment)
    if "environment" not in table.raw:
        table.needs("environment", messages.MISSING)
    if address is not None:
        try:
            service_address.parse_service_url(address)
        except service_address.InvalidServiceUrl as bad:
            table.blame(
                "address", make_message(messages.NOT_USABLE, key="address", why=error_reasons.translate_reason(bad))
            )
    bundles = {key: file_references.bundle(table, key) for key in ("trust_services", "trust_holders", "tls_ca")}
    for key in ("trust_services", "trust_holders"):
        if key not in table.raw:
            table.needs(key, messages.MISSING)
    services, holders, log = bundles["trust_services"], bundles["trust_holders"], _log_policy(table)
    if address is None or environment is None or services is None or holders is None:
        return None  # the name counts as known, so that a reference to it is no second mistake
    return ServiceEntry(name, address, environment, services, holders, bundles["tls_ca"], log)


def _log_policy(table: ConfigTable) -> LogPolicy:
    """Return the demands on the service's log; a mistake is recorded."""
    key, witnesses = table.text_or_none("log_key"), table.texts_or_none("log_witnesses") or ()
    count = table.number_or_none("log_cosignatures", range(1, _COSIGNATURES + 1)) or 0
    for name, part in (("log_key", (key, 0, ())), ("log_witnesses", (None, 0, witnesses))):
        try:
            LogPolicy.parse(*part)
        except NoteError:
            table.needs(name, messages.NO_VERIFIER_KEY)
            return LogPolicy()
    try:
        return LogPolicy.parse(key, count, witnesses)
    except NoteError:
        table.needs("log_witnesses", messages.NO_WITNESSES)
        return LogPolicy()


def _care(table: ConfigTable) -> AgentSettings:
    table.only(schema.AGENT)
    given: dict[str, Any] = {
        "at_once": table.number_or_none("at_once", range(1, _AT_ONCE + 1)),
        "spread": table.duration("spread", _NONE, RENEWAL_WINDOW),
        "urgent": table.duration("urgent", _NONE, RENEWAL_WINDOW),
        "maintenance": _windows(table),
        "zone": _zone(table),
        "prometheus": table.file("prometheus"),
    }
    return replace(AgentSettings(), **{key: value for key, value in given.items() if value is not None})


def _windows(table: ConfigTable) -> tuple[MaintenanceWindow, ...] | None:
    windows = []
    for number, text in enumerate(table.texts_or_none("maintenance") or ()):
        try:
            windows.append(table_reader.window(text))
        except ValueError:
            place = (*table.place, "maintenance", number)
            table.book.blame(place, make_message(messages.NO_WINDOW, value=strip_control_chars(text)))
    return tuple(windows)


def _zone(table: ConfigTable) -> ZoneInfo | None:
    name = table.text_or_none("zone")
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError):  # KeyError: ZoneInfoNotFoundError; OSError: a folder of zones
        table.blame("zone", make_message(messages.NO_ZONE, value=name))
        return None


FILE = "sinetti.toml"
HERE = Path(FILE)
MACHINE_WIDE = Path("/etc/sinetti") / FILE


class ConfigFile(NamedTuple):
    """A sinetti.toml and whether it is trusted.

    `is_named`: a user has named it, or root owns its place. Otherwise it only lies in the working directory.
    """

    path: Path
    is_named: bool


def find(given: Path | None) -> ConfigFile | None:
    """Return the configuration file, or None if there is none.

    The order is: the file that a person named, $SINETTI_CONFIG, ./sinetti.toml, /etc/sinetti/sinetti.toml. A named
    file is returned even if it is missing, since reading it reports that. For root, the working directory does not
    count: other users may have put a file there, and root would run its programs.
    """
    if given is not None:
        return ConfigFile(given, is_named=True)
    named = environment.variable(environment.CONFIG)
    if named:
        return ConfigFile(Path(named), is_named=True)
    if not file_permissions.is_root() and _may_be(HERE):
        return ConfigFile(HERE, is_named=False)
    return ConfigFile(MACHINE_WIDE, is_named=True) if _may_be(MACHINE_WIDE) else None


def is_passed_over(given: Path | None) -> bool:
    """Return whether a ./sinetti.toml exists that is ignored since the caller is root."""
    named = environment.variable(environment.CONFIG)
    return given is None and named is None and file_permissions.is_root() and _may_be(HERE)


def _may_be(path: Path) -> bool:
    """Return whether a file exists or may exist.

    Without access to /etc/sinetti the file may exist there, and reading it reports the error. In a working directory
    without access it does not count.
    """
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except PermissionError:
        return path == MACHINE_WIDE
    except OSError:
        return False
