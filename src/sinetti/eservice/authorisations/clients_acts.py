"""Acts on ticked clients of a firm: ask again, give up, remove from the list.

Each has its check page, except the removal, which withdraws nothing (docs/e-service/check-pages.md).
"""

from collections.abc import Sequence
from dataclasses import replace

from django.contrib import messages
from django.http import HttpRequest, HttpResponse

from sinetti.domain.access.ends import EndSide
from sinetti.domain.access.invitations import ASKED_AT_ONCE, ASKED_BY_A_FIRM_A_DAY, NOTIFIED_A_DAY
from sinetti.eservice.authorisations.common import (
    add_error_text,
    address,
    after,
    back,
    end_of,
    tried,
    two_years,
    until_field,
)
from sinetti.eservice.authorisations.resign import GIVE_UP, PICK, give_up_page
from sinetti.eservice.core.authentication import current_actor, current_permissions
from sinetti.eservice.core.context import portal_context, request_id
from sinetti.eservice.ui.acts import Confirmation, is_step
from sinetti.eservice.ui.check_pages import check_page
from sinetti.eservice.ui.components import Button, Input, Option, Text
from sinetti.eservice.ui.forms import PortalForm
from sinetti.eservice.ui.page import Page, render_page
from sinetti.i18n.role_labels import ROLES
from sinetti.i18n.translate import _, finnish_day, format_date, gettext_noop, ngettext, ngettext_noop, number
from sinetti.services.access.permissions import Actor
from sinetti.services.self_service.access_ends import note_ended
from sinetti.services.self_service.clients import AgainRequest, AskAgain, Client, ask_again, to_ask_again

__all__ = ["GIVE_UP"]

AGAIN, ALL, NOTE = "again", "again-all", "note"
"""Values of buttons: ask ticked clients, show all that can be asked, remove rows."""
_ROWS = 50
_LIMITS = gettext_noop(
    "A firm can send at most {day} requests in 24 hours. You have {left} left. A client's representatives "
    "get at most {mails} such messages in 24 hours. They see further requests in the e-service."
)
_HOW = gettext_noop(
    "Each client's representatives get a message and approve or decline the request. Each client is asked "
    "for the authorisation that it gave before. Requests lapse after 60 days."
)
_MORE = gettext_noop("These are the first {count}. Ask the others after these.")
_NONE = gettext_noop(
    "These clients cannot be asked now. They have already been asked, or their authorisation is still in force."
)
_ASKED = ngettext_noop("Request sent to {count} client.", "Requests sent to {count} clients.")
_NOTED = ngettext_noop("{count} authorisation removed from the list.", "{count} authorisations removed from the list.")


class AgainForm(PortalForm):
    """Form with the end that a firm asks for."""

    until = until_field(required=True)


def act(request: HttpRequest, firm_id: str) -> HttpResponse | None:
    """Show the check page of an act, or do it; return None if no row is ticked."""
    actor, does = current_actor(request), request.POST.get("do", "")
    picked = tuple(dict.fromkeys(request.POST.getlist(PICK)[:ASKED_AT_ONCE]))
    if actor is None or not (picked or does == ALL):
        return None
    if does == NOTE:
        count = note_ended(EndSide.FIRM, picked[:_ROWS], portal_context(request).ctx, actor, request_id(request))
        messages.info(request, ngettext(*_NOTED, count))
        return after("clients", organisation=firm_id)
    if is_step(request, GIVE_UP):
        return give_up_page(request, actor, picked[:_ROWS], "clients", organisation=firm_id)
    return _again(request, firm_id, actor, () if does == ALL else picked)


def _again(request: HttpRequest, firm_id: str, actor: Actor, picked: Sequence[str]) -> HttpResponse:
    once = Confirmation(request, AGAIN, firm_id)
    form = AgainForm(request.POST if once.was_pressed else None, initial={"until": two_years(request)})
    ctx = portal_context(request).ctx
    if once.is_given and form.is_valid() and (until := end_of(form.cleaned_data["until"])) is not None:
        sent: list[int] = []
        wrong = tried(
            lambda: sent.append(ask_again(AgainRequest(firm_id, picked, until), ctx, actor, request_id(request)))
        )
        if wrong is None:
            messages.info(request, ngettext(*_ASKED, sent[0]))
            return after("clients_requests", organisation=firm_id)
        add_error_text(form, wrong)
    again = to_ask_again(firm_id, picked, current_permissions(request), ctx)
    if not again.clients:
        messages.info(request, _(_NONE))
        return after("clients", organisation=firm_id)
    return render_page(request, _again_page(firm_id, again, form, once))


def _again_page(firm_id: str, ask_again: AskAgain, form: AgainForm, once: Confirmation) -> Page:
    whom = Input(
        PICK,
        _("Clients to ask ({count})", count=number(len(ask_again.clients))),
        "checks",
        hint=_("Remove the tick from clients whose authorisation you no longer need."),
        options=[Option(client.mandate_id, _named(client), chosen=True) for client in ask_again.clients],
    )
    button = Button(_("Send the requests"), AGAIN)
    action = address("clients", organisation=firm_id)
    asked = form.as_component(button, action=action, name="ask-again")
    limits = _(
        _LIMITS, day=number(ASKED_BY_A_FIRM_A_DAY), left=number(ask_again.left_today), mails=number(NOTIFIED_A_DAY)
    )
    more = [_(_MORE, count=number(len(ask_again.clients)))] if ask_again.has_more else []
    return check_page(
        _("Ask these clients for authorisation again?"),
        replace(asked, inputs=[*asked.inputs, whom, *once.fields]),
        blocks=[Text([_(_HOW), limits, *more])],
        back=back("clients", gettext_noop("Clients"), organisation=firm_id),
    )


def _named(client: Client) -> str:
    day = format_date(finnish_day(client.until)) if client.until else ""
    ends = _("ended {day}", day=day) if client.is_ended else _("ends {day}", day=day)
    return f"{client.organisation.name}, {client.organisation.customer_id} – {_(ROLES[client.role])}, {ends}"
