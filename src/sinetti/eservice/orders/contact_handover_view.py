"""Somebody leaves: who it is, what they look after, who comes in their place, and one button (docs/ordering.md)."""

from collections.abc import Sequence
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods

from sinetti.domain.access.roles import Right
from sinetti.domain.daily_limits import LimitReached
from sinetti.domain.orders.ordering_rules import MOST_AT_ONCE
from sinetti.domain.values import Language
from sinetti.eservice.core.authentication import lacking, signed_in, standing_of
from sinetti.eservice.core.context import language_of, request_id, surroundings
from sinetti.eservice.orders.common import back_to_list, hidden, signed_in_actor, speaker
from sinetti.eservice.orders.error_texts import trouble
from sinetti.eservice.orders.person_forms import PersonForm, email_field, refuse_phone
from sinetti.eservice.ui.components import Block, Button, Cell, Column, Form, Notice, Section, Table, Text, Tone
from sinetti.eservice.ui.daily_limits import limit_words
from sinetti.eservice.ui.flash import say
from sinetti.eservice.ui.forms import PeopleForm
from sinetti.eservice.ui.links import link_to
from sinetti.eservice.ui.page import Page, show
from sinetti.i18n.translate import mark, text, when
from sinetti.services.issuance.order import OrderError
from sinetti.services.self_service.contact_handover import ContactSeen, LookedAfter, contacts, hand_over, look

_NOBODY = mark(
    "Nobody with this address is the contact person of a certificate whose data you may change. Check the address."
)
_SAME = mark("This is the address of the person who leaves. Write the new person's address.")


class LeavingForm(PeopleForm):
    """Who leaves."""

    leaving = email_field(mark("E-mail of the person who leaves"))


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def page(request: HttpRequest) -> HttpResponse:
    """Ask who leaves; show what they look after and ask for somebody else; hand it over."""
    standing, language = standing_of(request), language_of(request)
    if not standing.organisations(Right.CONTACT):
        raise lacking(Right.CONTACT, standing)
    does = request.POST.get("do", "")
    who = LeavingForm(language, request.POST if does in {"look", "save"} else None)
    if not who.is_bound or not who.is_valid():
        return show(request, _asking(request, who))
    leaving = who.cleaned_data["leaving"].strip()
    if does == "save":
        return _save(request, leaving)
    found = look(leaving, standing, surroundings(request).office)
    if not found:
        who.refuse("leaving", _NOBODY)
        return show(request, _asking(request, who))
    return show(request, _preview(leaving, found, PersonForm(language), language))


def _save(request: HttpRequest, leaving: str) -> HttpResponse:
    language, office = language_of(request), surroundings(request).office
    form = PersonForm(language, request.POST)
    if form.is_valid() and form.person().email.casefold() == leaving.casefold():
        form.refuse("person_email", _SAME)
    refuse_phone(form, "person_phone", sms=surroundings(request).sms)
    if not form.is_valid():
        return show(request, _preview(leaving, look(leaving, standing_of(request), office), form, language))
    try:
        done = hand_over(leaving, form.person(), office, signed_in_actor(request), request_id(request))
    except LimitReached as reached:
        form.add_error("person_email", limit_words(reached, language))
        return show(request, _preview(leaving, look(leaving, standing_of(request), office), form, language))
    except OrderError as refused:
        say(request, trouble(refused.why, language))
        return HttpResponseRedirect(request.path, status=HTTPStatus.SEE_OTHER)
    told = text("Handed over: {count}. Both are told in one message each.", language, count=done.count)
    say(request, told if done.count else text("Nothing was changed: it was so already.", language))
    if done.offered:
        say(request, text("New links to transfer IDs of open orders: {count}.", language, count=done.offered))
    if done.more:
        say(request, text("This person has more certificates. Do the same again for the rest.", language))
    return HttpResponseRedirect(link_to("certificates") or request.path, status=HTTPStatus.SEE_OTHER)


def _asking(request: HttpRequest, form: LeavingForm) -> Page:
    language = language_of(request)
    _ = speaker(language)
    people = contacts(standing_of(request), surroundings(request).office)
    told = _("All certificates that somebody looks after go to somebody else at once, in all organisations of yours.")
    blocks: list[Block] = [
        Text([told]),
        form.block(Button(_("Show what they look after"), "look")),
        _people(people, language),
    ]
    return Page(
        _("The contact person leaves"),
        blocks=blocks,
        wide=True,
        status=HTTPStatus.UNPROCESSABLE_ENTITY if form.errors else HTTPStatus.OK,
        back=back_to_list(language),
    )


def _people(people: Sequence[ContactSeen], language: Language) -> Table:
    _ = speaker(language)
    columns = [Column(_("Name")), Column(_("E-mail")), Column(_("Certificates"), numeric=True)]
    rows = [[Cell(one.name), Cell(one.email), Cell(str(one.count))] for one in people]
    return Table(_("Technical contact persons now"), columns, rows, _("Nobody looks after certificates of yours now."))


def _preview(leaving: str, found: Sequence[LookedAfter], form: PersonForm, language: Language) -> Page:
    _ = speaker(language)
    shown = found[:MOST_AT_ONCE]
    blocks: list[Block] = []
    if len(found) > MOST_AT_ONCE:
        more = _("There are more than {most}: these come first. Do the same again for the rest.", most=MOST_AT_ONCE)
        blocks.append(Notice(more, Tone.WARNING))
    block = form.block(Button(_("Hand over {count}", count=len(shown)), "save"))
    carried = [hidden("leaving", leaving), *block.inputs]
    told = _("Both get one message that lists all of them. Transfer IDs that wait are offered to the new person.")
    blocks += [
        Section(_("Who comes in their place"), [Text([told]), Form(carried, block.buttons, errors=block.errors)]),
        Section(_("What {person} looks after: {count}", person=leaving, count=len(shown)), [_table(shown, language)]),
    ]
    return Page(
        _("Somebody else looks after these"),
        blocks=blocks,
        wide=True,
        status=HTTPStatus.UNPROCESSABLE_ENTITY if form.errors else HTTPStatus.OK,
        back=back_to_list(language),
    )


def _table(found: Sequence[LookedAfter], language: Language) -> Table:
    _ = speaker(language)
    names = (_("Certificate"), _("Organisation"), _("As"), _("Valid until"))
    rows = [
        [
            Cell(one.description or one.channel.value),
            Cell(f"{one.organisation}, {one.customer_id}"),
            Cell(_("Technical contact person") if one.contact else _("Deputy")),
            Cell(when(one.not_after, language) if one.not_after is not None else _("Not retrieved yet")),
        ]
        for one in found
    ]
    return Table(_("Certificates that are handed over"), [Column(name) for name in names], rows)
