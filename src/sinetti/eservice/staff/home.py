"""First page for clerks with search and work, and the purpose of access."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from http import HTTPStatus

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from sinetti.domain.access.access_purpose import AccessJustification, AccessPurpose
from sinetti.domain.certificates.overview import coming_months, past_months
from sinetti.domain.operations.figures import STALE_AFTER, AuthorityFigures, CaseKind, HealthKind, WaitingWork, WorkKind
from sinetti.domain.organisations.applications import read_case_number
from sinetti.domain.refusals import ERROR_CODES, Rejection, RejectionReason
from sinetti.eservice.core.context import portal_context
from sinetti.eservice.staff.certificates import SEARCH_HINT
from sinetti.eservice.staff.common import (
    CASE,
    PURPOSE,
    current_purpose,
    purpose_item,
    require_staff,
    safe_next,
    show_page,
    staff_view,
)
from sinetti.eservice.ui.charts import month_chart
from sinetti.eservice.ui.components import (
    Alert,
    Button,
    Cell,
    Column,
    Component,
    DescriptionList,
    Filters,
    Form,
    Input,
    Link,
    Links,
    Section,
    Severity,
    Table,
    Task,
    Tasks,
    Text,
    Total,
    Totals,
)
from sinetti.eservice.ui.drafts import keeps_typed
from sinetti.eservice.ui.error_pages import not_found
from sinetti.eservice.ui.forms import PortalForm
from sinetti.eservice.ui.page import Page, render_page
from sinetti.i18n.desk_labels import CASES, HEALTHY, PROBLEMS, WORK, WORK_HINTS, WORK_TITLES
from sinetti.i18n.staff_labels import PURPOSES
from sinetti.i18n.translate import (
    _,
    finnish_day,
    format_date,
    format_datetime,
    gettext_noop,
    ngettext,
    ngettext_noop,
    number,
    refusal_text,
)
from sinetti.services.access.permissions import Actor
from sinetti.services.context import ServiceContext
from sinetti.services.staff import work
from sinetti.services.staff.session import StaffSession

_PAGES: Mapping[str, str] = {
    "staff_applications": gettext_noop("Applications for the technical interface"),
    "staff_organisations": gettext_noop("Organisations"),
    "staff_invitations": gettext_noop("Invitations of representatives"),
    "staff_certificates": gettext_noop("Certificates"),
    "staff_revocations": gettext_noop("Revoke several certificates"),
    "staff_early_calls": gettext_noop("Calls for early replacement"),
    "staff_outbox": gettext_noop("Outbox"),
    "staff_audit": gettext_noop("Audit log"),
}

_PLACES: Mapping[CaseKind, str] = {
    CaseKind.APPLICATIONS: "staff_applications",
    CaseKind.REVOCATIONS: "staff_revocations",
    CaseKind.LOADS: "staff_loads",
    CaseKind.INVITATIONS: "staff_invitations",
}
_LATE, _SOON = timedelta(days=3), timedelta(days=7)
"""Age from which a case is late; time to an end from which work is urgent."""
_OWN = ngettext_noop(
    "{count} proposal of your own waits for another clerk.", "{count} proposals of your own wait for another clerk."
)
_NOT_COUNTED = gettext_noop(
    "The figures have not been counted yet. They appear within a minute. If they do not, call the operator."
)
_STALE = gettext_noop("The figures are from {at}. The background work has stopped since then. Call the operator.")


class PurposeForm(PortalForm):
    """Form for the purpose of access."""

    purpose = forms.ChoiceField(
        label=gettext_noop("What do you need the information for?"),
        choices=[
            ("", gettext_noop("Choose")),
            *((access_purpose.value, PURPOSES[access_purpose]) for access_purpose in AccessPurpose),
        ],  # the clerk must choose one
    )
    case = forms.CharField(
        label=gettext_noop("Case number"),
        help_text=gettext_noop("For example SI-7K3M2-Q9PXW. Enter only a case number."),
        required=False,
        max_length=20,
    )
    next = forms.CharField(required=False, widget=forms.HiddenInput)

    def clean_case(self) -> str:
        """Return a case number as stored, or the empty text."""
        typed = str(self.cleaned_data["case"])
        case_number = read_case_number(typed)
        if typed.strip() and case_number is None:
            self.refuse(
                "case",
                gettext_noop("A case number looks like SI-7K3M2-Q9PXW. Leave this field empty if there is none."),
            )
        return case_number or ""


@require_staff
@require_safe
def staff_home(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Show search, work, health and figures.

    The page contains no personal data, so it needs no purpose and is not logged.
    """
    ctx = portal_context(request).ctx
    figures, waiting = work.load_figures(actor, ctx), work.list_waiting(actor, ctx)
    blocks: list[Component] = []
    if current_purpose(request) is None:
        asked = _("State the purpose before you view personal data. It is recorded with everything that you view.")
        blocks.append(Alert(asked, links=[Link(_("State the purpose"), reverse("staff_purpose"))]))
    blocks += [_search(), Section(_("Work"), _queue(waiting, figures, ctx.now()))]
    blocks += _figures(figures, ctx) if figures is not None else [Alert(_(_NOT_COUNTED))]
    pages = Section(_("Pages"), [Links([Link(_(name), reverse(page)) for page, name in _PAGES.items()])])
    return render_page(request, Page(_("Clerk's pages"), blocks, side=[*_purpose(request), pages]))


def _search() -> Filters:
    hint = _(SEARCH_HINT)
    field = Input("text", _("Search organisations, certificates and people"), hint=hint, longest=254)
    place = reverse("staff_certificates")
    return Filters(Form([field], [Button(_("Search"))], place, search=True, name="everything"))


def _purpose(request: HttpRequest) -> list[Component]:
    shown = purpose_item(request)
    return [] if shown is None else [DescriptionList([shown])]


def _queue(waiting: Sequence[WaitingWork], figures: AuthorityFigures | None, now: datetime) -> list[Component]:
    """Return the work, what is most urgent or oldest first."""
    tasks = [*_cases(waiting, now), *(_counted_work(figures, now) if figures is not None else ())]
    order = (Severity.ERROR, Severity.WARNING, Severity.PLAIN)
    tasks.sort(key=lambda one: (order.index(one[1].tone), one[0]))
    blocks: list[Component] = [Tasks([task for _at, task in tasks])]
    if not tasks:
        blocks = [Alert(_("No work is waiting."), Severity.GOOD)]
    if own := sum(waiting_work.own for waiting_work in waiting):
        blocks.append(Text([ngettext(*_OWN, own)]))
    return blocks


def _cases(waiting: Sequence[WaitingWork], now: datetime) -> Iterator[tuple[datetime, Task]]:
    for waiting_work in waiting:
        if waiting_work.oldest is None:
            continue
        tone = Severity.WARNING if now - waiting_work.oldest > _LATE else Severity.PLAIN
        hint = _("The oldest is from {at}.", at=format_datetime(waiting_work.oldest))
        yield (
            waiting_work.oldest,
            Task(
                ngettext(*CASES[waiting_work.kind], waiting_work.count),
                reverse(_PLACES[waiting_work.kind]),
                tone,
                hint=hint,
            ),
        )


def _counted_work(figures: AuthorityFigures, now: datetime) -> Iterator[tuple[datetime, Task]]:
    for kind, work_list in figures.work.items():
        if not work_list.rows:
            continue
        first = work_list.rows[0].first_end
        count = work_list.organisations if kind is WorkKind.FLEETS else work_list.certificates
        tone = Severity.ERROR if first - now < _SOON else Severity.WARNING
        hint = _("The first of these certificates expires on {day}.", day=format_date(finnish_day(first)))
        yield first, Task(ngettext(*WORK[kind], count), reverse("staff_work", args=[kind]), tone, hint=hint)


def _figures(figures: AuthorityFigures, ctx: ServiceContext) -> list[Component]:
    """Return the health of the service and the charts, with the time of the count."""
    now, blocks = figures.taken_at, list[Component]()
    if ctx.machine_now() - figures.machine_at > STALE_AFTER:
        blocks.append(Alert(_(_STALE, at=format_datetime(now)), Severity.ERROR))
    health = figures.health
    blocks += [Alert(ngettext(*PROBLEMS[kind], size), _tone(kind), _links(kind)) for kind, size in health.items()]
    if well := " ".join(_(HEALTHY[kind]) for kind in HealthKind if kind not in health):
        blocks.append(Alert(well, Severity.GOOD))
    counted = _("Counted on {at}. The figures are counted every ten minutes.", at=format_datetime(now))
    charts: list[Component] = [
        Totals(
            [
                Total(_("Valid, not renewed or replaced yet"), figures.in_force),
                Total(_("Issued this month"), figures.issued[-1]),
                Total(_("Requests rejected within 30 days"), sum(count for _reason, count in figures.refusals)),
            ]
        ),
        month_chart(_("Certificates that expire, by month"), coming_months(now), figures.ends, tone=Severity.WARNING),
        month_chart(_("Certificates issued, by month"), past_months(now), figures.issued),
    ]
    return [
        Section(_("State of the service"), [*blocks, Text([counted])]),
        Section(_("Certificates"), charts),
        Section(_("Requests rejected within 30 days"), [_refusals(figures)]),
    ]


def _tone(kind: HealthKind) -> Severity:
    return Severity.WARNING if kind in {HealthKind.MESSAGES, HealthKind.FAILED} else Severity.ERROR


def _links(kind: HealthKind) -> list[Link]:
    if kind is HealthKind.FAILED:
        return [Link(_("Failed messages"), f"{reverse('staff_outbox')}?state=given-up")]
    return [Link(_("Waiting messages"), reverse("staff_outbox"))] if kind is HealthKind.MESSAGES else []


def _refusals(figures: AuthorityFigures) -> Table:
    """Return the reasons with their numbers as bars, the most frequent first."""
    most = max((count for _reason, count in figures.refusals), default=1)
    return Table(
        _("Requests rejected within 30 days"),
        [_("Reason"), _("Requests")],
        [
            [
                Cell(_first_sentence(RejectionReason(reason)), note=ERROR_CODES[RejectionReason(reason)]),
                Cell(number(count), percent=count * 100 // most),
            ]
            for reason, count in figures.refusals
            if reason in set(RejectionReason)
        ],
        _("No request was rejected."),
    )


def _first_sentence(reason: RejectionReason) -> str:
    return f"{refusal_text(Rejection(reason)).partition('. ')[0].removesuffix('.')}."


@staff_view
@require_safe
def work_list(request: HttpRequest, clerk: StaffSession, kind: str) -> HttpResponse:
    """List the organisations with work found by counting, the first end first."""
    if kind not in set(WorkKind):
        return not_found(request)
    known = WorkKind(kind)
    found, named = work.list_organisations(known, clerk)
    rows = [
        [
            Cell(
                named_work.name,
                reverse("staff_organisation", args=[named_work.work.organisation_id]),
                note=named_work.customer_id,
            ),
            Cell(number(named_work.work.count)),
            Cell(format_date(finnish_day(named_work.work.first_end))),
        ]
        for named_work in named
    ]
    blocks: list[Component] = [Text([_(WORK_HINTS[known])])]
    if found.organisations > len(rows):
        shown = {"shown": number(len(rows)), "count": number(found.organisations)}
        blocks.append(Text([_("The first {shown} of {count} organisations are shown.", **shown)]))
    blocks.append(
        Table(
            _("Organisations, earliest expiry first"),
            [_("Organisation"), Column(_("Certificates"), numeric=True), _("First expiry")],
            rows,
            _("Nothing to show."),
        )
    )
    return show_page(request, _(WORK_TITLES[known]), blocks)


@keeps_typed(replays=False)
@require_staff
@require_http_methods(["GET", "HEAD", "POST"])
def purpose(request: HttpRequest, _actor: Actor) -> HttpResponse:
    """Choose a purpose from a closed list, for the session or until it is changed."""
    if request.method == "POST":
        form = PurposeForm(request.POST)
        if form.is_valid():
            request.session[PURPOSE], request.session[CASE] = form.cleaned_data["purpose"], form.cleaned_data["case"]
            messages.info(request, _("Purpose saved. It is recorded with everything that you view."))
            return HttpResponseRedirect(safe_next(form.cleaned_data["next"]), status=HTTPStatus.SEE_OTHER)
    else:
        form = _form(request, current_purpose(request))
    explained = Text(
        [
            _(
                "Each page and search is recorded in the audit log with your account and this purpose. "
                "View only what your task requires."
            )
        ]
    )
    button = Button(_("Continue"), "go")
    return render_page(
        request,
        Page(_("Purpose of access"), blocks=[explained, form.as_component(button)], wide=True),
    )


def _form(request: HttpRequest, looking: AccessJustification | None) -> PurposeForm:
    there = {"purpose": looking.purpose.value, "case": looking.case} if looking else {}
    return PurposeForm(initial={**there, "next": request.GET.get("next", "")})
