"""Where somebody was going when they had to make an account, confirm an address or set up a second factor first.

It is kept in the session, so that no mail of ours has it and nobody has to open the message again that they came by.
"""

from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import urlencode

_ONWARD = "sinetti_onward"


def store(request: HttpRequest, address: str) -> None:
    """Note where to go on to: a page of ours, as `base_views.next_url` gives it; nothing is noted of the empty text."""
    if address:
        request.session[_ONWARD] = address


def peek(request: HttpRequest) -> str:
    """Where to go on to, or the empty text."""
    return str(request.session.get(_ONWARD, ""))


def pop(request: HttpRequest) -> str:
    """The same, once."""
    return str(request.session.pop(_ONWARD, "")) if _ONWARD in request.session else ""


def sign_in_first(request: HttpRequest) -> str:
    """The address of signing in, and then going on."""
    onward = peek(request)
    return f"{reverse('account_login')}?{urlencode({'next': onward})}" if onward else reverse("account_login")
