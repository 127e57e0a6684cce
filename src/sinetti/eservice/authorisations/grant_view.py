"""Grant of an authorisation to a person or to another organisation.

A person gets a link by mail. An organisation's authorisation has an end date.
"""

from http import HTTPStatus

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods

from sinetti.domain.access.roles import GIVEN_TO_AGENTS, Permission, Role
from sinetti.domain.daily_limits import LimitReached
from sinetti.domain.validation import LONGEST_EMAIL, LONGEST_PERSON, ValidationError, check_email
from sinetti.domain.values import Language
from sinetti.eservice.accounts.base_views import proves_again
from sinetti.eservice.authorisations.common import (
    add_error_text,
    address,
    after,
    back,
    choose,
    chosen,
    end_of,
    name_of,
    role_field,
    tried,
    two_years,
    until_field,
)
from sinetti.eservice.authorisations.list_view import TITLE
from sinetti.eservice.core.authentication import current_actor, current_permissions, login_required
from sinetti.eservice.core.context import language_of, portal_context, request_id
from sinetti.eservice.ui.components import Button, Component, Text
from sinetti.eservice.ui.daily_limits import limit_words
from sinetti.eservice.ui.drafts import keeps_typed
from sinetti.eservice.ui.forms import LANGUAGE_CHOICES, PortalForm
from sinetti.eservice.ui.page import Page, render_page
from sinetti.i18n.translate import _, gettext_noop
from sinetti.services.self_service.access_ends import EndedRole, ended_to_give_again
from sinetti.services.self_service.role_assignments import (
    ContactDetails,
    FirmGrantRequest,
    InvitationResult,
    PersonGrant,
    UnknownOrganisation,
    authorisation,
    give_to_firm,
    grant,
)

_PERSON = gettext_noop("Give an authorisation to a person")
_FIRM = gettext_noop("Give an authorisation to another organisation")
_SENT = gettext_noop(
    "An invitation is on its way to {email}. The authorisation takes effect when the person accepts it."
)
_THERE = gettext_noop(
    "This person already has this authorisation or an invitation to it. Nothing was sent or changed. You "
    "can change the end date here."
)
_FIRM_ROLES = tuple(role for role in Role if role in GIVEN_TO_AGENTS)


class GrantToPersonForm(PortalForm):
    """Form that grants a role to a person until a date."""

    name = forms.CharField(label=gettext_noop("Name"), max_length=LONGEST_PERSON)
    email = forms.CharField(label=gettext_noop("E-mail address"), max_length=LONGEST_EMAIL, widget=forms.EmailInput())
    written_in = forms.ChoiceField(label=gettext_noop("Language of messages"), choices=LANGUAGE_CHOICES)
    role = role_field(tuple(Role))
    until = until_field(required=False)

    def clean_name(self) -> str:
        """Return the name as the database stores it."""
        return self.check_unlinked("name", LONGEST_PERSON, gettext_noop("Enter a name, 1 to 200 characters."))

    def clean_email(self) -> str:
        """Return the address as the database stores it."""
        try:
            return check_email("email", self.cleaned_data["email"])
        except ValidationError:
            message = gettext_noop("Enter an e-mail address, for example name@organisation.example.")
            raise forms.ValidationError(_(message)) from None

    def person(self) -> ContactDetails:
        """Return the person of the valid form."""
        values = self.cleaned_data
        return ContactDetails(values["name"], values["email"], "", Language(values["written_in"]))


class OrganisationForm(PortalForm):
    """Form that grants a role to an organisation until a date."""

    customer_id = forms.CharField(label=gettext_noop("Business ID of the organisation"), max_length=30)
    role = role_field(_FIRM_ROLES)
    until = until_field(required=True)


@require_http_methods(["GET", "HEAD", "POST"])
@keeps_typed(acts=("give",))
@proves_again("give")
@login_required
def grant_to_person(request: HttpRequest) -> HttpResponse:
    """Invite a person."""
    if (organisation_id := _organisation(request)) is None:
        return _choose(request, _PERSON, "authorisation_person")
    language, ctx = language_of(request), portal_context(request).ctx
    start = {"role": Role.MANAGER.value, "written_in": language.value}
    if (before := _before(request)) is not None:
        start |= {"name": before.name, "email": before.email, "role": before.role.value}
    form = GrantToPersonForm(request.POST if request.method == "POST" else None, initial=start)
    if request.method == "POST" and form.is_valid():
        values, actor = form.cleaned_data, current_actor(request)
        to = PersonGrant(organisation_id, form.person(), Role(values["role"]), end_of(values["until"]))
        made: list[InvitationResult] = []
        try:
            wrong = tried(lambda: made.append(grant(to, ctx, actor, request_id(request)))) if actor else ""
        except LimitReached as reached:
            form.add_error("email", limit_words(reached))
            return _form_page(request, organisation_id, _PERSON, form)
        if wrong is None:
            return _invited(request, to, made[0])
        add_error_text(form, wrong or "")
    return _form_page(request, organisation_id, _PERSON, form)


def _invited(request: HttpRequest, to: PersonGrant, done: InvitationResult) -> HttpResponse:
    """Report that the invitation is sent, also after a second press of the button.

    Redirect to an existing authorisation if the person has one, or one with another end date.
    """
    there = authorisation(done.mandate_id, current_permissions(request), portal_context(request).ctx)
    if done.made or (there.waiting and there.until == to.until):
        messages.info(request, _(_SENT, email=to.person.email))
        return after("authorisations", organisation=to.organisation_id)
    messages.info(request, _(_THERE))
    return HttpResponseRedirect(address("authorisation", done.mandate_id), status=HTTPStatus.SEE_OTHER)


@require_http_methods(["GET", "HEAD", "POST"])
@keeps_typed(acts=("give",))
@proves_again("give")
@login_required
def grant_to_organisation(request: HttpRequest) -> HttpResponse:
    """Grant a role to another organisation."""
    if (organisation_id := _organisation(request)) is None:
        return _choose(request, _FIRM, "authorisation_organisation")
    start = {"role": Role.MANAGER.value, "until": two_years(request)}
    if (before := _before(request)) is not None and before.firm is not None:
        start |= {"customer_id": before.firm.customer_id, "role": before.role.value}
    form = OrganisationForm(request.POST if request.method == "POST" else None, initial=start)
    if request.method == "POST" and form.is_valid() and _given(request, organisation_id, form):
        messages.info(request, _("Authorisation given. We notify the people who act for the organisation."))
        return after("authorisations", organisation=organisation_id)
    return _form_page(request, organisation_id, _FIRM, form)


def _given(request: HttpRequest, organisation_id: str, form: OrganisationForm) -> bool:
    ctx, actor, values = portal_context(request).ctx, current_actor(request), form.cleaned_data
    until = end_of(values["until"])
    if actor is None or until is None:
        return False
    given = FirmGrantRequest(organisation_id, values["customer_id"], Role(values["role"]), until)
    try:
        wrong = tried(lambda: give_to_firm(given, ctx, actor, request_id(request)))
    except UnknownOrganisation:
        form.refuse(
            "customer_id",
            gettext_noop("You cannot give an authorisation to an organisation with this ID. Check the ID."),
        )
        return False
    if wrong is not None:
        add_error_text(form, wrong)
    return wrong is None


def _before(request: HttpRequest) -> EndedRole | None:
    """Return the ended authorisation that the form is to give again, or None."""
    return (
        ended_to_give_again(request.GET.get("again", ""), current_permissions(request), portal_context(request).ctx)
        if request.method == "GET"
        else None
    )


def _organisation(request: HttpRequest) -> str | None:
    """Return the organisation that grants. Raises PermissionDenied if there is none."""
    who = current_permissions(request)
    text = chosen(request, who.organisations(Permission.GRANT), Permission.GRANT)
    if text is not None:
        who.require(Permission.GRANT, text)
    return text


def _choose(request: HttpRequest, title: str, page: str) -> HttpResponse:
    ids = current_permissions(request).organisations(Permission.GRANT)
    return choose(request, _(title), ids, page)


def _form_page(request: HttpRequest, organisation_id: str, title: str, form: PortalForm) -> HttpResponse:
    named = name_of(request, organisation_id)
    whose = _("Organisation: {organisation}, {customer_id}", organisation=named.name, customer_id=named.customer_id)
    button = Button(_("Give the authorisation"), "give")
    action = f"{request.path}?organisation={organisation_id}"
    blocks: list[Component] = [Text([whose]), form.as_component(button, action=action)]
    there = back("authorisations", TITLE, organisation=organisation_id)
    return render_page(request, Page(_(title), blocks=blocks, back=there))
