"""Who looks after one certificate: somebody else, or the same person's data corrected."""

from http import HTTPStatus

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods

from sinetti.domain.daily_limits import LimitReached
from sinetti.domain.values import Language, Serial
from sinetti.eservice.core.authentication import signed_in, standing_of
from sinetti.eservice.core.context import language_of, request_id, surroundings
from sinetti.eservice.orders.common import back_to_certificate, certificate_values, hidden, signed_in_actor, speaker
from sinetti.eservice.orders.error_texts import people_trouble, trouble
from sinetti.eservice.orders.person_forms import SAME_PERSON, PersonForm, initial_of, refuse_phone
from sinetti.eservice.orders.remove_deputy import ASKS, REMOVES, ask, remove, removing
from sinetti.eservice.ui.components import Block, Button, Form, Link, Links, Notice, Text, Tone, Values
from sinetti.eservice.ui.daily_limits import limit_words
from sinetti.eservice.ui.flash import say
from sinetti.eservice.ui.links import link_to
from sinetti.eservice.ui.page import Page, show
from sinetti.i18n.translate import mark, text
from sinetti.services.issuance.order import OrderError
from sinetti.services.organisations.people import PeopleError
from sinetti.services.self_service.contacts import CertificateSeen, change_contact, look

_DEPUTY = "deputy"
_IS_DEPUTY = mark("This is the deputy's address. Remove the deputy first, or write another person's data.")


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def page(request: HttpRequest, serial: str) -> HttpResponse:
    """Ask who it is; name them."""
    language = language_of(request)
    seen = look(Serial(serial.casefold()), standing_of(request), surroundings(request).office)
    asked = request.POST if request.method == "POST" else request.GET
    deputy = asked.get("place", "") == _DEPUTY
    does = request.POST.get("do", "") if deputy else ""
    if does == REMOVES or (does == ASKS and seen.deputy is None):
        return remove(request, seen)
    if does == ASKS:
        return ask(request, seen)
    form = PersonForm(
        language,
        request.POST if request.method == "POST" else None,
        initial=initial_of(seen.deputy if deputy else seen.contact),
    )
    if not deputy:
        refuse_phone(form, "person_phone", sms=surroundings(request).sms)
    _refuse_both(form, seen, deputy=deputy)
    if form.is_bound and form.is_valid():
        return _save(request, seen, form, deputy=deputy)
    return show(request, _page(seen, form, language, deputy=deputy))


def _refuse_both(form: PersonForm, seen: CertificateSeen, *, deputy: bool) -> None:
    """Refuse somebody who has the other place already: nobody stands in for themselves."""
    now, other = (seen.deputy, seen.contact) if deputy else (seen.contact, seen.deputy)
    if not form.is_bound or not form.is_valid() or other is None:
        return
    address = form.person().email.casefold()
    if address == other.email.casefold() and (now is None or address != now.email.casefold()):
        form.refuse("person_email", SAME_PERSON if deputy else _IS_DEPUTY)


def _save(request: HttpRequest, seen: CertificateSeen, form: PersonForm, *, deputy: bool) -> HttpResponse:
    language, office = language_of(request), surroundings(request).office
    try:
        done = change_contact(
            seen.serial, (form.person(), deputy), office, signed_in_actor(request), request_id(request)
        )
    except (PeopleError, OrderError, LimitReached) as refused:
        match refused:
            case LimitReached():
                why = limit_words(refused, language)
            case PeopleError():
                why = people_trouble(refused.why, language)
            case _:
                why = trouble(refused.why, language)
        return show(request, _page(seen, form, language, why, deputy=deputy))
    if not done.changed:
        say(request, text("Nothing was changed: it was so already.", language))
    else:
        say(request, text("Saved. Both the person before and the new one are told by e-mail.", language))
    for one in done.offered:
        say(request, text("A new link to the transfer IDs of the open order is on its way.", language))
        if one.code is not None:
            say(
                request,
                text(
                    "The contact person has no phone number: the order's page shows a code that you tell them.",
                    language,
                ),
            )
    address = link_to("certificate", seen.serial) or request.path
    return HttpResponseRedirect(address, status=HTTPStatus.SEE_OTHER)


def _page(seen: CertificateSeen, form: PersonForm, language: Language, error: str = "", *, deputy: bool) -> Page:
    _ = speaker(language)
    named = (seen.organisation, seen.customer_id)
    values = certificate_values(seen, named, seen.channel.value, seen.span.not_after, language)
    told = _(
        "Correct what is wrong, or write another person's data over it. Both the person before and "
        "the new one are told by e-mail."
    )
    block = form.block(Button(_("Save")))
    carried = [hidden("place", _DEPUTY if deputy else "contact"), *block.inputs]
    here = link_to("certificate_contact", seen.serial)
    other = Link(_("The technical contact person"), here) if deputy else Link(_("The deputy"), f"{here}?place=deputy")
    leaving = Link(_("Is the person leaving? Hand over all their certificates at once"), link_to("contacts"))
    blocks: list[Block] = [Notice(error, Tone.ERROR)] if error else []
    blocks += [
        Values(values),
        Text([told]),
        Form(carried, block.buttons, errors=block.errors),
        *(removing(language) if deputy and seen.deputy is not None else []),
        Links([other, leaving]),
    ]
    return Page(
        _("Deputy of the technical contact person") if deputy else _("Technical contact person"),
        blocks=blocks,
        status=HTTPStatus.UNPROCESSABLE_ENTITY if form.errors or error else HTTPStatus.OK,
        back=back_to_certificate(seen.serial, language),
    )
