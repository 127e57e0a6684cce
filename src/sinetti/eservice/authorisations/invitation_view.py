"""The page behind the link of an invitation. The link opens nothing alone: one signs in, and presses a button."""

from http import HTTPStatus
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from sinetti.domain.access.roles import NEEDS_SECOND_FACTOR
from sinetti.eservice.accounts.next_url import keep
from sinetti.eservice.authorisations.common import told_until
from sinetti.eservice.core.authentication import actor_of, signed_in
from sinetti.eservice.core.context import language_of, request_id, surroundings
from sinetti.eservice.ui.components import Block, Button, Form, Link, Links, Notice, Text, Tone, Value, Values
from sinetti.eservice.ui.flash import say
from sinetti.eservice.ui.links import link_to
from sinetti.eservice.ui.page import Page, show
from sinetti.i18n.role_labels import BUTTON, CHOICES, OWN_INVITATION, ROLES
from sinetti.i18n.translate import mark, text
from sinetti.services.access.invitations import Invitation, Offered, OwnInvitation, made_by, offered, take_up
from sinetti.services.access.permissions import Actor

_TITLE = mark("You have been invited to act for an organisation")
_SIGN_IN = mark(
    "Sign in first, or make an account if you have none. Then this page tells which organisation it is and what you "
    "may do for it. The link works once, for 14 days."
)
_GONE = mark(
    "Perhaps it is not whole, it was used already, or it is too old. Ask whoever invited you to"
    " send the invitation again."
)
_SECOND = mark(
    "For this authorisation you need a second factor, a passkey or a verification code. Add one, and then go on with "
    "this page."
)
_TAKE_UP, _ADD = "take-up", "add-second-factor"


@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest, token: str) -> HttpResponseBase:
    """Have a stranger sign in; show whoever is signed in what the link gives, or give it."""
    return _stranger(request) if actor_of(request) is None else _known(request, token)


def _stranger(request: HttpRequest) -> HttpResponseBase:
    """Nothing is looked up: every link looks alike before one has signed in."""
    language, after = language_of(request), urlencode({"next": request.path})
    pages = {"account_login": mark("Sign in"), "account_signup": mark("Make an account")}
    links = [Link(text(told, language), f"{reverse(name)}?{after}", button=True) for name, told in pages.items()]
    return show(request, Page(text(_TITLE, language), [Text([text(_SIGN_IN, language)]), Links(links)]))


@signed_in
def _known(request: HttpRequest, token: str) -> HttpResponseBase:
    office, language, actor = surroundings(request).office, language_of(request), actor_of(request)
    found = offered(token, actor, office) if actor else None
    if actor is None or found is None:
        title = text(mark("This link does not work"), language)
        return show(request, Page(title, [Text([text(_GONE, language)])], status=HTTPStatus.NOT_FOUND))
    used = found.state is Invitation.USED
    lacks = found.role in NEEDS_SECOND_FACTOR and not actor.second_factor
    if used or (request.POST.get("do") == _TAKE_UP and not lacks):
        return _taken_up(request, token, actor, found)
    if lacks and request.POST.get("do") == _ADD:
        keep(request, request.path)
        return HttpResponseRedirect(reverse("mfa_index"), status=HTTPStatus.SEE_OTHER)
    if made_by(actor, found, office):
        return _own(request, found)
    return show(request, Page(text(_TITLE, language), blocks=_blocks(request, found, lacks=lacks)))


def _own(request: HttpRequest, found: Offered) -> HttpResponseBase:
    """What it gives, without the button: whoever made it does not take it up."""
    language = language_of(request)
    why = Notice(text(OWN_INVITATION, language), Tone.WARNING)
    blocks: list[Block] = [_values(request, found), why]
    return show(request, Page(text(_TITLE, language), blocks=blocks, status=HTTPStatus.FORBIDDEN))


def _taken_up(request: HttpRequest, token: str, actor: Actor, found: Offered) -> HttpResponseBase:
    if found.state is not Invitation.USED:
        try:
            take_up(token, surroundings(request).office, actor, request_id(request))
        except OwnInvitation:
            return _own(request, found)
        done = mark("You can now act for {organisation}.")
        say(request, text(done, language_of(request), organisation=found.organisation))
    return HttpResponseRedirect(link_to("certificates") or reverse("start"), status=HTTPStatus.SEE_OTHER)


def _values(request: HttpRequest, found: Offered) -> Values:
    language = language_of(request)
    return Values(
        [
            Value(text(mark("Organisation"), language), f"{found.organisation}, {found.customer_id}"),
            Value(text(mark("Authorisation"), language), text(ROLES[found.role], language)),
            Value(text(mark("Until"), language), told_until(found.until, language)),
            Value(text(mark("Invited"), language), f"{found.name}, {found.email}"),
            Value(text(mark("Your account"), language), str(getattr(request.user, "email", ""))),
        ]
    )


def _blocks(request: HttpRequest, found: Offered, *, lacks: bool) -> list[Block]:
    language, values = language_of(request), _values(request, found)
    does = Text([f"{text(CHOICES[found.role], language)}."])
    if lacks:
        add = Form([], [Button(text(mark("Set up a second factor"), language), _ADD)])
        return [values, does, Notice(text(_SECOND, language), Tone.WARNING), add]
    return [values, does, Form([], [Button(text(BUTTON, language), _TAKE_UP)])]
