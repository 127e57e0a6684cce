"""Import of organisations from a file: upload, compare, show, apply as shown."""

from collections.abc import Sequence
from http import HTTPStatus

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from sinetti.domain.approvals.acts import ApprovalPolicy, TwoPersonAct
from sinetti.domain.certificates.bulk_revocation import BulkRevocationError, officer_of_account
from sinetti.domain.organisations.csv_import import COLUMNS, ChangeKind, ImportChange, ImportFileError, RowError
from sinetti.domain.organisations.import_confirmation import (
    LoadReason,
    LoadRefused,
    LoadState,
    count_acts,
    find_two_person_act,
)
from sinetti.eservice.accounts.base_views import proves_again
from sinetti.eservice.core.context import portal_context
from sinetti.eservice.staff.bulk_revocations import is_too_many, revocation_check
from sinetti.eservice.staff.common import A_PAGE, page_number, pager, show_check, show_page, staff_view
from sinetti.eservice.staff.passkey_confirmation import confirm_by_passkey, decision_about
from sinetti.eservice.ui.acts import Confirmation, check_of, is_step
from sinetti.eservice.ui.components import (
    Alert,
    Button,
    Cell,
    Column,
    CommandBlock,
    Component,
    DescriptionItem,
    DescriptionList,
    Form,
    Input,
    Link,
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
from sinetti.i18n.role_labels import REASONS
from sinetti.i18n.staff_labels import BULK, CHANGES, LOAD_ACTS, LOAD_STATES, LOADS, SLIPS, SLIPS_UNKNOWN
from sinetti.i18n.translate import _, format_datetime, gettext_noop
from sinetti.services.staff import bulk_revocations, organisations
from sinetti.services.staff.bulk_revocations import CertificateSelection
from sinetti.services.staff.organisations import ImportJob, LoadListItem, OrganisationNotFound
from sinetti.services.staff.session import StaffSession

_EXAMPLE = f"{';'.join(COLUMNS)}\n1234567-1;business-id;FI;Malli Oy;fi;;"
_WRONG_SHOWN = 200
"""Wrong lines shown on a page; a clerk corrects these before the rest."""
_ENDED = {
    LoadState.LAPSED: LoadReason.LAPSED,
    LoadState.REJECTED: LoadReason.REJECTED,
    LoadState.WITHDRAWN: LoadReason.WITHDRAWN,
}


class FileForm(PortalForm):
    """Form for the file."""

    file = forms.FileField(
        label=gettext_noop("File"),
        help_text=gettext_noop("CSV file in UTF-8, at most 50,000 lines and 5 MB."),
        allow_empty_file=False,
    )


@keeps_typed(acts=("compare",))
@staff_view
@require_http_methods(["GET", "HEAD", "POST"])
def import_list(request: HttpRequest, clerk: StaffSession) -> HttpResponse:
    """Upload a file; no change is made before the clerk has seen it."""
    sent = request.method == "POST"
    form = FileForm(request.POST if sent else None, request.FILES if sent else None)
    if form.is_bound and form.is_valid():
        try:
            load_id = organisations.preview(form.cleaned_data["file"].read(), clerk)
        except ImportFileError as refused:
            form.refuse("file", SLIPS[refused.slip])
        else:
            return redirect_to("staff_load", load_id)
    sent_lately = [_sent_row(request, load) for load in organisations.list_newest(clerk)]
    waiting = [_waiting_row(load) for load in organisations.list_proposed(clerk)]
    explained = Text(
        [
            _(
                "The file lists organisations that are new, renamed, merged into another or ended. Other "
                "organisations stay as they are. You see the changes first. Nothing is saved until you "
                "confirm."
            ),
            _(
                "kind: business-id, vat, foreign, register or, for testing, artificial. country: two "
                "letters, for example FI."
            ),
            _("merged_into: ID of the organisation into which it was merged. ended: date, for example 2026-03-31."),
            _("If the file renames, merges or ends organisations, a second clerk must confirm the changes."),
        ]
    )
    columns = [_("Proposed"), _("Proposed by"), _("Confirm by")]
    waits = Table(_("Awaiting a second clerk"), columns, waiting, _("Nothing to show."))
    columns = [_("Sent"), _("Carried out")]
    table = Table(_("Recent files"), columns, sent_lately, _("None yet."))
    example = CommandBlock(_("For example"), _EXAMPLE)
    send = form.as_component(Button(_("Compare with the register"), "compare"))
    blocks: list[Component] = (
        [waits, explained, example, send, table] if waiting else [explained, example, send, waits, table]
    )
    return show_page(request, _("Import organisations from a file"), blocks, _back("staff_organisations"))


@keeps_typed(acts=("accept", "propose", "confirm", "end", "go-on", "revoke-merge", "revoke-end"))
@proves_again("accept", "propose", "confirm", "revoke-merge", "revoke-end")
@staff_view
@require_http_methods(["GET", "HEAD", "POST"])
def import_detail(request: HttpRequest, clerk: StaffSession, load_id: str) -> HttpResponse:
    """Show the changes of a file line by line, and then the progress."""
    try:
        if request.method == "POST" and (answer := _act(request, clerk, load_id)) is not None:
            return answer
        import_job = organisations.load(load_id, clerk)
    except OrganisationNotFound:
        return not_found(request)
    # The button did nothing, because its effect would differ from what the clerk saw. Show the changes again.
    status = HTTPStatus.CONFLICT if request.method == "POST" else HTTPStatus.OK
    blocks, acts = (
        _before(request, import_job, clerk) if import_job.accepted_at is None else (_after(import_job, clerk), ())
    )
    if status is HTTPStatus.CONFLICT:
        moved = _("The register has changed since you opened this page. Nothing was done. Check the changes again.")
        blocks.insert(0, Alert(moved, Severity.ERROR))
    title = _("Changes to organisations")
    return show_page(request, title, [*blocks, *_changes(request, import_job), *acts], _back("staff_loads"), status)


def _act(request: HttpRequest, clerk: StaffSession, load_id: str) -> HttpResponse | None:
    """Run the action of a button; None if the clerk must see the changes again."""
    does, digest = request.POST.get("do", ""), request.POST.get("digest", "")
    try:
        if does == "confirm" and (page := _passkey_page(request, clerk, load_id, digest)) is not None:
            return page
        if not _decide(does, load_id, digest, clerk):
            return None
    except LoadRefused as refused:
        messages.info(request, _(LOADS[refused.reason]))
        return redirect_to("staff_load", load_id)
    if does == "go-on":
        organisations.carry_on(load_id, clerk)
    for kind in organisations.REASONS:
        if is_step(request, _revokes(kind)):
            return _revoke(request, clerk, load_id, kind)
    return redirect_to("staff_load", load_id)


def _passkey_page(request: HttpRequest, clerk: StaffSession, load_id: str, digest: str) -> HttpResponse | None:
    """Return the page that asks for the passkey, or None if it has confirmed."""
    import_job = organisations.load(load_id, clerk)
    known = import_job.confirmation
    if known.proposed_at is None or known.expires is None or import_job.digest != digest:
        return None  # the act itself is refused
    changes = import_job.difference.changes
    decision = decision_about(
        find_two_person_act(changes, ApprovalPolicy()) or TwoPersonAct.ORGANISATION_END,
        f"load:{load_id}",
        officer_of_account(known.proposed_by),
        (known.proposed_at, known.expires),
        changes=import_job.digest,
    )
    return confirm_by_passkey(request, clerk, decision, [*_only_change(changes), *_counts(import_job).values])


def _only_change(changes: Sequence[ImportChange]) -> list[DescriptionItem]:
    """Return the values of a proposal about one organisation."""
    if len(changes) != 1:
        return []
    import_change = changes[0]
    items = [
        DescriptionItem(
            _("Organisation"), f"{import_change.name_before or import_change.name}, {import_change.customer_id}"
        )
    ]
    return (
        items
        if import_change.name in {import_change.name_before, ""}
        else [*items, DescriptionItem(_("New name"), import_change.name)]
    )


def _revokes(kind: ChangeKind) -> str:
    """Return the value of the button that revokes orphaned certificates."""
    return f"revoke-{kind}"


def _revoke(request: HttpRequest, clerk: StaffSession, load_id: str, kind: ChangeKind) -> HttpResponse:
    """Show the certificates of closed organisations, then revoke or propose it."""
    left = organisations.find_orphaned(organisations.load(load_id, clerk), clerk)
    certificates = next((certificates for certificates in left if certificates.kind is kind), None)
    try:
        if certificates is None:
            return redirect_to("staff_load", load_id)
        selection = bulk_revocations.look_at(CertificateSelection(certificates.serials), certificates.reason, clerk)
        two = is_too_many(clerk, selection)
        once = Confirmation(request, _revokes(kind), certificates.reason, two, *selection.serials)
        if not once.is_given:
            back = Link(_("Changes to organisations"), reverse("staff_load", args=[load_id]))
            page = revocation_check(request, clerk, (selection, certificates.reason), (once, [], [], back))
            return show_check(request, page)
        outcome = organisations.propose_revocation(load_id, kind, clerk)
    except BulkRevocationError as refused:
        messages.info(request, _(BULK[refused.reason]))
        return redirect_to("staff_load", load_id)
    if outcome is None or outcome.proposal is None:
        return redirect_to("staff_load", load_id)
    return redirect_to("staff_revocation", outcome.proposal.proposal_id)


def _decide(does: str, load_id: str, digest: str, clerk: StaffSession) -> bool:
    """Accept, propose, confirm or end an import. Raises LoadRefused.

    Return False if the clerk must see the changes again.
    """
    if does == "propose":
        return organisations.propose_load(load_id, digest, clerk)
    if does in {"accept", "confirm"}:
        accept = organisations.accept if does == "accept" else organisations.confirm_load
        if not accept(load_id, digest, clerk):
            return False
        organisations.carry_on(load_id, clerk)
    elif does == "end":
        organisations.end_load(load_id, clerk)
    return True


def _before(
    request: HttpRequest, import_job: ImportJob, clerk: StaffSession
) -> tuple[list[Component], Sequence[Component]]:
    """Return the blocks before the list of changes, and the form after it."""
    difference = import_job.difference
    blocks: list[Component] = [_counts(import_job), *_who(import_job)]
    if difference.wrong:
        wrong = Table(
            _("Lines left out because of errors"),
            [_("Line"), _("Column"), _("Correction")],
            [
                [str(row_error.line), row_error.column or _("the whole line"), _to_write(row_error)]
                for row_error in difference.wrong[:_WRONG_SHOWN]
            ],
        )
        blocks.append(wrong)
    explained, acts = _acts(request, import_job, clerk)
    return [*blocks, *explained], acts


def _acts(request: HttpRequest, import_job: ImportJob, clerk: StaffSession) -> tuple[Sequence[Alert], Sequence[Form]]:
    """Return what this clerk must know, and the form after the list of changes."""
    count = len(import_job.difference.changes)
    hidden = [Input("digest", "", "hidden", import_job.digest)]
    state = import_job.confirmation.state(portal_context(request).ctx.now())
    if state is LoadState.PROPOSED:
        return _deciding(import_job, clerk)
    if (reason := _ENDED.get(state)) is not None:
        return [Alert(_(LOADS[reason]))], ()
    if not count:
        return [Alert(_("There are no changes to carry out."))], ()
    if find_two_person_act(import_job.difference.changes, clerk.ctx.approvals) is None:
        return (), [Form(hidden, [Button(_("Carry out changes: {count}", count=count), "accept")])]
    if import_job.confirmation.sent_by != clerk.actor.user_id:
        return [Alert(_(LOADS[LoadReason.OTHER_CLERK]))], ()
    asked = Alert(
        _(
            "These changes rename, merge or end organisations. A second clerk must confirm them within 24 "
            "hours. Nothing is done before that."
        ),
        Severity.WARNING,
    )
    return [asked], [Form(hidden, [Button(_("Propose changes: {count}", count=count), "propose")])]


def _deciding(import_job: ImportJob, clerk: StaffSession) -> tuple[Sequence[Alert], Sequence[Form]]:
    """Return the actions of the proposal's own clerk, or of other clerks."""
    if import_job.confirmation.proposed_by == clerk.actor.user_id:
        mine = Alert(_(LOADS[LoadReason.SAME_CLERK]))
        return [mine], [Form((), [Button(_("Withdraw the proposal"), "end", minor=True)])]
    asked = _(
        "Another clerk has proposed this. Check the totals and every change before you confirm. The end "
        "or merger of an organisation cannot be undone."
    )
    press = _("Confirm and carry out changes: {count}", count=len(import_job.difference.changes))
    hidden = [Input("digest", "", "hidden", import_job.digest)]
    reject = Button(_("Reject the proposal"), "end", minor=True)
    return [Alert(asked, Severity.WARNING)], [Form(hidden, [Button(press, "confirm", danger=True), reject])]


def _who(import_job: ImportJob) -> list[Component]:
    """Return the clerks who proposed, confirmed or ended it, and its deadline."""
    known = import_job.confirmation
    if known.proposed_at is None or known.expires is None:
        return []
    rows = [
        DescriptionItem(_("Proposed"), format_datetime(known.proposed_at)),
        DescriptionItem(_("Proposed by"), f"user:{known.proposed_by}"),
    ]
    if known.accepted_at is not None:
        rows.append(DescriptionItem(_("Confirmed by"), f"user:{known.accepted_by}"))
    elif known.ended_at is not None:
        rows.append(DescriptionItem(_("Rejected or withdrawn by"), f"user:{known.ended_by}"))
    else:
        rows.append(DescriptionItem(_("Confirm by"), format_datetime(known.expires)))
    return [DescriptionList(rows)]


def _to_write(row_error: RowError) -> str:
    """Return the correction of a line; exact if the database knows the value."""
    if row_error.slip in SLIPS_UNKNOWN and not row_error.known:
        return _(SLIPS_UNKNOWN[row_error.slip])
    return _(SLIPS[row_error.slip], known=row_error.known)


def _after(import_job: ImportJob, clerk: StaffSession) -> list[Component]:
    count = len(import_job.difference.changes)
    far = _("{done} of {count}", done=import_job.position, count=count)
    rows = [DescriptionItem(_("Carried out"), far)]
    if import_job.passed_over:
        over = _(
            "Changes left out because the register had changed: {count}. Send the file again to see them.",
            count=import_job.passed_over,
        )
        rows.append(DescriptionItem(_("Left out"), over))
    if import_job.done_at is not None:
        rows.append(DescriptionItem(_("Done"), format_datetime(import_job.done_at)))
    blocks: list[Component] = [_counts(import_job), *_who(import_job), DescriptionList(rows)]
    if import_job.done_at is None:
        blocks.append(Form((), [Button(_("Carry out the next changes"), "go-on")]))
    for left in organisations.find_orphaned(import_job, clerk):
        text = _(
            "Valid certificates of these organisations: {count}. Revoke them for this reason: {reason}. A "
            "second clerk must confirm more than ten.",
            count=len(left.serials),
            reason=_(REASONS[left.reason]),
        )
        press = Button(_("See the effects of the revocation"), check_of(_revokes(left.kind)), danger=True)
        title = (
            _("Certificates of merged organisations")
            if left.kind is ChangeKind.MERGE
            else _("Certificates of ended organisations")
        )
        blocks.append(Section(title, [Text([text]), Form((), [press])]))
    return blocks


def _counts(import_job: ImportJob) -> DescriptionList:
    totals = count_acts(import_job.difference.changes)
    rows = [DescriptionItem(_(LOAD_ACTS[act]), str(count)) for act, count in totals.items()]
    wrong = DescriptionItem(_("Lines with errors"), str(len(import_job.difference.wrong)))
    return DescriptionList(
        [*rows, DescriptionItem(_("Organisations unchanged"), str(import_job.difference.unchanged)), wrong]
    )


def _sent_row(request: HttpRequest, load: LoadListItem) -> Row:
    sent = Cell(format_datetime(load.created), reverse("staff_load", args=[load.load_id]))
    if load.done_at is not None:
        return [sent, Cell(format_datetime(load.done_at), note=str(load.position))]
    state = load.confirmation.state(portal_context(request).ctx.now())
    return [sent, Cell(_(LOAD_STATES[state]), note=str(load.position) if load.position else "")]


def _waiting_row(load: LoadListItem) -> Row:
    known = load.confirmation
    return [
        Cell(format_datetime(known.proposed_at or load.created), reverse("staff_load", args=[load.load_id])),
        f"user:{known.proposed_by}",
        format_datetime(known.expires or load.created),
    ]


def _changes(request: HttpRequest, import_job: ImportJob) -> list[Component]:
    number, changes = page_number(request), import_job.difference.changes
    part = changes[(number - 1) * A_PAGE : number * A_PAGE]
    table = Table(
        _("All changes"),
        [
            _("ID"),
            Column(_("Line"), numeric=True),
            _("Type of change"),
            _("Before"),
            _("After"),
        ],
        [
            [import_change.customer_id, str(import_change.line), _(CHANGES[import_change.kind]), *_cells(import_change)]
            for import_change in part
        ],
        _("Nothing to show."),
    )
    return [table, pager(request, number, len(part), more=number * A_PAGE < len(changes))]


def _cells(import_change: ImportChange) -> tuple[Cell, Cell]:
    before = f"{import_change.name_before} ({import_change.language_before})" if import_change.name_before else "–"
    after = f"{import_change.name} ({import_change.language})"
    into = _("Merged into {customer_id}", customer_id=import_change.into) if import_change.into else ""
    return Cell(before), Cell(after, note=into)


def _back(name: str) -> Link:
    label = _("Organisations") if name == "staff_organisations" else _("Import organisations from a file")
    return Link(label, reverse(name))
