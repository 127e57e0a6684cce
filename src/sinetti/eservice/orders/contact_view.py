"""Contact person of one certificate: another person, or corrected data.

A change and the removal of the deputy have a check page with their letters.
"""

from http import HTTPStatus

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods

from sinetti.domain.daily_limits import LimitReached
from sinetti.domain.values import Serial
from sinetti.eservice.core.authentication import current_permissions, login_required
from sinetti.eservice.core.context import portal_context, request_id
from sinetti.eservice.orders.common import (
    back_to_certificate,
    certificate_values,
    change_link,
    hidden,
    order_error_text,
    person,
    person_error_text,
    signed_in_actor,
)
from sinetti.eservice.orders.person_forms import SAME_PERSON, PersonForm, initial_of, refuse_phone
from sinetti.eservice.ui.acts import ActLetters, Confirmation, check_of, is_step, letters_of
from sinetti.eservice.ui.check_pages import check_page
from sinetti.eservice.ui.components import (
    Alert,
    Button,
    Component,
    DescriptionItem,
    DescriptionList,
    Form,
    Link,
    Links,
    Severity,
    Text,
)
from sinetti.eservice.ui.daily_limits import limit_words
from sinetti.eservice.ui.drafts import keeps_typed
from sinetti.eservice.ui.navigation import url_or_empty
from sinetti.eservice.ui.page import Page, render_page
from sinetti.i18n.translate import _, gettext_noop
from sinetti.services.context import ServiceContext
from sinetti.services.issuance.order import OrderError
from sinetti.services.organisations.people import PeopleError
from sinetti.services.self_service.contacts import (
    ContactChanged,
    LineageView,
    change_contact,
    get_for_confirmation,
    remove_deputy,
)

SAVE, REMOVE = "save", "remove"
"""Values of the buttons of the two check pages."""
_REMOVE = gettext_noop("Remove the deputy")
_PLACE = hidden("place", "deputy")


def removing() -> list[Component]:
    """Return the button that leads to the check page."""
    return [Form([_PLACE], [Button(_(_REMOVE), check_of(REMOVE), minor=True)], name="no-deputy")]


def ask(request: HttpRequest, lineage: LineageView) -> HttpResponse:
    """Show the deputy, the meaning of the removal, and the button.

    The button removes the deputy who is shown and no other person.
    """
    email, actor = lineage.deputy.email if lineage.deputy else "", signed_in_actor(request)
    act_letters = letters_of(request, lambda ctx: remove_deputy(lineage.serial, email, ctx, actor, request_id(request)))
    fields = [_PLACE, hidden("deputy", email), *Confirmation(request, REMOVE, email).fields]
    back = Link(
        _("Deputy of the technical contact person"),
        f"{url_or_empty('certificate_contact', lineage.serial)}?place=deputy",
    )
    page = check_page(
        _("Remove the deputy?"),
        Form(fields, [Button(_("Remove the deputy and send the message"), REMOVE, danger=True)]),
        summary=[*_certificate(lineage), DescriptionItem(_("Deputy"), person(lineage.deputy)), act_letters.informed],
        effects=[
            _("After this the technical contact person has no deputy."),
            _("The removed person gets no more messages about this certificate."),
        ],
        letters=act_letters.letters,
        back=back,
    )
    return render_page(request, page)


def remove(request: HttpRequest, lineage: LineageView) -> HttpResponse:
    """Remove the deputy and flash the result.

    Another person who has become the deputy meanwhile stays. Without a deputy nothing changes.
    """
    ctx = portal_context(request).ctx
    email = request.POST.get("deputy", "")
    if lineage.deputy is None:
        message = _("No changes were needed.")
    elif remove_deputy(lineage.serial, email, ctx, signed_in_actor(request), request_id(request)):
        message = _("Deputy removed. We tell the person by e-mail.")
    else:
        message = _("Nothing was changed. The deputy is now another person.")
    messages.info(request, message)
    return HttpResponseRedirect(
        url_or_empty("certificate", lineage.serial) or request.path, status=HTTPStatus.SEE_OTHER
    )


_DEPUTY = "deputy"
_IS_DEPUTY = gettext_noop("This is the deputy's address. Remove the deputy first, or enter another person's details.")


@require_http_methods(["GET", "HEAD", "POST"])
@keeps_typed(acts=(SAVE, REMOVE))
@login_required
def certificate_contact(request: HttpRequest, serial: str) -> HttpResponse:
    """Show the current person, or assign another one."""
    lineage = get_for_confirmation(Serial(serial.casefold()), current_permissions(request), portal_context(request).ctx)
    asked = request.POST if request.method == "POST" else request.GET
    deputy = asked.get("place", "") == _DEPUTY
    if deputy and is_step(request, REMOVE):
        once = Confirmation(request, REMOVE, request.POST.get("deputy", ""))
        return remove(request, lineage) if once.is_given or lineage.deputy is None else ask(request, lineage)
    form = PersonForm(
        request.POST if is_step(request, SAVE) else None,
        initial=initial_of(lineage.deputy if deputy else lineage.contact),
    )
    if not deputy:
        refuse_phone(form, "person_phone", sms=portal_context(request).sms)
    _refuse_both(form, lineage, deputy=deputy)
    if form.is_bound and form.is_valid() and "change" not in request.GET:
        return _save(request, lineage, form, deputy=deputy)
    return render_page(request, _page(lineage, form, deputy=deputy))


def _refuse_both(form: PersonForm, lineage: LineageView, *, deputy: bool) -> None:
    """Reject a person who has the other place already: a person cannot be own deputy."""
    now, other = (lineage.deputy, lineage.contact) if deputy else (lineage.contact, lineage.deputy)
    if not form.is_bound or not form.is_valid() or other is None:
        return
    address = form.person().email.casefold()
    if address == other.email.casefold() and (now is None or address != now.email.casefold()):
        form.refuse("person_email", SAME_PERSON if deputy else _IS_DEPUTY)


def _save(request: HttpRequest, lineage: LineageView, form: PersonForm, *, deputy: bool) -> HttpResponse:
    new, actor = form.person(), signed_in_actor(request)
    once = Confirmation(request, SAVE, lineage.serial, deputy, new)

    def change(ctx: ServiceContext) -> ContactChanged:
        return change_contact(lineage.serial, (new, deputy), ctx, actor, request_id(request))

    try:
        if not once.is_given and (act_letters := letters_of(request, change)).to:
            return render_page(request, _check(request, lineage, form, (once, act_letters, deputy)))
        done = change(portal_context(request).ctx)
    except (PeopleError, OrderError, LimitReached) as refused:
        match refused:
            case LimitReached():
                why = limit_words(refused)
            case PeopleError():
                why = person_error_text(refused.why)
            case _:
                why = order_error_text(refused.why)
        return render_page(request, _page(lineage, form, why, deputy=deputy))
    if not done.changed:
        messages.info(request, _("No changes were needed."))
    else:
        messages.info(request, _("Contact person changed. The people concerned get an e-mail."))
    for link_sent in done.offered:
        messages.info(request, _("A new link to the transfer IDs of the open order is on its way."))
        if link_sent.code is not None:
            messages.info(
                request, _("The contact person has no phone number. Give them the code shown on the order's page.")
            )
    address = url_or_empty("certificate", lineage.serial) or request.path
    return HttpResponseRedirect(address, status=HTTPStatus.SEE_OTHER)


def _certificate(lineage: LineageView) -> list[DescriptionItem]:
    return certificate_values(
        lineage, (lineage.organisation, lineage.customer_id), lineage.channel.value, lineage.span.not_after
    )


def _check(
    request: HttpRequest, lineage: LineageView, form: PersonForm, shown: tuple[Confirmation, ActLetters, bool]
) -> Page:
    """Return the check page; `shown` ends with True for a deputy."""
    (once, act_letters, deputy), new = shown, form.person()
    place = _("Deputy") if deputy else _("Technical contact person")
    carried = [hidden("place", _DEPUTY if deputy else "contact"), *form.carried(), *once.fields]
    changed = DescriptionItem(
        _("New: {place}", place=place), person(new), change=change_link(request, place, "person_name")
    )
    before = DescriptionItem(
        _("Until now: {place}", place=place), person(lineage.deputy if deputy else lineage.contact)
    )
    return check_page(
        _("Check the contact person"),
        Form(carried, [Button(_("Save and send the messages"), SAVE)]),
        summary=[*_certificate(lineage), before, changed, act_letters.informed],
        letters=act_letters.letters,
        back=back_to_certificate(lineage.serial),
    )


def _page(lineage: LineageView, form: PersonForm, error: str = "", *, deputy: bool) -> Page:
    explanation = _(
        "Correct the details, or enter another person's details in their place. We tell both the previous "
        "and the new person by e-mail."
    )
    block = form.as_component(Button(_("Check the change"), check_of(SAVE)))
    carried = [hidden("place", _DEPUTY if deputy else "contact"), *block.inputs]
    here = url_or_empty("certificate_contact", lineage.serial)
    other = Link(_("Technical contact person"), here) if deputy else Link(_("Deputy"), f"{here}?place=deputy")
    leaving = Link(_("Hand over all of this person's certificates at once"), url_or_empty("contacts"))
    blocks: list[Component] = [Alert(error, Severity.ERROR)] if error else []
    blocks += [
        DescriptionList(_certificate(lineage)),
        Text([explanation]),
        Form(carried, block.buttons, errors=block.errors),
        *(removing() if deputy and lineage.deputy is not None else []),
        Links([other, leaving]),
    ]
    return Page(
        _("Deputy of the technical contact person") if deputy else _("Technical contact person"),
        blocks=blocks,
        status=HTTPStatus.UNPROCESSABLE_ENTITY if form.errors or error else HTTPStatus.OK,
        back=back_to_certificate(lineage.serial),
    )
