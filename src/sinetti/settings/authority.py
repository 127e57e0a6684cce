"""An authority's settings: `authority.toml`, parsed once into a value that cannot be wrong."""

import json
import tomllib
from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from sinetti.domain.values import Environment


class SettingsError(ValueError):
    """A setting that cannot be used: which one, and what to write instead."""


class ResponseRecipe(StrEnum):
    """How answers are signed: transforms [enveloped, exclusive C14N], or [enveloped] alone."""

    EXCLUSIVE = "exclusive"
    ENVELOPED = "enveloped"


@dataclass(frozen=True, slots=True)
class Settings:
    """`base_url` (plain http) stands in certificates, `soap_address` in the WSDL; the other two may be empty.

    `journal` is the folder of the journals; where it is empty that lies beside the authority's own (docs/journal.md).
    """

    environment: Environment
    base_url: str
    soap_address: str
    response_recipe: ResponseRecipe = ResponseRecipe.EXCLUSIVE
    database_url: str = ""
    journal: str = ""


SOAP_PATH = "/2017/10/CertificateServices"
_HEAD = "# Settings of this authority. The hierarchy it was built with is in hierarchy.toml and is not read again.\n"


def parse(text: str) -> Settings:
    """Parse `authority.toml`. Raises SettingsError, naming the key and what to write instead."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as bad:
        sentence = f"authority.toml is not TOML: {bad}"
        raise SettingsError(sentence) from bad
    known = {field.name for field in fields(Settings)}
    for name in raw:
        if name not in known:
            sentence = f"authority.toml: there is no setting {name!r}; there are {', '.join(sorted(known))}"
            raise SettingsError(sentence)
    environment = _one_of("environment", raw.get("environment"), tuple(Environment))
    recipe = _one_of("response_recipe", raw.get("response_recipe", "exclusive"), tuple(ResponseRecipe))
    database_url = raw.get("database_url", "")
    if not isinstance(database_url, str):
        sentence = "authority.toml: database_url is a text like postgresql://USER@HOST/NAME"
        raise SettingsError(sentence)
    journal = raw.get("journal", "")
    if not isinstance(journal, str) or (journal and not Path(journal).is_absolute()):
        sentence = "authority.toml: journal is the whole path of a folder, like /srv/journal"
        raise SettingsError(sentence)
    return Settings(
        environment=Environment(environment),
        base_url=check_address("base_url", raw.get("base_url"), ("http",)),
        soap_address=check_address("soap_address", raw.get("soap_address"), ("http", "https")),
        response_recipe=ResponseRecipe(recipe),
        database_url=database_url,
        journal=journal,
    )


def render(settings: Settings) -> str:
    """The text of `authority.toml`."""
    values = {field.name: getattr(settings, field.name) for field in fields(Settings)}
    # JSON writes a string as TOML reads it.
    return _HEAD + "".join(f"{name} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in values.items())


def read(path: Path) -> Settings:
    """Read and parse the file. Raises SettingsError where it cannot be read."""
    try:
        return parse(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as bad:
        sentence = f"{path.name} cannot be read: {bad}"
        raise SettingsError(sentence) from bad


def check_address(name: str, value: object, schemes: tuple[str, ...]) -> str:
    """Return an absolute address without query, fragment or a slash at the end; raise SettingsError otherwise."""
    if not isinstance(value, str) or not _is_address(value, schemes):
        sentence = f"{name}: write an address like {schemes[0]}://certificates.example, not {value!r}"
        raise SettingsError(sentence)
    return value.rstrip("/")


def _is_address(value: str, schemes: tuple[str, ...]) -> bool:
    try:
        parts = urlsplit(value)
        port_fits = parts.port is None or parts.port > 0
    except ValueError:
        return False
    plain = not any((parts.query, parts.fragment, parts.username, parts.password)) and port_fits
    unusual = not value.isascii() or not value.isprintable() or any(mark in value for mark in ' "<>\\')
    return plain and not unusual and parts.scheme in schemes and bool(parts.hostname)


def _one_of(name: str, value: object, allowed: tuple[StrEnum, ...]) -> str:
    if not isinstance(value, str) or value not in set(allowed):
        sentence = f"authority.toml: {name} is one of {', '.join(allowed)}, not {value!r}"
        raise SettingsError(sentence)
    return value
