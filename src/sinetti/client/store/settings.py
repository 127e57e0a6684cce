"""Validated settings of a name that the client keeps: `settings.toml`."""

import json
import re
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

from sinetti.client.model import WITH_PASSWORD, Format, OutputOptions, Token
from sinetti.client.service_address import InvalidServiceUrl, parse_service_url
from sinetti.client.store import files as store_files
from sinetti.domain.values import Environment, KeyType
from sinetti.infra.toml_tables import parse_toml
from sinetti.pki import chain, encoding

FILE = "settings.toml"

_BUNDLES = "\ntrust_services = '''\n"
"""Beginning of the last part of a file, as `dump` writes it."""

_PLAIN = re.compile(r'(?:#[^\x00-\x1f\x7f]*\n)?(?:[a-z_]+ = "[^"\\\x00-\x1f\x7f]*"\n)*')
_PAIR = re.compile(r'^([a-z_]+) = "([^"]*)"$', re.MULTILINE)
"""Lines of a bare key and a basic string without an escape (TOML 1.0).

Their text is their value.
"""
_FILE_SETTINGS = frozenset(
    {"formats", "owner", "group", "mode", "password_file", "key_password_file"}
    | {"token_module", "token_label", "token_pin_file"}
)
_MODE = re.compile(r"0?[0-7]{3}")

Choice = TypeVar("Choice", bound=StrEnum)


@dataclass(frozen=True)
class NameSettings:
    """Service, customer and output options of a name.

    The anchors are PEM bundles, kept whole so that no file can go missing.
    """

    service: str
    environment: Environment
    customer_id: str
    customer_name: str | None
    key: KeyType
    trust_services: str
    trust_holders: str
    tls_ca: str | None
    files: OutputOptions = field(default_factory=OutputOptions)


class NameSettingsError(ValueError):
    """Missing or wrong setting; the text gives its name and the reason."""


def parse(text: str) -> NameSettings:
    """Parse the text of `settings.toml`. Raises NameSettingsError."""
    try:
        raw = _parsed(text)
    except ValueError as bad:
        raise NameSettingsError(f"it is not valid TOML ({bad})") from bad
    return validated(
        NameSettings(
            service=_required(raw, "service"),
            environment=_one_of(Environment, _required(raw, "environment"), "environment"),
            customer_id=_required(raw, "customer_id"),
            customer_name=_optional(raw, "customer_name"),
            key=_one_of(KeyType, _required(raw, "key"), "key"),
            trust_services=_required(raw, "trust_services"),
            trust_holders=_required(raw, "trust_holders"),
            tls_ca=_optional(raw, "tls_ca"),
            files=_files(raw),
        )
    )


def validated(settings: NameSettings) -> NameSettings:
    """Check what types cannot: address, bundles.

    Raises NameSettingsError with the name of the setting.
    """
    try:
        _look_at(settings.service)
    except InvalidServiceUrl as bad:
        raise NameSettingsError(f"service: {bad}") from bad
    bundles = {"trust_services": settings.trust_services, "trust_holders": settings.trust_holders}
    if settings.tls_ca is not None:
        bundles["tls_ca"] = settings.tls_ca
    for name, bundle in bundles.items():
        try:
            _look_through(bundle)
        except ValueError as bad:
            raise NameSettingsError(f"{name}: {bad}") from bad
    packed = settings.files.formats & WITH_PASSWORD
    if packed and settings.files.token is not None:
        raise NameSettingsError("formats: the key is in a token and cannot leave it")
    if packed and settings.files.password_file is None:
        raise NameSettingsError("password_file: PKCS#12 needs a password file")
    return settings


def bundle_text(pem: bytes) -> str:
    """Return a PEM bundle in its stored form: its certificates alone.

    Raises ValueError for an empty or broken one.
    """
    certificates = chain.load_bundle(pem)
    return "".join(
        encoding.certificate_pem(encoding.certificate_der(certificate)).decode() for certificate in certificates
    )


def dump(settings: NameSettings) -> str:
    """Write settings as TOML; `parse` returns the same value."""
    lines = ["# Kept by `sinetti enrol`; `renew` and `retrieve` read it. Which CAs are anchors: docs/interfaces.md."]
    for name in ("service", "environment", "customer_name", "customer_id", "key"):
        value = getattr(settings, name)
        if value is not None:
            lines.append(f"{name} = {_string(str(value))}")
    lines += _file_lines(settings.files)
    # Optional values come before required ones, so that a truncated file is never taken for a complete one.
    for name in ("tls_ca", "trust_services", "trust_holders"):
        bundle = getattr(settings, name)
        if bundle is not None:
            lines.append(f"{name} = '''\n{bundle.strip()}\n'''")
    return "\n".join(lines) + "\n"


def load(folder: Path) -> NameSettings:
    """Read the settings of a folder. Raises StoreDamaged."""
    path = folder / FILE
    try:
        return parse(store_files.read(path).decode())
    except ValueError as bad:
        raise store_files.corruption_error(path, bad) from bad


def store(folder: Path, settings: NameSettings) -> None:
    """Write the settings of a folder atomically."""
    store_files.write_atomic(folder / FILE, dump(settings).encode())


def _parsed(text: str) -> dict[str, object]:
    """Parse TOML.

    Among a store's many files only the first lines differ, so the rest is parsed once and cached.
    """
    at = text.find(_BUNDLES)
    if at >= 0:
        try:
            head, bundles = _head(text[: at + 1]), _bundles(text[at:])
        except ValueError:
            return parse_toml(text)  # its error has the line number in the whole text
        # A table in the head would include the following lines, and no key may occur twice.
        if not any(map(_is_table, head.values())) and head.keys().isdisjoint(bundles):
            return head | bundles
    return parse_toml(text)


def _is_table(value: object) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and any(isinstance(one, dict) for one in value))


def _head(text: str) -> dict[str, object]:
    """Parse the first lines.

    Lines as `dump` writes them, without escapes, take a fourth of the time.
    """
    if _PLAIN.fullmatch(text):
        pairs = _PAIR.findall(text)
        head: dict[str, object] = dict(pairs)
        if len(head) == len(pairs):
            return head
    return parse_toml(text)


@lru_cache(maxsize=64)
def _bundles(text: str) -> dict[str, object]:
    return parse_toml(text)


@lru_cache(maxsize=64)
def _look_through(bundle: str) -> None:
    """Raise ValueError for a bundle that cannot be read."""
    chain.load_bundle(bundle.encode())


@lru_cache(maxsize=64)
def _look_at(address: str) -> None:
    """Raise InvalidServiceUrl for an address that this client does not call."""
    parse_service_url(address)


def _files(raw: dict[str, object]) -> OutputOptions:
    if _FILE_SETTINGS.isdisjoint(raw):
        return OutputOptions()
    formats = raw.get("formats", [Format.PEM.value])
    if not isinstance(formats, list) or not all(isinstance(one, str) for one in formats):
        raise NameSettingsError("formats: the value must be a list of texts")
    module, label, pin_file = (_optional(raw, f"token_{part}") for part in ("module", "label", "pin_file"))
    token = None
    if module is not None and label is not None and pin_file is not None:
        token = Token(Path(module), label, Path(pin_file))
    elif (module, label, pin_file) != (None, None, None):
        raise NameSettingsError("token_label: a token needs the settings token_module, token_label and token_pin_file")
    return OutputOptions(
        formats=frozenset({Format.PEM, *(_one_of(Format, one, "formats") for one in formats)}),
        owner=_optional(raw, "owner"),
        group=_optional(raw, "group"),
        mode=_mode(_optional(raw, "mode") or "0600"),
        password_file=_path(raw, "password_file"),
        key_password_file=_path(raw, "key_password_file"),
        token=token,
    )


def _file_lines(wanted: OutputOptions) -> list[str]:
    """Return the lines of the options that differ from the defaults.

    So most settings stay short.
    """
    token = wanted.token
    given: dict[str, object] = {
        "owner": wanted.owner,
        "group": wanted.group,
        "mode": None if wanted.mode == OutputOptions().mode else f"{wanted.mode:04o}",
        "password_file": wanted.password_file,
        "key_password_file": wanted.key_password_file,
        "token_module": None if token is None else token.module,
        "token_label": None if token is None else token.label,
        "token_pin_file": None if token is None else token.pin_file,
    }
    lines = [f"{name} = {_string(str(value))}" for name, value in given.items() if value is not None]
    formats = sorted(one.value for one in wanted.formats)
    return lines if formats == [Format.PEM.value] else [f"formats = {json.dumps(formats)}", *lines]


def _path(raw: dict[str, object], name: str) -> Path | None:
    value = _optional(raw, name)
    return None if value is None else Path(value)


def _mode(text: str) -> int:
    if not _MODE.fullmatch(text):
        raise NameSettingsError("mode: the value must be a file mode such as 0600 or 0640")
    return int(text, 8)


def _string(value: str) -> str:
    # A JSON string is a TOML basic string once DEL is escaped as well (TOML 1.0, "String").
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _required(raw: dict[str, object], name: str) -> str:
    value = raw.get(name)
    if not isinstance(value, str) or not value:
        raise NameSettingsError(f"{name}: the value must be text")
    return value


def _optional(raw: dict[str, object], name: str) -> str | None:
    return None if name not in raw else _required(raw, name)


def _one_of(kind: type[Choice], value: str, name: str) -> Choice:
    try:
        return kind(value)
    except ValueError:
        choices = ", ".join(kind)
        raise NameSettingsError(f"{name}: the value must be one of {choices}") from None
