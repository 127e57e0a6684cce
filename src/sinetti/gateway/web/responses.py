"""HTTP responses for verdicts.

The application gets headers; the caller gets a problem document (RFC 9457).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote

from sinetti.domain.values import Language
from sinetti.gateway.verdicts.verdict import Verdict, VerdictReason
from sinetti.i18n.translate import gettext_noop, preferred_language, translate
from sinetti.infra.clock import format_instant

MISSING: Final = "certificate-missing"
"""Reason for a missing certificate, the only HTTP reason without a verdict."""

AGAIN: Final = "send-again"
"""Reason if the web server rejected a certificate that the gateway accepts.

A new list came between the two checks, or their rules differ.
"""

_LONGEST_HEADER = 500
"""Characters of Accept-Language that are read."""

_SAFE = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) != "%")

_NEEDED = gettext_noop("A certificate is needed")
_REFUSED = gettext_noop("The certificate was not accepted")
_NOT_ACCEPTED = gettext_noop("The document was not accepted")
_SEND_AGAIN = gettext_noop("Send the request again")
_NONE_SHOWN = gettext_noop(
    "The request has no client certificate, so its sender is unknown. Nothing was done. Set your program "
    "to use the organisation's certificate and its private key for the TLS connection, then send the "
    "request again."
)
_TWO_OPINIONS = gettext_noop(
    "The certificate is accepted, but the web server in front of the service rejected the request. "
    "Nothing was done. Send the same request again. If you get this answer again, contact the service."
)


@dataclass(frozen=True)
class HttpResult:
    """HTTP response. Header names are written as they are sent."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)


def identity_headers(verdict: Verdict) -> dict[str, str]:
    """Return the headers that tell an application about an accepted caller.

    Unknown values are left out. Values are printable ASCII. The customer id of a certificate from a foreign CA may
    contain any character, even line breaks. So the percent sign and all characters that are not printable are
    percent-encoded (RFC 3986, 2.1).
    """
    known = {
        "Sinetti-Customer-Id": verdict.customer_id,
        "Sinetti-Channel": verdict.channel,
        "Sinetti-Serial": verdict.serial,
        "Sinetti-Not-After": None if verdict.not_after is None else format_instant(verdict.not_after),
        "Sinetti-Days-Left": verdict.days_left,
    }
    return {name: quote(str(value), safe=_SAFE) for name, value in known.items() if value is not None}


def accepted_response(verdict: Verdict) -> HttpResult:
    """Return the acceptance, with the identity of the caller."""
    return HttpResult(204, {**identity_headers(verdict), "Cache-Control": "no-store"})


def rejected_response(verdict: Verdict | None, accept_language: str | None) -> HttpResult:
    """Return the refusal of a caller, with its reason.

    The status is 401 for a missing or unreadable certificate, else 403.
    """
    language = _language(accept_language)
    if verdict is None:
        return problem(401, MISSING, (_NEEDED, translate(_NONE_SHOWN, language)), language)
    detail = verdict.text(language)
    if verdict.reason is VerdictReason.MALFORMED:
        return problem(401, VerdictReason.MALFORMED, (_NEEDED, detail), language)
    return problem(403, verdict.reason or AGAIN, (_REFUSED, detail), language)


def not_accepted(verdict: Verdict, accept_language: str | None) -> HttpResult:
    """Return the refusal of a document: a problem document with the verdict's members."""
    language = _language(accept_language)
    more = verdict.as_json()
    return problem(422, verdict.reason or AGAIN, (_NOT_ACCEPTED, verdict.text(language)), language, more)


def retry_response(accept_language: str | None) -> HttpResult:
    """Answer an accepted caller whom the web server in front had rejected."""
    language = _language(accept_language)
    answer = problem(503, AGAIN, (_SEND_AGAIN, translate(_TWO_OPINIONS, language)), language)
    return HttpResult(answer.status, {**answer.headers, "Retry-After": "1"}, answer.body)


def problem(
    status: int,
    reason: str,
    title_and_detail: tuple[str, str],
    language: Language,
    more: Mapping[str, object] | None = None,
) -> HttpResult:
    """Return a problem document.

    `title_and_detail` holds the message id of the title, and the detail in the reader's language.
    """
    value = {
        "type": "about:blank",
        "title": translate(title_and_detail[0], language),
        "status": status,
        "detail": title_and_detail[1],
        "reason": reason,
    }
    headers = {
        "Content-Type": "application/problem+json",
        "Content-Language": language.value,
        "Sinetti-Reason": reason,
        "Cache-Control": "no-store",
        "Vary": "Accept-Language",
    }
    if status == 401:  # noqa: PLR2004 - RFC 9110, 15.5.2, wants a challenge
        # No scheme is registered for TLS client certificates; the name is from draft-thomson-httpbis-cant.
        headers["WWW-Authenticate"] = "ClientCertificate"
    return HttpResult(status, headers, f"{json.dumps({**(more or {}), **value}, ensure_ascii=False)}\n".encode())


def _language(accept_language: str | None) -> Language:
    """Return the caller's language, English if the header names no supported one."""
    return preferred_language((accept_language or "")[:_LONGEST_HEADER]) or Language.EN
