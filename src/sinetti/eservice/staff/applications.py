"""Applications for the technical interface: list and decision by a clerk.

Helpers prepare the text of a decision and its display (docs/e-service/clerks.md).
"""

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from sinetti.domain.organisations.applications import (
    ApplicationDecision,
    ApplicationError,
    ApplicationErrorReason,
    ApplicationState,
    read_case_number,
)
from sinetti.eservice.accounts.base_views import proves_again
from sinetti.eservice.core.context import portal_context
from sinetti.eservice.staff.common import A_PAGE, page_number, pager, show_check, show_page, staff_view
from sinetti.eservice.ui.acts import ActLetters, Confirmation, check_of, is_step, letters_of
from sinetti.eservice.ui.check_pages import check_page
from sinetti.eservice.ui.components import (
    Alert,
    Button,
    Cell,
    Component,
    DescriptionItem,
    DescriptionList,
    Filters,
    Form,
    Input,
    Link,
    Links,
    Section,
    Table,
    Text,
)
from sinetti.eservice.ui.drafts import keeps_typed
from sinetti.eservice.ui.error_pages import not_found
from sinetti.eservice.ui.forms import PortalForm
from sinetti.eservice.ui.navigation import redirect_to
from sinetti.eservice.ui.page import Page
from sinetti.i18n.application_decision import DecisionContext, decision
from sinetti.i18n.staff_labels import CHANNELS, FAULTS, STATES
from sinetti.i18n.translate import LANGUAGES, _, capital, format_datetime, gettext_noop
from sinetti.services.context import ServiceContext
from sinetti.services.organisations.registration import ChannelError
from sinetti.services.staff import applications
from sinetti.services.staff.applications import Application
from sinetti.services.staff.session import StaffSession


def case_of(application: Application) -> DecisionContext:
    """Return the data of an application for the text of its decision."""
    return DecisionContext(
        application.case_number,
        application.organisation,
        application.customer_id,
        application.channels,
        application.created,
        application.language,
    )


def lines(decision: str) -> list[str]:
    """Return a decision as paragraphs of a page, without line breaks."""
    return [line for line in decision.splitlines() if line]


DECIDE = "decide"
"""Value of the button that makes a decision."""
_FIELDS = {ApplicationErrorReason.REASON: "reason", ApplicationErrorReason.VERDICT: "verdict"}


class CaseForm(PortalForm):
    """Search form for one case."""

    case = forms.CharField(
        label=gettext_noop("Case number"), help_text=gettext_noop("For example SI-7K3M2-Q9PXW."), max_length=20
    )

    def clean_case(self) -> str:
        """Return a case number as stored."""
        case_number = read_case_number(str(self.cleaned_data["case"]))
        if case_number is None:
            self.refuse("case", gettext_noop("A case number looks like SI-7K3M2-Q9PXW."))
        return case_number or ""


class VerdictForm(PortalForm):
    """Form for the decision and its reasons."""

    verdict = forms.ChoiceField(
        label=gettext_noop("Decision"),
        choices=[
            (ApplicationState.APPROVED.value, gettext_noop("Approve")),
            (ApplicationState.REFUSED.value, gettext_noop("Refuse")),
        ],
    )
    reason = forms.CharField(
        label=gettext_noop("Reasons"),
        help_text=gettext_noop(
            "Write in the applicant's language, shown above. A refusal always needs reasons. They become "
            "part of the decision that the applicant receives."
        ),
        required=False,
        widget=forms.Textarea,
    )


@staff_view
@require_safe
def application_list(request: HttpRequest, clerk: StaffSession) -> HttpResponse:
    """List pending applications, oldest first, or decided ones, or one case."""
    form = CaseForm(request.GET if "case" in request.GET else None)
    if form.is_bound and form.is_valid():
        application = applications.by_case(form.cleaned_data["case"], clerk)
        if application is not None:
            return redirect_to("staff_application", application.application_id)
        form.refuse("case", gettext_noop("No application has this case number. Check the number."))
    asked = request.GET.get("state", "")
    state = ApplicationState(asked) if asked in set(ApplicationState) else ApplicationState.OPEN
    number = page_number(request)
    rows = applications.listed(state, (number - 1) * A_PAGE, A_PAGE + 1, clerk)
    address = reverse("staff_applications")
    states = Links(
        [Link(capital(_(STATES[one])), f"{address}?state={one}", current=one is state) for one in ApplicationState]
    )
    table = Table(
        _("Applications: {state}", state=_(STATES[state])),
        [_("Case number"), _("Organisation"), _("Applied for"), _("Submitted")],
        [
            [
                Cell(row.case_number, reverse("staff_application", args=[row.application_id])),
                Cell(row.organisation, note=row.customer_id),
                ", ".join(sorted(row.channels)),
                format_datetime(row.created),
            ]
            for row in rows[:A_PAGE]
        ],
        _("Nothing to show."),
    )
    search = Filters(form.as_component(Button(_("Search")), search=True))
    pages = pager(request, number, len(rows[:A_PAGE]), more=len(rows) > A_PAGE)
    blocks: list[Component] = [search, states, table, pages]
    return show_page(request, _("Applications for the technical interface"), blocks)


@keeps_typed(acts=("decide",))
@proves_again("decide")
@staff_view
@require_http_methods(["GET", "HEAD", "POST"])
def application_detail(request: HttpRequest, clerk: StaffSession, application_id: str) -> HttpResponse:
    """Show one application; decide it, or show the recorded decision."""
    application = applications.application(application_id, clerk)
    if application is None:
        return not_found(request)
    form = VerdictForm(request.POST if is_step(request, DECIDE) else None)
    if form.is_bound and form.is_valid() and (answer := _decide(request, application, form, clerk)) is not None:
        return answer
    blocks: list[Component] = [_values(application), Section(_("Purpose"), [Text(application.purpose.split("\n"))])]
    if application.state is ApplicationState.OPEN:
        blocks.append(Section(_("Make the decision"), _deciding(request, application, form)))
    elif form.is_bound:
        blocks.insert(0, Alert(_(FAULTS[ApplicationErrorReason.NOT_OPEN])))
    if application.decision:
        blocks.append(Section(_("Decision text"), [Text(lines(application.decision), application.language)]))
    back = Link(_("Applications for the technical interface"), reverse("staff_applications"))
    return show_page(request, _("Application {case}", case=application.case_number), blocks, back)


def _decide(
    request: HttpRequest, application: Application, form: VerdictForm, clerk: StaffSession
) -> HttpResponse | None:
    """Show the decision, then make it; None if the form shows an error."""
    around = portal_context(request)
    verdict = ApplicationDecision(
        ApplicationState(form.cleaned_data["verdict"]),
        form.cleaned_data["reason"],
        around.eservice.appeal.get(application.language, ""),
    )

    def decide(_ctx: ServiceContext) -> Application:
        return applications.decide(
            application.application_id,
            verdict,
            lambda decided: decision(case_of(decided), verdict, around.service, around.ctx.now()),
            clerk,
        )

    try:
        letters = letters_of(request, decide)
        once = Confirmation(request, DECIDE, application.application_id, verdict.state, verdict.reason, *letters.to)
        if not once.is_given:
            return show_check(request, _check(application, verdict, letters, once))
        decide(around.ctx)
    except ApplicationError as refused:
        form.refuse(_FIELDS.get(refused.fault), FAULTS[refused.fault])
        return None
    except ChannelError:
        form.refuse(None, FAULTS[ApplicationErrorReason.CHANNELS])
        return None
    messages.info(request, _("Decision made. The applicant receives it by e-mail."))
    return redirect_to("staff_application", application.application_id)


def _check(application: Application, verdict: ApplicationDecision, letters: ActLetters, once: Confirmation) -> Page:
    """Return the page with the decision as it will be sent."""
    approves = verdict.state is ApplicationState.APPROVED
    carried = [Input("verdict", "", "hidden", verdict.state.value), Input("reason", "", "hidden", verdict.reason)]
    channels = ", ".join(_(CHANNELS[channel]) for channel in sorted(application.channels))
    press = _("Approve and send the decision") if approves else _("Refuse and send the decision")
    after = _("The organisation can then order certificates: {channels}.", channels=channels)
    again = _("The organisation cannot order certificates on the basis of this application. It can apply again.")
    return check_page(
        _("Approve the application {case}?", case=application.case_number)
        if approves
        else _("Refuse the application {case}?", case=application.case_number),
        Form([*carried, *once.fields], [Button(press, DECIDE, danger=not approves)]),
        summary=[
            DescriptionItem(_("Organisation"), f"{application.organisation}, {application.customer_id}"),
            DescriptionItem(_("Applied for"), channels),
            DescriptionItem(_("Decision"), _("Approve") if approves else _("Refuse")),
            letters.informed,
        ],
        effects=[_("A decision is final. You cannot change it later."), after if approves else again],
        letters=letters.letters,
        back=Link(
            _("Application {case}", case=application.case_number),
            reverse("staff_application", args=[application.application_id]),
        ),
    )


def _deciding(request: HttpRequest, application: Application, form: VerdictForm) -> list[Component]:
    blocks: list[Component] = []
    if not portal_context(request).eservice.appeal.get(application.language, ""):
        blocks.append(Alert(_(FAULTS[ApplicationErrorReason.APPEAL])))
    button = Button(_("Read the decision before it is sent"), check_of(DECIDE))
    return [*blocks, form.as_component(button, name="decide")]


def _values(application: Application) -> DescriptionList:
    rows = [
        DescriptionItem(
            _("Organisation"),
            application.organisation,
            link=reverse("staff_organisation", args=[application.organisation_id]),
        ),
        DescriptionItem(_("ID"), application.customer_id),
        DescriptionItem(_("Applied for"), ", ".join(_(CHANNELS[channel]) for channel in sorted(application.channels))),
        DescriptionItem(_("Software"), application.software or _("not given")),
        DescriptionItem(_("Case language"), _(LANGUAGES[application.language])),
        DescriptionItem(_("Submitted"), format_datetime(application.created)),
        DescriptionItem(_("State"), _(STATES[application.state])),
    ]
    if application.decided_at is not None:
        rows.append(DescriptionItem(_("Decided"), format_datetime(application.decided_at)))
    return DescriptionList(rows)
