"""The page on which a signatory confirms or rejects an invitation.

A clerk asked for it.
"""

from collections.abc import Callable, Mapping

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from sinetti.domain.values import Language
from sinetti.eservice.authorisations.common import NO_END, after, back, tried
from sinetti.eservice.core.authentication import actor_of, signed_in, standing_of
from sinetti.eservice.core.context import language_of, request_id, surroundings
from sinetti.eservice.ui.components import Block, Button, Form, Notice, Tone, Value, Values
from sinetti.eservice.ui.flash import say
from sinetti.eservice.ui.page import Page, show
from sinetti.i18n.languages import LANGUAGES
from sinetti.i18n.pending_invitations import CONFIRMED, REFUSED, REJECTED, STATES
from sinetti.i18n.translate import mark, text, when
from sinetti.services.access.permissions import Actor
from sinetti.services.context import Office
from sinetti.services.self_service.pending_invitations import (
    Pending,
    PendingRefused,
    PendingView,
    confirm,
    look,
    reject,
)

_ACTS: Mapping[str, tuple[Callable[[str, Office, Actor, str], None], str]] = {
    "confirm": (confirm, CONFIRMED),
    "reject": (reject, REJECTED),
}


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def page(request: HttpRequest, pending_id: str) -> HttpResponse:
    """Show it, or do what a button says."""
    office, language, actor = surroundings(request).office, language_of(request), actor_of(request)
    found = look(pending_id, standing_of(request), office)
    act = _ACTS.get(request.POST.get("do", "")) if request.method == "POST" else None
    if actor is not None and act is not None:
        does, done = act
        try:
            wrong = tried(lambda: does(pending_id, office, actor, request_id(request)))
        except PendingRefused as refused:
            wrong = REFUSED[refused.fault]
        say(request, text(wrong or done, language))
        return after("authorisations", organisation=found.organisation_id)
    blocks: list[Block] = [Values(pending_values(found, language)), *_buttons(found, language)]
    there = back(language, "authorisations", mark("Authorisations"), organisation=found.organisation_id)
    return show(request, Page(text(mark("Invitation of a representative"), language), blocks=blocks, back=there))


def pending_values(found: PendingView, language: Language) -> list[Value]:
    """Return the blocks that a signatory has to see before confirming."""
    decided = (
        [] if found.decided_at is None else [Value(text(mark("Decided"), language), when(found.decided_at, language))]
    )
    return [
        Value(text(mark("Organisation"), language), f"{found.organisation}, {found.customer_id}"),
        Value(text(mark("Who is invited"), language), found.name),
        Value(text(mark("E-mail address"), language), found.email),
        Value(text(mark("Language"), language), text(LANGUAGES[found.language], language)),
        Value(text(mark("Until"), language), text(NO_END, language)),
        Value(text(mark("Asked for by"), language), _asker(found, language)),
        Value(text(mark("Asked on"), language), when(found.created, language)),
        Value(text(mark("Has to be confirmed by"), language), when(found.expires, language)),
        Value(text(mark("State"), language), text(STATES[found.state], language)),
        *decided,
    ]


def _asker(found: PendingView, language: Language) -> str:
    known = ", ".join(one for one in (found.asker_name, found.asker_email) if one)
    return text(mark("a clerk of this service ({who})"), language, who=known or "–")


def _buttons(found: PendingView, language: Language) -> list[Block]:
    if found.state is not Pending.WAITING:
        return []
    known = mark(
        "Confirm this only if you know the person, and if the address is theirs: a representative may do everything."
    )
    buttons = [
        Button(text(mark("Confirm the invitation"), language), "confirm"),
        Button(text(mark("Reject the invitation"), language), "reject", minor=True),
    ]
    return [Notice(text(known, language), Tone.WARNING), Form([], buttons)]
