"""Problem documents (RFC 9457) that people can read: `detail` in the caller's language, `text` in all of them."""

import json
from dataclasses import replace

from sinetti.api.errors import preferred_language
from sinetti.domain.values import Language
from sinetti.i18n.translate import text
from sinetti.server.http import Reply, Request, problem


def told(request: Request, status: int, reason: str, message_id: str, language: Language | None = None) -> Reply:
    """Answer with a problem, in the language that the request asks for; else in the one that is known of its sender."""
    spoken = preferred_language(request.headers.get("accept-language")) or language or Language.EN
    reply = problem(status, reason, text(message_id, spoken))
    value = json.loads(reply.body) | {"text": {one.value: text(message_id, one) for one in Language}}
    body = json.dumps(value, ensure_ascii=False).encode()
    headers = {"content-language": spoken.value, "vary": "Accept-Language"}
    return replace(reply, body=body, headers=headers, noted={"reason": reason})


def with_headers(reply: Reply, **headers: str) -> Reply:
    """Add headers, whose names are given with underscores."""
    return replace(reply, headers={**reply.headers, **{name.replace("_", "-"): v for name, v in headers.items()}})
