"""Tables of gateway.toml for integrations: [serve], [middleware], [sightings].

See docs/gateway-serve.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Final, NoReturn

from sinetti.gateway.settings import GatewaySettings, GatewaySettingsError, RevocationKind, open_gateway
from sinetti.gateway.usage_reporter import ReportTarget
from sinetti.gateway.web.guard import DANGEROUSLY_NONE, RequestGuard, Seen, discard
from sinetti.gateway.web.trusted_proxies import InsecureProxySettings, TrustedProxies, read_secret
from sinetti.infra.urls import InvalidUrl, check_url
from sinetti.wire.http_signatures.profile import load_signing_key

_HIGHEST_PORT: Final = 65_535
_OTHERS: Final = 0o077


@dataclass(frozen=True, slots=True)
class ListenSettings:
    """Address where `serve` listens, and its trusted proxies.

    The address is a Unix socket or `IP:PORT`.
    """

    socket: Path | None
    address: str | None
    proxies: TrustedProxies


class SettingsTable:
    """One table that is read key by key; unread keys are an error."""

    def __init__(self, settings: GatewaySettings, name: str) -> None:
        raw: object = settings.tables.get(name, {})
        if not isinstance(raw, dict):
            why = f"{name} is a table: [{name}]"
            raise GatewaySettingsError(why)
        self._raw = dict(raw)
        self._name = name
        self.folder = settings.folder

    def text(self, key: str) -> str | None:
        """Return a text; None if it is not set."""
        value = self._raw.pop(key, None)
        if value is not None and (not isinstance(value, str) or not value):
            self.refuse(key, "a text is needed here")
        return value

    def needed(self, key: str) -> str:
        """Return a required text."""
        value = self.text(key)
        if value is None:
            self.refuse(key, "it is missing")
        return value

    def path(self, key: str) -> Path | None:
        """Return a path; a relative path is relative to the file."""
        value = self.text(key)
        return None if value is None else self.folder / value

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of texts; empty if it is not set."""
        value = self._raw.pop(key, [])
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            self.refuse(key, "a list of texts is needed here")
        return tuple(value)

    def end(self) -> None:
        """Raise GatewaySettingsError if keys are left unread."""
        if self._raw:
            self.refuse(next(iter(self._raw)), "there is no such setting")

    def refuse(self, key: str, why: str) -> NoReturn:
        """Raise GatewaySettingsError about one key."""
        sentence = f"[{self._name}] {key}: {why}"
        raise GatewaySettingsError(sentence) from None


def load_listen_settings(settings: GatewaySettings) -> ListenSettings:
    """Read [serve]: `socket`, or `bind` with `proxies` and `secret`.

    Raises GatewaySettingsError.
    """
    table = SettingsTable(settings, "serve")
    socket, bind = table.path("socket"), table.text("bind")
    listed, secret = table.texts("proxies"), _secret(table)
    table.end()
    if (socket is None) == (bind is None):
        table.refuse("socket", 'either socket = "PATH" or bind = "IP:PORT" is needed')
    if bind is not None and not _is_address(bind):
        table.refuse("bind", "an address is written like 127.0.0.1:8444 or [::1]:8444")
    if socket is not None and listed:
        table.refuse("proxies", "on a Unix socket the file's rights decide who speaks: take this out, or use bind")
    return ListenSettings(socket, bind, _proxies(table, listed, secret, unix=socket is not None))


def load_guard(settings: GatewaySettings, *, seen: Seen = discard) -> RequestGuard:
    """Read [middleware] and open the gateway, for ASGI and WSGI applications.

    Values of `certificate`:

    - "tls": from the server's own TLS.
    - "unix-socket": from a header; the application listens only on a Unix socket.
    - "proxy": from a header, with `proxies`.

    `secret` is required with "proxy" and optional with "unix-socket". Raises GatewaySettingsError.
    """
    table = SettingsTable(settings, "middleware")
    kind = table.needed("certificate")
    listed, secret = table.texts("proxies"), _secret(table)
    table.end()
    if kind not in {"tls", "unix-socket", "proxy"}:
        table.refuse("certificate", 'one of "tls", "unix-socket", "proxy" is needed here')
    if (kind == "proxy") != bool(listed):
        table.refuse("proxies", 'they are listed with certificate = "proxy", and with nothing else')
    proxies = None if kind == "tls" else _proxies(table, listed, secret, unix=kind == "unix-socket")
    return guarded(settings, proxies, seen)


def guarded(settings: GatewaySettings, proxies: TrustedProxies | None, seen: Seen) -> RequestGuard:
    """Open the gateway and its guard. Raises GatewaySettingsError."""
    none = settings.revocation is RevocationKind.DANGEROUSLY_NONE
    return RequestGuard(open_gateway(settings), proxies, DANGEROUSLY_NONE if none else None, seen)


def load_report_target(settings: GatewaySettings) -> ReportTarget | None:
    """Read [sightings]: `url`, `name`, `key`; None if the table is not there.

    Raises GatewaySettingsError.
    """
    if "sightings" not in settings.tables:
        return None
    table = SettingsTable(settings, "sightings")
    url, name, path = table.needed("url"), table.needed("name"), table.path("key")
    table.end()
    if path is None:
        table.refuse("key", "it is missing; sinetti gateway key --out FILE makes one")
    try:
        if path.stat().st_mode & _OTHERS:
            table.refuse("key", f"{path} can be read by others: chmod 600 it, and make a new one")
        return ReportTarget(check_url(url), name, load_signing_key(path.read_bytes()))
    except InvalidUrl as bad:
        table.refuse("url", str(bad))
    except OSError as bad:
        table.refuse("key", f"{path}: {bad.strerror}")
    except GatewaySettingsError:
        raise
    except ValueError as bad:
        table.refuse("key", f"{path}: {bad}")


def _secret(table: SettingsTable) -> bytes | None:
    path = table.path("secret")
    try:
        return None if path is None else read_secret(path)
    except OSError as bad:
        table.refuse("secret", f"{path}: {bad.strerror}")
    except InsecureProxySettings as bad:
        table.refuse("secret", str(bad))


def _proxies(table: SettingsTable, listed: Sequence[str], secret: bytes | None, *, unix: bool) -> TrustedProxies:
    try:
        if unix:
            return TrustedProxies.on_unix_socket(secret)
        if secret is None:
            table.refuse("secret", "the name of a file with a secret is needed beside proxies")
        return TrustedProxies.listed(listed, secret)
    except InsecureProxySettings as bad:
        table.refuse("proxies", str(bad))


def _is_address(text: str) -> bool:
    host, _, port = text.rpartition(":")
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return port.isascii() and port.isdigit() and int(port) <= _HIGHEST_PORT
