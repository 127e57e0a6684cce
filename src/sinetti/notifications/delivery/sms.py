"""SMS through a provider with a JSON interface over HTTP.

See docs/operators/notifications.md.

No redirects and no proxies.
"""

import json
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sinetti.domain.validation import international
from sinetti.infra.http_client import HttpError, HttpRequest, HttpStage, send_request
from sinetti.notifications.context import (
    ConnectionLost,
    PermanentFailure,
    RenderedMessage,
    TemporaryFailure,
    TransportUnavailable,
)
from sinetti.notifications.delivery.smtp import tls_context

TIMEOUT: Final = 10.0
"""Seconds for the provider's whole answer; a user may wait for a PIN."""

_TAKEN = range(200, 300)
_PERMANENT = range(400, 500)
_NOT_NOW = frozenset({408, 409, 425})
_ABOUT_ALL = frozenset({401, 403, 404, 405, 407, 429, 502, 503, 504})
"""Status codes that concern all messages.

Causes are our token, our address, too many messages at once, or a gateway without a server behind it.
"""

_LONGEST_ANSWER = 64 * 1024


@dataclass(frozen=True)
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
        self._context: ssl.SSLContext | None = None

    def deliver(self, letter: RenderedMessage) -> None:
        """Hand one text message over.

        Raises TransportUnavailable, ConnectionLost, TemporaryFailure and PermanentFailure.

        A header carries the message's id, so that the provider can recognise a repeated one (Idempotency-Key).
        """
        number = international(letter.to)
        if number is None:
            raise PermanentFailure("the phone number is not in international format, such as +358 40 …")
        status = self._status(self._request(letter, number))
        if status in _TAKEN:
            return
        answered = f"the SMS provider answered {status}"
        if status in _ABOUT_ALL or status < _PERMANENT.start:
            raise TransportUnavailable(answered)
        if status in _PERMANENT and status not in _NOT_NOW:
            raise PermanentFailure(answered)
        raise TemporaryFailure(answered)

    def check(self) -> None:
        """Ask the provider's address for any answer, without the token.

        Raises TransportUnavailable.
        """
        provider = self._provider
        try:
            self._status(HttpRequest(provider.url, truncates=True, within=provider.timeout, context=self._tls()))
        except ConnectionLost as lost:
            raise TransportUnavailable(str(lost)) from None

    def close(self) -> None:
        """Do nothing: no connection stays open."""

    def _request(self, letter: RenderedMessage, number: str) -> HttpRequest:
        provider = self._provider
        body = {"to": number, "text": letter.text, "sender": provider.sender, "id": letter.message_id}
        headers = {
            "Authorization": f"Bearer {provider.token}",
            "Content-Type": "application/json",
            "Idempotency-Key": letter.message_id,
        }
        return HttpRequest(
            provider.url,
            "POST",
            headers,
            json.dumps(body).encode(),
            limit=_LONGEST_ANSWER,
            truncates=True,
            within=provider.timeout,
            context=self._tls(),
        )

    def _status(self, request: HttpRequest) -> int:
        try:
            return send_request(request).status
        except HttpError as bad:
            cause = bad.__cause__ or bad
            if bad.stage is HttpStage.UNREACHABLE:
                reason = getattr(cause, "strerror", None) or type(cause).__name__
                raise TransportUnavailable(f"the SMS provider cannot be reached ({reason})") from None
            raise ConnectionLost(f"the SMS provider did not answer ({type(cause).__name__})") from None

    def _tls(self) -> ssl.SSLContext | None:
        """Return the context for https, read once from the file of CAs; None for http."""
        if self._context is None and self._provider.url.startswith("https://"):
            try:
                self._context = tls_context(self._provider.anchors)
            except OSError as unusable:
                raise TransportUnavailable(
                    f"the CA file for the SMS provider cannot be used ({type(unusable).__name__})"
                ) from None
        return self._context
