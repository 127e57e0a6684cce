"""One request: approving what was asked, or less, or with another end; or declining it."""

from django import forms
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from sinetti.domain.access.roles import Role, no_greater
from sinetti.eservice.authorisations.common import (
    WRONG,
    after,
    back,
    day_of,
    end_of,
    refuse,
    role_field,
    tried,
    two_years,
    until_field,
)
from sinetti.eservice.authorisations.list_view import TITLE, request_values
from sinetti.eservice.core.authentication import actor_of, signed_in, standing_of
from sinetti.eservice.core.context import language_of, request_id, surroundings
from sinetti.eservice.ui.components import Block, Button, Values
from sinetti.eservice.ui.flash import say
from sinetti.eservice.ui.forms import PeopleForm
from sinetti.eservice.ui.page import Page, show
from sinetti.i18n.role_labels import CHOICES
from sinetti.i18n.translate import mark, text
from sinetti.services.self_service.role_assignments import (
    Gone,
    RequestFound,
    Terms,
    approve,
    asked,
    decline,
    organisation_asked,
)

_SAID = {
    "approve": mark("The request is approved, and whoever asked is told."),
    "decline": mark("The request is declined, and whoever asked is told."),
}


class AnswerForm(PeopleForm):
    """What is given: what was asked, or less."""

    role = role_field(tuple(Role))
    until = until_field(required=False)


class FirmAnswerForm(PeopleForm):
    """The same for a firm, with an end."""

    role = role_field(tuple(Role))
    until = until_field(required=True)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def page(request: HttpRequest, asked_id: str) -> HttpResponse:
    """Show a request, or answer it."""
    who, office, language = standing_of(request), surroundings(request).office, language_of(request)
    organisation_id = organisation_asked(asked_id, who, office)
    try:
        found = asked(asked_id, who, office)
    except Gone:
        # Answered by the same press before, or by somebody else: the list shows what stands now.
        say(request, text(WRONG[Gone], language))
        return after("authorisations", organisation=organisation_id)
    does = request.POST.get("do", "") if request.method == "POST" else ""
    form = _form(request, found, sent=does == "approve")
    if does == "decline" or (does == "approve" and form.is_valid()):
        wrong = _answered(request, does, asked_id, form)
        if wrong is None or not form.is_bound:
            say(request, text(wrong or _SAID[does], language))
            return after("authorisations", organisation=organisation_id)
        refuse(form, wrong)
    return _shown(request, organisation_id, found, form)


def _form(request: HttpRequest, found: RequestFound, *, sent: bool) -> PeopleForm:
    language = language_of(request)
    kind = AnswerForm if found.agent is None else FirmAnswerForm
    until = day_of(found.until) or (two_years(request) if found.agent else None)
    form = kind(language, request.POST if sent else None, initial={"role": found.role.value, "until": until})
    role = form.fields["role"]
    if isinstance(role, forms.ChoiceField):
        role.choices = [(one.value, text(CHOICES[one], language)) for one in no_greater(found.role)]
    return form


def _answered(request: HttpRequest, does: str, asked_id: str, form: PeopleForm) -> str | None:
    office, actor, this = surroundings(request).office, actor_of(request), request_id(request)
    if actor is None:
        return None
    if does == "decline":
        return tried(lambda: decline(asked_id, office, actor, this))
    terms = Terms(Role(form.cleaned_data["role"]), end_of(form.cleaned_data["until"]))
    return tried(lambda: approve(asked_id, terms, office, actor, this))


def _shown(request: HttpRequest, organisation_id: str, found: RequestFound, form: PeopleForm) -> HttpResponse:
    language = language_of(request)
    buttons = (
        Button(text(mark("Approve"), language), "approve"),
        Button(text(mark("Decline"), language), "decline", minor=True),
    )
    blocks: list[Block] = [
        Values(request_values(found, language)),
        form.block(*buttons),
    ]
    there = back(language, "authorisations", TITLE, organisation=organisation_id)
    return show(request, Page(text(mark("Request for an authorisation"), language), blocks=blocks, back=there))
