"""The pages as a WSGI application: Django, told whose pages they are.

One process serves those of one authority.
"""

import hmac
from hashlib import sha256
from urllib.parse import urlsplit

from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler

_HTTPS = "https"
_LOCALHOST, _LOOPBACK = "localhost", "127.0.0.1"


def application(address: str, key: bytes) -> WSGIHandler:
    """Return the WSGI application for pages at `address`: https, or http on localhost.

    `key` is a secret of the authority. Django's settings are global to the process, as Django defines them.
    """
    place = urlsplit(address)
    secure = place.scheme == _HTTPS
    # Without a zero octet, which every text has that proves a password under the same key (domain/link_tokens.py).
    settings.SECRET_KEY = hmac.digest(key, b"eservice", sha256).hex()
    settings.ALLOWED_HOSTS = [f"[{place.hostname}]" if ":" in (place.hostname or "") else place.hostname or ""]
    if place.hostname == _LOCALHOST:
        settings.ALLOWED_HOSTS.append(_LOOPBACK)  # the same place, for who types it so
    settings.CSRF_COOKIE_SECURE = secure
    # A name that begins so is taken over https alone, and from this very host (RFC 6265bis, 4.1.3.2).
    settings.CSRF_COOKIE_NAME = "__Host-csrf" if secure else "csrf"
    settings.SESSION_COOKIE_SECURE = secure
    settings.SESSION_COOKIE_NAME = "__Host-session" if secure else "session"
    return WSGIHandler()
