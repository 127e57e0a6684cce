"""Browsers known to an account by a device cookie (OWASP, "device cookies").

The browser has signed in before. Such a browser has its own limits for wrong passwords and codes
(accounts/login_limits.py). The cookie has no other effect: password and second factor are still required. It has no
personal data. For each account it has a random number, and a MAC over the account's id and its password's hash. A new
password ends it. The whole cookie is sealed.
"""

import hmac
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from allauth.account.utils import filter_users_by_email
from django.conf import settings
from django.http import HttpRequest, HttpResponse

from sinetti.domain.secret_keys import SecretPurpose
from sinetti.eservice.accounts.sessions import keyring
from sinetti.infra.clock import utc_now
from sinetti.services.token_encryption import DEVICE, InvalidToken, seal, sealing_key, unseal

LIVES: Final = 180 * 24 * 3600
"""Seconds for which a browser is known after its last sign-in."""
MOST: Final = 8
"""Maximum number of accounts that one browser is known to.

The account with the oldest sign-in is removed first.
"""

_SIGNED_IN = "sinetti_signed_in"
"""Request attribute: the account to which the browser has just signed in."""
_DIGITS = 32


@dataclass(frozen=True)
class Device:
    """One browser for one account.

    It has a number, the MAC that binds it, and the last sign-in in POSIX seconds.
    """

    number: str
    bound: str
    at: int


def cookie_name() -> str:
    """Return the cookie's name.

    Over TLS no other host or path can set it (RFC 6265bis, 4.1.3.2).
    """
    return "__Host-device" if settings.SESSION_COOKIE_SECURE else "device"


def signed_in(request: HttpRequest, user: Any) -> None:  # noqa: ANN401 - our user model
    """Make the response mark its browser as known to an account.

    Call it when a sign-in is complete, and after a link in the owner's mail or a new password has proved as much.
    """
    request.__dict__[_SIGNED_IN] = user


def number_of(request: HttpRequest, user: Any) -> str | None:  # noqa: ANN401 - our user model
    """Return the number of a browser that this account knows, or None."""
    bounds = [_bound(user, key.octets) for key in keyring().every(SecretPurpose.SESSIONS)]
    known = (
        device for device in _devices(request) if any(hmac.compare_digest(device.bound, bound) for bound in bounds)
    )
    return next((device.number for device in known), None)


def number_by_login(request: HttpRequest, login: str) -> str | None:
    """Do the same for a typed address.

    Reads the database only if the browser has a device cookie.
    """
    if not _devices(request):
        return None
    found = filter_users_by_email(login, prefer_verified=True)
    return number_of(request, found[0]) if found else None


def remember_device(answer_to: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Set the cookie of a browser that has just signed in (middleware)."""

    def answer(request: HttpRequest) -> HttpResponse:
        response = answer_to(request)
        user = request.__dict__.get(_SIGNED_IN)
        if user is not None:
            secure = settings.SESSION_COOKIE_SECURE
            value = _written(request, user)
            response.set_cookie(
                cookie_name(), value, max_age=LIVES, secure=secure, httponly=True, samesite="Strict", path="/"
            )
        return response

    return answer


def _written(request: HttpRequest, user: Any) -> str:  # noqa: ANN401 - our user model
    known = _devices(request)
    # The number stays, so that a sign-in gives a thief of the cookie no new guesses.
    number = number_of(request, user) or secrets.token_hex(_DIGITS // 2)
    ring = keyring()
    new = Device(number, _bound(user, ring.current(SecretPurpose.SESSIONS).octets), int(utc_now().timestamp()))
    rest = [device for device in known if device.number != number]
    kept = [new, *rest][:MOST]
    return seal(ring, DEVICE, json.dumps([[device.number, device.bound, device.at] for device in kept]))


def _devices(request: HttpRequest) -> tuple[Device, ...]:
    """Read the cookie; ignore one with a wrong seal or an old one."""
    try:
        rows = json.loads(unseal(keyring(), DEVICE, request.COOKIES.get(cookie_name(), "")))
    except InvalidToken:
        return ()
    now = utc_now().timestamp()
    return tuple(device for device in (Device(*row) for row in rows) if device.at + LIVES > now)


def _bound(user: Any, key: bytes) -> str:  # noqa: ANN401 - our user model
    text = f"{user.pk}\0{user.password}"
    return hmac.new(sealing_key(DEVICE, key), b"device\0" + text.encode(), sha256).hexdigest()[:_DIGITS]
