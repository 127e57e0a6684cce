"""Handover of all certificates of a leaving contact person.

See docs/e-service/ordering.md.
"""

from collections.abc import Sequence
from http import HTTPStatus

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods

from sinetti.domain.access.roles import Permission
from sinetti.domain.daily_limits import LimitReached
from sinetti.domain.orders.ordering_rules import MOST_AT_ONCE
from sinetti.eservice.core.authentication import current_permissions, login_required, missing_permission
from sinetti.eservice.core.context import portal_context, request_id
from sinetti.eservice.orders.common import back_to_list, hidden, order_error_text, signed_in_actor
from sinetti.eservice.orders.person_forms import PersonForm, email_field, refuse_phone
from sinetti.eservice.ui.components import Alert, Button, Cell, Column, Component, Form, Section, Severity, Table, Text
from sinetti.eservice.ui.daily_limits import limit_words
from sinetti.eservice.ui.drafts import keeps_typed
from sinetti.eservice.ui.forms import PortalForm
from sinetti.eservice.ui.navigation import url_or_empty
from sinetti.eservice.ui.page import Page, render_page
from sinetti.i18n.translate import _, format_datetime, gettext_noop, ngettext, ngettext_noop
from sinetti.services.issuance.order import OrderError
from sinetti.services.self_service.contact_handover import (
    AssignedLineage,
    ContactSummary,
    contacts,
    get_for_confirmation,
    hand_over,
)

_NO_SUCH_CONTACT = gettext_noop(
    "This address does not belong to a contact person of your certificates. Check the address."
)
_SAME = gettext_noop("This is the current contact person's address. Enter the new person's address.")
_HAND_OVER = ngettext_noop("Hand over {count} certificate", "Hand over {count} certificates")


class LeavingForm(PortalForm):
    """Form for the contact person who leaves."""

    leaving = email_field(gettext_noop("E-mail of the current contact person"))


@require_http_methods(["GET", "HEAD", "POST"])
@keeps_typed(acts=("save",))
@login_required
def contact_handover(request: HttpRequest) -> HttpResponse:
    """Ask for the leaving person, show their certificates, and hand them over."""
    permissions = current_permissions(request)
    if not permissions.organisations(Permission.CONTACT):
        raise missing_permission(Permission.CONTACT, permissions)
    does = request.POST.get("do", "")
    who = LeavingForm(request.POST if does in {"look", "save"} else None)
    if not who.is_bound or not who.is_valid():
        return render_page(request, _asking(request, who))
    leaving = who.cleaned_data["leaving"].strip()
    if does == "save":
        return _save(request, leaving)
    found = get_for_confirmation(leaving, permissions, portal_context(request).ctx)
    if not found:
        who.refuse("leaving", _NO_SUCH_CONTACT)
        return render_page(request, _asking(request, who))
    return render_page(request, _preview(leaving, found, PersonForm()))


def _save(request: HttpRequest, leaving: str) -> HttpResponse:
    ctx = portal_context(request).ctx
    form = PersonForm(request.POST)
    if form.is_valid() and form.person().email.casefold() == leaving.casefold():
        form.refuse("person_email", _SAME)
    refuse_phone(form, "person_phone", sms=portal_context(request).sms)
    if not form.is_valid():
        return render_page(
            request, _preview(leaving, get_for_confirmation(leaving, current_permissions(request), ctx), form)
        )
    try:
        done = hand_over(leaving, form.person(), ctx, signed_in_actor(request), request_id(request))
    except LimitReached as reached:
        form.add_error("person_email", limit_words(reached))
        return render_page(
            request, _preview(leaving, get_for_confirmation(leaving, current_permissions(request), ctx), form)
        )
    except OrderError as refused:
        messages.info(request, order_error_text(refused.why))
        return HttpResponseRedirect(request.path, status=HTTPStatus.SEE_OTHER)
    message = _("Certificates handed over: {count}. Both people get a message about it.", count=done.count)
    messages.info(request, message if done.count else _("No changes were needed."))
    if done.offered:
        messages.info(request, _("New links to transfer IDs of open orders: {count}.", count=done.offered))
    if done.more:
        messages.info(request, _("This person has more certificates. Repeat this for the rest."))
    return HttpResponseRedirect(url_or_empty("certificates") or request.path, status=HTTPStatus.SEE_OTHER)


def _asking(request: HttpRequest, form: LeavingForm) -> Page:
    people = contacts(current_permissions(request), portal_context(request).ctx)
    explanation = _(
        "Hand over all certificates of a contact person to another person at once. This covers all "
        "organisations that you may act for."
    )
    blocks: list[Component] = [
        Text([explanation]),
        form.as_component(Button(_("Show the certificates"), "look")),
        _people(people),
    ]
    return Page(
        _("Hand over to a new contact person"),
        blocks=blocks,
        wide=True,
        status=HTTPStatus.UNPROCESSABLE_ENTITY if form.errors else HTTPStatus.OK,
        back=back_to_list(),
    )


def _people(people: Sequence[ContactSummary]) -> Table:
    columns = [Column(_("Name")), Column(_("E-mail")), Column(_("Certificates"), numeric=True)]
    rows = [[Cell(one.name), Cell(one.email), Cell(str(one.count))] for one in people]
    return Table(_("Current technical contact persons"), columns, rows, _("Your certificates have no contact persons."))


def _preview(leaving: str, found: Sequence[AssignedLineage], form: PersonForm) -> Page:
    displayed = found[:MOST_AT_ONCE]
    blocks: list[Component] = []
    if len(found) > MOST_AT_ONCE:
        more = _(
            "There are more than {most} certificates. The first ones are shown here. Repeat this for the rest.",
            most=MOST_AT_ONCE,
        )
        blocks.append(Alert(more, Severity.WARNING))
    block = form.as_component(Button(ngettext(*_HAND_OVER, len(displayed)), "save"))
    carried = [hidden("leaving", leaving), *block.inputs]
    explanation = _(
        "Both people get one message that lists the certificates. The new person also gets a link to the "
        "transfer IDs of open orders."
    )
    blocks += [
        Section(_("Person who takes over"), [Text([explanation]), Form(carried, block.buttons, errors=block.errors)]),
        Section(_("Certificates of {person}: {count}", person=leaving, count=len(displayed)), [_table(displayed)]),
    ]
    return Page(
        _("New contact person"),
        blocks=blocks,
        wide=True,
        status=HTTPStatus.UNPROCESSABLE_ENTITY if form.errors else HTTPStatus.OK,
        back=back_to_list(),
    )


def _table(found: Sequence[AssignedLineage]) -> Table:
    names = (_("Certificate"), _("Organisation"), _("Task"), _("Valid until"))
    rows = [
        [
            Cell(one.description or one.channel.value),
            Cell(f"{one.organisation}, {one.customer_id}"),
            Cell(_("Technical contact person") if one.contact else _("Deputy")),
            Cell(format_datetime(one.not_after) if one.not_after is not None else _("Not retrieved yet")),
        ]
        for one in found
    ]
    return Table(_("Certificates to hand over"), [Column(name) for name in names], rows)
