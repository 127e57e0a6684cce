"""Probe of the status address, over HTTP as relying parties use it."""

from http import HTTPStatus
from urllib.parse import urlsplit

from sinetti.api.health import LIVES
from sinetti.cli.authority.common import OptionError
from sinetti.infra.http_client import HttpError, HttpRequest, HttpStage, send_request
from sinetti.services.monitoring.findings import CrlLocation, NotFound, Read

WITHIN = 10.0
"""Seconds until a server must answer."""

CRL_WITHIN = 120.0
"""Seconds for a whole CRL or OCSP response; the largest CRLs take a while."""

LARGEST = 256 * 1024 * 1024
"""Octets of the largest response: a CRL of a million entries has some 40 million."""


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
        raise OptionError(f"--status-url: {text!r} is not an address such as http://pki.example")
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
        send_request(HttpRequest(f"{address}{LIVES}", within=WITHIN, truncates=True))
    except HttpError as failed:
        return str(failed)
    return None


def fetched(url: str, request: bytes | None = None) -> bytes:
    """Return the body of a response with status 200.

    Sends GET, or POST with an OCSP request. Raises NotFound for any other response.
    """
    headers = {} if request is None else {"Content-Type": "application/ocsp-request"}
    method = "GET" if request is None else "POST"
    try:
        reply = send_request(HttpRequest(url, method, headers, request, limit=LARGEST, within=CRL_WITHIN))
    except HttpError as failed:
        if failed.stage is HttpStage.TOO_LONG:
            sentence = f"{url} has more than {LARGEST} octets, so it is not a document of this service"
        else:
            sentence = f"{url} cannot be retrieved ({failed}): check that the service is running"
        raise NotFound(sentence) from None
    if reply.status != HTTPStatus.OK:
        raise NotFound(f"{url} answers with HTTP status {reply.status}: check the service and its proxy")
    return reply.body
