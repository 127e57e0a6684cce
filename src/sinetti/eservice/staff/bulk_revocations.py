"""Bulk revocation: select, list, propose, and confirmation by a second clerk."""

from collections.abc import Sequence

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from sinetti.domain.approvals.acts import TwoPersonAct
from sinetti.domain.business_days import day_begins
from sinetti.domain.certificates.bulk_revocation import (
    AT_ONCE,
    BulkErrorReason,
    BulkRevocationError,
    BulkRevocationProposal,
    actor_of,
)
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.values import Serial
from sinetti.eservice.accounts.base_views import proves_again
from sinetti.eservice.core.context import portal_context
from sinetti.eservice.staff.common import A_PAGE, page_number, pager, show_check, show_page, staff_view
from sinetti.eservice.staff.passkey_confirmation import confirm_by_passkey, decision_about
from sinetti.eservice.ui.acts import ActLetters, Confirmation, check_of, is_step, letters_of
from sinetti.eservice.ui.check_pages import check_page
from sinetti.eservice.ui.components import (
    Alert,
    Button,
    Cell,
    Component,
    DescriptionItem,
    DescriptionList,
    Form,
    Input,
    Link,
    Links,
    Row,
    Section,
    Severity,
    Table,
    Text,
)
from sinetti.eservice.ui.drafts import keeps_typed
from sinetti.eservice.ui.error_pages import not_found
from sinetti.eservice.ui.forms import PortalForm
from sinetti.eservice.ui.navigation import redirect_to
from sinetti.eservice.ui.page import Page
from sinetti.i18n.approval_labels import FIELDS
from sinetti.i18n.role_labels import REASONS
from sinetti.i18n.staff_labels import BULK
from sinetti.i18n.translate import _, format_datetime, gettext_noop
from sinetti.services.revocation.bulk_revoke import BulkSelection
from sinetti.services.staff import bulk_revocations
from sinetti.services.staff.bulk_revocations import CertificateSelection, CertificateSummary
from sinetti.services.staff.certificates import REASONS as MAY_GIVE
from sinetti.services.staff.passkeys import ClerkDecision
from sinetti.services.staff.session import StaffSession

REVOKE, PROPOSE = "revoke", "propose"
"""Values of the buttons that revoke one certificate, and several."""
_REHEARSED = 10
"""Certificates whose letters are shown before a revocation."""
_TITLE = gettext_noop("Revoke several certificates")
_MOST_SERIALS = 400_000
_SERIAL_DIGITS = 40


class ChooseForm(PortalForm):
    """Form that selects certificates and gives the reason."""

    organisation = forms.CharField(label=gettext_noop("ID of the organisation"), required=False, max_length=30)
    authority = forms.CharField(label=gettext_noop("Certification authority"), required=False, max_length=100)
    first = forms.DateField(
        label=gettext_noop("Issued on or after"), required=False, widget=forms.DateInput(attrs={"type": "date"})
    )
    last = forms.DateField(
        label=gettext_noop("Issued on or before"), required=False, widget=forms.DateInput(attrs={"type": "date"})
    )
    serials = forms.CharField(
        label=gettext_noop("Serial numbers"),
        help_text=gettext_noop("One on each line."),
        required=False,
        widget=forms.Textarea,
        max_length=_MOST_SERIALS,
    )
    reason = forms.ChoiceField(
        label=gettext_noop("Reason"), choices=[(reason.value, REASONS[reason]) for reason in MAY_GIVE]
    )

    def clean_serials(self) -> tuple[Serial, ...]:
        """Return the serial numbers in hex without duplicates."""
        typed = [line.strip().casefold() for line in str(self.cleaned_data["serials"]).splitlines() if line.strip()]
        if any(len(serial) > _SERIAL_DIGITS or not set(serial) <= set("0123456789abcdef") for serial in typed):
            self.refuse("serials", gettext_noop("Enter one serial number on each line, using only 0–9 and a–f."))
        return tuple(Serial(text) for text in dict.fromkeys(typed))

    def clean(self) -> dict[str, object]:
        """Check that both days or none are given, and their order."""
        values = super().clean() or {}
        first, last = values.get("first"), values.get("last")
        if "first" in values and "last" in values and (first is None) != (last is None):
            self.refuse("last" if last is None else "first", gettext_noop("Enter both days, or neither."))
        elif first is not None and last is not None and last < first:
            self.refuse("last", gettext_noop("The last day is before the first day."))
        return values

    def wanted(self) -> CertificateSelection:
        """Return the selection of the form; days are whole days in Finnish time."""
        values = self.cleaned_data
        issued = None
        if values["first"] is not None:
            issued = (day_begins(values["first"]), day_begins(values["last"], 1))
        return CertificateSelection(
            values["serials"] or None, values["organisation"] or None, values["authority"] or None, issued
        )


@staff_view
@require_safe
def revocation_list(request: HttpRequest, clerk: StaffSession) -> HttpResponse:
    """List proposals that wait for a second clerk, and unfinished revocations."""
    waiting, unfinished = bulk_revocations.proposals(clerk)
    columns = [_("Proposed"), _("Certificates"), _("Reason"), _("Confirm by")]

    def rows(proposals: tuple[BulkRevocationProposal, ...]) -> list[list[Cell]]:
        return [
            [
                Cell(format_datetime(proposal.created), reverse("staff_revocation", args=[proposal.proposal_id])),
                Cell(str(len(proposal.serials))),
                Cell(_(REASONS[proposal.reason])),
                Cell(format_datetime(proposal.expires)),
            ]
            for proposal in proposals[:A_PAGE]
        ]

    blocks: list[Component] = [
        Links([Link(_("Select certificates"), reverse("staff_revocation_new"), button=True)]),
        Table(_("Awaiting a second clerk"), columns, rows(waiting), _("Nothing to show.")),
        Table(_("Confirmed, in progress"), columns, rows(unfinished), _("Nothing to show.")),
    ]
    return show_page(request, _(_TITLE), blocks)


@keeps_typed(acts=("propose",))
@proves_again("propose")
@staff_view
@require_http_methods(["GET", "HEAD", "POST"])
def revocation_create(request: HttpRequest, clerk: StaffSession) -> HttpResponse:
    """Select certificates, show them, and propose their revocation."""
    initial = {"organisation": request.GET.get("organisation", "")}
    form = ChooseForm(request.POST if is_step(request, PROPOSE) else None, initial=initial)
    if form.is_bound and form.is_valid():
        try:
            if (answer := _chosen(request, clerk, form)) is not None:
                return answer
        except BulkRevocationError as refused:
            form.refuse(None, BULK[refused.reason])
    explained = Text(
        [
            _(
                "A certificate must match all the conditions that you enter. Expired and revoked certificates are "
                "left out."
            ),
            at_once(),
        ]
    )
    nothing = [Alert(_("There are no certificates left to revoke."))] if form.is_bound and not form.errors else []
    button = Button(_("Show the certificates and effects"), check_of(PROPOSE))
    return show_page(request, _(_TITLE), [explained, *nothing, form.as_component(button)], _back())


@keeps_typed(acts=("confirm", "go-on", "withdraw"))
@proves_again("confirm", "go-on")
@staff_view
@require_http_methods(["GET", "HEAD", "POST"])
def revocation_detail(request: HttpRequest, clerk: StaffSession, proposal_id: str) -> HttpResponse:
    """Show one proposal and its progress; confirm or withdraw it."""
    try:
        if request.method == "POST":
            return _act(request, clerk, proposal_id)
        revoked, proposal = bulk_revocations.proposal(proposal_id, clerk)
    except BulkRevocationError as refused:
        if refused.reason is BulkErrorReason.NO_PROPOSAL:
            return not_found(request)
        messages.info(request, _(BULK[refused.reason]))
        return redirect_to("staff_revocation", proposal_id)
    number = page_number(request)
    part = proposal.serials[(number - 1) * A_PAGE : number * A_PAGE]
    table = Table(
        _("Certificates"),
        [_(FIELDS[name]) for name in _SHOWN],
        [_described(summary) for summary in bulk_revocations.describe(part, clerk)],
    )
    more = number * A_PAGE < len(proposal.serials)
    explained, acts = _acts(request, clerk, proposal)
    pages = pager(request, number, len(part), more=more)
    return show_page(request, _(_TITLE), [_values(proposal, revoked), *explained, table, pages, *acts], _back())


def at_once() -> str:
    """Return the limit for one clerk in words; single revocations count, too."""
    return _(
        "One clerk can revoke up to {count} certificates in 24 hours. A second clerk must confirm more than that.",
        count=AT_ONCE,
    )


def _chosen(request: HttpRequest, clerk: StaffSession, form: ChooseForm) -> HttpResponse | None:
    """Show the effects, then propose the list that was shown; None if empty."""
    wanted, reason = form.wanted(), RevocationReason(form.cleaned_data["reason"])
    selection = bulk_revocations.look_at(wanted, reason, clerk)
    if not selection.going:
        return None
    once = Confirmation(request, PROPOSE, reason, is_too_many(clerk, selection), *selection.serials)
    if once.is_given:
        outcome = bulk_revocations.propose(wanted, reason, clerk)
        if outcome.proposal is not None:
            return redirect_to("staff_revocation", outcome.proposal.proposal_id)
    carried = [Input(name, "", "hidden", str(form.data.get(name, ""))) for name in form.fields]
    return show_check(request, revocation_check(request, clerk, (selection, reason), (once, carried, [], _back())))


def is_too_many(clerk: StaffSession, selection: BulkSelection) -> bool:
    """Return True if a second clerk must confirm this revocation."""
    return bulk_revocations.needs_second(len(selection.going), clerk)


def revocation_check(
    request: HttpRequest,
    clerk: StaffSession,
    what: tuple[BulkSelection, RevocationReason],
    shown: tuple[Confirmation, Sequence[Input], Sequence[DescriptionItem], Link],
) -> Page:
    """Return the page with effects and letters of a revocation.

    `what` are certificates and reason. `shown` are the confirmation, further hidden fields, values, and the link back.
    """
    (selection, reason), (once, carried, values, back) = what, shown
    two, count = is_too_many(clerk, selection), len(selection.going)
    act_letters = _letters(request, clerk, selection, reason)
    press = _("Propose the revocation: {count}", count=count) if two else _("Revoke permanently: {count}", count=count)
    second = _("A second clerk must confirm this.") if two else _("They are revoked immediately and permanently.")
    effects = [
        f"{_('Certificates to revoke: {count}.', count=count)} {second}",
        _("A revoked certificate is refused everywhere, and it cannot be renewed or restored."),
        *([_("Nothing is revoked and no message leaves before another clerk confirms.")] if two else []),
    ]
    changed = _("The list has changed since you opened this page. Nothing was done. Check it again.")
    return check_page(
        _("Revoke permanently?"),
        Form([*carried, *once.fields], [Button(press, once.does, danger=True)]),
        summary=[*values, DescriptionItem(_("Reason"), _(REASONS[reason])), act_letters.informed],
        effects=effects,
        letters=act_letters.letters,
        blocks=[*([Alert(changed, Severity.ERROR)] if once.was_pressed else []), _table(selection)],
        back=back,
    )


def _letters(
    request: HttpRequest, clerk: StaffSession, selection: BulkSelection, reason: RevocationReason
) -> ActLetters:
    """Return the letters about the first certificates."""
    return letters_of(request, lambda _ctx: bulk_revocations.rehearse(selection.going[:_REHEARSED], reason, clerk))


def _table(selection: BulkSelection) -> Table:
    """Return a table of the first rows; the proposal's page has the whole list."""
    return Table(
        _("First certificates of the list"),
        [_("Serial number"), _("ID"), _("Channel"), _("Valid until")],
        [
            [
                Cell(row.serial, note=_("renewed from another certificate") if row.serial in selection.along else ""),
                row.customer_id,
                row.channel,
                format_datetime(row.not_after),
            ]
            for row in selection.going[:A_PAGE]
        ],
    )


_SHOWN = ("organisation", "customer_id", "description", "ends", "serves", "last_seen", "serial")
"""Columns of a proposal: an approver never sees bare serial numbers."""


def _described(summary: CertificateSummary) -> Row:
    text = format_datetime(summary.last_seen) if summary.last_seen is not None else "–"
    return [
        summary.organisation,
        summary.customer_id,
        summary.description or "–",
        format_datetime(summary.not_after),
        "–" if summary.serves is None else str(summary.serves),
        text,
        Cell(summary.serial, reverse("staff_certificate", args=[summary.serial])),
    ]


def _act(request: HttpRequest, clerk: StaffSession, proposal_id: str) -> HttpResponse:
    """Confirm, continue or withdraw. Raises BulkRevocationError."""
    match request.POST.get("do"):
        case "confirm":
            _revoked, proposal = bulk_revocations.proposal(proposal_id, clerk)
            if _confirmation(request, proposal).is_given:
                shown = [DescriptionItem(_("Certificates to revoke"), str(len(proposal.serials)))]
                shown += [DescriptionItem(_("Reason"), _(REASONS[proposal.reason]))]
                page = confirm_by_passkey(request, clerk, _decision(proposal), shown)
                if page is not None:
                    return page
                bulk_revocations.confirm(proposal_id, clerk)
        case "go-on":
            bulk_revocations.go_on(proposal_id, clerk)
        case "withdraw":
            bulk_revocations.withdraw(proposal_id, clerk)
            messages.info(request, _("Proposal withdrawn. No certificates were revoked."))
            return redirect_to("staff_revocations")
        case _:
            pass
    return redirect_to("staff_revocation", proposal_id)


def _decision(proposal: BulkRevocationProposal) -> ClerkDecision:
    since = proposal.invalidity_date
    return decision_about(
        TwoPersonAct.BULK_REVOCATION,
        f"bulk-revocation:{proposal.proposal_id}",
        proposal.officer,
        (proposal.created, proposal.expires),
        reason=proposal.reason.value,
        invalid_since=since.isoformat() if since is not None else None,
        serials=list(proposal.serials),
    )


def _values(proposal: BulkRevocationProposal, revoked: int) -> DescriptionList:
    rows = [
        DescriptionItem(_("Proposed"), format_datetime(proposal.created)),
        DescriptionItem(_("Proposed by"), actor_of(proposal.officer)),
        DescriptionItem(_("Reason"), _(REASONS[proposal.reason])),
        DescriptionItem(_("Revoked"), _("{done} of {count}", done=revoked, count=len(proposal.serials))),
    ]
    if proposal.approver:
        rows.append(DescriptionItem(_("Confirmed by"), actor_of(proposal.approver)))
    if proposal.approved_at is None and not proposal.withdrawn:
        rows.append(DescriptionItem(_("Confirm by"), format_datetime(proposal.expires)))
    return DescriptionList(rows)


def _acts(
    request: HttpRequest, clerk: StaffSession, proposal: BulkRevocationProposal
) -> tuple[Sequence[Component], Sequence[Component]]:
    """Return what this clerk must know before the list, and the actions after it."""
    if proposal.withdrawn:
        return [Alert(_(BULK[BulkErrorReason.WITHDRAWN]))], ()
    if proposal.done_at is not None:
        return [Alert(_("All these certificates have been revoked."), Severity.GOOD)], ()
    if proposal.approved_at is not None:
        going = Alert(
            _(
                "The revocation is confirmed but not finished. Press “Continue to revoke” until all certificates are "
                "revoked."
            ),
            Severity.WARNING,
        )
        return [going, Form((), [Button(_("Continue to revoke"), "go-on", danger=True)])], ()
    if portal_context(request).ctx.now() > proposal.expires:
        return [Alert(_(BULK[BulkErrorReason.EXPIRED]))], ()
    if proposal.officer == clerk.officer:
        mine = Alert(_(BULK[BulkErrorReason.SAME_OFFICER]))
        return [mine], [Form((), [Button(_("Withdraw the proposal"), "withdraw", minor=True)])]
    try:
        selection = bulk_revocations.to_confirm(proposal.proposal_id, clerk)
    except BulkRevocationError as refused:
        return [Alert(_(BULK[refused.reason]))], ()
    act_letters = _letters(request, clerk, selection, proposal.reason)
    press = Button(_("Confirm and revoke permanently: {count}", count=len(proposal.serials)), "confirm", danger=True)
    asked = _("Another clerk has proposed this. Check the list before you confirm. A revocation cannot be undone.")
    return [Alert(asked, Severity.WARNING)], [
        DescriptionList([act_letters.informed]),
        Section(_("Messages to be sent"), act_letters.letters or [Text([_("No messages are sent.")])]),
        Form(_confirmation(request, proposal).fields, [press]),
    ]


def _confirmation(request: HttpRequest, proposal: BulkRevocationProposal) -> Confirmation:
    return Confirmation(request, "confirm", proposal.proposal_id, proposal.reason, *proposal.serials)


def _back() -> Link:
    return Link(_(_TITLE), reverse("staff_revocations"))
