"""Addresses of services: ports, form of a URL, and loopback hosts."""

import ipaddress
from collections.abc import Sequence
from urllib.parse import urlsplit

ONE_HOST = "Send one Host with the request (RFC 9112, 3.2)."
PORTS = {"http": 80, "https": 443}
"""Default port of each supported scheme."""

_LONGEST_LABEL = 63


class InvalidUrl(ValueError):
    """Address that is not acceptable; the text says why."""


def check_url(url: str) -> str:
    """Return an address after a check of its form.

    Raises InvalidUrl if it is not acceptable.
    """
    try:
        parts = urlsplit(url)
        known = parts.scheme in PORTS and bool(parts.hostname) and parts.port != 0
    except ValueError:
        known = False
    if not known or not url.isascii() or any(sign.isspace() for sign in url):
        raise InvalidUrl(f"{url!r} is not an address: it must begin with http:// or https:// and contain a host name")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise InvalidUrl(f"{url!r}: the address must not contain a user name, a password or a fragment")
    return url


def url_path(url: str) -> str:
    """Return the path of an address, without its query."""
    return urlsplit(url).path or "/"


def has_one_host(version: str, hosts: Sequence[bytes | str]) -> bool:
    """Return whether a request has one Host, which HTTP/1.0 may lack (RFC 9112, 3.2).

    granian adds an empty one to a request that has none.
    """
    return len(hosts) <= 1 and (any(hosts) or version < "1.1")


def is_host_name(host: str) -> bool:
    """Return whether a name can be looked up.

    No label of it is empty or too long (RFC 1035, 2.3.4).
    """
    return host.isascii() and all(0 < len(part) <= _LONGEST_LABEL for part in host.removesuffix(".").split("."))


def is_loopback(host: str) -> bool:
    """Return whether a host name or IP address is this machine itself.

    `localhost`, 127.0.0.0/8 or ::1 (RFC 6761, 6.3).
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
