"""Invitations of an organisation's first representative by a clerk."""

from collections.abc import Callable, Mapping
from dataclasses import astuple

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from sinetti.domain.approvals.acts import TwoPersonAct
from sinetti.domain.certificates.bulk_revocation import officer_of_account
from sinetti.domain.daily_limits import LimitReached
from sinetti.domain.validation import LONGEST_PERSON, ValidationError, check_email
from sinetti.domain.values import Language
from sinetti.eservice.accounts.base_views import proves_again
from sinetti.eservice.authorisations.common import WRONG
from sinetti.eservice.authorisations.pending_view import pending_values
from sinetti.eservice.staff.common import A_PAGE, page_number, pager, show_check, show_page, staff_view
from sinetti.eservice.staff.passkey_confirmation import confirm_by_passkey, decision_about
from sinetti.eservice.ui.acts import Confirmation, check_of, is_step, letters_of
from sinetti.eservice.ui.check_pages import check_page
from sinetti.eservice.ui.components import (
    Alert,
    Button,
    Cell,
    Column,
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
from sinetti.eservice.ui.daily_limits import limit_words
from sinetti.eservice.ui.drafts import keeps_typed
from sinetti.eservice.ui.error_pages import not_found
from sinetti.eservice.ui.forms import LANGUAGE_CHOICES, PortalForm
from sinetti.eservice.ui.navigation import redirect_to
from sinetti.i18n.pending_invitations import CONFIRMED, REFUSED, REJECTED, STATES, WITHDRAWN
from sinetti.i18n.translate import _, format_datetime, gettext_noop
from sinetti.services.organisations.people import PeopleError
from sinetti.services.staff import open_invitations
from sinetti.services.staff.invitations import (
    AlreadyHasOtherRole,
    InvitationLimitReached,
    OrganisationClosed,
    SelfInvitation,
)
from sinetti.services.staff.open_invitations import (
    ContactDetails,
    InvitationProposal,
    OpenInvitation,
    PendingFault,
    PendingInvitationRefused,
    PendingView,
)
from sinetti.services.staff.session import StaffSession

END, _ENDING = "end", "ending"
"""Value of the button that cancels an invitation, and name of its form."""


class InviteForm(PortalForm):
    """Form for an invitation to an organisation."""

    organisation = forms.CharField(label=gettext_noop("ID of the organisation"), max_length=30)
    name = forms.CharField(label=gettext_noop("Name"), max_length=LONGEST_PERSON)
    email = forms.CharField(
        label=gettext_noop("E-mail address"),
        help_text=gettext_noop("Use the person's own address. The link is sent there."),
        max_length=254,
    )
    spoken = forms.ChoiceField(label=gettext_noop("Language"), choices=LANGUAGE_CHOICES, initial=Language.FI.value)

    def clean_name(self) -> str:
        """Return the name as stored."""
        return self.check_unlinked("name", LONGEST_PERSON, gettext_noop("Enter a name, 1 to 200 characters."))

    def clean_email(self) -> str:
        """Return an address."""
        try:
            return check_email("email", str(self.cleaned_data["email"]))
        except ValidationError:
            self.refuse("email", gettext_noop("Enter an e-mail address, for example name@organisation.example."))
            return ""


@keeps_typed(acts=("invite", "end"))
@proves_again("invite")
@staff_view
@require_http_methods(["GET", "HEAD", "POST"])
def invitation_list(request: HttpRequest, clerk: StaffSession) -> HttpResponse:
    """List pending invitations; make a new one, or end one."""
    if is_step(request, END):
        return _cancel(request, clerk)
    sent = request.POST.get("do") == "invite"
    initial = {"organisation": request.GET.get("organisation", "")}
    form = InviteForm(request.POST if sent else None, initial=initial)
    if form.is_bound and form.is_valid() and (done := _invited(form, clerk)):
        messages.info(request, done)
        return redirect_to("staff_invitations")
    number = page_number(request)
    first = (number - 1) * A_PAGE
    found = open_invitations.listed(first, A_PAGE + 1, clerk)
    asked, rows = found.asked, found.links
    explained = [
        _(
            "A representative of the organisation confirms the invitation. If there is no representative, "
            "a second clerk confirms it. An unconfirmed invitation lapses after 14 days."
        ),
        _("The invited person then receives a link by e-mail. The link works once, for 14 days."),
    ]
    blocks: list[Component] = [
        Text(explained),
        form.as_component(Button(_("Request the invitation"), "invite")),
        _asked_table(asked[:A_PAGE]),
        _table(rows[:A_PAGE]),
        pager(request, number, max(len(rows[:A_PAGE]), len(asked[:A_PAGE])), more=max(len(rows), len(asked)) > A_PAGE),
    ]
    if rows:
        button = Button(_("Cancel the selected invitation"), check_of(END), minor=True)
        blocks.append(Form([], [button], name=_ENDING))
    return show_page(request, _("Invitations of representatives"), blocks)


def _cancel(request: HttpRequest, clerk: StaffSession) -> HttpResponse:
    """Show the invitation whose link ends, then end it."""
    picked = request.POST.get("invitation", "")
    found = open_invitations.find_link(picked, clerk)
    if found is None:
        messages.info(request, _("Choose one invitation that is still open."))
        return redirect_to("staff_invitations")
    once = Confirmation(request, END, found)
    if once.is_given:
        ended = open_invitations.end(picked, clerk)
        done, gone = _("Invitation cancelled. Its link no longer works."), _("The invitation is no longer open.")
        messages.info(request, done if ended else gone)
        return redirect_to("staff_invitations")
    letters = letters_of(request, lambda _ctx: open_invitations.end(picked, clerk))
    page = check_page(
        _("Cancel this invitation?"),
        Form(
            [Input("invitation", "", "hidden", picked), *once.fields],
            [Button(_("Cancel the invitation"), END, danger=True)],
        ),
        summary=[
            DescriptionItem(_("Organisation"), f"{found.organisation}, {found.customer_id}"),
            DescriptionItem(_("Invited person"), f"{found.name}, {found.email}"),
            DescriptionItem(_("Sent"), format_datetime(found.created)),
            letters.informed,
        ],
        effects=[_("The link that was sent stops working. You can invite the person again.")],
        letters=letters.letters,
        back=Link(_("Invitations of representatives"), reverse("staff_invitations")),
    )
    return show_check(request, page)


def _invited(form: InviteForm, clerk: StaffSession) -> str:
    """Invite the person and return the message; empty if the form shows an error."""
    values = form.cleaned_data
    person = ContactDetails(values["name"], values["email"], "", Language(values["spoken"]))
    try:
        made = open_invitations.invite(values["organisation"], person, clerk).made
    except PeopleError:
        form.refuse(
            "organisation", gettext_noop("The register has no organisation with this ID. Add the organisation first.")
        )
    except OrganisationClosed:
        form.refuse(
            "organisation", gettext_noop("The organisation has ended. You can no longer invite people to act for it.")
        )
    except AlreadyHasOtherRole:
        form.refuse(
            "email",
            gettext_noop(
                "A person with this address already has another authorisation for the organisation. The "
                "organisation's representatives can change it."
            ),
        )
    except SelfInvitation:
        form.refuse(
            "email",
            gettext_noop("This is your own address. You cannot invite yourself. Ask another clerk to do it."),
        )
    except InvitationLimitReached:
        form.refuse("organisation", WRONG[InvitationLimitReached])
    else:
        if made:
            return _("Invitation requested. Nothing is sent to the person until it is confirmed.")
        return _("This person has already been invited. Nothing was sent.")
    return ""


@keeps_typed(acts=("confirm", "reject", "withdraw"))
@proves_again("confirm")
@staff_view
@require_http_methods(["GET", "HEAD", "POST"])
def invitation_detail(request: HttpRequest, clerk: StaffSession, pending_id: str) -> HttpResponse:
    """Show an invitation that a clerk requested, with its decision."""
    found = open_invitations.pending(pending_id, clerk)
    if found is None:
        return not_found(request)
    does = request.POST.get("do", "")
    if request.method == "POST" and (act := _ACTS.get(does)) is not None:
        if does == "confirm" and not Confirmation(request, does, *astuple(found)).is_given:
            return redirect_to("staff_invitation", pending_id)
        if does == "confirm" and (page := _passkey_page(request, clerk, found)) is not None:
            return page
        try:
            act[0](pending_id, clerk)
            messages.info(request, _(act[1]))
        except PendingInvitationRefused as refused:
            messages.info(request, _(REFUSED[refused.fault]))
        except LimitReached as reached:
            messages.info(request, limit_words(reached))
        except tuple(WRONG) as refused:
            messages.info(request, _(WRONG[type(refused)]))
        return redirect_to("staff_invitation", pending_id)
    blocks: list[Component] = [DescriptionList(pending_values(found)), *_buttons(request, clerk, found)]
    back = Link(_("Invitations of representatives"), reverse("staff_invitations"))
    return show_page(request, _("Invitation of a representative"), blocks, back)


_ACTS: Mapping[str, tuple[Callable[[str, StaffSession], None], str]] = {
    "confirm": (open_invitations.confirm, CONFIRMED),
    "reject": (open_invitations.reject, REJECTED),
    "withdraw": (open_invitations.withdraw, WITHDRAWN),
}


def _passkey_page(request: HttpRequest, clerk: StaffSession, found: PendingView) -> HttpResponse | None:
    """Return the page that asks for the passkey, or None if it has confirmed."""
    decision = decision_about(
        TwoPersonAct.SIGNATORY,
        f"organisation:{found.organisation_id}",
        officer_of_account(found.asker_id),
        (found.created, found.expires),
        pending=found.pending_id,
        name=found.name,
        email=found.email,
    )
    return confirm_by_passkey(request, clerk, decision, pending_values(found))


def _buttons(request: HttpRequest, clerk: StaffSession, found: PendingView) -> list[Component]:
    """Return the buttons for an invitation that waits. The act checks again."""
    if found.state is not InvitationProposal.WAITING:
        return []
    if found.asker_id == clerk.actor.user_id:
        mine = Alert(_(REFUSED[PendingFault.SAME_PERSON]))
        return [mine, Form([], [Button(_("Withdraw the invitation"), "withdraw", minor=True)])]
    reject = Button(_("Reject the invitation"), "reject", minor=True)
    if open_invitations.has_signatory(found.organisation_id, clerk):
        return [Alert(_(REFUSED[PendingFault.SIGNATORY_THERE])), Form([], [reject])]
    known = Alert(
        _("Confirm only if you have checked yourself that this person may act for the organisation."),
        Severity.WARNING,
    )
    try:
        letters = letters_of(request, lambda _ctx: open_invitations.confirm(found.pending_id, clerk))
    except PendingInvitationRefused as refused:
        return [Alert(_(REFUSED[refused.fault])), Form([], [reject])]
    except LimitReached as reached:
        return [Alert(limit_words(reached), Severity.ERROR), Form([], [reject])]
    except tuple(WRONG) as refused:
        return [Alert(_(WRONG[type(refused)]), Severity.ERROR), Form([], [reject])]
    once = Confirmation(request, "confirm", *astuple(found))
    press = Button(_("Confirm the invitation and send the link"), "confirm")
    return [known, Section(_("Messages to be sent"), letters.letters), Form(once.fields, [press, reject])]


def _asked_table(rows: tuple[PendingView, ...]) -> Table:
    names = (
        gettext_noop("Organisation"),
        gettext_noop("Invited person"),
        gettext_noop("Requested by"),
        gettext_noop("State"),
        gettext_noop("Confirm by"),
    )
    table_rows = [
        [
            Cell(one.organisation, reverse("staff_invitation", args=[one.pending_id]), note=one.customer_id),
            Cell(one.name, note=one.email),
            Cell(one.asker_name, note=one.asker_email),
            Cell(_(STATES[one.state])),
            Cell(format_datetime(one.expires) if one.state is InvitationProposal.WAITING else ""),
        ]
        for one in rows
    ]
    return Table(
        _("Invitations requested by clerks"), [Column(_(one)) for one in names], table_rows, _("Nothing to show.")
    )


def _table(rows: tuple[OpenInvitation, ...]) -> Table:
    columns = [
        Column(_(one))
        for one in (
            gettext_noop("Organisation"),
            gettext_noop("Invited person"),
            gettext_noop("Sent"),
            gettext_noop("The link is valid until"),
        )
    ]
    table_rows = [
        [
            Cell(one.organisation, note=one.customer_id),
            Cell(one.name, note=one.email),
            Cell(format_datetime(one.created)),
            Cell(format_datetime(one.expires) if one.vouched else _("does not work, invitation not confirmed")),
        ]
        for one in rows
    ]
    picks = [one.invitation_id for one in rows]
    empty = _("Nothing to show.")
    return Table(_("Unused links"), columns, table_rows, empty, pick="invitation", picks=picks, form=_ENDING)
