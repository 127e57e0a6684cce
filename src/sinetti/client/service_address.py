"""Addresses of services: https, or http on this machine."""

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

_LONGEST_LABEL = 63
PORTS = {"http": 80, "https": 443}


class InvalidServiceUrl(ValueError):
    """Address that this client does not call; the text gives the reason."""


@dataclass(frozen=True, slots=True)
class ServiceUrl:
    """Address of a service; `secure` means https."""

    secure: bool
    host: str
    port: int
    path: str


def parse_service_url(url: str) -> ServiceUrl:
    """Parse an address.

    Raises InvalidServiceUrl for anything but https, or http on this machine itself.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as bad:
        why = "its host or its port cannot be read"
        raise InvalidServiceUrl(why) from bad
    if parts.scheme not in PORTS or not parts.hostname:
        why = "an address starts with https:// and names a host"
        raise InvalidServiceUrl(why)
    if parts.username is not None or parts.password is not None or parts.fragment:
        why = "an address holds no user name, no password and no fragment"
        raise InvalidServiceUrl(why)
    if not url.isascii() or any(sign.isspace() for sign in url):
        why = "an address holds neither blanks nor letters outside ASCII"
        raise InvalidServiceUrl(why)
    if not _is_host(parts.hostname):
        why = "its host or its port cannot be read"
        raise InvalidServiceUrl(why)
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        why = "http:// is only for this machine itself (127.0.0.1); use https://"
        raise InvalidServiceUrl(why)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return ServiceUrl(parts.scheme == "https", parts.hostname, port or PORTS[parts.scheme], path)


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine itself.

    `localhost`, 127.0.0.0/8 or ::1 (RFC 6761, 6.3).
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_host(host: str) -> bool:
    """Return whether a name can be looked up.

    No label of it is empty or too long (RFC 1035, 2.3.4).
    """
    return host.isascii() and all(0 < len(part) <= _LONGEST_LABEL for part in host.removesuffix(".").split("."))
