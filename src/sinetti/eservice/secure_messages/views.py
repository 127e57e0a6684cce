"""The page of a secure message. Opening it changes and sends nothing; its buttons do (docs/secure-messages.md)."""

import re
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods

from sinetti.domain.orders.secure_messages import Leads, Standing
from sinetti.eservice.core.context import language_of, request_id, send_at_once, surroundings
from sinetti.eservice.secure_messages import pages
from sinetti.eservice.ui.page import show
from sinetti.services.issuance import secure_message
from sinetti.services.issuance.secure_message import Opened, Seen, Shown

_PIN = re.compile(r"[0-9]{6}")
_CODE = re.compile(r"[a-z2-7]{10}")
_MANY = 9
"""Digits of a count that a form brings back."""


@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest, token: str) -> HttpResponse:
    """Show what the link leads to; send a PIN code, or show transfer ids, where a button asks for it."""
    if request.method != "POST":
        return _seen(request, secure_message.look(token, surroundings(request).office))
    match request.POST.get("do"):
        case pages.OPEN:
            return _open(request, token)
        case pages.PIN:
            return _enter_pin(request, token)
        case pages.CODE:
            return _enter_code(request, token)
        case _:
            return _seen(request, secure_message.look(token, surroundings(request).office))


def _open(request: HttpRequest, token: str) -> HttpResponse:
    given = request.POST.get("after", "")
    after = int(given) if given.isascii() and given.isdigit() and len(given) <= _MANY else -1
    done = secure_message.open_message(token, after, surroundings(request).office, request_id(request))
    if isinstance(done, Opened):
        send_at_once(request, done.message_id)
    elif done.leads is not Leads.PIN or done.standing is not Standing.WAITING:
        status = HTTPStatus.TOO_MANY_REQUESTS if done.leads is Leads.PIN and not done.pins_left else HTTPStatus.OK
        return _seen(request, done, status=status)
    # Loading the page that follows again sends nothing more.
    return HttpResponseRedirect(request.path, status=HTTPStatus.SEE_OTHER)


def _enter_pin(request: HttpRequest, token: str) -> HttpResponse:
    office, entered = surroundings(request).office, "".join(request.POST.get("pin", "").split())
    if not _PIN.fullmatch(entered):
        # What is no PIN code at all is no guess.
        return _seen(request, secure_message.look(token, office), pages.NO_PIN)
    return _after(request, secure_message.show(token, entered, office, request_id(request)))


def _enter_code(request: HttpRequest, token: str) -> HttpResponse:
    office, entered = surroundings(request).office, "".join(request.POST.get("code", "").split()).casefold()
    if not _CODE.fullmatch(entered):
        return _seen(request, secure_message.look(token, office), pages.NO_CODE)
    return _after(request, secure_message.show_by_code(token, entered, office, request_id(request)))


def _after(request: HttpRequest, done: Shown | Seen) -> HttpResponse:
    """Show the ids, or why there are none."""
    if isinstance(done, Shown):
        return show(request, pages.shown(done, language_of(request)))
    return _seen(request, done, pages.why_not(done))


def _seen(request: HttpRequest, seen: Seen, error: str = "", status: int = HTTPStatus.OK) -> HttpResponse:
    return show(request, pages.page(seen, error, language_of(request), status))
