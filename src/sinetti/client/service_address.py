"""Addresses of services: https, or http on this machine."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from sinetti.infra.urls import PORTS, is_host_name, is_loopback


class InvalidServiceUrl(ValueError):
    """Address that this client does not call; the text gives the reason."""


@dataclass(frozen=True)
class ServiceUrl:
    """Address of a service; `secure` means https."""

    secure: bool
    host: str
    port: int
    path: str

    @property
    def url(self) -> str:
        """The address as a URL."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.secure else 'http'}://{host}:{self.port}{self.path}"


def parse_service_url(url: str) -> ServiceUrl:
    """Parse an address.

    Raises InvalidServiceUrl for anything but https, or http on this machine itself.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as bad:
        raise InvalidServiceUrl("its host name or port is not valid") from bad
    if parts.scheme not in PORTS or not parts.hostname:
        raise InvalidServiceUrl("the address must begin with https:// and contain a host name")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise InvalidServiceUrl("the address must not contain a user name, a password or a fragment")
    if not url.isascii() or any(sign.isspace() for sign in url):
        raise InvalidServiceUrl("the address must not contain spaces or characters outside ASCII")
    if not is_host_name(parts.hostname):
        raise InvalidServiceUrl("its host name or port is not valid")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise InvalidServiceUrl("http:// works only for this machine itself (127.0.0.1), so use https://")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return ServiceUrl(parts.scheme == "https", parts.hostname, port or PORTS[parts.scheme], path)


def origin(service: str) -> str:
    """Return the origin of a service's address: scheme, host and port.

    Hints and trust lists are served from the same origin.
    """
    return service.split("/", 3)[0] + "//" + service.split("/", 3)[2]
