"""Settings of the e-service: `eservice.toml`, parsed once into validated values.

The file is in an authority's folder. Without it there is no provider of sign-in, and pages state that legally required
information is missing.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

from sinetti.domain.access.roles import Role
from sinetti.domain.daily_limits import DailyLimits
from sinetti.domain.operations.monitoring import Periods
from sinetti.domain.validation import ValidationError, check_email
from sinetti.domain.values import Language
from sinetti.infra import file_permissions
from sinetti.infra.file_permissions import RightsError
from sinetti.infra.security_txt import SecurityTxt
from sinetti.infra.toml_tables import SettingsError, TomlTable, parse_toml
from sinetti.infra.urls import is_loopback
from sinetti.settings.authority import DOCUMENTATION_EXAMPLE, is_web_address
from sinetti.settings.optional_parts import OptionalParts, PartOff

FILE = "eservice.toml"

Spoken = Mapping[Language, str]
"""Text in each language; empty if there is none."""

_TAKEN = frozenset({"new", "cancelled"})
"""Provider ids that would collide with paths of the portal."""
_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,29}")
_CLAIM = re.compile(r"[!-~]{1,100}")
_MOST_PROVIDERS = 20
_MOST_OCTETS = 64 * 1024
_PNG, _SVG = b"\x89PNG\r\n\x1a\n", re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml|<!--|<svg)")
_ACTIVE = re.compile(
    rb"<!DOCTYPE|<!ENTITY|<script|<foreignObject|\bon[a-z]+\s*=|javascript:|href\s*=\s*[\"']?\s*[^#\"'\s]",
    re.IGNORECASE,
)
"""Parts of an SVG that run code or load something else.

Browsers get a policy against both, too.
"""
_MOST_A_DAY = 100_000


@dataclass(frozen=True)
class RolesClaim:
    """Mapping of claims at sign-in to organisations and roles.

    `claim` is a list of objects, each with an organisation's customer id and a list of role codes. A code that is not
    in `means` grants no role.
    """

    claim: str
    identifier: str
    roles: str
    means: Mapping[str, Role]


@dataclass(frozen=True)
class Provider:
    """OpenID Connect provider for sign-in.

    `name` is the text of its button. With one of `acr_values` its sign-in counts as a second factor; without values it
    never does.
    """

    provider_id: str
    name: Spoken
    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    acr_values: tuple[str, ...] = ()
    roles: RolesClaim | None = None


@dataclass(frozen=True)
class SupervisingAuthority:
    """Supervisor of accessibility: its name in each language, and its web address."""

    name: Spoken
    address: str


@dataclass(frozen=True)
class Logo:
    """Picture of the operator, PNG or SVG, for the header of every page."""

    octets: bytes = field(repr=False)
    media_type: str


@dataclass(frozen=True)
class EserviceSettings:
    """Settings of the portal.

    `appeal` explains how to appeal against a refusal, `legal_basis` names the basis of data processing, both by
    language. `footer` is a line at the end of every page, which also links to `documentation_url`. `operator` is the
    name of the authority that runs the service, `logo` its picture.
    `accessibility_feedback` is an e-mail address. Values not set are empty, or None. `periods` are the retention
    periods of `authority.toml`. `daily_limits` is None if the file has none: an authority then uses the defaults, and
    a bench has no limits. `soap_address`, `status_address` and `security_txt` are those of the authority. `left_out`
    are the parts with wrong settings. With `hsts_subdomains`, browsers use https for all hosts below the portal's, too
    (RFC 6797, 6.1.2).
    """

    providers: tuple[Provider, ...] = ()
    appeal: Spoken = field(default_factory=dict)
    legal_basis: Spoken = field(default_factory=dict)
    supervising_authority: SupervisingAuthority | None = None
    accessibility_feedback: str = ""
    periods: Periods = field(default_factory=Periods)
    daily_limits: DailyLimits | None = None
    documentation_url: str = ""
    footer: Spoken = field(default_factory=dict)
    operator: Spoken = field(default_factory=dict)
    logo: Logo | None = None
    soap_address: str = ""
    status_address: str = ""
    hsts_subdomains: bool = False
    security_txt: SecurityTxt | None = None
    left_out: tuple[PartOff, ...] = ()

    def provider(self, provider_id: str) -> Provider | None:
        """Return the provider with this id, or None."""
        return next((provider for provider in self.providers if provider.provider_id == provider_id), None)


DEFAULTS = EserviceSettings()


def read(path: Path) -> EserviceSettings:
    """Read the file, and the files that it names; without it all values are empty.

    Parts with wrong settings are left out. Of a file that cannot be read, or that other users can change, all are.
    """
    parts = OptionalParts()
    settings = parts.take(FILE, lambda: parse(_text(path), path.parent, OptionalParts()), DEFAULTS)
    return replace(settings, left_out=parts.off) if parts.off else settings


def _text(path: Path) -> str:
    try:
        return file_permissions.read_trusted(path, is_named=True).decode("utf-8")
    except FileNotFoundError:
        return ""
    except RightsError as bad:
        # A user who can set another provider could sign in as any person.
        raise SettingsError(
            f"other users can change {bad.path} and could sign in as any person: run chmod go-w {bad.path}"
        ) from bad
    except (OSError, UnicodeDecodeError) as bad:
        raise SettingsError(f"{path.name} cannot be read: {bad}") from bad


def parse(text: str, folder: Path, parts: OptionalParts | None = None) -> EserviceSettings:
    """Parse the file's text; file names are relative to `folder`.

    `parts` takes the faults of single parts. Without it the first fault is raised as SettingsError.
    """
    try:
        top = TomlTable(parse_toml(text), f"{FILE}: ")
    except ValueError as bad:
        raise SettingsError(f"{FILE} is not valid TOML: {bad}") from bad
    parts = parts or OptionalParts(is_strict=True)
    unnamed: tuple[Spoken, None] = ({}, None)
    operator, logo = parts.take("operator", lambda: _operator(top, folder), unnamed)
    settings = EserviceSettings(
        _providers(top, folder, parts),
        parts.take("appeal", lambda: _spoken(top, "appeal"), {}),
        parts.take("legal_basis", lambda: _spoken(top, "legal_basis"), {}),
        parts.take("supervising_authority", lambda: _supervising(top), None),
        parts.take("accessibility_feedback", lambda: _email(top, "accessibility_feedback"), ""),
        daily_limits=parts.take("daily_limits", lambda: _daily_limits(top), None),
        documentation_url=parts.take("documentation_url", lambda: _documentation_url(top), ""),
        footer=parts.take("footer", lambda: _spoken(top, "footer"), {}),
        operator=operator,
        logo=logo,
        hsts_subdomains=parts.take(
            "hsts_subdomains", lambda: top.has("hsts_subdomains") and top.flag("hsts_subdomains"), default=False
        ),
    )
    parts.take(FILE, top.finish, None)
    return replace(settings, left_out=parts.off)


def _providers(top: TomlTable, folder: Path, parts: OptionalParts) -> tuple[Provider, ...]:
    tables = parts.take("providers", lambda: top.tables("providers"), ())
    read = (parts.take(_part(table), partial(_provider, table, folder), None) for table in tables)
    providers = tuple(provider for provider in read if provider is not None)
    return parts.take("providers", lambda: _different(top, providers), ())


def _part(table: TomlTable) -> str:
    """Return the name of a provider's part, which log and metrics show."""
    provider_id = table.raw.get("id")
    return f"provider {provider_id}" if isinstance(provider_id, str) and _ID.fullmatch(provider_id) else "provider"


def _different(top: TomlTable, providers: tuple[Provider, ...]) -> tuple[Provider, ...]:
    if len(providers) > _MOST_PROVIDERS:
        top.refuse("providers", f"at most {_MOST_PROVIDERS} providers")
    for what in ("provider_id", "issuer"):
        if len({getattr(provider, what) for provider in providers}) < len(providers):
            top.refuse("providers", "a different id and issuer for each provider")
    return providers


def _provider(table: TomlTable, folder: Path) -> Provider:
    provider_id = table.text("id")
    if not _ID.fullmatch(provider_id) or provider_id in _TAKEN:
        table.refuse("id", "up to 30 lower-case letters, digits and hyphens, because it is part of the return address")
    secret = table.secret("client_secret_file", folder)
    if secret is None:
        table.refuse("client_secret_file", "the name of a file with the provider's client secret")
    provider = Provider(
        provider_id,
        _name(table),
        _issuer(table),
        table.text("client_id"),
        secret,
        table.texts("second_factor_acr"),
        _roles(table.table("roles")) if table.has("roles") else None,
    )
    table.finish()
    return provider


def _name(table: TomlTable) -> Spoken:
    return _spoken(table, "name") or table.refuse("name", 'a text in each language: { fi = "…", sv = "…", en = "…" }')


def _issuer(table: TomlTable) -> str:
    wanted = "the provider's issuer, exactly as the provider gives it, such as https://sign-in.example"
    issuer = table.text("issuer")
    try:
        parts = urlsplit(issuer)
        plain = not any((parts.query, parts.fragment, parts.username, parts.password)) and bool(parts.hostname)
        secure = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))
    except ValueError:
        plain = secure = False
    if not plain or not secure or not issuer.isascii():
        table.refuse("issuer", wanted)
    return issuer


def _roles(table: TomlTable) -> RolesClaim:
    names = [table.text(key) for key in ("claim", "identifier", "roles")]
    roles: dict[str, Role] = {}
    for role in Role:
        for code in table.texts(role.value):
            if not _CLAIM.fullmatch(code) or code in roles:
                table.refuse(role.value, "the codes of this role; a code can be in one role only")
            roles[code] = role
    if not roles:
        table.refuse("signatory", "at least one of the provider's codes here, or under manager or viewer")
    table.finish()
    return RolesClaim(names[0], names[1], names[2], MappingProxyType(roles))


def _supervising(top: TomlTable) -> SupervisingAuthority | None:
    if not top.has("supervising_authority"):
        return None
    table = top.table("supervising_authority")
    address = table.text("address")
    if not address.startswith("https://") or not address.isascii() or not address.isprintable() or " " in address:
        table.refuse("address", "the authority's web address, such as https://www.saavutettavuusvaatimukset.fi")
    name = _name(table)
    table.finish()
    return SupervisingAuthority(name, address)


def _documentation_url(top: TomlTable) -> str:
    address = top.text_or_none("documentation_url")
    if address is not None and not is_web_address(address):
        top.refuse("documentation_url", f"an address such as {DOCUMENTATION_EXAMPLE}")
    return address or ""


def _operator(top: TomlTable, folder: Path) -> tuple[Spoken, Logo | None]:
    if not top.has("operator"):
        return {}, None
    table = top.table("operator")
    name, path = _name(table), table.path("logo", folder)
    logo = None if path is None else _logo(table, path)
    table.finish()
    return name, logo


def _logo(table: TomlTable, path: Path) -> Logo:
    try:
        octets = file_permissions.read_trusted(path, is_named=True)
    except (OSError, RightsError) as bad:
        table.refuse("logo", f"the name of a file that the service can read and only its owner can change ({bad})")
    if len(octets) > _MOST_OCTETS:
        table.refuse("logo", f"a file of at most {_MOST_OCTETS} octets")
    if octets.startswith(_PNG):
        return Logo(octets, "image/png")
    if not _SVG.match(octets) or _ACTIVE.search(octets):
        table.refuse("logo", "a PNG, or an SVG without scripts, document type and links to other files")
    return Logo(octets, "image/svg+xml")


def _daily_limits(top: TomlTable) -> DailyLimits | None:
    if not top.has("daily_limits"):
        return None
    table, usual, among = top.table("daily_limits"), DailyLimits(), range(1, _MOST_A_DAY + 1)
    daily_limits = DailyLimits(
        table.number("letters_per_recipient", among, usual.letters),
        table.number("orders_per_actor", among, usual.orders),
        table.number("orders_per_firm", among, usual.firm_orders),
    )
    table.finish()
    return daily_limits


def _spoken(table: TomlTable, key: str) -> Spoken:
    if not table.has(key):
        return {}
    inner = table.table(key)
    spoken = {language: inner.text(language) for language in Language}
    inner.finish()
    return spoken


def _email(table: TomlTable, key: str) -> str:
    value = table.text_or_none(key)
    try:
        return "" if value is None else check_email(key, value, local=True)
    except ValidationError:
        table.refuse(key, "an address such as accessibility@authority.example")
