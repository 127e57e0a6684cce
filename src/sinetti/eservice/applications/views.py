"""An organisation applies for the technical interface, sees what became of it, and may take it back."""

from collections.abc import Sequence

from django import forms
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from sinetti.domain.access.roles import Right
from sinetti.domain.organisations.applications import (
    DECIDED,
    LONGEST_PURPOSE,
    LONGEST_SOFTWARE,
    ApplicationFault,
    ApplicationRefused,
    ApplicationState,
    NewApplication,
)
from sinetti.domain.values import Channel, Language
from sinetti.eservice.authorisations.common import paged, start_of
from sinetti.eservice.core.authentication import actor_of, lacking, signed_in, standing_of
from sinetti.eservice.core.context import language_of, request_id, surroundings
from sinetti.eservice.ui.components import (
    Block,
    Button,
    Cell,
    Column,
    Form,
    Input,
    Link,
    Links,
    Notice,
    Option,
    Section,
    Table,
    Text,
    Tone,
    Value,
    Values,
)
from sinetti.eservice.ui.error_pages import not_found
from sinetti.eservice.ui.flash import say as tell
from sinetti.eservice.ui.forms import PeopleForm
from sinetti.eservice.ui.links import to
from sinetti.eservice.ui.page import Page, show
from sinetti.i18n.staff_labels import CHANNELS, FAULTS, STATES
from sinetti.i18n.translate import mark, text, when
from sinetti.services.access.permissions import Actor, NotAllowed
from sinetti.services.self_service import applications as acts
from sinetti.services.self_service.applications import Applicant, Application, Listed

_MOST_BUTTONS, _MOST_OPTIONS = 10, 1000
_TITLE = mark("Applications for the technical interface")
_FIELDS = {
    ApplicationFault.CHANNELS: "channels",
    ApplicationFault.NOTHING_NEW: "channels",
    ApplicationFault.PURPOSE: "purpose",
    ApplicationFault.SOFTWARE: "software",
}
_TONES = {
    ApplicationState.APPROVED: Tone.GOOD,
    ApplicationState.REFUSED: Tone.ERROR,
    ApplicationState.OPEN: Tone.WARNING,
}


class ApplicationForm(PeopleForm):
    """What an organisation applies for."""

    channels = forms.MultipleChoiceField(
        label=mark("How will the organisation deliver?"),
        choices=[(one.value, CHANNELS[one]) for one in Channel],
    )
    purpose = forms.CharField(
        label=mark("What will the organisation use the interface for?"),
        help_text=mark("Which reports or data, for whom, and roughly how many. Write no personal data."),
        widget=forms.Textarea,
        max_length=LONGEST_PURPOSE + 200,
    )
    software = forms.CharField(
        label=mark("Software that will be used (optional)"), required=False, max_length=LONGEST_SOFTWARE
    )


@require_safe
@signed_in
def listed(request: HttpRequest) -> HttpResponse:
    """What was applied for, by all organisations that this person may apply for."""
    language, actor = language_of(request), _actor(request)
    mine = acts.mine(surroundings(request).office, actor, start_of(request))
    if not mine.may_apply:
        raise lacking(Right.APPLY, standing_of(request))
    found, pager = paged(request, mine.applications)
    table = Table(
        text("Applications", language),
        [
            Column(text(one, language))
            for one in (mark("Case number"), mark("Organisation"), mark("Applied for"), mark("Made"), mark("State"))
        ],
        [
            [
                Cell(one.case_number, reverse("application", args=[one.application_id])),
                Cell(one.organisation, note=one.customer_id),
                Cell(", ".join(sorted(one.channels))),
                Cell(when(one.created, language)),
                Cell(text(STATES[one.state], language), tone=_TONES.get(one.state, Tone.PLAIN)),
            ]
            for one in found
        ],
        text("No applications have been made yet.", language),
    )
    explained = text(
        "An organisation that wants to deliver over the technical interface applies for it first. Once it is approved, "
        "certificates can be ordered.",
        language,
    )
    blocks: list[Block] = [Text([explained]), table, *pager, _for_which(mine.organisations, language)]
    return show(request, Page(text(_TITLE, language), blocks=blocks, wide=True))


def _for_which(organisations: Sequence[Listed], language: Language) -> Block:
    """A button for each organisation; where they are many, a list in which one is chosen."""
    if len(organisations) <= _MOST_BUTTONS:
        return Links(
            [
                Link(text("Apply for {name}", language, name=one.name), _new(one.organisation_id), button=True)
                for one in organisations
            ]
        )
    options = [Option(one.organisation_id, f"{one.name}, {one.customer_id}") for one in organisations[:_MOST_OPTIONS]]
    field = Input("organisation", text("Organisation", language), "select", options=options, required=True)
    button = Button(text("Apply for the technical interface", language))
    return Form([field], [button], reverse("application_new"), search=True)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def new(request: HttpRequest) -> HttpResponse:
    """Apply, for one organisation."""
    language, actor, office = language_of(request), _actor(request), surroundings(request).office
    organisation_id = request.GET.get("organisation", "")
    found = acts.applicant(organisation_id, office, actor)
    if not found.offered:
        already = Notice(
            text(
                "The organisation has already been approved for all ways of delivering: certificates can be ordered.",
                language,
            ),
            Tone.GOOD,
        )
        return show(request, Page(text("Apply for the technical interface", language), blocks=[already]))
    form = ApplicationForm(language, request.POST if request.method == "POST" else None)
    _offer(form, found)
    if form.is_bound and form.is_valid():
        asked = NewApplication(
            frozenset(Channel(one) for one in form.cleaned_data["channels"]),
            form.cleaned_data["purpose"],
            form.cleaned_data["software"],
            language,
        )
        try:
            made = acts.apply(organisation_id, asked, office, actor, request_id(request))
        except ApplicationRefused as refused:
            form.refuse(_FIELDS.get(refused.fault), FAULTS[refused.fault])
        else:
            done = text("The application was sent. Its case number is {case}.", language, case=made.case_number)
            tell(request, done)
            return to("application", made.application_id)
    return show(request, _applying(request, found, form))


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def one(request: HttpRequest, application_id: str) -> HttpResponse:
    """One application: where it stands, the decision, and taking it back while it waits."""
    language, actor, office = language_of(request), _actor(request), surroundings(request).office
    found = acts.application(application_id, office, actor)
    blocks: list[Block] = []
    if request.method == "POST" and request.POST.get("do") == "withdraw":
        try:
            acts.withdraw(application_id, office, actor, request_id(request))
        except ApplicationRefused as refused:
            blocks.append(Notice(text(FAULTS[refused.fault], language), Tone.ERROR))
        else:
            tell(request, text("The application was withdrawn.", language))
            return to("application", application_id)
    title = text("Application {case}", language, case=found.case_number)
    back = Link(text(_TITLE, language), reverse("applications"))
    return show(request, Page(title, blocks=[*blocks, *_told(found, language)], back=back))


@require_safe
@signed_in
def decision(request: HttpRequest, application_id: str) -> HttpResponse:
    """The decision alone, as it was made: to be read, printed or kept."""
    language, actor = language_of(request), _actor(request)
    found = acts.application(application_id, surroundings(request).office, actor)
    if not found.decision:
        return not_found(request)
    title, *rest = (line for line in found.decision.splitlines() if line)
    back = Link(
        text("Application {case}", language, case=found.case_number), reverse("application", args=[application_id])
    )
    return show(request, Page(title, blocks=[Text(rest)], back=back))


def _actor(request: HttpRequest) -> Actor:
    actor = actor_of(request)
    if actor is None:
        raise NotAllowed(Right.APPLY, None)
    return actor


def _offer(form: ApplicationForm, found: Applicant) -> None:
    """Offer what the organisation does not have yet."""
    field = form.fields["channels"]
    if isinstance(field, forms.MultipleChoiceField):
        offered = {one.value for one in found.offered}
        field.choices = [(one.value, text(CHANNELS[one], form.language)) for one in Channel if one.value in offered]


def _applying(request: HttpRequest, found: Applicant, form: ApplicationForm) -> Page:
    language = language_of(request)
    who = Values(
        [
            Value(text("Organisation", language), found.organisation.name),
            Value(text("ID", language), found.organisation.customer_id),
        ]
    )
    told = text(
        "The case is handled, and the decision is written, in the language in which you read this page.", language
    )
    send = Button(text("Send the application", language), "apply")
    page = form.block(send, action=_new(found.organisation.organisation_id))
    back = Link(text(_TITLE, language), reverse("applications"))
    return Page(text("Apply for the technical interface", language), blocks=[who, Text([told]), page], back=back)


def _told(found: Application, language: Language) -> list[Block]:
    rows = [
        Value(text("Organisation", language), f"{found.organisation} ({found.customer_id})"),
        Value(
            text("Applied for", language), ", ".join(text(CHANNELS[one], language) for one in sorted(found.channels))
        ),
        Value(text("Software", language), found.software or text("not given", language)),
        Value(text("Made", language), when(found.created, language)),
        Value(text("State", language), text(STATES[found.state], language)),
    ]
    if found.decided_at is not None:
        rows.append(Value(text("Decided", language), when(found.decided_at, language)))
    blocks: list[Block] = [Values(rows), Section(text("Purpose", language), [Text(found.purpose.split("\n"))])]
    if found.state is ApplicationState.OPEN:
        button = Button(text("Withdraw the application", language), "withdraw", danger=True)
        blocks.append(Form((), [button]))
    if found.state in DECIDED:
        if found.reason:
            blocks.append(Section(text("Reasons", language), [Text(found.reason.split("\n"))]))
        link = Link(
            text("Read the decision", language),
            reverse("application_decision", args=[found.application_id]),
            button=True,
        )
        blocks.append(Links([link]))
    return blocks


def _new(organisation_id: str) -> str:
    return f"{reverse('application_new')}?organisation={organisation_id}"
