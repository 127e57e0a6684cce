"""Sign-in sessions whose database rows cannot be used to take over a session.

A row has the hash of the cookie, and its data is sealed. Django's own store has the cookie itself in its table and the
data in plain text, such as the secret of TOTP codes during set-up.
"""

from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from django.conf import settings
from django.contrib.sessions.backends.base import VALID_KEY_CHARS, SessionBase
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.contrib.sessions.middleware import SessionMiddleware as DjangoMiddleware
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import get_random_string

from sinetti.domain.secret_keys import Keyring, KeySource
from sinetti.services.token_encryption import SESSION, InvalidToken, seal, unseal

BEGAN = "sinetti_began"
"""Session key: time of the sign-in on the machine's clock, in seconds (POSIX)."""
EXTENDED, MOST_EXTENSIONS = "sinetti_extended", 10
"""Session key: how often the reader put the end off; and the most."""
_EXTENSION = timedelta(hours=1)
_SECRET_LETTERS = 43
"""Length of the secret, from 36 characters: 222 bits."""
_KEY_DIGITS = 40
_secrets: ContextVar[dict[str, str]] = ContextVar("session_secrets")
"""Cookie values by row key, for the request that this thread handles."""


def keyring() -> Keyring:
    """Return the secret keys in force."""
    source: KeySource = settings.SECRET_KEYS
    return source()


def stored(secret: str) -> str:
    """Return the row key of a cookie: SHA-256, truncated to 160 bits."""
    return sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()[:_KEY_DIGITS]


def ends_at(session: SessionBase) -> datetime | None:
    """Return the end of a session; None for one without a sign-in."""
    began: float | None = session.get(BEGAN)
    if began is None:
        return None
    extended: int = min(session.get(EXTENDED, 0), MOST_EXTENSIONS)
    return datetime.fromtimestamp(began + settings.SESSION_COOKIE_AGE, UTC) + extended * _EXTENSION


class SessionStore(DatabaseStore):
    """Session whose key is the key of its row.

    Only the request knows the value of the cookie.
    """

    secret: str = ""
    """Cookie value of a new session."""

    def _get_new_session_key(self) -> str:
        self.secret = get_random_string(_SECRET_LETTERS, VALID_KEY_CHARS)
        key = stored(self.secret)
        _secrets.get({})[key] = self.secret
        return key

    def get_expiry_date(self, **options: Any) -> datetime:  # noqa: ANN401 - Django's
        """Return the expiry: a fixed time after the sign-in, regardless of later changes.

        The data in the session may not prolong it, except by the hours that the reader asked for.
        """
        instant = ends_at(self)
        ends: datetime = super().get_expiry_date(**options)
        return ends if instant is None else min(ends, instant)

    def encode(self, session_dict: dict[str, Any]) -> str:
        """Seal the data of the session."""
        return seal(keyring(), SESSION, super().encode(session_dict))

    def decode(self, session_data: bytes | str) -> dict[str, Any]:
        """Return the data of a sealed session; empty if the seal is wrong."""
        try:
            opened = unseal(keyring(), SESSION, str(session_data))
        except InvalidToken:
            return {}
        found: dict[str, Any] = super().decode(opened)
        return found


class SessionMiddleware(DjangoMiddleware):
    """Django's session middleware for cookies that differ from row keys."""

    def process_request(self, request: HttpRequest) -> None:
        """Load the session of the cookie."""
        secret = request.COOKIES.get(settings.SESSION_COOKIE_NAME, "")
        key = stored(secret) if secret else None
        _secrets.set({key: secret} if key else {})
        request.session = SessionStore(key)

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """Set the cookie of a new or changed session."""
        response = super().process_response(request, response)
        cookie = response.cookies.get(settings.SESSION_COOKIE_NAME)
        if cookie is not None and cookie.value:
            secret = _secrets.get({})[str(request.session.session_key)]
            cookie.set(settings.SESSION_COOKIE_NAME, secret, secret)
        return response
