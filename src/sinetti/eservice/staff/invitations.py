"""Invitations of an organisation's first representative by a clerk."""

from collections.abc import Callable, Mapping
from dataclasses import astuple, replace

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from sinetti.domain.approvals.acts import TwoPersonAct
from sinetti.domain.certificates.bulk_revocation import officer_of_account
from sinetti.domain.daily_limits import LimitReached
from sinetti.domain.validation import LONGEST_PERSON, ValidationError, check_email
from sinetti.domain.values import Language
from sinetti.eservice.accounts.base_views import proves_again
from sinetti.eservice.authorisations.common import WRONG
from sinetti.eservice.authorisations.pending_view import pending_values
from sinetti.eservice.core.context import portal_context
from sinetti.eservice.staff.common import A_PAGE, page_number, pager, show_check, show_page, staff_view
from sinetti.eservice.staff.passkey_confirmation import confirm_by_passkey, decision_about
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
    Input,
    Link,
    Links,
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
from sinetti.eservice.ui.page import Page, render_page
from sinetti.i18n.pending_invitations import CONFIRMED, REFUSED, REJECTED, STATES, WITHDRAWN
from sinetti.i18n.signatory_letter import letter_lines
from sinetti.i18n.translate import _, format_datetime, gettext_noop
from sinetti.services.access.signatory_namings import link_path
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


class AddressForm(PortalForm):
    """Form for the organisation's own address, which the confirming clerk enters."""

    address = forms.CharField(
        label=gettext_noop("E-mail address of the organisation in the trade register's extract"),
        help_text=gettext_noop(
            "The organisation gets a message with a link that stops the naming. Never use an address from the request. "
            "Leave the field empty if the extract has no address, and send the letter."
        ),
        required=False,
        max_length=254,
    )

    def clean_address(self) -> str:
        """Return an address, or empty text."""
        given = str(self.cleaned_data["address"]).strip()
        try:
            return check_email("address", given) if given else ""
        except ValidationError:
            self.refuse("address", gettext_noop("Enter an e-mail address, for example name@organisation.example."))
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
    lists = open_invitations.listed(first, A_PAGE + 1, clerk)
    asked, rows = lists.asked, lists.links
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
    invitation = open_invitations.find_link(picked, clerk)
    if invitation is None:
        messages.info(request, _("Choose one invitation that is still open."))
        return redirect_to("staff_invitations")
    once = Confirmation(request, END, invitation)
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
            DescriptionItem(_("Organisation"), f"{invitation.organisation}, {invitation.customer_id}"),
            DescriptionItem(_("Invited person"), f"{invitation.name}, {invitation.email}"),
            DescriptionItem(_("Sent"), format_datetime(invitation.created)),
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
    pending = open_invitations.pending(pending_id, clerk)
    if pending is None:
        return not_found(request)
    does, form = request.POST.get("do", ""), AddressForm(request.POST if request.POST.get("do") == "confirm" else None)
    if request.method == "POST" and (act := _ACTS.get(does)) is not None and (not form.is_bound or form.is_valid()):
        if does == "confirm" and not Confirmation(request, does, *astuple(pending)).is_given:
            return redirect_to("staff_invitation", pending_id)
        address = form.cleaned_data["address"] if form.is_bound else ""
        if does == "confirm" and (page := _passkey_page(request, clerk, pending, address)) is not None:
            return page
        try:
            act[0](pending_id, clerk, address)
            messages.info(request, _(act[1]))
        except PendingInvitationRefused as refused:
            messages.info(request, _(REFUSED[refused.fault]))
        except LimitReached as reached:
            messages.info(request, limit_words(reached))
        except tuple(WRONG) as refused:
            messages.info(request, _(WRONG[type(refused)]))
        return redirect_to("staff_invitation", pending_id)
    waits = _waiting(pending, clerk)
    blocks: list[Component] = [
        DescriptionList(pending_values(pending)),
        *waits,
        *_buttons(request, clerk, pending, form),
    ]
    back = Link(_("Invitations of representatives"), reverse("staff_invitations"))
    return show_page(request, _("Invitation of a representative"), blocks, back)


_ACTS: Mapping[str, tuple[Callable[[str, StaffSession, str], None], str]] = {
    "confirm": (open_invitations.confirm, CONFIRMED),
    "reject": (lambda pending_id, clerk, _address: open_invitations.reject(pending_id, clerk), REJECTED),
    "withdraw": (lambda pending_id, clerk, _address: open_invitations.withdraw(pending_id, clerk), WITHDRAWN),
}


@staff_view
@require_safe
def letter(request: HttpRequest, clerk: StaffSession, pending_id: str) -> HttpResponse:
    """Show the letter about a first representative alone, to print."""
    pending = open_invitations.pending(pending_id, clerk)
    naming = None if pending is None else open_invitations.find_naming(pending, clerk)
    if naming is None:
        return not_found(request)
    address = f"{portal_context(request).terms.people_address}{link_path(naming.naming_id, clerk.ctx)}"
    title, *lines = letter_lines(naming, address)
    back = Link(_("Invitation of a representative"), reverse("staff_invitation", args=[pending_id]))
    return render_page(request, Page(title, [Text(lines, naming.language)], back=back, title_language=naming.language))


def _waiting(pending: PendingView, clerk: StaffSession) -> list[Component]:
    """Return until when a first representative waits, and the letter to send."""
    naming = open_invitations.find_naming(pending, clerk)
    if naming is None:
        return []
    ended = _("stopped by the organisation on {at}", at=format_datetime(naming.vetoed_at)) if naming.vetoed_at else ""
    values = [
        DescriptionItem(_("Can act from"), ended or format_datetime(naming.ends_at)),
        DescriptionItem(_("Message sent to"), naming.notified or _("none: send the letter")),
    ]
    how = _(
        "Print the letter and send it to the address in the trade register's extract, never to one from the request. "
        "With its link, the organisation can stop the naming."
    )
    address = reverse("staff_invitation_letter", args=[pending.pending_id])
    show = Links([Link(_("Letter to the organisation"), address, button=True)])
    return [Section(_("Time before the representative can act"), [DescriptionList(values), Text([how]), show])]


def _passkey_page(request: HttpRequest, clerk: StaffSession, pending: PendingView, address: str) -> HttpResponse | None:
    """Return the page that asks for the passkey, or None if it has confirmed."""
    decision = decision_about(
        TwoPersonAct.SIGNATORY,
        f"organisation:{pending.organisation_id}",
        officer_of_account(pending.asker_id),
        (pending.created, pending.expires),
        pending=pending.pending_id,
        name=pending.name,
        email=pending.email,
        address=address,
    )
    shown = [*pending_values(pending), DescriptionItem(_("Address of the organisation"), address or "–")]
    return confirm_by_passkey(request, clerk, decision, shown)


def _buttons(request: HttpRequest, clerk: StaffSession, pending: PendingView, form: AddressForm) -> list[Component]:
    """Return the buttons for an invitation that waits. The act checks again."""
    if pending.state is not InvitationProposal.WAITING:
        return []
    if pending.asker_id == clerk.actor.user_id and clerk.ctx.approvals.people_for(TwoPersonAct.SIGNATORY) > 1:
        mine = Alert(_(REFUSED[PendingFault.SAME_PERSON]))
        return [mine, Form([], [Button(_("Withdraw the invitation"), "withdraw", minor=True)])]
    reject = Button(_("Reject the invitation"), "reject", minor=True)
    if open_invitations.has_signatory(pending.organisation_id, clerk):
        return [Alert(_(REFUSED[PendingFault.SIGNATORY_THERE])), Form([], [reject])]
    known = Alert(
        _("Confirm only if you have checked yourself that this person may act for the organisation."),
        Severity.WARNING,
    )
    try:
        letters = letters_of(request, lambda _ctx: open_invitations.confirm(pending.pending_id, clerk))
    except PendingInvitationRefused as refused:
        return [Alert(_(REFUSED[refused.fault])), Form([], [reject])]
    except LimitReached as reached:
        return [Alert(limit_words(reached), Severity.ERROR), Form([], [reject])]
    except tuple(WRONG) as refused:
        return [Alert(_(WRONG[type(refused)]), Severity.ERROR), Form([], [reject])]
    once = Confirmation(request, "confirm", *astuple(pending))
    press = Button(_("Confirm the invitation and send the link"), "confirm")
    typed = form.as_component(press, reject) if clerk.ctx.approvals.signatory_wait else Form((), [press, reject])
    return [
        known,
        Section(_("Messages to be sent"), letters.letters),
        replace(typed, inputs=[*typed.inputs, *once.fields]),
    ]


def _asked_table(rows: tuple[PendingView, ...]) -> Table:
    return Table(
        _("Invitations requested by clerks"),
        [_("Organisation"), _("Invited person"), _("Requested by"), _("State"), _("Confirm by")],
        [
            [
                Cell(row.organisation, reverse("staff_invitation", args=[row.pending_id]), note=row.customer_id),
                Cell(row.name, note=row.email),
                Cell(row.asker_name, note=row.asker_email),
                _(STATES[row.state]),
                format_datetime(row.expires) if row.state is InvitationProposal.WAITING else "",
            ]
            for row in rows
        ],
        _("Nothing to show."),
    )


def _table(rows: tuple[OpenInvitation, ...]) -> Table:
    picks = [row.invitation_id for row in rows]
    empty = _("Nothing to show.")
    return Table(
        _("Unused links"),
        [_("Organisation"), _("Invited person"), _("Sent"), _("The link is valid until")],
        [
            [
                Cell(row.organisation, note=row.customer_id),
                Cell(row.name, note=row.email),
                format_datetime(row.created),
                format_datetime(row.expires) if row.vouched else _("does not work, invitation not confirmed"),
            ]
            for row in rows
        ],
        empty,
        pick="invitation",
        picks=picks,
        form=_ENDING,
    )
