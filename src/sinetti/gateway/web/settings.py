"""Tables of gateway.toml beside those of the gateway itself.

They are [serve], [middleware], [sightings], [log] and [feed]. See docs/relying/gateway-serve.md.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import ClassVar, Final

from sinetti.gateway.crl_freshness import download_of
from sinetti.gateway.gateway import Gateway
from sinetti.gateway.log_watch import WatchedLog
from sinetti.gateway.revocation.crl import CrlSource
from sinetti.gateway.revocation.crl_fetch import CrlDownload
from sinetti.gateway.revocation.ocsp import OcspSource
from sinetti.gateway.revocation.source import FallbackSource, RevocationSource
from sinetti.gateway.settings import (
    GatewaySettings,
    GatewaySettingsError,
    RevocationKind,
    listed_cas,
    open_gateway,
)
from sinetti.gateway.status_feed import CrlFetchJob, FeedActions, FeedReader, FetchJob, TrustListFetchJob
from sinetti.gateway.trust_lists.lists import TrustLists
from sinetti.gateway.usage_reporter import ReportTarget
from sinetti.gateway.web.guard import DANGEROUSLY_NONE, RequestGuard, Seen, discard
from sinetti.gateway.web.trusted_proxies import InsecureProxySettings, TrustedProxies, read_secret
from sinetti.infra.toml_tables import TomlTable, ValueKind
from sinetti.infra.urls import InvalidUrl, check_url
from sinetti.pki.trust_lists.lists import TrustListKind
from sinetti.wire.http_signatures.profile import load_signing_key
from sinetti.wire.transparency.notes import NoteError
from sinetti.wire.transparency.observer import LogPolicy

_HIGHEST_PORT: Final = 65_535
_OTHERS: Final = 0o077
_COSIGNATURES: Final = 16


@dataclass(frozen=True)
class ListenSettings:
    """Address where `serve` listens, and its trusted proxies.

    The address is a Unix socket or `IP:PORT`.
    """

    socket: Path | None
    address: str | None
    proxies: TrustedProxies


class GatewayTable(TomlTable):
    """Table of gateway.toml."""

    error_class = GatewaySettingsError
    missing_template = "{key}: missing"
    wrong_template = "{key}: {wanted}"
    unknown_template = "{key}: unknown setting"
    kind_words: ClassVar = {
        ValueKind.TEXT: "the value must be text",
        ValueKind.TEXTS: "the value must be a list of texts",
        ValueKind.NUMBER: "the value must be a whole number from {among}",
    }

    def is_text(self, value: str) -> bool:
        """Return whether a text is acceptable: not empty."""
        return bool(value)


def _table(settings: GatewaySettings, name: str) -> GatewayTable:
    raw = settings.tables.get(name, {})
    if not isinstance(raw, dict):
        raise GatewaySettingsError(f"{name} must be a table: [{name}]")
    return GatewayTable(raw, place=f"[{name}] ")


def load_listen_settings(settings: GatewaySettings) -> ListenSettings:
    """Read [serve]: `socket`, or `bind` with `proxies` and `secret`.

    Raises GatewaySettingsError.
    """
    table = _table(settings, "serve")
    socket, bind = table.path("socket", settings.folder), table.text_or_none("bind")
    listed, secret = table.texts("proxies"), _secret(table, settings.folder)
    table.finish()
    if (socket is None) == (bind is None):
        table.refuse("socket", 'set either socket = "PATH" or bind = "IP:PORT"')
    if bind is not None and not is_address(bind):
        table.refuse("bind", "write an address like 127.0.0.1:8444 or [::1]:8444")
    if socket is not None and listed:
        table.refuse(
            "proxies", "on a Unix socket, the file's permissions decide who may connect: remove this, or use bind"
        )
    return ListenSettings(socket, bind, _proxies(table, listed, secret, unix=socket is not None))


def load_guard(settings: GatewaySettings, *, seen: Seen = discard) -> RequestGuard:
    """Read [middleware] and open the gateway, for ASGI and WSGI applications.

    Values of `certificate`:

    - "tls": from the server's own TLS.
    - "unix-socket": from a header; the application listens only on a Unix socket.
    - "proxy": from a header, with `proxies`.

    `secret` is required with "proxy" and optional with "unix-socket". Raises GatewaySettingsError.
    """
    table = _table(settings, "middleware")
    kind = table.text("certificate")
    listed, secret = table.texts("proxies"), _secret(table, settings.folder)
    table.finish()
    if kind not in {"tls", "unix-socket", "proxy"}:
        table.refuse("certificate", 'the value must be "tls", "unix-socket" or "proxy"')
    if (kind == "proxy") != bool(listed):
        table.refuse("proxies", 'proxies can only be listed with certificate = "proxy"')
    proxies = None if kind == "tls" else _proxies(table, listed, secret, unix=kind == "unix-socket")
    return guarded(settings, proxies, seen)


def guarded(settings: GatewaySettings, proxies: TrustedProxies | None, seen: Seen) -> RequestGuard:
    """Open the gateway and its guard. Raises GatewaySettingsError."""
    none = settings.revocation is RevocationKind.DANGEROUSLY_NONE
    gateway = open_gateway(settings)
    if gateway.lists is not None:
        gateway.lists.keep_current(partial(added_downloads, settings, gateway.lists))
    feed = load_feed(settings, gateway)
    return RequestGuard(gateway, proxies, DANGEROUSLY_NONE if none else None, seen, feed=feed)


def added_downloads(settings: GatewaySettings, lists: TrustLists) -> tuple[CrlDownload, ...]:
    """Return the revocation lists of added CAs that no [[list]] names."""
    if settings.revocation is not RevocationKind.CRL or settings.crls is None:
        return ()
    return lists.downloads(settings.crls, (*settings.anchors, *listed_cas(settings)))


def load_report_target(settings: GatewaySettings) -> ReportTarget | None:
    """Read [sightings]: `url`, `name`, `key`; None if the table is not there.

    Raises GatewaySettingsError.
    """
    if "sightings" not in settings.tables:
        return None
    table = _table(settings, "sightings")
    url, name, path = table.text("url"), table.text("name"), table.path("key", settings.folder)
    table.finish()
    if path is None:
        table.refuse("key", "missing; create one with sinetti gateway key --out FILE")
    try:
        if path.stat().st_mode & _OTHERS:
            table.refuse("key", f"other users can read {path}: run chmod 600 and create a new one")
        return ReportTarget(check_url(url), name, load_signing_key(path.read_bytes()))
    except InvalidUrl as bad:
        table.refuse("url", str(bad))
    except OSError as bad:
        table.refuse("key", f"{path}: {bad.strerror}")
    except GatewaySettingsError:
        raise
    except ValueError as bad:
        table.refuse("key", f"{path}: {bad}")


def load_watched_log(settings: GatewaySettings) -> WatchedLog | None:
    """Read [log], or return None if the table is not there.

    It has `url`, `folder`, `key`, `cosignatures`, `witnesses`. Raises GatewaySettingsError.
    """
    if "log" not in settings.tables:
        return None
    table = _table(settings, "log")
    url, folder = table.text("url"), table.path("folder", settings.folder)
    key, count = table.text_or_none("key"), table.number_or_none("cosignatures", range(1, _COSIGNATURES + 1)) or 0
    witnesses = table.texts("witnesses")
    table.finish()
    if folder is None:
        table.refuse("folder", "missing; name the folder in which the last checkpoint is kept")
    try:
        return WatchedLog(check_url(url).rstrip("/"), LogPolicy.parse(key, count, witnesses), folder)
    except InvalidUrl as bad:
        table.refuse("url", str(bad))
    except NoteError as bad:
        table.refuse("key", str(bad))


def load_feed(settings: GatewaySettings, gateway: Gateway | None) -> FeedReader | None:
    """Read [feed] with `url`; None if the table is not there.

    The reader keeps the files of [[list]] current, and the trust lists, lists and answers of a gateway. Raises
    GatewaySettingsError and NoIssuer.
    """
    if "feed" not in settings.tables:
        return None
    table = _table(settings, "feed")
    url = table.text("url")
    table.finish()
    named: list[FetchJob] = [CrlFetchJob(download_of(settings, list_to_fetch)) for list_to_fetch in settings.lists]
    lists = None if gateway is None else gateway.lists
    if lists is not None:
        named += [TrustListFetchJob(lists, kind) for kind in TrustListKind]

    def jobs() -> Sequence[FetchJob]:
        added = () if lists is None else added_downloads(settings, lists)
        return [*named, *map(CrlFetchJob, added)]

    try:
        return FeedReader(check_url(url), _actions(None if gateway is None else gateway.source, lists, jobs))
    except InvalidUrl as bad:
        table.refuse("url", str(bad))


def _actions(
    source: RevocationSource | None, lists: TrustLists | None, jobs: Callable[[], Sequence[FetchJob]]
) -> FeedActions:
    sources = source.sources if isinstance(source, FallbackSource) else [source]

    def ask_anew(serial: int | None) -> None:
        for one in sources:
            if isinstance(one, OcspSource):
                one.ask_anew(serial)
        if lists is not None:
            lists.bridge.forget()

    def refresh() -> None:
        for one in sources:
            if isinstance(one, CrlSource):
                one.refresh()

    return FeedActions(jobs, ask_anew, refresh)


def _secret(table: GatewayTable, folder: Path) -> bytes | None:
    path = table.path("secret", folder)
    try:
        return None if path is None else read_secret(path)
    except OSError as bad:
        table.refuse("secret", f"{path}: {bad.strerror}")
    except InsecureProxySettings as bad:
        table.refuse("secret", str(bad))


def _proxies(table: GatewayTable, listed: Sequence[str], secret: bytes | None, *, unix: bool) -> TrustedProxies:
    try:
        if unix:
            return TrustedProxies.on_unix_socket(secret)
        if secret is None:
            table.refuse("secret", "proxies also need the name of a file with a secret")
        return TrustedProxies.listed(listed, secret)
    except InsecureProxySettings as bad:
        table.refuse("proxies", str(bad))


def is_address(text: str) -> bool:
    """Return True for IP:PORT."""
    host, _, port = text.rpartition(":")
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return port.isascii() and port.isdigit() and int(port) <= _HIGHEST_PORT
