"""Settings of an authority: `authority.toml`, parsed once into a validated value."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from sinetti.domain.approvals.acts import (
    SHORTEST_WAIT,
    SIGNATORY_WAIT,
    ApprovalPolicy,
    KeyRequirement,
    TwoPersonAct,
    check_people,
    check_wait,
)
from sinetti.domain.authorities.distrust import LONGEST_BRIDGE
from sinetti.domain.operations.monitoring import LONGEST, SHORTEST, Periods
from sinetti.domain.values import Environment
from sinetti.infra import file_permissions
from sinetti.infra.atomic_files import write_atomic
from sinetti.infra.file_permissions import RightsError
from sinetti.infra.toml_tables import SettingsError, parse_toml
from sinetti.infra.urls import is_loopback
from sinetti.pki.signers.pkcs11_uri import TokenLocation
from sinetti.settings.optional_parts import OptionalParts, PartOff
from sinetti.wire.transparency.notes import COSIGNATURE, NoteError, VerifierKey


class ResponseRecipe(StrEnum):
    """Signature transforms of responses.

    They are [enveloped, exclusive C14N], or [enveloped] alone.
    """

    EXCLUSIVE = "exclusive"
    ENVELOPED = "enveloped"


@dataclass(frozen=True)
class AuthoritySettings:
    """Settings of `authority.toml`.

    `base_url` (plain http) is part of certificates, `soap_address` of the WSDL. `database_url` and `journal` may be
    empty. `journal` is the folder of the journals; if empty, it is beside the authority's own
    (docs/operators/journal.md). `certificates_per_list` is the number of certificates that point to one revocation
    list; 0: all to the same (docs/relying/lists.md). `bridge_hours` is the time after the declaration of a compromise
    for which certificates of the CA are confirmed (docs/operators/succession.md). `documentation_url` may be empty;
    pages for people link to it.
    `witnesses` of the log are texts `URL VERIFIERKEY` (docs/evidence.md).
    `officer_keys` are the keys that officers may have, and `approvals` the numbers of people that acts take.
    `signer` is the socket of the process that has all keys; empty: the service has them (docs/operators/signer.md).
    `signatory_wait_hours` pass before an organisation's first signatory may act (docs/operators/officers.md).
    `telemetry` and `security_txt` are tables as they are read. They are checked when the servers start, because a
    mistake in them must not stop these (docs/operators/traces.md, docs/operators/serving.md).
    `pkcs11_module`, `pkcs11_token` and `pkcs11_pin_file` locate the token in which keys are created; if empty, keys are
    created in files (docs/operators/tokens.md).
    `left_out` is no setting: it has the optional parts whose settings are wrong.
    """

    environment: Environment
    base_url: str
    soap_address: str
    response_recipe: ResponseRecipe = ResponseRecipe.EXCLUSIVE
    database_url: str = field(default="", repr=False)  # may contain a password
    journal: str = ""
    keep_people_days: int = Periods().people.days
    keep_refusals_days: int = Periods().refusals.days
    keep_messages_days: int = Periods().messages.days
    keep_callers_days: int = Periods().callers.days
    certificates_per_list: int = 0
    bridge_hours: int = LONGEST_BRIDGE
    documentation_url: str = ""
    witnesses: tuple[str, ...] = ()
    officer_keys: KeyRequirement = KeyRequirement.ANY
    signatory_wait_hours: int = 0
    approvals: Mapping[TwoPersonAct, int] = field(default_factory=dict)
    signer: str = ""
    pkcs11_module: str = ""
    pkcs11_token: str = ""
    pkcs11_pin_file: str = ""
    telemetry: object = field(default=None, repr=False)
    security_txt: object = field(default=None, repr=False)
    left_out: tuple[PartOff, ...] = ()

    def __post_init__(self) -> None:
        """Give PRODUCTION the shortest time that it may have."""
        least = max(self.signatory_wait_hours, SHORTEST_WAIT[self.environment])
        object.__setattr__(self, "signatory_wait_hours", least)

    @property
    def policy(self) -> ApprovalPolicy:
        """Rules of approvals in this authority."""
        return ApprovalPolicy(self.approvals, self.officer_keys, self.signatory_wait_hours)

    @property
    def token(self) -> TokenLocation | None:
        """Token in which keys are created; None: in files."""
        if not self.pkcs11_token:
            return None
        return TokenLocation(Path(self.pkcs11_module), self.pkcs11_token, Path(self.pkcs11_pin_file))

    @property
    def periods(self) -> Periods:
        """Retention periods of personal data and related data.

        See docs/operators/retention.md.
        """
        days = (self.keep_people_days, self.keep_refusals_days, self.keep_messages_days, self.keep_callers_days)
        return Periods(*(timedelta(days=day) for day in days))


SOAP_PATH = "/2017/10/CertificateServices"
_BASE_URL = "http://pki.example"
_SOAP_ADDRESS = "https://certificates.example"
DOCUMENTATION_EXAMPLE = "https://docs.example/sinetti/"
_LONGEST_DATABASE = 63
_MOST_PER_LIST = 10_000_000
_DAYS = {
    **dict.fromkeys(("keep_people_days", "keep_refusals_days", "keep_messages_days"), SHORTEST.days),
    "keep_callers_days": 1,
}
"""Least number of days by setting."""
_TABLES = frozenset({"approvals", "telemetry", "security_txt"})
_HEAD = "# Settings of this authority. The hierarchy it was built with is in hierarchy.toml and is not read again.\n"


def parse(text: str, optional: OptionalParts | None = None) -> AuthoritySettings:
    """Parse `authority.toml`.

    `optional` takes the faults of optional parts, which are then left out; without it they are faults like others.
    Raises SettingsError with all faults, each with the key and what to write instead.
    """
    try:
        raw = parse_toml(text)
    except ValueError as bad:
        raise SettingsError(f"authority.toml is not valid TOML: {bad}") from bad
    parts = OptionalParts()
    parts.take("authority.toml", partial(_check_known, raw), None)
    found = {name: parts.take(name, partial(read, raw), None) for name, read in _READERS.items() if name in raw}
    for name in _REQUIRED:
        if name not in raw:
            parts.take(name, partial(_READERS[name], raw), None)
    left_out = optional or parts
    for name, read in _OPTIONAL.items():
        if name in raw:
            found[name] = left_out.take(name, partial(read, raw[name]), _DEFAULTS[name])
    token = parts.take("pkcs11_token", partial(_token, raw), ("", "", ""))
    if parts.off:
        raise SettingsError(*(part_off.why for part_off in parts.off))
    names = ("pkcs11_module", "pkcs11_token", "pkcs11_pin_file")
    settings: dict[str, Any] = found | dict(zip(names, token, strict=True))
    return AuthoritySettings(**settings, left_out=left_out.off)


def _check_known(raw: Mapping[str, object]) -> None:
    if unknown := sorted(raw.keys() - set(_NAMES)):
        raise SettingsError(
            f"authority.toml: there is no setting {unknown[0]!r}; known settings are {', '.join(sorted(_NAMES))}"
        )


def _environment(raw: Mapping[str, object]) -> Environment:
    return Environment(_one_of("environment", raw.get("environment"), tuple(Environment)))


def _environment_or_strictest(raw: Mapping[str, object]) -> Environment:
    """Return the environment, or PRODUCTION if it is wrong.

    A wrong one is a fault of its own.
    """
    value = raw.get("environment")
    return Environment(str(value)) if value in set(Environment) else Environment.PRODUCTION


def _database_url(raw: Mapping[str, object]) -> str:
    value = raw["database_url"]
    if not isinstance(value, str):
        raise SettingsError('authority.toml: database_url must be text such as "postgresql://USER@HOST/NAME"')
    return value


def _journal(raw: Mapping[str, object]) -> str:
    value = raw["journal"]
    if not isinstance(value, str) or (value and not Path(value).is_absolute()):
        raise SettingsError('authority.toml: journal must be the absolute path of a folder, such as "/srv/journal"')
    return value


def _socket(value: object) -> str:
    if not isinstance(value, str) or (value and not Path(value).is_absolute()):
        raise SettingsError(
            'authority.toml: signer must be the path of a socket, such as "/run/sinetti-signer/signer.sock"'
        )
    return value


def render(settings: AuthoritySettings) -> str:
    """Return the text of `authority.toml`."""
    values = {name: getattr(settings, name) for name in _NAMES if name not in _TABLES}
    text = _HEAD + "".join(f"{name} = {_quoted(value)}\n" for name, value in values.items())
    table = "".join(f"{act} = {people}\n" for act, people in settings.approvals.items())
    return f"{text}\n[approvals]\n{table}" if table else text


def _token(raw: Mapping[str, object]) -> tuple[str, str, str]:
    """Return module, label and PIN file of the token; all are empty without one."""
    found = [raw.get(name, "") for name in ("pkcs11_module", "pkcs11_token", "pkcs11_pin_file")]
    module, label, pin_file = (value if isinstance(value, str) else "" for value in found)
    is_complete = bool(label) and Path(module).is_absolute() and Path(pin_file).is_absolute()
    if not is_complete and any(found):
        raise SettingsError(
            "authority.toml: write pkcs11_module and pkcs11_pin_file as absolute paths and pkcs11_token as a label, or "
            "none of the three"
        )
    return module, label, pin_file


def write_token(path: Path, token: TokenLocation) -> None:
    """Set the token in `authority.toml`, whose other lines stay. Raises OSError."""
    values = {"module": str(token.module), "token": token.label, "pin_file": str(token.pin_file)}
    _write_values(path, {f"pkcs11_{name}": value for name, value in values.items()})


def write_signer(path: Path, socket: Path) -> None:
    """Set the signer's socket in the file `authority.toml`, whose other lines stay.

    Raises OSError.
    """
    _write_values(path, {"signer": str(socket)})


def _write_values(path: Path, values: Mapping[str, str]) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    # Before the first table, since a line below its head would belong to the table.
    place = next((number for number, line in enumerate(lines) if line.startswith("[")), len(lines))
    kept = [line for line in lines[:place] if line.partition("=")[0].strip() not in values]
    kept += [f"{name} = {_quoted(value)}" for name, value in values.items()]
    write_atomic(path, ("\n".join([*kept, *lines[place:]]) + "\n").encode())


def _days(name: str, raw: Mapping[str, object]) -> int:
    value, least = raw[name], _DAYS[name]
    if type(value) is not int or not least <= value <= LONGEST.days:
        raise SettingsError(f"authority.toml: {name} must be a number of days from {least} to {LONGEST.days}")
    return value


def _bridge_hours(value: object) -> int:
    if type(value) is not int or not 0 <= value <= LONGEST_BRIDGE:
        raise SettingsError(f"authority.toml: bridge_hours must be a whole number of hours from 0 to {LONGEST_BRIDGE}")
    return value


def _per_list(value: object) -> int:
    if type(value) is not int or not 0 <= value <= _MOST_PER_LIST:
        raise SettingsError(
            "authority.toml: certificates_per_list must be a whole number from 0 (one list for all) to "
            f"{_MOST_PER_LIST}"
        )
    return value


def _approvals(value: object, environment: Environment) -> dict[TwoPersonAct, int]:
    if not isinstance(value, dict):
        raise SettingsError(
            f"authority.toml: approvals must be a table with numbers of people for {', '.join(TwoPersonAct)}"
        )
    if unknown := sorted(set(value) - set(TwoPersonAct)):
        raise SettingsError(
            f"authority.toml, approvals: {unknown[0]!r} is not an act: name one of {', '.join(TwoPersonAct)}"
        )
    try:
        return {
            TwoPersonAct(name): check_people(TwoPersonAct(name), people, environment) for name, people in value.items()
        }
    except ValueError as bad:
        raise SettingsError(f"authority.toml, approvals: {bad}") from bad


def _wait(value: object, environment: Environment) -> int:
    try:
        return SHORTEST_WAIT[environment] if value is None else check_wait(value, environment)
    except ValueError as bad:
        raise SettingsError(f"authority.toml: {bad}") from bad


def _documentation_url(value: object) -> str:
    if value == "" or (isinstance(value, str) and is_web_address(value)):
        return str(value)
    raise SettingsError(
        f"authority.toml: documentation_url must be an address such as {DOCUMENTATION_EXAMPLE}, not {value!r}"
    )


def _witnesses(value: object) -> tuple[str, ...]:
    """Return witnesses of the log, each as `URL VERIFIERKEY`."""
    if isinstance(value, list) and all(isinstance(text, str) and _is_witness(text) for text in value):
        return tuple(value)
    raise SettingsError(
        'authority.toml: witnesses must be a list of texts such as "https://witness.example NAME+ID+KEY", with the key '
        "that sinetti log witness prints"
    )


def _is_witness(text: str) -> bool:
    url, _, key = text.partition(" ")
    try:
        return is_web_address(url) and VerifierKey.parse(key).kind == COSIGNATURE
    except NoteError:
        return False


def is_web_address(value: str) -> bool:
    """Return True for an http or https address.

    It has no query, no fragment and no user.
    """
    return _is_address(value, ("http", "https"))


def _quoted(value: str | int | tuple[str, ...]) -> str:
    # A JSON string is a valid TOML string, except for DEL, which TOML requires to be escaped.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


_READERS: dict[str, Callable[[Mapping[str, Any]], object]] = {
    "environment": _environment,
    "base_url": lambda raw: check_base_url("base_url", raw.get("base_url")),
    "soap_address": lambda raw: check_soap_address("soap_address", raw.get("soap_address")),
    "response_recipe": lambda raw: ResponseRecipe(
        _one_of("response_recipe", raw["response_recipe"], tuple(ResponseRecipe))
    ),
    "database_url": _database_url,
    "journal": _journal,
    **{name: partial(_days, name) for name in _DAYS},
    "certificates_per_list": lambda raw: _per_list(raw["certificates_per_list"]),
    "bridge_hours": lambda raw: _bridge_hours(raw["bridge_hours"]),
    "officer_keys": lambda raw: KeyRequirement(_one_of("officer_keys", raw["officer_keys"], tuple(KeyRequirement))),
    SIGNATORY_WAIT: lambda raw: _wait(raw[SIGNATORY_WAIT], _environment_or_strictest(raw)),
    "approvals": lambda raw: _approvals(raw["approvals"], _environment_or_strictest(raw)),
    "signer": lambda raw: _socket(raw["signer"]),
    "telemetry": lambda raw: raw["telemetry"],
    "security_txt": lambda raw: raw["security_txt"],
}
"""Reader of each setting, which raises SettingsError."""
_REQUIRED = ("environment", "base_url", "soap_address")
_OPTIONAL: dict[str, Callable[[object], object]] = {"documentation_url": _documentation_url, "witnesses": _witnesses}
"""Readers of settings that are left out if they are wrong."""
_NAMES = tuple(field.name for field in fields(AuthoritySettings) if field.name != "left_out")
_DEFAULTS: dict[str, object] = {"documentation_url": "", "witnesses": ()}


def read(path: Path) -> AuthoritySettings:
    """Read and parse the file; optional parts that are wrong are left out.

    Raises SettingsError.
    """
    try:
        text = file_permissions.read_trusted(path, is_named=True).decode("utf-8")
    except RightsError as bad:
        raise SettingsError(
            f"other users can change {bad.path} and could set another database: run chmod go-w {bad.path}"
        ) from bad
    except (OSError, UnicodeDecodeError) as bad:
        raise SettingsError(f"{path.name} cannot be read: {bad}") from bad
    return parse(text, OptionalParts())


def check_base_url(name: str, value: object) -> str:
    """Return the address for certificates, without a slash at the end.

    Raises SettingsError for an invalid address.
    """
    if isinstance(value, str) and _is_address(value, ("https",)):
        # Retrieving a list over TLS may require that same list (RFC 5280, 4.2.1.13 and 8).
        why = "certificates contain it as the address of CA certificates and revocation lists"
        raise SettingsError(f"{name} must be plain http, because {why}; write an address such as {_BASE_URL}")
    return _checked(name, value, ("http",), _BASE_URL)


def check_soap_address(name: str, value: object) -> str:
    """Return the address that programs call, without a slash at the end.

    It must be https, except for an address of this machine itself. Raises SettingsError otherwise.
    """
    address = _checked(name, value, ("http", "https"), _SOAP_ADDRESS)
    if address.startswith("http://") and not is_loopback(urlsplit(address).hostname or ""):
        raise SettingsError(
            f"{name} must be https, because passwords and certificates are sent to it; write an address "
            f"such as {_SOAP_ADDRESS}"
        )
    return address


def check_database_url(name: str, value: str) -> str:
    """Return the URL of a database, or the empty text unchanged.

    Raises SettingsError for an invalid URL. An SQLite file needs its absolute path, because a relative one would mean
    a different file in each working directory. A database in memory is rejected, because it is lost with the process.
    The error text never repeats the URL, which may contain a password.
    """
    if value and not (_is_sqlite_file(value) or _is_postgresql(value)):
        raise SettingsError(f"{name}: write postgresql://USER:PASSWORD@HOST/NAME or sqlite:////PATH, percent-encoded")
    return value


def _is_sqlite_file(value: str) -> bool:
    path = value.removeprefix("sqlite:///")
    plain = value.isprintable() and not any(mark in value for mark in "?#") and "\0" not in unquote(path)
    return path != value and path.startswith("/") and not path.endswith("/") and plain


def _is_postgresql(value: str) -> bool:
    if not value.startswith(("postgresql://", "postgres://")) or not value.isprintable() or "\0" in unquote(value):
        return False
    try:
        parts = urlsplit(value)
        # libpq accepts several hosts, each with its port: one:5432,two:5432.
        hosts = [urlsplit(f"//{host}") for host in parts.netloc.rpartition("@")[2].split(",")]
        reachable = all(host.port != 0 and (host.hostname or len(hosts) == 1) for host in hosts)
        return reachable and 1 <= len(parts.path.removeprefix("/")) <= _LONGEST_DATABASE and not parts.fragment
    except ValueError:
        return False


def _checked(name: str, value: object, schemes: tuple[str, ...], example: str) -> str:
    """Return an absolute address without a slash at the end.

    Raises SettingsError for other addresses, and for those with a query or fragment.
    """
    if not isinstance(value, str) or not _is_address(value, schemes):
        raise SettingsError(f"{name}: write an address such as {example}, not {value!r}")
    return value.rstrip("/")


def _is_address(value: str, schemes: tuple[str, ...]) -> bool:
    try:
        parts = urlsplit(value)
        port_fits = parts.port is None or parts.port > 0
    except ValueError:
        return False
    plain = not any((parts.query, parts.fragment, parts.username, parts.password)) and port_fits
    unusual = not value.isascii() or not value.isprintable() or any(mark in value for mark in ' "<>\\')
    # Lower case, because programs that compare addresses would not match HTTP:// in a certificate.
    written = value.startswith(tuple(f"{scheme}://" for scheme in schemes))
    return plain and not unusual and written and bool(parts.hostname)


def _one_of(name: str, value: object, allowed: tuple[StrEnum, ...]) -> str:
    if not isinstance(value, str) or value not in set(allowed):
        raise SettingsError(f"authority.toml: {name} must be one of {', '.join(allowed)}, not {value!r}")
    return value
