"""WSGI application of the portal, on Django.

One process serves the portal of one authority.
"""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.urls import get_resolver

from sinetti.domain.secret_keys import Keyring, KeySource, SecretPurpose
from sinetti.services.token_encryption import django_key

_HTTPS = "https"
_LOCALHOST, _LOOPBACK = "localhost", "127.0.0.1"


class _Pages(WSGIHandler):
    """WSGI application that takes the secret keys in force for each request."""

    def __init__(self, keys: KeySource) -> None:
        """Load the middleware, and take the keys."""
        super().__init__()
        self._keys, self._ring = keys, keys()
        use_django_keys(self._ring)

    def __call__(self, environ: Any, start_response: Any) -> Any:  # noqa: ANN401 - Django's
        ring = self._keys()
        if ring is not self._ring:
            use_django_keys(ring)
            self._ring = ring
        return super().__call__(environ, start_response)


def use_django_keys(ring: Keyring) -> None:
    """Set Django's own keys: the newest signs, the others are accepted too."""
    first, *others = (django_key(key.octets) for key in ring.every(SecretPurpose.DJANGO))
    # While another thread reads both, the former key is in one of them at least.
    settings.SECRET_KEY_FALLBACKS = [first, *others]
    settings.SECRET_KEY = first


def application(address: str, keys: KeySource) -> WSGIHandler:
    """Return the WSGI application for pages at `address`: https, or http on localhost.

    `keys` returns the secret keys of the authority. Django's settings are global to the process, as Django defines
    them. The URLs of all pages are loaded here, so that a process with a broken page never reports that it is ready.
    """
    place = urlsplit(address)
    secure = place.scheme == _HTTPS
    settings.SECRET_KEYS = keys
    settings.ALLOWED_HOSTS = [f"[{place.hostname}]" if ":" in (place.hostname or "") else place.hostname or ""]
    if place.hostname == _LOCALHOST:
        settings.ALLOWED_HOSTS.append(_LOOPBACK)  # the same host, for users who type it
    settings.CSRF_COOKIE_SECURE = secure
    # Browsers accept the `__Host-` prefix over https alone, and from this host only (RFC 6265bis, 4.1.3.2).
    settings.CSRF_COOKIE_NAME = "__Host-csrf" if secure else "csrf"
    settings.SESSION_COOKIE_SECURE = secure
    settings.SESSION_COOKIE_NAME = "__Host-session" if secure else "session"
    pages = _Pages(keys)
    get_resolver().check()
    return pages
