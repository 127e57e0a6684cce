"""Invitations of representatives: an organisation's first one comes by a clerk's."""

from collections.abc import Callable, Mapping

from django import forms
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from sinetti.domain.daily_limits import LimitReached
from sinetti.domain.validation import LONGEST_PERSON, ValidationError, check_email
from sinetti.domain.values import Language
from sinetti.eservice.authorisations.common import WRONG
from sinetti.eservice.authorisations.pending_view import pending_values
from sinetti.eservice.core.context import language_of
from sinetti.eservice.staff.common import A_PAGE, Say, page_number, pager, show_page, staff_view, translator
from sinetti.eservice.ui.components import (
    Alert,
    Button,
    Cell,
    Column,
    Component,
    DescriptionList,
    Form,
    Input,
    Link,
    Option,
    Section,
    Severity,
    Table,
    Text,
)
from sinetti.eservice.ui.daily_limits import limit_words
from sinetti.eservice.ui.error_pages import not_found
from sinetti.eservice.ui.forms import LANGUAGE_CHOICES, PortalForm
from sinetti.eservice.ui.navigation import redirect_to
from sinetti.eservice.ui.page import flash as tell
from sinetti.i18n.pending_invitations import CONFIRMED, REFUSED, REJECTED, STATES, WITHDRAWN
from sinetti.i18n.translate import format_datetime, gettext_noop
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


class InviteForm(PortalForm):
    """Whom, for which organisation."""

    organisation = forms.CharField(label=gettext_noop("ID of the organisation"), max_length=30)
    name = forms.CharField(label=gettext_noop("Name"), max_length=LONGEST_PERSON)
    email = forms.CharField(
        label=gettext_noop("E-mail address"),
        help_text=gettext_noop("Their own address: whoever reads mail there gets the link."),
        max_length=254,
    )
    spoken = forms.ChoiceField(label=gettext_noop("Language"), choices=LANGUAGE_CHOICES, initial=Language.FI.value)

    def clean_name(self) -> str:
        """A name as it is kept."""
        return self.check_unlinked("name", LONGEST_PERSON, gettext_noop("Write the name in 1 to 200 characters."))

    def clean_email(self) -> str:
        """An address."""
        try:
            return check_email("email", str(self.cleaned_data["email"]))
        except ValidationError:
            self.refuse("email", gettext_noop("Write an e-mail address like name@organisation.example."))
            return ""


@staff_view
@require_http_methods(["GET", "HEAD", "POST"])
def listed(request: HttpRequest, clerk: StaffSession) -> HttpResponse:
    """Those that wait; making another one; ending one."""
    say, language = translator(request), language_of(request)
    does = request.POST.get("do", "")
    if request.method == "POST" and does == "end":
        ended = open_invitations.end(request.POST.get("invitation", ""), clerk)
        tell(
            request,
            say("The invitation is cancelled: its link no longer works.")
            if ended
            else say("The invitation was taken up or cancelled meanwhile. Look at the list."),
        )
        return redirect_to("staff_invitations")
    sent = request.method == "POST"
    initial = {"organisation": request.GET.get("organisation", "")}
    form = InviteForm(language, request.POST if sent else None, initial=initial)
    if form.is_bound and form.is_valid() and (done := _invited(form, clerk, say)):
        tell(request, done)
        return redirect_to("staff_invitations")
    number = page_number(request)
    first = (number - 1) * A_PAGE
    found = open_invitations.listed(first, A_PAGE + 1, clerk)
    asked, rows = found.asked, found.links
    explained = [
        say(
            "An invitation waits until a representative of the organisation confirms it; if there is none, until a "
            "second clerk does. It lapses after 14 days."
        ),
        say("Then the link is sent by e-mail. It works once, for 14 days; only the invited person sees it."),
    ]
    blocks: list[Component] = [
        Text(explained),
        form.block(Button(say("Ask for the invitation"), "invite")),
        _asked_table(request, asked[:A_PAGE]),
        _table(request, rows[:A_PAGE]),
        pager(
            request,
            number,
            max(len(rows[:A_PAGE]), len(asked[:A_PAGE])),
            more=max(len(rows), len(asked)) > A_PAGE,
        ),
    ]
    if rows:
        blocks.append(Section(say("Cancel an invitation"), [_ending(say, rows[:A_PAGE])]))
    return show_page(request, say("Invitations of representatives"), blocks)


def _invited(form: InviteForm, clerk: StaffSession, say: Say) -> str:
    """Invite as the form says, and what to tell of it; empty where the form says why not."""
    values = form.cleaned_data
    person = ContactDetails(values["name"], values["email"], "", Language(values["spoken"]))
    try:
        made = open_invitations.invite(values["organisation"], person, clerk).made
    except PeopleError:
        form.refuse("organisation", gettext_noop("The register has no organisation with this ID. Add it first."))
    except OrganisationClosed:
        form.refuse("organisation", gettext_noop("The organisation has ended: nobody is invited for it any more."))
    except AlreadyHasOtherRole:
        form.refuse(
            "email",
            gettext_noop(
                "Somebody with this address already has another authorisation for the organisation. Its "
                "representatives can change it."
            ),
        )
    except SelfInvitation:
        form.refuse(
            "email",
            gettext_noop(
                "This is your own address, and nobody gives an authorisation to themselves. Ask another clerk."
            ),
        )
    except InvitationLimitReached:
        form.refuse("organisation", WRONG[InvitationLimitReached])
    else:
        if made:
            return say("The invitation waits for a confirmation. Nothing has been sent to the person yet.")
        return say("This person was invited already; nothing new was sent.")
    return ""


@staff_view
@require_http_methods(["GET", "HEAD", "POST"])
def one(request: HttpRequest, clerk: StaffSession, pending_id: str) -> HttpResponse:
    """The page of an invitation that a clerk asked for, with its decision."""
    say = translator(request)
    found = open_invitations.pending(pending_id, clerk)
    if found is None:
        return not_found(request)
    if request.method == "POST" and (act := _ACTS.get(request.POST.get("do", ""))) is not None:
        does, done = act
        try:
            does(pending_id, clerk)
            tell(request, say(done))
        except PendingInvitationRefused as refused:
            tell(request, say(REFUSED[refused.fault]))
        except LimitReached as reached:
            tell(request, limit_words(reached, language_of(request)))
        except tuple(WRONG) as refused:
            tell(request, say(WRONG[type(refused)]))
        return redirect_to("staff_invitation", pending_id)
    blocks: list[Component] = [
        DescriptionList(pending_values(found, language_of(request))),
        *_buttons(say, clerk, found),
    ]
    back = Link(say("Invitations of representatives"), reverse("staff_invitations"))
    return show_page(request, say("Invitation of a representative"), blocks, back)


_ACTS: Mapping[str, tuple[Callable[[str, StaffSession], None], str]] = {
    "confirm": (open_invitations.confirm, CONFIRMED),
    "reject": (open_invitations.reject, REJECTED),
    "withdraw": (open_invitations.withdraw, WITHDRAWN),
}


def _buttons(say: Say, clerk: StaffSession, found: PendingView) -> list[Component]:
    """Return the buttons for an invitation that waits. The act checks again."""
    if found.state is not InvitationProposal.WAITING:
        return []
    if found.asker_id == clerk.actor.user_id:
        mine = Alert(say(REFUSED[PendingFault.SAME_PERSON]))
        return [mine, Form([], [Button(say("Withdraw the invitation"), "withdraw", minor=True)])]
    reject = Button(say("Reject the invitation"), "reject", minor=True)
    if open_invitations.has_signatory(found.organisation_id, clerk):
        return [Alert(say(REFUSED[PendingFault.SIGNATORY_THERE])), Form([], [reject])]
    known = Alert(
        say("Confirm this only if you have checked yourself that this person may act for the organisation."),
        Severity.WARNING,
    )
    return [known, Form([], [Button(say("Confirm the invitation"), "confirm"), reject])]


def _asked_table(request: HttpRequest, rows: tuple[PendingView, ...]) -> Table:
    say, language = translator(request), language_of(request)
    names = (
        gettext_noop("Organisation"),
        gettext_noop("Who"),
        gettext_noop("Asked for by"),
        gettext_noop("State"),
        gettext_noop("Has to be confirmed by"),
    )
    told = [
        [
            Cell(one.organisation, reverse("staff_invitation", args=[one.pending_id]), note=one.customer_id),
            Cell(one.name, note=one.email),
            Cell(one.asker_name, note=one.asker_email),
            Cell(say(STATES[one.state])),
            Cell(format_datetime(one.expires, language) if one.state is InvitationProposal.WAITING else ""),
        ]
        for one in rows
    ]
    return Table(
        say("Invitations that clerks asked for"), [Column(say(one)) for one in names], told, say("There are none.")
    )


def _table(request: HttpRequest, rows: tuple[OpenInvitation, ...]) -> Table:
    say, language = translator(request), language_of(request)
    columns = [
        Column(say(one))
        for one in (
            gettext_noop("Organisation"),
            gettext_noop("Who"),
            gettext_noop("Sent"),
            gettext_noop("The link is valid until"),
        )
    ]
    told = [
        [
            Cell(one.organisation, note=one.customer_id),
            Cell(one.name, note=one.email),
            Cell(format_datetime(one.created, language)),
            Cell(
                format_datetime(one.expires, language)
                if one.vouched
                else say("does not work: the invitation was not confirmed")
            ),
        ]
        for one in rows
    ]
    return Table(say("Links that wait to be used"), columns, told, say("There are none."))


def _ending(say: Say, rows: tuple[OpenInvitation, ...]) -> Form:
    options = [Option(one.invitation_id, f"{one.organisation} – {one.name}") for one in rows]
    chosen = Input("invitation", say("Invitation"), "select", options=options)
    return Form([chosen], [Button(say("Cancel it"), "end", danger=True)], name="ending")
