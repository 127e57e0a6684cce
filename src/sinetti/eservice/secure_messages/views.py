"""Page of a secure message (docs/operators/secure-messages.md).

Opening it changes and sends nothing; its buttons do.
"""

import re
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods

from sinetti.domain.orders.secure_messages import LinkState, PinState
from sinetti.eservice.core.context import portal_context, request_id, send_at_once
from sinetti.eservice.secure_messages import pages
from sinetti.eservice.ui.page import render_page
from sinetti.services.issuance import secure_message
from sinetti.services.issuance.secure_message import LinkView, PinSent, RevealedIds

_PIN = re.compile(r"[0-9]{6}")
_CODE = re.compile(r"[a-z2-7]{10}")
_MANY = 9
"""Maximum digits of a count in a form."""


@require_http_methods(["GET", "HEAD", "POST"])
def secure_message_page(request: HttpRequest, token: str) -> HttpResponse:
    """Show the content of the link; on request send a PIN code or show transfer IDs."""
    if request.method != "POST":
        return _seen(request, secure_message.view_link(token, portal_context(request).ctx))
    match request.POST.get("do"):
        case pages.OPEN:
            return _open(request, token)
        case pages.PIN:
            return _enter_pin(request, token)
        case pages.CODE:
            return _enter_code(request, token)
        case _:
            return _seen(request, secure_message.view_link(token, portal_context(request).ctx))


def _open(request: HttpRequest, token: str) -> HttpResponse:
    given = request.POST.get("after", "")
    after = int(given) if given.isascii() and given.isdigit() and len(given) <= _MANY else -1
    done = secure_message.send_pin(token, after, portal_context(request).ctx, request_id(request))
    if isinstance(done, PinSent):
        send_at_once(request, done.message_id)
    elif done.leads is not LinkState.PIN or done.pin_state is not PinState.WAITING:
        status = HTTPStatus.TOO_MANY_REQUESTS if done.leads is LinkState.PIN and not done.pins_left else HTTPStatus.OK
        return _seen(request, done, status=status)
    # After the redirect, a reload sends no further PIN code.
    return HttpResponseRedirect(request.path, status=HTTPStatus.SEE_OTHER)


def _enter_pin(request: HttpRequest, token: str) -> HttpResponse:
    ctx, entered = portal_context(request).ctx, "".join(request.POST.get("pin", "").split())
    if not _PIN.fullmatch(entered):
        # A malformed PIN code does not count as a guess.
        return _seen(request, secure_message.view_link(token, ctx), pages.NO_PIN)
    return _after(request, secure_message.reveal_with_pin(token, entered, ctx, request_id(request)))


def _enter_code(request: HttpRequest, token: str) -> HttpResponse:
    ctx, entered = portal_context(request).ctx, "".join(request.POST.get("code", "").split()).casefold()
    if not _CODE.fullmatch(entered):
        return _seen(request, secure_message.view_link(token, ctx), pages.NO_CODE)
    return _after(request, secure_message.reveal_with_code(token, entered, ctx, request_id(request)))


def _after(request: HttpRequest, done: RevealedIds | LinkView) -> HttpResponse:
    """Show the transfer IDs, or the reason why there are none."""
    if isinstance(done, RevealedIds):
        return render_page(request, pages.revealed_ids_page(done))
    return _seen(request, done, pages.why_not(done))


def _seen(request: HttpRequest, link: LinkView, error: str = "", status: int = HTTPStatus.OK) -> HttpResponse:
    return render_page(request, pages.page(link, error, status))
