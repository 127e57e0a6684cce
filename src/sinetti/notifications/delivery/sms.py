"""SMS through a provider with a JSON interface over HTTP (docs/notices.md).

No redirects and no proxies.
"""

import json
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import Final
from urllib.request import HTTPHandler, HTTPSHandler, OpenerDirector, Request

from sinetti.domain.validation import international
from sinetti.notifications.context import (
    ConnectionLost,
    PermanentFailure,
    RenderedMessage,
    TemporaryFailure,
    TransportUnavailable,
)
from sinetti.notifications.delivery.smtp import tls_context

TIMEOUT: Final = 10.0
"""Seconds for each part of the provider's answer; a user may wait for a PIN."""

_TAKEN = range(200, 300)
_PERMANENT = range(400, 500)
_NOT_NOW = frozenset({408, 409, 425})
_ABOUT_ALL = frozenset({401, 403, 404, 405, 407, 429, 502, 503, 504})
"""Status codes that concern all messages.

Causes are our token, our address, too many messages at once, or a gateway without a server behind it.
"""

_LONGEST_ANSWER = 64 * 1024


@dataclass(frozen=True, slots=True)
class SmsProvider:
    """Address of the SMS provider, our sender name, and the token."""

    url: str
    sender: str
    token: str = field(repr=False)
    anchors: Path | None = None
    timeout: float = TIMEOUT


class HttpSms:
    """Sends text messages to one provider, each over its own connection."""

    def __init__(self, provider: SmsProvider) -> None:
        """Store the provider's data without opening a connection."""
        self._provider = provider
        self._opener: OpenerDirector | None = None

    def deliver(self, letter: RenderedMessage) -> None:
        """Hand one text message over.

        Raises TransportUnavailable, ConnectionLost, TemporaryFailure and PermanentFailure.

        A header carries the message's id, so that the provider can recognise a repeated one (Idempotency-Key).
        """
        number = international(letter.to)
        if number is None:
            why = "the phone number is none that can be called from everywhere: +358 40 … is one"
            raise PermanentFailure(why)
        status = self._status(self._request(letter, number))
        if status in _TAKEN:
            return
        answered = f"the provider of text messages answered {status}"
        if status in _ABOUT_ALL or status < _PERMANENT.start:
            raise TransportUnavailable(answered)
        if status in _PERMANENT and status not in _NOT_NOW:
            raise PermanentFailure(answered)
        raise TemporaryFailure(answered)

    def close(self) -> None:
        """Do nothing: no connection stays open."""

    def _request(self, letter: RenderedMessage, number: str) -> Request:
        provider = self._provider
        body = {"to": number, "text": letter.text, "sender": provider.sender, "id": letter.message_id}
        headers = {
            "Authorization": f"Bearer {provider.token}",
            "Content-Type": "application/json",
            "Idempotency-Key": letter.message_id,
            "User-Agent": "sinetti",
        }
        return Request(provider.url, json.dumps(body).encode(), headers, method="POST")  # noqa: S310 - a checked setting

    def _status(self, request: Request) -> int:
        try:
            with self._opened().open(request, timeout=self._provider.timeout) as answer:
                answer.read(_LONGEST_ANSWER)
                return int(answer.status)
        except (OSError, HTTPException) as broken:
            if isinstance(getattr(broken, "reason", None), OSError):  # URLError: before anything was sent
                reason = broken.reason  # type: ignore[union-attr]
                why = f"the provider of text messages cannot be reached ({reason.strerror or type(reason).__name__})"
                raise TransportUnavailable(why) from None
            why = f"the provider of text messages gave no answer ({type(broken).__name__})"
            raise ConnectionLost(why) from None

    def _opened(self) -> OpenerDirector:
        """Return an opener that returns each answer unchanged.

        It follows no redirect, asks for no password and uses no proxy.
        """
        if self._opener is None:
            opener = OpenerDirector()
            opener.add_handler(HTTPHandler())
            if self._provider.url.startswith("https://"):
                try:
                    opener.add_handler(HTTPSHandler(context=tls_context(self._provider.anchors)))
                except OSError as unusable:
                    why = f"the file of CAs for the provider cannot be used ({type(unusable).__name__})"
                    raise TransportUnavailable(why) from None
            self._opener = opener
        return self._opener
