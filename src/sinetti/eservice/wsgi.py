"""WSGI application of the portal, on Django.

One process serves the portal of one authority.
"""

import hmac
from hashlib import sha256
from urllib.parse import urlsplit

from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.urls import get_resolver

_HTTPS = "https"
_LOCALHOST, _LOOPBACK = "localhost", "127.0.0.1"


def application(address: str, key: bytes) -> WSGIHandler:
    """Return the WSGI application for pages at `address`: https, or http on localhost.

    `key` is a secret of the authority. Django's settings are global to the process, as Django defines them. The URLs
    of all pages are loaded here, so that a process with a broken page never reports that it is ready.
    """
    place = urlsplit(address)
    secure = place.scheme == _HTTPS
    # Without a zero octet: texts that prove a password under the same key contain one (domain/link_tokens.py).
    settings.SECRET_KEY = hmac.digest(key, b"eservice", sha256).hex()
    settings.ALLOWED_HOSTS = [f"[{place.hostname}]" if ":" in (place.hostname or "") else place.hostname or ""]
    if place.hostname == _LOCALHOST:
        settings.ALLOWED_HOSTS.append(_LOOPBACK)  # the same host, for users who type it
    settings.CSRF_COOKIE_SECURE = secure
    # Browsers accept the `__Host-` prefix over https alone, and from this host only (RFC 6265bis, 4.1.3.2).
    settings.CSRF_COOKIE_NAME = "__Host-csrf" if secure else "csrf"
    settings.SESSION_COOKIE_SECURE = secure
    settings.SESSION_COOKIE_NAME = "__Host-session" if secure else "session"
    pages = WSGIHandler()
    get_resolver().check()
    return pages
