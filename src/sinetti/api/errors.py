"""Error responses of the APIs.

This module alone translates a rejection's reason into each protocol. Problem documents (RFC 9457) have texts for
people: `detail` in the caller's language, `text` in all languages.
"""

import json
from dataclasses import replace

from sinetti.domain.refusals import ERROR_CODES, Rejection
from sinetti.domain.values import Language
from sinetti.i18n.translate import preferred_language, refusal_text, translate
from sinetti.server.http import Request, Response, json_body
from sinetti.server.http import problem_response as plain_problem_response
from sinetti.wire.soap.operations import Failure


def rejection_response(refusal: Rejection, accept_language: str | None) -> Failure:
    """Return the FAIL response for a rejection, which is signed later.

    Its language is the requested one, else the contact's if the signer is proven, else English.
    """
    language = preferred_language(accept_language) or refusal.language or Language.EN
    return Failure(ERROR_CODES[refusal.reason], refusal_text(refusal, language))


def problem_response(
    request: Request, status: int, reason: str, message_id: str, language: Language | None = None
) -> Response:
    """Return a problem document.

    Its language is the requested one, else `language`, which is known of the sender, else English.
    """
    spoken = preferred_language(request.headers.get("accept-language")) or language or Language.EN
    reply = plain_problem_response(status, reason, translate(message_id, spoken))
    value = json.loads(reply.body) | {
        "text": {language.value: translate(message_id, language) for language in Language}
    }
    body = json_body(value)
    headers = {"content-language": spoken.value, "vary": "Accept-Language"}
    return replace(reply, body=body, headers=headers, log_fields={"reason": reason})


def with_headers(reply: Response, **headers: str) -> Response:
    """Return the response with more headers, whose names are given with underscores."""
    return replace(reply, headers={**reply.headers, **{name.replace("_", "-"): v for name, v in headers.items()}})
