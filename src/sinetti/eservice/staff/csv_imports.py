"""Organisations from a file: sent, compared, shown, and then carried out exactly as it was shown."""

from http import HTTPStatus

from django import forms
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from sinetti.domain.certificates.bulk_revocation import BulkRevocationError
from sinetti.domain.organisations.csv_import import COLUMNS, ChangeKind, ImportChange, ImportFileError, RowError
from sinetti.domain.organisations.import_confirmation import (
    LoadReason,
    LoadRefused,
    LoadState,
    count_acts,
    needs_second_clerk,
)
from sinetti.eservice.core.context import language_of, portal_context
from sinetti.eservice.staff.common import A_PAGE, Say, page_number, pager, show_page, staff_view, translator
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
    Section,
    Severity,
    Table,
    Text,
)
from sinetti.eservice.ui.error_pages import not_found
from sinetti.eservice.ui.forms import PortalForm
from sinetti.eservice.ui.navigation import redirect_to
from sinetti.eservice.ui.page import flash as tell
from sinetti.i18n.role_labels import REASONS
from sinetti.i18n.staff_labels import BULK, CHANGES, LOAD_ACTS, LOAD_STATES, LOADS, SLIPS, SLIPS_UNKNOWN
from sinetti.i18n.translate import format_datetime, gettext_noop
from sinetti.services.staff import organisations
from sinetti.services.staff.organisations import ImportJob, LoadListItem, OrganisationNotFound
from sinetti.services.staff.session import StaffSession

_EXAMPLE = f"{';'.join(COLUMNS)}\n1234567-1;business-id;FI;Malli Oy;fi;;"
_WRONG_SHOWN = 200
"""Wrong lines on a page: a clerk whose file has more of them corrects these first."""
_ENDED = {
    LoadState.LAPSED: LoadReason.LAPSED,
    LoadState.REJECTED: LoadReason.REJECTED,
    LoadState.WITHDRAWN: LoadReason.WITHDRAWN,
}


class FileForm(PortalForm):
    """The file."""

    file = forms.FileField(
        label=gettext_noop("File"),
        help_text=gettext_noop("CSV in UTF-8, at most 50,000 lines and 5 MB."),
        allow_empty_file=False,
    )


@staff_view
@require_http_methods(["GET", "HEAD", "POST"])
def listed(request: HttpRequest, clerk: StaffSession) -> HttpResponse:
    """Send a file; nothing of it is carried out before it was shown."""
    say, language = translator(request), language_of(request)
    sent = request.method == "POST"
    form = FileForm(language, request.POST if sent else None, request.FILES if sent else None)
    if form.is_bound and form.is_valid():
        try:
            load_id = organisations.preview(form.cleaned_data["file"].read(), clerk)
        except ImportFileError as refused:
            form.refuse("file", SLIPS[refused.slip])
        else:
            return redirect_to("staff_load", load_id)
    sent_lately = [_sent_row(request, one) for one in organisations.list_newest(clerk)]
    waiting = [_waiting_row(request, one) for one in organisations.list_proposed(clerk)]
    explained = Text(
        [
            say(
                "The file names organisations: new ones, new names, those merged into others, those that ended. What "
                "it does not name stays as it is. You see first what would change; nothing is written before you say "
                "so."
            ),
            say(
                "kind: business-id, vat, foreign, register or, for testing, artificial. country: two letters, such as "
                "FI."
            ),
            say("merged_into: the ID of the organisation that it was merged into. ended: the day, as 2026-03-31."),
            say("A file that renames, merges or ends any organisation is carried out once a second clerk confirms it."),
        ]
    )
    columns = [
        Column(say(one)) for one in (gettext_noop("Proposed"), gettext_noop("Proposed by"), gettext_noop("Until"))
    ]
    waits = Table(say("Wait for a second clerk"), columns, waiting, say("There are none."))
    columns = [Column(say("Sent")), Column(say("Carried out"))]
    table = Table(say("Files sent lately"), columns, sent_lately, say("None yet."))
    example = CommandBlock(say("For example"), _EXAMPLE)
    send = form.block(Button(say("Compare with the register"), "compare"))
    blocks: list[Component] = (
        [waits, explained, example, send, table] if waiting else [explained, example, send, waits, table]
    )
    return show_page(request, say("Read organisations from a file"), blocks, _back(say, "staff_organisations"))


@staff_view
@require_http_methods(["GET", "HEAD", "POST"])
def one(request: HttpRequest, clerk: StaffSession, load_id: str) -> HttpResponse:
    """What a file would change, line by line; then how far that is."""
    say = translator(request)
    try:
        if request.method == "POST" and (answer := _act(request, clerk, load_id)) is not None:
            return answer
        found = organisations.load(load_id, clerk)
    except OrganisationNotFound:
        return not_found(request)
    # Shown again after a button that did nothing: what it would have done is not the same any more.
    status = HTTPStatus.CONFLICT if request.method == "POST" else HTTPStatus.OK
    blocks = _before(request, found, clerk) if found.accepted_at is None else _after(request, found, clerk)
    if status is HTTPStatus.CONFLICT:
        moved = say("The register has changed since this was shown. Nothing was done: look at what would change now.")
        blocks.insert(0, Alert(moved, Severity.WARNING))
    title = say("Changes of organisations")
    return show_page(request, title, [*blocks, *_changes(request, found)], _back(say, "staff_loads"), status)


def _act(request: HttpRequest, clerk: StaffSession, load_id: str) -> HttpResponse | None:
    """Do what a button asks for; None where it has to be shown again first."""
    say, does, shown = translator(request), request.POST.get("do", ""), request.POST.get("digest", "")
    try:
        if not _decide(does, load_id, shown, clerk):
            return None
    except LoadRefused as refused:
        tell(request, say(LOADS[refused.reason]))
        return redirect_to("staff_load", load_id)
    if does == "go-on":
        organisations.carry_on(load_id, clerk)
    elif does in {ChangeKind.MERGE, ChangeKind.END}:
        try:
            outcome = organisations.propose_revocation(load_id, ChangeKind(does), clerk)
        except BulkRevocationError as refused:
            tell(request, say(BULK[refused.reason]))
            return redirect_to("staff_load", load_id)
        if outcome is not None and outcome.proposal is not None:
            return redirect_to("staff_revocation", outcome.proposal.proposal_id)
    return redirect_to("staff_load", load_id)


def _decide(does: str, load_id: str, shown: str, clerk: StaffSession) -> bool:
    """Accept, propose, confirm or end a load. Raises LoadRefused.

    Returns False if it has to be shown again first.
    """
    if does == "propose":
        return organisations.propose_load(load_id, shown, clerk)
    if does in {"accept", "confirm"}:
        accept = organisations.accept if does == "accept" else organisations.confirm_load
        if not accept(load_id, shown, clerk):
            return False
        organisations.carry_on(load_id, clerk)
    elif does == "end":
        organisations.end_load(load_id, clerk)
    return True


def _before(request: HttpRequest, found: ImportJob, clerk: StaffSession) -> list[Component]:
    """Show what would change, and the buttons that this clerk may use."""
    say, difference = translator(request), found.difference
    blocks: list[Component] = [_counts(say, found), *_who(request, found)]
    if difference.wrong:
        wrong = Table(
            say("Lines that change nothing because something is wrong with them"),
            [Column(say("Line")), Column(say("Column")), Column(say("What to write"))],
            [
                [Cell(str(one.line)), Cell(one.column or say("the whole line")), Cell(_to_write(say, one))]
                for one in difference.wrong[:_WRONG_SHOWN]
            ],
        )
        blocks.append(wrong)
    return [*blocks, *_buttons(request, found, clerk)]


def _buttons(request: HttpRequest, found: ImportJob, clerk: StaffSession) -> list[Component]:
    """Show what this clerk can do with it now, or why nothing can be done."""
    say, count = translator(request), len(found.difference.changes)
    hidden = [Input("digest", "", "hidden", found.digest)]
    state = found.confirmation.state(portal_context(request).ctx.now())
    if state is LoadState.PROPOSED:
        return _deciding(say, found, clerk)
    if (reason := _ENDED.get(state)) is not None:
        return [Alert(say(LOADS[reason]))]
    if not count:
        return [Alert(say("There is nothing to carry out."))]
    if not needs_second_clerk(found.difference.changes):
        return [Form(hidden, [Button(say("Carry out these changes: {count}", count=count), "accept")])]
    if found.confirmation.sent_by != clerk.actor.user_id:
        return [Alert(say(LOADS[LoadReason.OTHER_CLERK]))]
    asked = Alert(
        say(
            "This renames, merges or ends organisations. A second clerk has to confirm all of it within 24 hours; "
            "nothing is done before."
        ),
        Severity.WARNING,
    )
    return [asked, Form(hidden, [Button(say("Propose these changes: {count}", count=count), "propose")])]


def _deciding(say: Say, found: ImportJob, clerk: StaffSession) -> list[Component]:
    """Show what a proposal's own clerk and other clerks may do."""
    if found.confirmation.proposed_by == clerk.actor.user_id:
        mine = Alert(say(LOADS[LoadReason.SAME_CLERK]))
        return [mine, Form((), [Button(say("Withdraw this proposal"), "end", minor=True)])]
    asked = say(
        "Another clerk has proposed this. Look at the totals and at every change before you confirm it: what has ended "
        "or is merged stays so for good."
    )
    press = say("Confirm and carry out these changes: {count}", count=len(found.difference.changes))
    hidden = [Input("digest", "", "hidden", found.digest)]
    return [
        Alert(asked, Severity.WARNING),
        Form(hidden, [Button(press, "confirm", danger=True), Button(say("Reject this proposal"), "end", minor=True)]),
    ]


def _who(request: HttpRequest, found: ImportJob) -> list[Component]:
    """Show who proposed, confirmed or ended it, and until when that is possible."""
    say, language, known = translator(request), language_of(request), found.confirmation
    if known.proposed_at is None or known.expires is None:
        return []
    rows = [
        DescriptionItem(say("Proposed"), format_datetime(known.proposed_at, language)),
        DescriptionItem(say("Proposed by"), f"user:{known.proposed_by}"),
    ]
    if known.accepted_at is not None:
        rows.append(DescriptionItem(say("Confirmed by"), f"user:{known.accepted_by}"))
    elif known.ended_at is not None:
        rows.append(DescriptionItem(say("Rejected or withdrawn by"), f"user:{known.ended_by}"))
    else:
        rows.append(DescriptionItem(say("Has to be confirmed by"), format_datetime(known.expires, language)))
    return [DescriptionList(rows)]


def _to_write(say: Say, one: RowError) -> str:
    """What to write instead; where the register knows it, exactly that."""
    if one.slip in SLIPS_UNKNOWN and not one.known:
        return say(SLIPS_UNKNOWN[one.slip])
    return say(SLIPS[one.slip], known=one.known)


def _after(request: HttpRequest, found: ImportJob, clerk: StaffSession) -> list[Component]:
    say, language, count = translator(request), language_of(request), len(found.difference.changes)
    far = say("{done} of {count}", done=found.position, count=count)
    rows = [DescriptionItem(say("Carried out"), far)]
    if found.passed_over:
        over = say(
            "Changes left out, because the register had changed meanwhile: {count}. Send the file again to see them.",
            count=found.passed_over,
        )
        rows.append(DescriptionItem(say("Passed over"), over))
    if found.done_at is not None:
        rows.append(DescriptionItem(say("Done"), format_datetime(found.done_at, language)))
    blocks: list[Component] = [_counts(say, found), *_who(request, found), DescriptionList(rows)]
    if found.done_at is None:
        blocks.append(Form((), [Button(say("Go on"), "go-on")]))
    for left in organisations.find_orphaned(found, clerk):
        told = say(
            "Valid certificates of organisations that this file ends: {count}. They are to be revoked, "
            "for this reason: {reason}. More than ten wait for a second clerk.",
            count=len(left.serials),
            reason=say(REASONS[left.reason]),
        )
        press = Button(say("Revoke all of them: {count}", count=len(left.serials)), left.kind.value, danger=True)
        title = (
            say("Certificates of merged organisations")
            if left.kind is ChangeKind.MERGE
            else say("Certificates of organisations that ended")
        )
        blocks.append(Section(title, [Text([told]), Form((), [press])]))
    return blocks


def _counts(say: Say, found: ImportJob) -> DescriptionList:
    totals = count_acts(found.difference.changes)
    told = [DescriptionItem(say(LOAD_ACTS[act]), str(count)) for act, count in totals.items()]
    wrong = DescriptionItem(say("wrong lines"), str(len(found.difference.wrong)))
    return DescriptionList([*told, DescriptionItem(say("no change"), str(found.difference.unchanged)), wrong])


def _sent_row(request: HttpRequest, one: LoadListItem) -> list[Cell]:
    say, language = translator(request), language_of(request)
    sent = Cell(format_datetime(one.created, language), reverse("staff_load", args=[one.load_id]))
    if one.done_at is not None:
        return [sent, Cell(format_datetime(one.done_at, language), note=str(one.position))]
    state = one.confirmation.state(portal_context(request).ctx.now())
    return [sent, Cell(say(LOAD_STATES[state]), note=str(one.position) if one.position else "")]


def _waiting_row(request: HttpRequest, one: LoadListItem) -> list[Cell]:
    language, known = language_of(request), one.confirmation
    return [
        Cell(format_datetime(known.proposed_at or one.created, language), reverse("staff_load", args=[one.load_id])),
        Cell(f"user:{known.proposed_by}"),
        Cell(format_datetime(known.expires or one.created, language)),
    ]


def _changes(request: HttpRequest, found: ImportJob) -> list[Component]:
    say, number, changes = translator(request), page_number(request), found.difference.changes
    part = changes[(number - 1) * A_PAGE : number * A_PAGE]
    table = Table(
        say("Every change"),
        [
            Column(say("ID")),
            Column(say("Line"), numeric=True),
            Column(say("What")),
            Column(say("Before")),
            Column(say("After")),
        ],
        [[Cell(one.customer_id), Cell(str(one.line)), Cell(say(CHANGES[one.kind])), *_cells(say, one)] for one in part],
        say("There are none."),
    )
    return [table, pager(request, number, len(part), more=number * A_PAGE < len(changes))]


def _cells(say: Say, one: ImportChange) -> tuple[Cell, Cell]:
    before = f"{one.name_before} ({one.language_before})" if one.name_before else "–"
    after = f"{one.name} ({one.language})"
    into = say("Merged into {customer_id}", customer_id=one.into) if one.into else ""
    return Cell(before), Cell(after, note=into)


def _back(say: Say, name: str) -> Link:
    told = say("Organisations") if name == "staff_organisations" else say("Read organisations from a file")
    return Link(told, reverse(name))
