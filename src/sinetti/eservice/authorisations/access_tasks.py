"""Tasks of the start page about ends of authorisations, for both sides.

docs/e-service/authorisations.md, "Ends", has the rules.
"""

from collections.abc import Iterator, Mapping

from django.http import HttpRequest

from sinetti.domain.access.ends import EndSide
from sinetti.eservice.core.authentication import current_actor, current_permissions
from sinetti.eservice.core.context import portal_context
from sinetti.eservice.core.representation import represented
from sinetti.eservice.ui.components import Alert, Component, Severity, Task
from sinetti.eservice.ui.navigation import url_or_empty
from sinetti.i18n.translate import _, format_datetime, gettext_noop, ngettext, ngettext_noop
from sinetti.services.access.permissions import Actor
from sinetti.services.access.signatory_namings import list_own_waiting
from sinetti.services.self_service.access_ends import count_access_ends

ENDED, ENDING, SHOW = "ended", "ending", "show"
"""Values of the parameter `show`, which selects the rows of a list, and its name."""

_ENDED: Mapping[EndSide, tuple[str, str]] = {
    EndSide.OWN: ngettext_noop("{count} of your authorisations has ended", "{count} of your authorisations have ended"),
    EndSide.FIRM: ngettext_noop(
        "{count} client's authorisation has ended", "{count} clients' authorisations have ended"
    ),
    EndSide.GIVEN: ngettext_noop(
        "{count} authorisation that your organisation gave has ended",
        "{count} authorisations that your organisation gave have ended",
    ),
}
_ENDING: Mapping[EndSide, tuple[str, str]] = {
    EndSide.OWN: ngettext_noop(
        "{count} of your authorisations ends within 60 days", "{count} of your authorisations end within 60 days"
    ),
    EndSide.FIRM: ngettext_noop(
        "{count} client's authorisation ends within 60 days", "{count} clients' authorisations end within 60 days"
    ),
    EndSide.GIVEN: ngettext_noop(
        "{count} authorisation that your organisation gave ends within 60 days",
        "{count} authorisations that your organisation gave end within 60 days",
    ),
}
"""Sides in the order of their tasks: first what the reader loses."""
_HINTS: Mapping[EndSide, str] = {
    EndSide.OWN: gettext_noop("If you still need it, request it again."),
    EndSide.FIRM: gettext_noop("If you still look after the clients, ask them again."),
    EndSide.GIVEN: gettext_noop("If it is still needed, give it again."),
}
PAGES = {EndSide.OWN: "profile", EndSide.FIRM: "clients", EndSide.GIVEN: "authorisations"}
"""Page of each side's list."""


def access_tasks(request: HttpRequest, actor: Actor) -> list[Task]:
    """Return the reader's tasks about ended and ending authorisations.

    Ended ones come first. Those of organisations are narrowed to the represented one, as their pages are. It takes one
    statement. While the list has tasks, not all is well.
    """
    who, ctx = current_permissions(request), portal_context(request).ctx
    access_ends = count_access_ends(actor, who, ctx, represented(request))
    ended = _tasks(access_ends.ended, _ENDED, ENDED, Severity.ERROR)
    return [*ended, *_tasks(access_ends.ending, _ENDING, ENDING, Severity.WARNING)]


def own_waiting(request: HttpRequest) -> list[Component]:
    """Return a notice for each accepted role of the reader that does not count yet."""
    actor = current_actor(request)
    found = list_own_waiting(actor, portal_context(request).ctx) if actor is not None else ()
    return [
        Alert(
            _(
                "You can act for {organisation} ({customer_id}) from {begins} on. Until then, the organisation can "
                "stop your naming as its first representative.",
                organisation=waiting_role.organisation,
                customer_id=waiting_role.customer_id,
                begins=format_datetime(waiting_role.begins_at),
            )
        )
        for waiting_role in found
    ]


def _tasks(
    found: Mapping[EndSide, Mapping[str, int]], texts: Mapping[EndSide, tuple[str, str]], show: str, tone: Severity
) -> Iterator[Task]:
    for side, text in texts.items():
        if parties := found.get(side):
            words, address = ngettext(*text, sum(parties.values())), _address(side, parties, show)
            yield Task(words, address, tone, hint=_(_HINTS[side]))


def _address(side: EndSide, parties: Mapping[str, int], show: str) -> str:
    page = url_or_empty(PAGES[side])
    if side is EndSide.OWN or not page:
        return page and f"{page}?{SHOW}={show}#{show}"
    # With several organisations the page asks for one first.
    only = f"&organisation={next(iter(parties))}" if len(parties) == 1 else ""
    return f"{page}?{SHOW}={show}{only}#{show}"
