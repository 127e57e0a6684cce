"""Settings in gateway.toml, parsed once into validated values.

See docs/relying/gateway.md.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TypeVar

from cryptography import x509

from sinetti.domain.values import Channel, Environment
from sinetti.gateway.gateway import Gateway
from sinetti.gateway.revocation.crl import CrlSource
from sinetti.gateway.revocation.ocsp import OcspSource
from sinetti.gateway.revocation.source import FRESHNESS, FallbackSource, RevocationSource
from sinetti.gateway.trust_lists.content import TrustListSettings
from sinetti.gateway.trust_lists.lists import TrustLists
from sinetti.gateway.x509 import trust_file
from sinetti.gateway.x509.trust_file import TrustError, TrustFile
from sinetti.infra import file_permissions
from sinetti.infra.durations import parse_duration
from sinetti.infra.file_permissions import RightsError
from sinetti.infra.toml_tables import parse_toml
from sinetti.infra.traces import TABLE
from sinetti.infra.urls import InvalidUrl, check_url
from sinetti.pki import chain
from sinetti.pki.encoding import load_certificate
from sinetti.pki.policy_oids import channel_from_policy

_LONGEST = timedelta(days=10_000)
_FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_OUTAGE = "freshness_during_outage"
_KEYS = frozenset(
    {
        *("anchors", "trust", "channel", "environment", "freshness", _OUTAGE),
        *("revocation", "crls", "list", "ocsp", "ocsp_nonce", "trust_lists"),
    }
)

TABLES = frozenset({"serve", "middleware", "sightings", "ssh", "log", "feed", TABLE})
"""Tables that other commands read."""

Choice = TypeVar("Choice", bound=StrEnum)
Value = TypeVar("Value")
Default = TypeVar("Default")


class GatewaySettingsError(ValueError):
    """Unusable setting; the text has its name, and what to write instead.

    `faults` has one sentence for each wrong setting that the reader found; the text is the first of them.
    """

    def __init__(self, *faults: str) -> None:
        """Store the sentences."""
        super().__init__(*faults[:1])
        self.faults = faults


class RevocationKind(StrEnum):
    """Kind of revocation source."""

    CRL = "crl"
    OCSP = "ocsp"
    DANGEROUSLY_NONE = "DANGEROUSLY-NONE"


@dataclass(frozen=True)
class ListToFetch:
    """List that `sinetti gateway fetch` downloads.

    Holds its address, the name of the file in `crls`, and the file with the certificate of its CA.
    """

    url: str
    file: str
    issuer: Path | None


@dataclass(frozen=True)
class GatewaySettings:
    """Settings in gateway.toml; paths are absolute.

    `freshness_during_outage`: largest age of a list or answer while no newer one can be had; None: `freshness`.
    `tables`: the tables of other commands, such as `serve`.
    """

    anchors: tuple[x509.Certificate, ...]
    revocation: RevocationKind
    trust: TrustFile | None
    channel: Channel | None
    environment: Environment | None
    freshness: timedelta
    freshness_during_outage: timedelta | None
    crls: Path | None
    lists: tuple[ListToFetch, ...]
    ocsp: tuple[str, ...]
    needs_nonce: bool
    trust_lists: TrustListSettings | None
    tables: Mapping[str, object]
    folder: Path


def load_settings(path: Path) -> GatewaySettings:
    """Read the settings; paths are relative to the file.

    Raises GatewaySettingsError if the file or a setting is invalid or unreadable.
    """
    try:
        raw = parse_toml(file_permissions.read_trusted(path, is_named=True).decode("utf-8"))
    except RightsError as bad:
        raise GatewaySettingsError(_writable(path, bad)) from None
    except OSError as bad:
        raise GatewaySettingsError(_unreadable(path, bad)) from None
    except ValueError as bad:
        raise GatewaySettingsError(f"{path}: not valid TOML ({bad})") from None
    return _parsed(raw, path.absolute().parent)


def open_gateway(settings: GatewaySettings) -> Gateway:
    """Create the gateway that the settings describe.

    Raises GatewaySettingsError if no anchor can issue certificates.
    """
    lists = None if settings.trust_lists is None else TrustLists(settings.trust_lists)
    try:
        return Gateway(
            settings.anchors,
            source=source_of(settings, lists),
            trust=settings.trust,
            channel=settings.channel,
            environment=settings.environment,
            freshness=settings.freshness,
            listed=listed_cas(settings),
            lists=lists,
        )
    except GatewaySettingsError:
        raise
    except ValueError as bad:
        raise GatewaySettingsError(f"anchors: {bad}") from bad


def listed_cas(settings: GatewaySettings) -> tuple[x509.Certificate, ...]:
    """Return the CAs that a [[list]] names. Raises GatewaySettingsError."""
    return tuple(
        certificate for row in settings.lists if row.issuer is not None for certificate in _issuers_in(row.issuer)
    )


def _issuers_in(path: Path) -> tuple[x509.Certificate, ...]:
    """Read the certificate of a list's CA, PEM or DER.

    `crl_freshness.issuer_in` requires exactly one.
    """
    try:
        octets = path.read_bytes()
        return chain.load_bundle(octets) if b"-----BEGIN" in octets else (load_certificate(octets),)
    except OSError as bad:
        raise GatewaySettingsError(_unreadable(path, bad)) from None
    except ValueError as bad:
        raise GatewaySettingsError(f"{path}: {bad}") from None


def source_of(settings: GatewaySettings, lists: TrustLists | None = None) -> RevocationSource | None:
    """Return the revocation source; None only for DANGEROUSLY-NONE.

    OCSP requests about CAs that `lists` added go to the address of each.
    """
    match settings.revocation:
        case RevocationKind.DANGEROUSLY_NONE:
            return None
        case RevocationKind.CRL:
            return CrlSource(folder=settings.crls, freshness_during_outage=settings.freshness_during_outage)
        case RevocationKind.OCSP:
            # OCSP does not cover CA certificates; lists of the CAs above them do, if chains come with the message.
            asked = OcspSource(
                settings.ocsp,
                find_address=None if lists is None else lists.ocsp_address,
                needs_nonce=settings.needs_nonce,
                freshness_during_outage=settings.freshness_during_outage,
            )
            return asked if settings.crls is None else FallbackSource((asked, CrlSource(folder=settings.crls)))


def duration(text: str) -> timedelta:
    """Parse a positive duration of ISO 8601, such as PT1H or P1DT30M.

    Raises ValueError for any other text.
    """
    try:
        length = parse_duration(text)
    except (ValueError, OverflowError):
        length = timedelta()
    if not timedelta() < length < _LONGEST:
        raise ValueError("write a duration like PT1H, PT30M or P1D")
    return length


def _parsed(raw: dict[str, object], folder: Path) -> GatewaySettings:
    """Return the settings. Raises GatewaySettingsError with all faults."""
    tables = {name: raw.pop(name) for name in TABLES & raw.keys()}
    faults = _Faults()
    faults.take(partial(_check_keys, raw), None)
    anchors = faults.take(lambda: _anchors(_anchor_file(raw, folder)), ())
    revocation = faults.take(partial(_chosen, RevocationKind, raw, "revocation"), None)
    environment = faults.take(partial(_chosen, Environment, raw, "environment"), None)
    settings = GatewaySettings(
        anchors=anchors,
        revocation=revocation or RevocationKind.CRL,
        trust=faults.take(lambda: _trust(_path(raw, "trust", folder)), None),
        channel=faults.take(partial(_chosen, Channel, raw, "channel"), None),
        environment=environment,
        freshness=faults.take(partial(_duration, raw, "freshness"), None) or FRESHNESS,
        freshness_during_outage=faults.take(partial(_duration, raw, _OUTAGE), None),
        crls=faults.take(partial(_path, raw, "crls", folder), None),
        lists=faults.take(lambda: tuple(_list_to_fetch(row, folder) for row in _rows(raw, "list")), ()),
        ocsp=faults.take(lambda: tuple(_address(row, "url", "[[ocsp]]") for row in _rows(raw, "ocsp")), ()),
        needs_nonce=faults.take(partial(_flag, raw, "ocsp_nonce"), default=False),
        trust_lists=faults.take(lambda: _trust_lists(raw.get("trust_lists"), anchors, environment, folder), None),
        tables=tables,
        folder=folder,
    )
    # Without the values that were wrong, settings would seem to lack what they have.
    if not faults.found:
        faults.take(partial(_check_source, settings), None)
    if faults.found:
        raise GatewaySettingsError(*faults.found)
    return settings


class _Faults:
    """Faults of settings that are read one by one."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def take(self, read: Callable[[], Value], default: Default) -> Value | Default:
        """Return the value that `read` returns, or the default after a fault."""
        try:
            return read()
        except GatewaySettingsError as bad:
            self.found += bad.faults
            return default


def _check_keys(raw: Mapping[str, object]) -> None:
    if unknown := raw.keys() - _KEYS:
        raise GatewaySettingsError(f"{min(unknown)} is not a gateway setting (docs/relying/gateway.md)")
    if "revocation" not in raw:
        raise GatewaySettingsError(f"revocation must be one of {', '.join(RevocationKind)}")


def _anchor_file(raw: Mapping[str, object], folder: Path) -> Path:
    path = _path(raw, "anchors", folder)
    if path is None:
        raise GatewaySettingsError("anchors must name the PEM file of the trusted CAs")
    return path


def _check_source(settings: GatewaySettings) -> None:
    if settings.revocation is RevocationKind.CRL and settings.crls is None:
        raise GatewaySettingsError('crls must name the folder of the revocation lists for revocation = "crl"')
    if settings.revocation is RevocationKind.OCSP and not settings.ocsp:
        raise GatewaySettingsError('revocation = "ocsp" needs an [[ocsp]] table with the url of the service')
    if settings.freshness_during_outage is not None and settings.freshness_during_outage <= settings.freshness:
        raise GatewaySettingsError(
            f"{_OUTAGE} must be longer than freshness: it counts while no newer list or answer can be had"
        )
    if len({list_to_fetch.file for list_to_fetch in settings.lists}) < len(settings.lists):
        raise GatewaySettingsError("each [[list]] needs a file of its own")
    if settings.lists and settings.crls is None:
        raise GatewaySettingsError("crls must name the folder for the files of [[list]]")


def _writable(path: Path, bad: RightsError) -> str:
    return (
        f"{path}: it decides which certificates are trusted, but other users can change {bad.path}. "
        f"Run: chmod go-w {bad.path}"
    )


def _anchors(path: Path) -> tuple[x509.Certificate, ...]:
    try:
        return chain.load_bundle(file_permissions.read_trusted(path, is_named=True))
    except RightsError as bad:
        raise GatewaySettingsError(_writable(path, bad)) from None
    except OSError as bad:
        raise GatewaySettingsError(_unreadable(path, bad)) from None
    except ValueError as bad:
        raise GatewaySettingsError(f"{path}: {bad}") from None


def _trust(path: Path | None) -> TrustFile | None:
    if path is None:
        return None
    try:
        return trust_file.load(path)
    except OSError as bad:
        raise GatewaySettingsError(_unreadable(path, bad)) from None
    except TrustError as bad:
        raise GatewaySettingsError(f"{path}: {bad}") from None


def _duration(raw: Mapping[str, object], name: str) -> timedelta | None:
    try:
        return duration(str(raw[name])) if name in raw else None
    except ValueError as bad:
        raise GatewaySettingsError(f"{name}: {bad}") from None


def _list_to_fetch(row: Mapping[str, object], folder: Path) -> ListToFetch:
    if row.keys() - {"url", "file", "issuer"}:
        raise GatewaySettingsError("a [[list]] needs url, file and issuer")
    file = row.get("file")
    if not isinstance(file, str) or not _FILE.fullmatch(file):
        raise GatewaySettingsError(
            "file of a [[list]] must be the name of a file in the folder crls, such as issuing.crl"
        )
    return ListToFetch(_address(row, "url", "[[list]]"), file, _path(row, "issuer", folder))


def _trust_lists(
    row: object, anchors: tuple[x509.Certificate, ...], environment: Environment | None, folder: Path
) -> TrustListSettings | None:
    """Read [trust_lists], which needs a root among the anchors and one environment."""
    if row is None or not anchors:
        return None
    if not isinstance(row, dict) or row.keys() - {"url", "folder", "responders"}:
        raise GatewaySettingsError("[trust_lists] needs url and folder, and may have responders")
    place, responders = _path(row, "folder", folder), _path(row, "responders", folder)
    url = _address(row, "url", "[trust_lists]").rstrip("/")
    if place is None:
        raise GatewaySettingsError("folder of [trust_lists]: missing; name the folder in which the lists are kept")
    roots = tuple(anchor for anchor in anchors if chain.is_self_signed(anchor))
    if not roots:
        raise GatewaySettingsError("[trust_lists] needs the root in the file of anchors, since it signs the lists")
    purposes = (channel_from_policy(anchor) for anchor in anchors)
    environments = (
        {environment} if environment is not None else {purpose[1] for purpose in purposes if purpose is not None}
    )
    if len(environments) != 1:
        raise GatewaySettingsError(
            "[trust_lists] needs the setting environment, which the file of anchors does not show"
        )
    return TrustListSettings(url, place, roots, environments.pop(), () if responders is None else _anchors(responders))


def _address(row: Mapping[str, object], key: str, table: str) -> str:
    value = row.get(key)
    try:
        return check_url(value if isinstance(value, str) else "")
    except InvalidUrl as bad:
        raise GatewaySettingsError(f"{key} of {table}: {bad}") from None


def _rows(raw: Mapping[str, object], name: str) -> list[Mapping[str, object]]:
    found = raw.get(name, [])
    rows = [found] if isinstance(found, dict) else found
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise GatewaySettingsError(f"{name} must be a table: [[{name}]]")
    return rows


def _path(raw: Mapping[str, object], name: str, folder: Path) -> Path | None:
    value = raw.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not value:
        raise GatewaySettingsError(f"{name} must be a path")
    return folder / value


def _flag(raw: Mapping[str, object], name: str) -> bool:
    value = raw.get(name, False)
    if not isinstance(value, bool):
        raise GatewaySettingsError(f"{name} must be true or false")
    return value


def _chosen(kind: type[Choice], raw: Mapping[str, object], name: str) -> Choice | None:
    value = raw.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or value not in set(kind):
        raise GatewaySettingsError(f"{name} must be one of {', '.join(kind)}")
    return kind(str(value))


def _unreadable(path: Path, bad: OSError) -> str:
    fix = "create it, or correct its name" if isinstance(bad, FileNotFoundError) else "let this user read it"
    return f"{path} cannot be read ({bad.strerror or bad}): {fix}"
