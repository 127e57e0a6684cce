"""Replacements for many at once: chosen, looked at, ordered with one button (docs/ordering.md)."""

from collections.abc import Mapping
from http import HTTPStatus

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods

from sinetti.domain.access.roles import Right
from sinetti.domain.orders.ordering_rules import LONGEST_AHEAD, MOST_AT_ONCE, LeftOut, is_form
from sinetti.domain.values import Language, Serial
from sinetti.eservice.core.authentication import lacking, signed_in, standing_of
from sinetti.eservice.core.context import language_of, request_id, surroundings
from sinetti.eservice.orders.common import back_to_list, called, hidden, new_form, signed_in_actor, speaker
from sinetti.eservice.orders.error_texts import left
from sinetti.eservice.ui.components import Block, Button, Cell, Column, Form, Notice, Section, Table, Text, Tone
from sinetti.eservice.ui.flash import say
from sinetti.eservice.ui.forms import PeopleForm
from sinetti.eservice.ui.links import link_to
from sinetti.eservice.ui.page import Page, show
from sinetti.i18n.translate import mark, text, when
from sinetti.services.self_service.bulk_replace import Candidate, Preview, chosen, ending, replace_many, within_limits


class DaysForm(PeopleForm):
    """Which certificates, by their end."""

    numeric = frozenset({"days"})

    days = forms.IntegerField(
        label=mark("Certificates that end within how many days"),
        help_text=mark("In all organisations that you may order for"),
        min_value=1,
        max_value=LONGEST_AHEAD,
        initial=60,
        widget=forms.TextInput,
    )

    def __init__(self, language: Language, data: Mapping[str, object] | None = None) -> None:
        super().__init__(language, data)
        told = text("Write the number of days, from 1 to {most}.", language, most=LONGEST_AHEAD)
        self.fields["days"].error_messages |= dict.fromkeys(("required", "invalid", "min_value", "max_value"), told)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def page(request: HttpRequest) -> HttpResponse:
    """Ask which; show what would be ordered; order."""
    standing, office, language = standing_of(request), surroundings(request).office, language_of(request)
    if not standing.organisations(Right.ORDER):
        raise lacking(Right.ORDER, standing)
    serials = [Serial(one.casefold()) for one in request.POST.getlist("serial")]
    form = request.POST.get("form", "")
    sms = surroundings(request).sms
    if request.POST.get("do") == "order" and is_form(form):
        if not sms:
            mute = {one.serial for one, why in _look(request, serials).left if why is LeftOut.NO_MESSAGES}
            serials = [one for one in serials if one not in mute]
        done = replace_many(form, serials, office, signed_in_actor(request), request_id(request))
        say(request, text("Replacements ordered: {count}.", language, count=done.ordered))
        if done.limited:
            over = text("Left out, because a limit of 24 hours is reached: {count}.", language, count=done.limited)
            say(request, over)
        if done.left:
            say(request, text("Left out, because something had changed meanwhile: {count}.", language, count=done.left))
        return HttpResponseRedirect(link_to("orders"), status=HTTPStatus.SEE_OTHER)
    if serials:
        return show(request, _preview(_look(request, serials), language))
    asked = DaysForm(language, request.POST if request.method == "POST" and "days" in request.POST else None)
    if asked.is_bound and asked.is_valid():
        found = ending(asked.cleaned_data["days"], standing, office)
        return show(request, _preview(_possible(request, found), language))
    return show(request, _asking(asked, language))


def _look(request: HttpRequest, serials: list[Serial]) -> Preview:
    """What would be ordered of those that were chosen, as this service can send messages."""
    return _possible(request, chosen(serials, standing_of(request), surroundings(request).office))


def _possible(request: HttpRequest, found: Preview) -> Preview:
    """Leave out what messages or limits of 24 hours do not allow."""
    around = surroundings(request)
    sendable = found if around.sms else found.without_messages
    return within_limits(sendable, standing_of(request), around.office, signed_in_actor(request))


def _asking(form: DaysForm, language: Language) -> Page:
    _ = speaker(language)
    how = _(
        "Each replacement has the type, the description and the contact persons of the certificate "
        "that it replaces. If the program can renew, that is simpler: then nothing has to be "
        "ordered."
    )
    which = _(
        "To replace only some of them, open each in the list of certificates, and choose “Order a replacement” there."
    )
    status = HTTPStatus.UNPROCESSABLE_ENTITY if form.is_bound else HTTPStatus.OK
    blocks: list[Block] = [Text([how, which]), form.block(Button(_("Show what would be ordered"), "look"))]
    return Page(_("Order replacements for many"), blocks=blocks, status=status, back=back_to_list(language))


def _preview(found: Preview, language: Language) -> Page:
    _ = speaker(language)
    blocks: list[Block] = []
    if found.more:
        more = _("There are more than {most}: these come first. Do the same again for the rest.", most=MOST_AT_ONCE)
        blocks.append(Notice(more, Tone.WARNING))
    if found.strange:
        strange = _("Certificates that you may not order a replacement for: {count}.", count=found.strange)
        blocks.append(Notice(strange, Tone.WARNING))
    count = len(found.ordered)
    if count:
        how = _(
            "Each technical contact person gets a link by e-mail, one for each certificate, and a PIN code as a text "
            "message; without a phone number you tell them a code, which stands on the order's page. Pressing the "
            "button again orders nothing twice."
        )
        carried = [hidden("form", new_form()), *(hidden("serial", one.serial) for one in found.ordered)]
        button = Button(_("Order replacements: {count}", count=count), "order")
        blocks += [Text([how]), _table(found, language), Form(carried, [button])]
    else:
        blocks.append(Notice(_("Nothing would be ordered."), Tone.PLAIN))
    if found.left:
        blocks.append(Section(_("Left out: {count}", count=len(found.left)), [_left(found, language)]))
    return Page(_("Check what is ordered: {count}", count=count), blocks=blocks, wide=True, back=back_to_list(language))


def _table(found: Preview, language: Language) -> Table:
    _ = speaker(language)
    names = (
        _("Certificate"),
        _("Organisation"),
        _("Certificate type"),
        _("Valid until"),
        _("Technical contact person"),
    )
    rows = [
        [*_cells(one, language), Cell(one.contact.name if one.contact is not None else "")] for one in found.ordered
    ]
    return Table(_("A replacement is ordered for these"), [Column(name) for name in names], rows)


def _left(found: Preview, language: Language) -> Table:
    _ = speaker(language)
    names = (_("Certificate"), _("Organisation"), _("Certificate type"), _("Valid until"), _("Why"))
    rows = [[*_cells(one, language), Cell(left(why, language))] for one, why in found.left]
    return Table(_("No replacement is ordered for these"), [Column(name) for name in names], rows)


def _cells(one: Candidate, language: Language) -> list[Cell]:
    return [
        Cell(called(one)),
        Cell(f"{one.organisation}, {one.customer_id}"),
        Cell(one.channel.value),
        Cell(when(one.not_after, language)),
    ]
