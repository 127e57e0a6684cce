"""Problem documents (RFC 9457) that people can read: `detail` in the caller's language, `text` in all of them."""

import json
from dataclasses import replace

from sinetti.api.errors import preferred_language
from sinetti.domain.values import Language
from sinetti.i18n.translate import translate
from sinetti.server.http import Request, Response
from sinetti.server.http import problem_response as plain_problem_response


def problem_response(
    request: Request, status: int, reason: str, message_id: str, language: Language | None = None
) -> Response:
    """Answer with a problem, in the language that the request asks for; else in the one that is known of its sender."""
    spoken = preferred_language(request.headers.get("accept-language")) or language or Language.EN
    reply = plain_problem_response(status, reason, translate(message_id, spoken))
    value = json.loads(reply.body) | {"text": {one.value: translate(message_id, one) for one in Language}}
    body = json.dumps(value, ensure_ascii=False).encode()
    headers = {"content-language": spoken.value, "vary": "Accept-Language"}
    return replace(reply, body=body, headers=headers, log_fields={"reason": reason})


def with_headers(reply: Response, **headers: str) -> Response:
    """Add headers, whose names are given with underscores."""
    return replace(reply, headers={**reply.headers, **{name.replace("_", "-"): v for name, v in headers.items()}})
