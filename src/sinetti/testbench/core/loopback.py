"""Whether a request was made to loopback by name: a page from elsewhere cannot say so, even by DNS rebinding."""

import re
from ipaddress import ip_address

_HOST = re.compile(r"(?P<name>[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")


def is_loopback(host: str) -> bool:
    """Whether a Host header names loopback."""
    named = _HOST.fullmatch(host)
    if named is None:
        return False
    name = named["name"].strip("[]")
    try:
        return name.casefold() == "localhost" or ip_address(name).is_loopback
    except ValueError:
        return False
