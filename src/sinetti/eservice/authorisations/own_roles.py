"""The reader's own authorisations, as *My details* shows them: in force and ended.

The module also has the list of ended ones for both sides, and their removal from it.
"""

from collections.abc import Callable, Sequence

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST

from sinetti.domain.access.ends import NEAR, EndSide
from sinetti.eservice.authorisations.access_tasks import ENDED, ENDING, PAGES, SHOW
from sinetti.eservice.authorisations.common import address, after, format_until, paged, start_of
from sinetti.eservice.authorisations.resign import GIVE_UP, GIVE_UP_TEXT, NONE_CHOSEN, PICK
from sinetti.eservice.core.authentication import current_actor, current_permissions, login_required
from sinetti.eservice.core.context import portal_context, request_id
from sinetti.eservice.ui.acts import check_of
from sinetti.eservice.ui.components import (
    Alert,
    Button,
    Cell,
    Component,
    Input,
    Link,
    Row,
    Section,
    Severity,
    Table,
    Text,
)
from sinetti.i18n.role_labels import ROLES
from sinetti.i18n.translate import _, capital, finnish_day, format_date, gettext_noop, ngettext, ngettext_noop
from sinetti.services.access.role_requests import SHOWN
from sinetti.services.self_service.access_ends import EndedRole, list_ended, note_ended
from sinetti.services.self_service.role_resignation import OwnRole, own

_NOTE, _SIDE, _PARTY = "note", "side", "organisation"
_NEXT = gettext_noop("Next step")
_TITLE = gettext_noop("Ended in the last year")
_HOW = gettext_noop("Ended authorisations stay here for a year, unless you remove them from the list.")
_MORE = gettext_noop("There are more. Give these again or remove them first.")
_DONE = ngettext_noop("{count} authorisation removed from the list.", "{count} authorisations removed from the list.")


def own_roles(request: HttpRequest) -> list[Component]:
    """Return the reader's authorisations in force, with acts, and the ended ones."""
    actor = current_actor(request)
    if actor is None:
        return []
    who, ctx, ending = current_permissions(request), portal_context(request).ctx, request.GET.get(SHOW) == ENDING
    found, pager = paged(request, own(actor, who, ctx, start_of(request), ending=ending))
    now = ctx.now()

    def row(own_role: OwnRole) -> Row:
        ends_soon = own_role.until is not None and own_role.until - now < NEAR
        again = address("ask", id=own_role.organisation.customer_id, role=own_role.role) if ends_soon else ""
        return [
            Cell(own_role.organisation.name, note=own_role.organisation.customer_id),
            capital(_(ROLES[own_role.role])),
            Cell(format_until(own_role.until), note=_("ends soon") if ends_soon else ""),
            Cell(_("Ask again") if again else "", link=again),
        ]

    first, rest = gettext_noop("Organisation"), (gettext_noop("Authorisation"), gettext_noop("Until"), _NEXT)
    title, columns = _("Your authorisations"), [_(text) for text in (first, *rest)]
    picks = [own_role.mandate_id for own_role in found]
    actions = [Button(_(GIVE_UP_TEXT), check_of(GIVE_UP), minor=True)]
    table = Table(title, columns, [row(own_role) for own_role in found], pick=PICK, picks=picks, actions=actions)
    only = [only_ending(address("profile"))] if ending else []
    blocks: list[Component] = [Section(title, [*only, table, *pager], ENDING)] if found else [*only, *pager]
    gone = list_ended(EndSide.OWN, actor.user_id, actor, who, ctx)
    return [*blocks, *ended_section(EndSide.OWN, gone, _asked_again)]


def only_ending(everything: str) -> Alert:
    """Return the note that the list is narrowed, with the link to the whole list."""
    link = Link(_("Show all authorisations"), everything)
    return Alert(_("Only authorisations that end within 60 days are shown."), Severity.PLAIN, [link])


def _asked_again(role: EndedRole) -> tuple[str, str]:
    return _("Ask again"), address("ask", id=role.organisation.customer_id, role=role.role)


def ended_section(
    side: EndSide, ended_roles: Sequence[EndedRole], way: Callable[[EndedRole], tuple[str, str]], party: str = ""
) -> list[Component]:
    """Return the list of ended authorisations of one party.

    `way` returns the text and the address of the next step. Ticked rows can be removed from the list.
    """
    if not ended_roles:
        return []
    shown = ended_roles[:SHOWN]
    rows = []
    for one in shown:
        text, there = way(one)
        who = one.organisation if side is EndSide.OWN else one.firm
        name = who.name if who else one.name or one.email
        rows.append(
            [
                Cell(name, note=who.customer_id if who else one.email),
                Cell(capital(_(ROLES[one.role]))),
                Cell(format_date(finnish_day(one.ended_at))),
                Cell(text, link=there),
            ]
        )
    names = (gettext_noop("Name"), gettext_noop("Authorisation"), gettext_noop("Ended"), _NEXT)
    title, columns = _(_TITLE), [_(name) for name in names]
    hidden = [Input(_SIDE, "", "hidden", side.value), Input(_PARTY, "", "hidden", party)]
    table = Table(
        title, columns, rows, pick=PICK, picks=[role.mandate_id for role in shown], hidden=hidden,
        actions=[Button(_("Remove from the list"), _NOTE, minor=True)], action=address("authorisations_ended"),
    )  # fmt: skip
    more = [Text([_(_MORE)])] if len(ended_roles) > SHOWN else []
    return [Section(title, [Text([_(_HOW)]), table, *more], ENDED)]


@require_POST
@login_required
def remove_ended(request: HttpRequest) -> HttpResponse:
    """Remove ticked ended authorisations from the list of one side, and return to it."""
    sides = {end_side.value: end_side for end_side in EndSide}
    side, actor = sides.get(request.POST.get(_SIDE, ""), EndSide.OWN), current_actor(request)
    ids = tuple(dict.fromkeys(request.POST.getlist(PICK)[:SHOWN]))
    if actor is not None and ids:
        count = note_ended(side, ids, portal_context(request).ctx, actor, request_id(request))
        messages.info(request, ngettext(*_DONE, count))
    else:
        messages.info(request, _(NONE_CHOSEN))
    party = request.POST.get(_PARTY, "")
    return after(PAGES[side], **({_PARTY: party} if party else {}))
