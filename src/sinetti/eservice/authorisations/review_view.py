"""One request for a role: approve it in full or in part, or decline it.

An approval may have another end date.
"""

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from sinetti.domain.access.roles import Role, roles_up_to
from sinetti.eservice.accounts.base_views import proves_again
from sinetti.eservice.authorisations.common import (
    WRONG,
    add_error_text,
    after,
    back,
    day_of,
    end_of,
    role_field,
    tried,
    two_years,
    until_field,
)
from sinetti.eservice.authorisations.list_view import TITLE, request_values
from sinetti.eservice.core.authentication import current_actor, current_permissions, login_required
from sinetti.eservice.core.context import portal_context, request_id
from sinetti.eservice.ui.components import Button, Component, DescriptionList
from sinetti.eservice.ui.drafts import keeps_typed
from sinetti.eservice.ui.forms import PortalForm
from sinetti.eservice.ui.page import Page, render_page
from sinetti.i18n.role_labels import CHOICES
from sinetti.i18n.translate import _, gettext_noop
from sinetti.services.self_service.role_assignments import (
    GrantTerms,
    NoLongerExists,
    RoleRequestView,
    approve,
    decline,
    get_request,
    organisation_asked,
)

_SAID = {
    "approve": gettext_noop("Request approved. We notify the person who made it."),
    "decline": gettext_noop("Request declined. We notify the person who made it."),
}


class AnswerForm(PortalForm):
    """Form with the granted role and end date: as requested, or less."""

    role = role_field(tuple(Role))
    until = until_field(required=False)


class FirmAnswerForm(PortalForm):
    """Form with role and end date for an organisation."""

    role = role_field(tuple(Role))
    until = until_field(required=True)


@require_http_methods(["GET", "HEAD", "POST"])
@keeps_typed(acts=("approve", "decline"))
@proves_again("approve")
@login_required
def role_request_review(request: HttpRequest, asked_id: str) -> HttpResponse:
    """Show a request, or answer it."""
    who, ctx = current_permissions(request), portal_context(request).ctx
    organisation_id = organisation_asked(asked_id, who, ctx)
    try:
        role_request = get_request(asked_id, who, ctx)
    except NoLongerExists:
        # An earlier press of the button, or another user, has answered it. The list shows the current state.
        messages.info(request, _(WRONG[NoLongerExists]))
        return after("authorisations", organisation=organisation_id)
    does = request.POST.get("do", "") if request.method == "POST" else ""
    form = _form(request, role_request, sent=does == "approve")
    if does == "decline" or (does == "approve" and form.is_valid()):
        wrong = _answered(request, does, asked_id, form)
        if wrong is None or not form.is_bound:
            messages.info(request, _(wrong or _SAID[does]))
            return after("authorisations", organisation=organisation_id)
        add_error_text(form, wrong)
    return _render_review(request, organisation_id, role_request, form)


def _form(request: HttpRequest, role_request: RoleRequestView, *, sent: bool) -> PortalForm:
    kind = AnswerForm if role_request.agent is None else FirmAnswerForm
    until = day_of(role_request.until) or (two_years(request) if role_request.agent else None)
    form = kind(request.POST if sent else None, initial={"role": role_request.role.value, "until": until})
    role = form.fields["role"]
    if isinstance(role, forms.ChoiceField):
        role.choices = [(role.value, _(CHOICES[role])) for role in roles_up_to(role_request.role)]
    return form


def _answered(request: HttpRequest, does: str, asked_id: str, form: PortalForm) -> str | None:
    ctx, actor, this = portal_context(request).ctx, current_actor(request), request_id(request)
    if actor is None:
        return None
    if does == "decline":
        return tried(lambda: decline(asked_id, ctx, actor, this))
    terms = GrantTerms(Role(form.cleaned_data["role"]), end_of(form.cleaned_data["until"]))
    return tried(lambda: approve(asked_id, terms, ctx, actor, this))


def _render_review(
    request: HttpRequest, organisation_id: str, role_request: RoleRequestView, form: PortalForm
) -> HttpResponse:
    buttons = (Button(_("Approve"), "approve"), Button(_("Decline"), "decline", minor=True))
    blocks: list[Component] = [DescriptionList(request_values(role_request)), form.as_component(*buttons)]
    there = back("authorisations", TITLE, organisation=organisation_id)
    return render_page(request, Page(_("Request for an authorisation"), blocks=blocks, back=there))
