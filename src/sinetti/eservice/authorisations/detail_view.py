"""One authorisation: details, change, withdrawal and a new invitation."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.views.decorators.http import require_http_methods

from sinetti.domain.access.roles import GIVEN_TO_AGENTS, Role
from sinetti.eservice.accounts.base_views import proves_again
from sinetti.eservice.authorisations.common import (
    WRONG,
    after,
    back,
    beside,
    day_of,
    end_of,
    format_until,
    name_of,
    role_field,
    tried,
    until_field,
)
from sinetti.eservice.authorisations.list_view import TITLE, state
from sinetti.eservice.core.authentication import current_actor, current_permissions, login_required
from sinetti.eservice.core.context import portal_context, request_id
from sinetti.eservice.ui.acts import ActLetters, Confirmation, check_of, is_step, letters_of
from sinetti.eservice.ui.check_pages import check_page
from sinetti.eservice.ui.components import (
    Alert,
    Button,
    Component,
    DescriptionItem,
    DescriptionList,
    Form,
    Section,
    Severity,
    Text,
)
from sinetti.eservice.ui.drafts import keeps_typed
from sinetti.eservice.ui.forms import PortalForm
from sinetti.eservice.ui.page import Page, render_page
from sinetti.i18n.role_labels import ROLES
from sinetti.i18n.translate import _, format_datetime, gettext_noop, number
from sinetti.services.context import ServiceContext
from sinetti.services.self_service.role_assignments import (
    GrantTerms,
    NoLongerExists,
    RoleAssignmentView,
    authorisation,
    change,
    count_certificates,
    organisation_giving,
    send_again,
    withdraw,
)

_FIRM_ROLES = tuple(role for role in Role if role in GIVEN_TO_AGENTS)
_SAID = {
    "change": gettext_noop("Authorisation changed. We notify its holder."),
    "again": gettext_noop("A new invitation is on its way. The earlier link no longer works."),
}


_WITHDRAW = "withdraw"
_WITHDRAWN = gettext_noop("Authorisation withdrawn. We notify its former holder.")
_EFFECTS = (
    gettext_noop("The authorisation ends immediately. {who} can no longer act for {organisation} in this service."),
    gettext_noop("Everything done with it remains in force. The certificates and their contact persons do not change."),
)
_OF_A_FIRM = gettext_noop("The firm no longer gets messages about the organisation's certificates.")


class PersonTerms(PortalForm):
    """Form for role and end of a person's authorisation."""

    role = role_field(tuple(Role))
    until = until_field(required=False)


class FirmTerms(PortalForm):
    """Form for role and end of another organisation's authorisation."""

    role = role_field(_FIRM_ROLES)
    until = until_field(required=True)


@require_http_methods(["GET", "HEAD", "POST"])
@keeps_typed(acts=("withdraw", "again", "change"))
@proves_again("again", "change")
@login_required
def authorisation_detail(request: HttpRequest, mandate_id: str) -> HttpResponse:
    """Show the authorisation, or run the action of a button."""
    who, ctx = current_permissions(request), portal_context(request).ctx
    try:
        assignment = authorisation(mandate_id, who, ctx)
    except NoLongerExists:
        # An earlier press of the button, or another user, has withdrawn it. The list shows the current state.
        messages.info(request, _(WRONG[NoLongerExists]))
        return after("authorisations", organisation=organisation_giving(mandate_id, who, ctx))
    if is_step(request, _WITHDRAW):
        return _withdraw(request, assignment)
    does = request.POST.get("do", "") if request.method == "POST" else ""
    form = _terms(assignment, request.POST if does == "change" else None)
    wrong: str | None = ""
    if does in _SAID and (does != "change" or form.is_valid()):
        wrong = _done(request, does, assignment, form)
        if wrong is None:
            messages.info(request, _(_SAID[does]))
            return after("authorisations", organisation=assignment.organisation_id)
        if beside(form, wrong):
            wrong = ""
    return _render_detail(request, assignment, form, wrong or "")


def _withdraw(request: HttpRequest, assignment: RoleAssignmentView) -> HttpResponse:
    """Show the check page of the withdrawal, or withdraw."""
    ctx, actor, letters = portal_context(request).ctx, current_actor(request), list[ActLetters]()

    def act(held: ServiceContext) -> object:
        return actor and withdraw(assignment.mandate_id, held, actor, request_id(request))

    known = None if assignment.agent is None else ()  # the people of a firm are not listed anywhere
    if (wrong := tried(lambda: letters.append(letters_of(request, act, known)))) is not None:
        return _render_detail(request, assignment, _terms(assignment, None), wrong)
    once = Confirmation(request, _WITHDRAW, assignment.mandate_id, *letters[0].to)
    if once.is_given and (wrong := tried(lambda: act(ctx))) is None:
        messages.info(request, _(_WITHDRAWN))
        return after("authorisations", organisation=assignment.organisation_id)
    return render_page(request, _check_withdrawal(request, assignment, once, letters[0]))


def _check_withdrawal(
    request: HttpRequest, assignment: RoleAssignmentView, once: Confirmation, letters: ActLetters
) -> Page:
    who, named = _holder(assignment), name_of(request, assignment.organisation_id)
    count = count_certificates(assignment.organisation_id, current_permissions(request), portal_context(request).ctx)
    reach = DescriptionItem(_("Certificates that the holder can no longer manage"), number(count))
    effects = [_(text, who=who, organisation=named.name) for text in _EFFECTS]
    return check_page(
        _("Withdraw the authorisation of {who}?", who=who),
        Form(once.fields, [Button(_("Withdraw the authorisation permanently"), _WITHDRAW, danger=True)]),
        summary=[
            DescriptionItem(_("Given by"), f"{named.name}, {named.customer_id}"),
            DescriptionItem(_("Given to"), who),
            *_values(assignment),
            reach,
            letters.informed,
        ],
        effects=[*effects, *([_(_OF_A_FIRM)] if assignment.agent else ())],
        letters=letters.letters,
        back=back("authorisation", gettext_noop("Back to the authorisation"), assignment.mandate_id),
    )


def _holder(assignment: RoleAssignmentView) -> str:
    return assignment.agent.name if assignment.agent else assignment.name or assignment.email


def _terms(assignment: RoleAssignmentView, sent: QueryDict | None) -> PortalForm:
    kind = PersonTerms if assignment.agent is None else FirmTerms
    return kind(sent, initial={"role": assignment.role.value, "until": day_of(assignment.until)})


def _done(request: HttpRequest, does: str, assignment: RoleAssignmentView, form: PortalForm) -> str | None:
    """Run the action; return the message if it is rejected, else None."""
    ctx, actor, asked = portal_context(request).ctx, current_actor(request), request_id(request)
    if actor is None:
        return None
    if does == "again":
        return tried(lambda: send_again(assignment.mandate_id, ctx, actor, asked))
    day = form.cleaned_data["until"]
    # The same day entered again does not change the end.
    until = assignment.until if day == day_of(assignment.until) else end_of(day)
    return tried(
        lambda: change(assignment.mandate_id, GrantTerms(Role(form.cleaned_data["role"]), until), ctx, actor, asked)
    )


def _render_detail(request: HttpRequest, assignment: RoleAssignmentView, form: PortalForm, wrong: str) -> HttpResponse:
    who = _holder(assignment)
    change_it = form.as_component(Button(_("Change"), "change"))
    withdraw_it = Form([], [Button(_("Withdraw the authorisation"), check_of(_WITHDRAW), danger=True)])
    blocks: list[Component] = [
        *([Alert(_(wrong), Severity.ERROR)] if wrong else ()),
        DescriptionList(_values(assignment)),
        *([_again()] if assignment.agent is None and assignment.account is None else ()),
        Section(_("Change the authorisation"), [change_it], "change"),
        Section(
            _("Withdraw the authorisation"),
            [Text([_("The authorisation ends immediately. Everything done with it remains in force.")]), withdraw_it],
            "withdraw",
        ),
    ]
    there = back("authorisations", TITLE, organisation=assignment.organisation_id)
    title = _("Authorisation – {who}", who=who)
    return render_page(request, Page(title, blocks=blocks, back=there))


def _again() -> Form:
    return Form([], [Button(_("Send the invitation again"), "again", minor=True)])


def _values(assignment: RoleAssignmentView) -> list[DescriptionItem]:
    where = assignment.agent.customer_id if assignment.agent else assignment.email
    name = gettext_noop("Business ID") if assignment.agent else gettext_noop("E-mail address")
    since = [] if assignment.waiting else [DescriptionItem(_("Since"), format_datetime(assignment.since))]
    return [
        DescriptionItem(_(name), where),
        DescriptionItem(_("Authorisation"), _(ROLES[assignment.role])),
        *since,
        DescriptionItem(_("Until"), format_until(assignment.until)),
        DescriptionItem(_("State"), state(assignment)),
    ]
