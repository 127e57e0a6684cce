"""Applications for the technical interface: apply, see the outcome, withdraw."""

from collections.abc import Sequence

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from sinetti.domain.access.roles import Permission
from sinetti.domain.organisations.applications import (
    DECIDED,
    LONGEST_PURPOSE,
    LONGEST_SOFTWARE,
    ApplicationError,
    ApplicationErrorReason,
    ApplicationState,
    NewApplication,
)
from sinetti.domain.values import Channel
from sinetti.eservice.authorisations.common import paged, start_of
from sinetti.eservice.core.authentication import current_actor, current_permissions, login_required, missing_permission
from sinetti.eservice.core.context import language_of, portal_context, request_id
from sinetti.eservice.orders.choices import Choice, organisation_choice
from sinetti.eservice.ui.acts import Confirmation, check_of, is_step, letters_of
from sinetti.eservice.ui.check_pages import check_page
from sinetti.eservice.ui.components import (
    Alert,
    Button,
    Cell,
    Component,
    DescriptionItem,
    DescriptionList,
    Form,
    Link,
    Links,
    Section,
    Severity,
    Table,
    Text,
)
from sinetti.eservice.ui.drafts import keeps_typed
from sinetti.eservice.ui.error_pages import not_found
from sinetti.eservice.ui.forms import PortalForm
from sinetti.eservice.ui.navigation import redirect_to
from sinetti.eservice.ui.page import Page, render_page
from sinetti.i18n.staff_labels import CHANNELS, FAULTS, STATES
from sinetti.i18n.translate import _, format_datetime, gettext_noop
from sinetti.services.access.permissions import Actor, PermissionDenied
from sinetti.services.context import ServiceContext
from sinetti.services.self_service import applications
from sinetti.services.self_service.applications import Applicant, Application, OrganisationListItem

_MOST_BUTTONS = 10
WITHDRAW = "withdraw"
"""Value of the button that withdraws an application."""
_TITLE = gettext_noop("Applications for the technical interface")
_FIELDS = {
    ApplicationErrorReason.CHANNELS: "channels",
    ApplicationErrorReason.NOTHING_NEW: "channels",
    ApplicationErrorReason.PURPOSE: "purpose",
    ApplicationErrorReason.SOFTWARE: "software",
}
_TONES = {
    ApplicationState.APPROVED: Severity.GOOD,
    ApplicationState.REFUSED: Severity.ERROR,
    ApplicationState.OPEN: Severity.WARNING,
}


class ApplicationForm(PortalForm):
    """Form for an application."""

    channels = forms.MultipleChoiceField(
        label=gettext_noop("How will the organisation send data?"),
        choices=[(channel.value, CHANNELS[channel]) for channel in Channel],
    )
    purpose = forms.CharField(
        label=gettext_noop("What will the organisation use the interface for?"),
        help_text=gettext_noop(
            "Describe which reports or data you send, for whom and roughly how many. Do not include personal data."
        ),
        widget=forms.Textarea,
        max_length=LONGEST_PURPOSE + 200,
    )
    software = forms.CharField(label=gettext_noop("Software"), required=False, max_length=LONGEST_SOFTWARE)


@require_safe
@login_required
def application_list(request: HttpRequest) -> HttpResponse:
    """List the applications of all organisations that the user may apply for."""
    actor = _actor(request)
    mine = applications.mine(portal_context(request).ctx, actor, start_of(request))
    if not mine.may_apply:
        raise missing_permission(Permission.APPLY, current_permissions(request))
    found, pager = paged(request, mine.applications)
    table = Table(
        _("Applications"),
        [_("Case number"), _("Organisation"), _("Applied for"), _("Submitted"), _("State")],
        [
            [
                Cell(application.case_number, reverse("application", args=[application.application_id])),
                Cell(application.organisation, note=application.customer_id),
                ", ".join(sorted(application.channels)),
                format_datetime(application.created),
                Cell(_(STATES[application.state]), tone=_TONES.get(application.state, Severity.PLAIN)),
            ]
            for application in found
        ],
        _("No applications yet."),
    )
    explained = _(
        "To use the technical interface, an organisation must first apply for it. It can order "
        "certificates once the application has been approved."
    )
    blocks: list[Component] = [Text([explained]), table, *pager, *_for_which(request, mine.organisations)]
    return render_page(request, Page(_(_TITLE), blocks=blocks, wide=True))


def _for_which(request: HttpRequest, organisations: Sequence[OrganisationListItem]) -> list[Component]:
    """Return a button for each organisation, or the search for one of many."""
    if len(organisations) > _MOST_BUTTONS:
        choices = [
            Choice(organisation.name, organisation.customer_id, _new(organisation.organisation_id))
            for organisation in organisations
        ]
        return [Section(_("Apply for the technical interface"), organisation_choice(request, choices))]
    return [
        Links(
            [
                Link(
                    _("Apply on behalf of {name}", name=organisation.name),
                    _new(organisation.organisation_id),
                    button=True,
                )
                for organisation in organisations
            ]
        )
    ]


@require_http_methods(["GET", "HEAD", "POST"])
@keeps_typed(acts=("apply",))
@login_required
def application_create(request: HttpRequest) -> HttpResponse:
    """Apply for one organisation."""
    language, actor, ctx = language_of(request), _actor(request), portal_context(request).ctx
    organisation_id = request.GET.get("organisation", "")
    applicant = applications.applicant(organisation_id, ctx, actor)
    if not applicant.offered:
        already = Alert(
            _("The organisation has already been approved for every certificate type. You can order certificates."),
            Severity.GOOD,
        )
        return render_page(request, Page(_("Apply for the technical interface"), blocks=[already]))
    form = ApplicationForm(request.POST if request.method == "POST" else None)
    _offer(form, applicant)
    if form.is_bound and form.is_valid():
        asked = NewApplication(
            frozenset(Channel(one) for one in form.cleaned_data["channels"]),
            form.cleaned_data["purpose"],
            form.cleaned_data["software"],
            language,
        )
        try:
            made = applications.apply(organisation_id, asked, ctx, actor, request_id(request))
        except ApplicationError as refused:
            form.refuse(_FIELDS.get(refused.fault), FAULTS[refused.fault])
        else:
            done = _("Application sent. The case number is {case}.", case=made.case_number)
            messages.info(request, done)
            return redirect_to("application", made.application_id)
    return render_page(request, _applying(applicant, form))


@require_http_methods(["GET", "HEAD", "POST"])
@keeps_typed(acts=("withdraw",))
@login_required
def application_detail(request: HttpRequest, application_id: str) -> HttpResponse:
    """Show one application with its state and decision; withdraw a pending one."""
    actor, ctx = _actor(request), portal_context(request).ctx
    application = applications.application(application_id, ctx, actor)
    blocks: list[Component] = []
    title = _("Application {case}", case=application.case_number)
    if is_step(request, WITHDRAW):
        try:
            return _withdraw(request, application, actor)
        except ApplicationError as refused:
            blocks.append(Alert(_(FAULTS[refused.fault]), Severity.ERROR))
    back = Link(_(_TITLE), reverse("applications"))
    return render_page(request, Page(title, blocks=[*blocks, *_detail_blocks(application)], back=back))


def _withdraw(request: HttpRequest, application: Application, actor: Actor) -> HttpResponse:
    """Show what the withdrawal ends, then withdraw. Raises ApplicationError."""
    application_id, once = (
        application.application_id,
        Confirmation(request, WITHDRAW, application.application_id, application.state),
    )

    def withdraw(ctx: ServiceContext) -> None:
        applications.withdraw(application_id, ctx, actor, request_id(request))

    letters = letters_of(request, withdraw)
    if once.is_given:
        withdraw(portal_context(request).ctx)
        messages.info(request, _("Application withdrawn."))
        return redirect_to("application", application_id)
    page = check_page(
        _("Withdraw the application {case}?", case=application.case_number),
        Form(once.fields, [Button(_("Withdraw the application permanently"), WITHDRAW, danger=True)]),
        summary=[*_summary(application), letters.informed],
        effects=[_("A withdrawn application is not processed. You can apply again later.")],
        letters=letters.letters,
        back=Link(_("Application {case}", case=application.case_number), reverse("application", args=[application_id])),
    )
    return render_page(request, page)


@require_safe
@login_required
def decision(request: HttpRequest, application_id: str) -> HttpResponse:
    """Show the recorded decision alone, to read, print or save."""
    actor = _actor(request)
    application = applications.application(application_id, portal_context(request).ctx, actor)
    if not application.decision:
        return not_found(request)
    title, *rest = (line for line in application.decision.splitlines() if line)
    back = Link(_("Application {case}", case=application.case_number), reverse("application", args=[application_id]))
    return render_page(
        request, Page(title, blocks=[Text(rest, application.language)], back=back, title_language=application.language)
    )


def _actor(request: HttpRequest) -> Actor:
    actor = current_actor(request)
    if actor is None:
        raise PermissionDenied(Permission.APPLY, None)
    return actor


def _offer(form: ApplicationForm, applicant: Applicant) -> None:
    """Offer the channels that the organisation does not have yet."""
    field = form.fields["channels"]
    if isinstance(field, forms.MultipleChoiceField):
        offered = {channel.value for channel in applicant.offered}
        field.choices = [(channel.value, _(CHANNELS[channel])) for channel in Channel if channel.value in offered]


def _applying(applicant: Applicant, form: ApplicationForm) -> Page:
    who = DescriptionList(
        [
            DescriptionItem(_("Organisation"), applicant.organisation.name),
            DescriptionItem(_("ID"), applicant.organisation.customer_id),
        ]
    )
    language_note = _("We process the application and write the decision in the language of this page.")
    send = Button(_("Send the application"), "apply")
    page = form.as_component(send, action=_new(applicant.organisation.organisation_id))
    back = Link(_(_TITLE), reverse("applications"))
    return Page(_("Apply for the technical interface"), blocks=[who, Text([language_note]), page], back=back)


def _summary(application: Application) -> list[DescriptionItem]:
    return [
        DescriptionItem(_("Organisation"), f"{application.organisation} ({application.customer_id})"),
        DescriptionItem(_("Applied for"), ", ".join(_(CHANNELS[channel]) for channel in sorted(application.channels))),
        DescriptionItem(_("Software"), application.software or _("not given")),
        DescriptionItem(_("Submitted"), format_datetime(application.created)),
        DescriptionItem(_("State"), _(STATES[application.state])),
    ]


def _detail_blocks(application: Application) -> list[Component]:
    rows = _summary(application)
    if application.decided_at is not None:
        rows.append(DescriptionItem(_("Decided"), format_datetime(application.decided_at)))
    blocks: list[Component] = [DescriptionList(rows), Section(_("Purpose"), [Text(application.purpose.split("\n"))])]
    if application.state is ApplicationState.OPEN:
        button = Button(_("Withdraw the application"), check_of(WITHDRAW), minor=True)
        blocks.append(Form((), [button]))
    if application.state in DECIDED:
        if application.reason:
            blocks.append(Section(_("Reasons"), [Text(application.reason.split("\n"), application.language)]))
        link = Link(
            _("Read the decision"), reverse("application_decision", args=[application.application_id]), button=True
        )
        blocks.append(Links([link]))
    return blocks


def _new(organisation_id: str) -> str:
    return f"{reverse('application_new')}?organisation={organisation_id}"
