"""Invitations of representatives: an organisation's first one comes by a clerk's."""

from django import forms
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from sinetti.actions.people import PeopleError
from sinetti.actions.staff import open_invitations
from sinetti.actions.staff.clerk import Clerk
from sinetti.actions.staff.invitations import Closed, Otherwise, OwnInvitation, TooMany
from sinetti.actions.staff.open_invitations import OpenInvitation, Person
from sinetti.domain.daily_limits import LimitReached
from sinetti.domain.values import Language
from sinetti.domain.words import LONGEST_PERSON, WordError, check_email
from sinetti.eservice.acting import say as tell
from sinetti.eservice.blocks import Block, Button, Cell, Column, Form, Input, Option, Section, Table, Text
from sinetti.eservice.daily_limits import limit_words
from sinetti.eservice.forms import LANGUAGE_CHOICES, PeopleForm
from sinetti.eservice.links import to
from sinetti.eservice.staff.desk import A_PAGE, Say, at_desk, page_number, pager, show_page, speaker
from sinetti.eservice.surroundings import language_of
from sinetti.texts.reader import mark, when


class InviteForm(PeopleForm):
    """Whom, for which organisation."""

    organisation = forms.CharField(label=mark("ID of the organisation"), max_length=30)
    name = forms.CharField(label=mark("Name"), max_length=LONGEST_PERSON)
    email = forms.CharField(
        label=mark("E-mail address"),
        help_text=mark("Their own address: whoever reads mail there gets the link."),
        max_length=254,
    )
    spoken = forms.ChoiceField(label=mark("Language"), choices=LANGUAGE_CHOICES, initial=Language.FI.value)

    def clean_name(self) -> str:
        """A name as it is kept."""
        return self.check_unlinked("name", LONGEST_PERSON, mark("Write the name in 1 to 200 characters."))

    def clean_email(self) -> str:
        """An address."""
        try:
            return check_email("email", str(self.cleaned_data["email"]))
        except WordError:
            self.refuse("email", mark("Write an e-mail address like name@organisation.example."))
            return ""


@at_desk
@require_http_methods(["GET", "HEAD", "POST"])
def listed(request: HttpRequest, clerk: Clerk) -> HttpResponse:
    """Those that wait; making another one; ending one."""
    say, language = speaker(request), language_of(request)
    does = request.POST.get("do", "")
    if request.method == "POST" and does == "end":
        ended = open_invitations.end(request.POST.get("invitation", ""), clerk)
        tell(
            request,
            say("The invitation is cancelled: its link no longer works.")
            if ended
            else say("The invitation was taken up or cancelled meanwhile. Look at the list."),
        )
        return to("staff_invitations")
    sent = request.method == "POST"
    initial = {"organisation": request.GET.get("organisation", "")}
    form = InviteForm(language, request.POST if sent else None, initial=initial)
    if form.is_bound and form.is_valid() and (done := _invited(form, clerk, say)):
        tell(request, done)
        return to("staff_invitations")
    number = page_number(request)
    rows = open_invitations.listed((number - 1) * A_PAGE, A_PAGE + 1, clerk)
    blocks: list[Block] = [
        Text([say("The link works once, for 14 days. It is sent by e-mail; nobody else sees it, not even you.")]),
        form.block(Button(say("Send the invitation"), "invite")),
        _table(request, rows[:A_PAGE]),
        pager(request, number, len(rows[:A_PAGE]), more=len(rows) > A_PAGE),
    ]
    if rows:
        blocks.append(Section(say("Cancel an invitation"), [_ending(say, rows[:A_PAGE])]))
    return show_page(request, say("Invitations of representatives"), blocks)


def _invited(form: InviteForm, clerk: Clerk, say: Say) -> str:
    """Invite as the form says, and what to tell of it; empty where the form says why not."""
    values = form.cleaned_data
    person = Person(values["name"], values["email"], "", Language(values["spoken"]))
    try:
        made = open_invitations.invite(values["organisation"], person, clerk).made
    except PeopleError:
        form.refuse("organisation", mark("The register has no organisation with this ID. Add it first."))
    except Closed:
        form.refuse("organisation", mark("The organisation has ended: nobody is invited for it any more."))
    except Otherwise:
        form.refuse(
            "email",
            mark(
                "Somebody with this address already has another authorisation for the organisation. Its "
                "representatives can change it."
            ),
        )
    except OwnInvitation:
        form.refuse(
            "email",
            mark("This is your own address, and nobody gives an authorisation to themselves. Ask another clerk."),
        )
    except LimitReached as reached:
        form.add_error("email", limit_words(reached, form.language))
    except TooMany:
        form.refuse(None, mark("The number of messages for today is used up. Go on tomorrow."))
    else:
        if made:
            return say("The invitation is on its way by e-mail.")
        return say("This person was invited already; nothing new was sent.")
    return ""


def _table(request: HttpRequest, rows: tuple[OpenInvitation, ...]) -> Table:
    say, language = speaker(request), language_of(request)
    columns = [
        Column(say(one)) for one in (mark("Organisation"), mark("Who"), mark("Sent"), mark("The link is valid until"))
    ]
    told = [
        [
            Cell(one.organisation, note=one.customer_id),
            Cell(one.name, note=one.email),
            Cell(when(one.created, language)),
            Cell(when(one.expires, language)),
        ]
        for one in rows
    ]
    return Table(say("Invitations that wait"), columns, told, say("There are none."))


def _ending(say: Say, rows: tuple[OpenInvitation, ...]) -> Form:
    options = [Option(one.invitation_id, f"{one.organisation} – {one.name}") for one in rows]
    chosen = Input("invitation", say("Invitation"), "select", options=options)
    return Form([chosen], [Button(say("Cancel it"), "end", danger=True)], name="ending")
