"""Page behind the link of an invitation.

The link grants nothing alone. The user signs in and presses a button.
"""

from http import HTTPStatus
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from sinetti.domain.access.roles import NEEDS_SECOND_FACTOR
from sinetti.eservice.accounts.base_views import store
from sinetti.eservice.authorisations.access_tasks import own_waiting
from sinetti.eservice.authorisations.common import format_until
from sinetti.eservice.core.authentication import current_actor, login_required
from sinetti.eservice.core.context import portal_context, request_id
from sinetti.eservice.ui.components import (
    Alert,
    Button,
    Component,
    DescriptionItem,
    DescriptionList,
    Form,
    Link,
    Links,
    Severity,
    Text,
)
from sinetti.eservice.ui.navigation import url_or_empty
from sinetti.eservice.ui.page import Page, render_page
from sinetti.i18n.role_labels import BUTTON, CHOICES, OWN_INVITATION, ROLES
from sinetti.i18n.translate import _, gettext_noop
from sinetti.services.access.invitations import (
    InvitationOffer,
    InvitationState,
    SelfInvitation,
    made_by,
    offered,
    take_up,
)
from sinetti.services.access.permissions import Actor

_TITLE = gettext_noop("You have been invited to act for an organisation")
_SIGN_IN = gettext_noop(
    "Sign in first, or create an account. This page then shows the organisation and what you may do for "
    "it. The link works once, for 14 days."
)
_GONE = gettext_noop(
    "The link is incomplete, used or expired. Ask the person who invited you to send the invitation again."
)
_SECOND = gettext_noop(
    "This authorisation requires a second factor: a passkey or verification codes. Set one up, then "
    "continue on this page."
)
_TAKE_UP, _ADD = "take-up", "add-second-factor"


@require_http_methods(["GET", "HEAD", "POST"])
def invitation_detail(request: HttpRequest, token: str) -> HttpResponseBase:
    """Redirect a stranger to sign-in; show a user the offer of the link, or accept it."""
    return _stranger(request) if current_actor(request) is None else _known(request, token)


def _stranger(request: HttpRequest) -> HttpResponseBase:
    """Show the same page for every link, without a look-up, until the user signs in."""
    after = urlencode({"next": request.path})
    pages = {"account_login": gettext_noop("Sign in"), "account_signup": gettext_noop("Create an account")}
    links = [Link(_(label), f"{reverse(name)}?{after}", button=True) for name, label in pages.items()]
    return render_page(request, Page(_(_TITLE), [Text([_(_SIGN_IN)]), Links(links)]))


@login_required
def _known(request: HttpRequest, token: str) -> HttpResponseBase:
    ctx, actor = portal_context(request).ctx, current_actor(request)
    offer = offered(token, actor, ctx) if actor else None
    if actor is None or offer is None:
        title = _("This link does not work")
        return render_page(request, Page(title, [Text([_(_GONE)])], status=HTTPStatus.NOT_FOUND))
    used = offer.state is InvitationState.USED
    lacks = offer.role in NEEDS_SECOND_FACTOR and not actor.second_factor
    if used or (request.POST.get("do") == _TAKE_UP and not lacks):
        return _taken_up(request, token, actor, offer)
    if lacks and request.POST.get("do") == _ADD:
        store(request, request.path)
        return HttpResponseRedirect(reverse("mfa_index"), status=HTTPStatus.SEE_OTHER)
    if made_by(actor, offer, ctx):
        return _own(request, offer)
    return render_page(request, Page(_(_TITLE), blocks=_blocks(request, offer, lacks=lacks)))


def _own(request: HttpRequest, offer: InvitationOffer) -> HttpResponseBase:
    """Show the offer without the button, because its author may not accept it."""
    why = Alert(_(OWN_INVITATION), Severity.WARNING)
    blocks: list[Component] = [_values(request, offer), why]
    return render_page(request, Page(_(_TITLE), blocks=blocks, status=HTTPStatus.FORBIDDEN))


def _taken_up(request: HttpRequest, token: str, actor: Actor, offer: InvitationOffer) -> HttpResponseBase:
    if offer.state is not InvitationState.USED:
        try:
            take_up(token, portal_context(request).ctx, actor, request_id(request))
        except SelfInvitation:
            return _own(request, offer)
        if own_waiting(request):
            # The start page says until when the authorisation waits.
            return HttpResponseRedirect(reverse("start"), status=HTTPStatus.SEE_OTHER)
        done = gettext_noop("You can now act for {organisation}.")
        messages.info(request, _(done, organisation=offer.organisation))
    return HttpResponseRedirect(url_or_empty("certificates") or reverse("start"), status=HTTPStatus.SEE_OTHER)


def _values(request: HttpRequest, offer: InvitationOffer) -> DescriptionList:
    return DescriptionList(
        [
            DescriptionItem(_("Organisation"), f"{offer.organisation}, {offer.customer_id}"),
            DescriptionItem(_("Authorisation"), _(ROLES[offer.role])),
            DescriptionItem(_("Until"), format_until(offer.until)),
            DescriptionItem(_("Invited"), f"{offer.name}, {offer.email}"),
            DescriptionItem(_("Your account"), str(getattr(request.user, "email", ""))),
        ]
    )


def _blocks(request: HttpRequest, offer: InvitationOffer, *, lacks: bool) -> list[Component]:
    values = _values(request, offer)
    does = Text([f"{_(CHOICES[offer.role])}."])
    if lacks:
        add = Form([], [Button(_("Set up a second factor"), _ADD)])
        return [values, does, Alert(_(_SECOND), Severity.WARNING), add]
    return [values, does, Form([], [Button(_(BUTTON), _TAKE_UP)])]
