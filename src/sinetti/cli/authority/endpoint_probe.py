"""Probe of the status address, over HTTP as relying parties use it."""

import urllib.error
import urllib.request
from http.client import HTTPException
from urllib.parse import urlsplit

from sinetti.api.health import LIVES
from sinetti.cli.authority.common import OptionError
from sinetti.services.monitoring.findings import CrlLocation, NotFound, Read

WITHIN = 10.0
"""Seconds until a response must begin, and for each part of it."""

LARGEST = 256 * 1024 * 1024
"""Octets of the largest response: a CRL of a million entries has some 40 million."""


class _NoDetours(urllib.request.HTTPRedirectHandler):
    """Handler that follows no redirects: content has to be at the requested address."""

    def redirect_request(self, *_words: object) -> None:
        """Refuse to follow a redirect."""


_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoDetours)


def check_address(text: str) -> str:
    """Return the address without a slash at its end.

    Raises OptionError if it is no address.
    """
    try:
        parts = urlsplit(text)
        well = parts.scheme in {"http", "https"} and bool(parts.hostname) and not parts.query and not parts.fragment
    except ValueError:
        well = False
    if not well:
        sentence = f"--status-url: write an address such as http://pki.example, not {text!r}"
        raise OptionError(sentence)
    return text.rstrip("/")


def served(address: str) -> Read:
    """Retrieve CRLs from that address."""

    def read(place: CrlLocation) -> bytes:
        return fetched(f"{address}{place.path}")

    return read


def why_away(address: str) -> str | None:
    """Return why no server answers at the address, or None if one answers.

    Any HTTP response counts as an answer, also an error status.
    """
    try:
        with _opener.open(f"{address}{LIVES}", timeout=WITHIN):
            return None
    except urllib.error.HTTPError as answered:
        answered.close()
        return None
    except (OSError, HTTPException) as failed:
        return _why(failed)


def fetched(url: str, request: bytes | None = None) -> bytes:
    """Return the body of a response with status 200.

    Sends GET, or POST with an OCSP request. Raises NotFound for any other response.
    """
    headers = {} if request is None else {"Content-Type": "application/ocsp-request"}
    asked = urllib.request.Request(url, request, headers)  # noqa: S310 - check_address lets http and https through
    try:
        with _opener.open(asked, timeout=WITHIN) as reply:
            octets: bytes = reply.read(LARGEST + 1)
    except urllib.error.HTTPError as refused:
        refused.close()
        sentence = f"{url} answers {refused.code}: look at the service, and at the proxy in front of it"
        raise NotFound(sentence) from None
    except (OSError, HTTPException) as failed:
        sentence = f"{url} cannot be fetched ({_why(failed)}): is the service running?"
        raise NotFound(sentence) from None
    if len(octets) > LARGEST:
        sentence = f"{url} has more than {LARGEST} octets: that is none of ours"
        raise NotFound(sentence)
    return octets


def _why(failed: Exception) -> str:
    """Return the reason of a failure in the system's words, without its number."""
    reason = getattr(failed, "reason", failed)
    return str(getattr(reason, "strerror", None) or reason)
