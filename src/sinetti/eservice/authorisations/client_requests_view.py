"""Requests of a firm to many organisations: the form, and their outcome."""

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods, require_safe

from sinetti.domain.access.invitations import ASKED_AT_ONCE, parse_identifiers
from sinetti.domain.access.roles import GIVEN_TO_AGENTS, Permission, Role
from sinetti.domain.values import Environment
from sinetti.eservice.authorisations.clients_view import ASK, REQUESTS, TITLE
from sinetti.eservice.authorisations.common import (
    add_error_text,
    address,
    after,
    back,
    choose,
    chosen,
    end_of,
    name_of,
    paged,
    role_field,
    start_of,
    tried,
    two_years,
    until_field,
)
from sinetti.eservice.authorisations.request_view import requests_table
from sinetti.eservice.core.authentication import current_actor, current_permissions, login_required
from sinetti.eservice.core.context import portal_context, request_id
from sinetti.eservice.ui.components import Button, Component, Text
from sinetti.eservice.ui.drafts import keeps_typed
from sinetti.eservice.ui.forms import PortalForm
from sinetti.eservice.ui.page import Page, render_page
from sinetti.i18n.translate import _, gettext_noop
from sinetti.services.self_service.access_ends import firms
from sinetti.services.self_service.clients import (
    AskClients,
    OwnOrganisation,
    RequestResult,
    ask_clients,
    requests,
)

_HOW = gettext_noop(
    "Enter the Business IDs of the organisations, one on each line, at most {count} at a time. If an "
    "organisation uses this service, its representative is notified and approves or declines the request. "
    "We do not show here which organisations use the service. Requests lapse after 60 days."
)
_FIRM_ROLES = tuple(role for role in Role if role in GIVEN_TO_AGENTS)
_SHOWN_WRONG = 10


class AskManyForm(PortalForm):
    """Form that requests authorisations: organisations, role and end date."""

    customer_ids = forms.CharField(
        label=gettext_noop("Business IDs"), max_length=ASKED_AT_ONCE * 40, widget=forms.Textarea(), strip=False
    )
    role = role_field(_FIRM_ROLES)
    until = until_field(required=True)

    def ids(self, environment: Environment) -> tuple[str, ...]:
        """Return the ids of a valid list without duplicates.

        If an id is wrong, report it in the form and return an empty tuple.
        """
        identifiers = parse_identifiers(self.cleaned_data["customer_ids"], environment)
        for number, entry in identifiers.wrong[:_SHOWN_WRONG]:
            self.refuse(
                "customer_ids",
                gettext_noop("Line {number} is not a Business ID. Correct it: {entry}"),
                number=number,
                entry=entry[:40],
            )
        if len(identifiers.found) > ASKED_AT_ONCE:
            self.refuse(
                "customer_ids",
                gettext_noop("You entered more than {count} Business IDs. Send them in smaller batches."),
                count=ASKED_AT_ONCE,
            )
        return () if self.errors else identifiers.found


@require_safe
@login_required
def client_requests(request: HttpRequest) -> HttpResponse:
    """Show a firm's requests and their outcome."""
    ids = firms(current_permissions(request))
    firm_id = chosen(request, ids, Permission.ASK)
    if firm_id is None:
        return choose(request, _(REQUESTS), ids, "clients_requests")
    role_requests = requests(firm_id, current_permissions(request), portal_context(request).ctx, start_of(request))
    rows, pager = paged(request, role_requests)
    there = back("clients", TITLE, organisation=firm_id)
    title = _("Requests – {organisation}", organisation=name_of(request, firm_id).name)
    return render_page(request, Page(title, blocks=[requests_table(rows), *pager], back=there, wide=True))


@require_http_methods(["GET", "HEAD", "POST"])
@keeps_typed(acts=("ask",))
@login_required
def client_role_request(request: HttpRequest) -> HttpResponse:
    """Request authorisations from many organisations at once."""
    ids = firms(current_permissions(request))
    firm_id = chosen(request, ids, Permission.ASK)
    if firm_id is None:
        return choose(request, _(ASK), ids, "clients_ask")
    current_permissions(request).require(Permission.ASK, firm_id)
    start = {"role": Role.MANAGER.value, "until": two_years(request)}
    form = AskManyForm(request.POST if request.method == "POST" else None, initial=start)
    if request.method == "POST" and form.is_valid() and _asked(request, firm_id, form):
        return after("clients_requests", organisation=firm_id)
    named = name_of(request, firm_id)
    how = [_(_HOW, count=ASKED_AT_ONCE)]
    button = Button(_("Send request"), "ask")
    blocks: list[Component] = [
        Text(how),
        form.as_component(button, action=address("clients_ask", organisation=firm_id)),
    ]
    there = back("clients", TITLE, organisation=firm_id)
    title = _("Request authorisations – {organisation}", organisation=named.name)
    return render_page(request, Page(title, blocks=blocks, back=there))


def _asked(request: HttpRequest, firm_id: str, form: AskManyForm) -> bool:
    """Request the authorisations and flash the counts; return False on an error.

    The form then shows the error.
    """
    ctx, actor, cleaned = portal_context(request).ctx, current_actor(request), form.cleaned_data
    ids, until = form.ids(ctx.environment), end_of(cleaned["until"])
    if not ids or actor is None or until is None:
        return False
    done: list[RequestResult] = []
    many = AskClients(firm_id, ids, Role(cleaned["role"]), until)
    try:
        wrong = tried(lambda: done.append(ask_clients(many, ctx, actor, request_id(request))))
    except OwnOrganisation:
        own = name_of(request, firm_id).customer_id
        form.refuse(
            "customer_ids", gettext_noop("{own} is the organisation's own ID. Remove it from the list."), own=own
        )
        return False
    if wrong is not None:
        add_error_text(form, wrong)
        return False
    sentence = gettext_noop("Requests sent: {now}. Already requested, unanswered: {before}. Already clients: {there}.")
    counts = {"now": len(done[0].now), "before": len(done[0].before), "there": len(done[0].there)}
    messages.info(request, _(sentence, **counts))
    return True
