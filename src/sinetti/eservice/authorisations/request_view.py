"""Request for an own authorisation, and the outcome of earlier requests."""

from collections.abc import Sequence

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from sinetti.domain.access.invitations import RoleRequestState
from sinetti.domain.access.roles import Role, roles_up_to
from sinetti.domain.values import Environment, is_identifier
from sinetti.eservice.authorisations.common import WRONG, after, paged, role_field, start_of
from sinetti.eservice.core.authentication import current_actor, login_required
from sinetti.eservice.core.context import portal_context, request_id
from sinetti.eservice.ui.components import Button, Component, Link, Links, Section, Table, Text
from sinetti.eservice.ui.drafts import keeps_typed
from sinetti.eservice.ui.forms import PortalForm
from sinetti.eservice.ui.navigation import url_or_empty
from sinetti.eservice.ui.page import Page, render_page
from sinetti.i18n.role_labels import ROLES
from sinetti.i18n.translate import _, format_datetime, gettext_noop
from sinetti.services.access.role_requests import InvitationLimitReached, RoleRequestView, ask_for_oneself, asked_by

TITLE = gettext_noop("Request an authorisation")
_HOW = gettext_noop(
    "Enter the organisation's Business ID. If the organisation uses this service, we notify its "
    "representative, who sees your name and e-mail address. You get a message when the request has been "
    "answered."
)
_FIRM = gettext_noop("Does your organisation act for others? Request authorisations for it")
_ASKED = gettext_noop("Request saved. You get a message when the organisation's representative has answered it.")
_BEFORE = gettext_noop("You have already requested this. There is no answer yet.")
_THERE = gettext_noop("You already have this authorisation.")
STATES = {
    RoleRequestState.WAITING: gettext_noop("awaiting an answer"),
    RoleRequestState.GIVEN: gettext_noop("approved"),
    RoleRequestState.DECLINED: gettext_noop("declined"),
    RoleRequestState.LAPSED: gettext_noop("lapsed without an answer"),
}
NOT_AN_ID = gettext_noop(
    "This is not a Business ID. A Business ID has seven digits, a hyphen and a check digit, for example 1234567-1."
)


class RoleRequestForm(PortalForm):
    """Form that requests a role in an organisation."""

    customer_id = forms.CharField(label=gettext_noop("Business ID of the organisation"), max_length=30)
    role = role_field(roles_up_to(Role.SIGNATORY)[::-1])

    def fits(self, environment: Environment) -> bool:
        """Return True if the request is valid; only the form of the id is checked."""
        if not self.is_valid():
            return False
        if not is_identifier(self.cleaned_data["customer_id"], environment):
            self.refuse("customer_id", NOT_AN_ID)
        return not self.errors


@require_http_methods(["GET", "HEAD", "POST"])
@keeps_typed(acts=("ask",))
@login_required
def role_request(request: HttpRequest) -> HttpResponse:
    """Show the form and earlier requests, or make a request."""
    ctx, actor = portal_context(request).ctx, current_actor(request)
    role = request.GET.get("role", "")
    start = {
        "customer_id": request.GET.get("id", ""),
        "role": role if role in set(Role) else Role.VIEWER.value,
    }
    form = RoleRequestForm(request.POST if request.method == "POST" else None, initial=start)
    if request.method == "POST" and actor is not None and form.fits(ctx.environment):
        values = form.cleaned_data
        try:
            asked = ask_for_oneself(values["customer_id"], Role(values["role"]), ctx, actor, request_id(request))
        except InvitationLimitReached as refused:
            form.refuse(None, WRONG[type(refused)])
        else:
            messages.info(request, _(_ASKED if asked.now else _BEFORE if asked.before else _THERE))
            return after("ask")
    asked_before, pager = paged(request, asked_by(actor, ctx, start_of(request)) if actor else ())
    blocks: list[Component] = [
        Text([_(_HOW)]),
        form.as_component(Button(_("Send request"), "ask")),
        Section(_("Your requests"), [requests_table(asked_before), *pager], "asked"),
        Links([Link(_(_FIRM), url_or_empty("clients"))]),
    ]
    return render_page(request, Page(_(TITLE), blocks=blocks))


def requests_table(asked: Sequence[RoleRequestView]) -> Table:
    """Return the requests and states; organisations have their name of that time."""
    empty = _("No recent requests.")
    caption = _("Recent requests")
    return Table(
        caption,
        [_("Business ID"), _("Authorisation"), _("Requested on"), _("State")],
        [
            [
                role_request.customer_id,
                _(ROLES[role_request.role]),
                format_datetime(role_request.created),
                _(STATES[role_request.state]),
            ]
            for role_request in asked
        ],
        empty,
    )
