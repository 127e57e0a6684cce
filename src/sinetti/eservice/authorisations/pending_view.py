"""The page on which a signatory confirms or rejects an invitation.

A clerk asked for it.
"""

from collections.abc import Callable, Mapping

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from sinetti.domain.values import Language
from sinetti.eservice.authorisations.common import NO_END, after, back, tried
from sinetti.eservice.core.authentication import current_actor, current_permissions, login_required
from sinetti.eservice.core.context import language_of, portal_context, request_id
from sinetti.eservice.ui.components import Alert, Button, Component, DescriptionItem, DescriptionList, Form, Severity
from sinetti.eservice.ui.page import Page, flash, render_page
from sinetti.i18n.pending_invitations import CONFIRMED, REFUSED, REJECTED, STATES
from sinetti.i18n.translate import LANGUAGES, format_datetime, gettext_noop, translate
from sinetti.services.access.permissions import Actor
from sinetti.services.context import ServiceContext
from sinetti.services.self_service.pending_invitations import (
    InvitationProposal,
    PendingInvitationRefused,
    PendingView,
    confirm,
    get_for_confirmation,
    reject,
)

_ACTS: Mapping[str, tuple[Callable[[str, ServiceContext, Actor, str], None], str]] = {
    "confirm": (confirm, CONFIRMED),
    "reject": (reject, REJECTED),
}


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def page(request: HttpRequest, pending_id: str) -> HttpResponse:
    """Show it, or do what a button says."""
    ctx, language, actor = portal_context(request).ctx, language_of(request), current_actor(request)
    found = get_for_confirmation(pending_id, current_permissions(request), ctx)
    act = _ACTS.get(request.POST.get("do", "")) if request.method == "POST" else None
    if actor is not None and act is not None:
        does, done = act
        try:
            wrong = tried(lambda: does(pending_id, ctx, actor, request_id(request)))
        except PendingInvitationRefused as refused:
            wrong = REFUSED[refused.fault]
        flash(request, translate(wrong or done, language))
        return after("authorisations", organisation=found.organisation_id)
    blocks: list[Component] = [DescriptionList(pending_values(found, language)), *_buttons(found, language)]
    there = back(language, "authorisations", gettext_noop("Authorisations"), organisation=found.organisation_id)
    return render_page(
        request, Page(translate(gettext_noop("Invitation of a representative"), language), blocks=blocks, back=there)
    )


def pending_values(found: PendingView, language: Language) -> list[DescriptionItem]:
    """Return the blocks that a signatory has to see before confirming."""
    decided = (
        []
        if found.decided_at is None
        else [
            DescriptionItem(translate(gettext_noop("Decided"), language), format_datetime(found.decided_at, language))
        ]
    )
    return [
        DescriptionItem(
            translate(gettext_noop("Organisation"), language), f"{found.organisation}, {found.customer_id}"
        ),
        DescriptionItem(translate(gettext_noop("Who is invited"), language), found.name),
        DescriptionItem(translate(gettext_noop("E-mail address"), language), found.email),
        DescriptionItem(translate(gettext_noop("Language"), language), translate(LANGUAGES[found.language], language)),
        DescriptionItem(translate(gettext_noop("Until"), language), translate(NO_END, language)),
        DescriptionItem(translate(gettext_noop("Asked for by"), language), _asker(found, language)),
        DescriptionItem(translate(gettext_noop("Asked on"), language), format_datetime(found.created, language)),
        DescriptionItem(
            translate(gettext_noop("Has to be confirmed by"), language), format_datetime(found.expires, language)
        ),
        DescriptionItem(translate(gettext_noop("State"), language), translate(STATES[found.state], language)),
        *decided,
    ]


def _asker(found: PendingView, language: Language) -> str:
    known = ", ".join(one for one in (found.asker_name, found.asker_email) if one)
    return translate(gettext_noop("a clerk of this service ({who})"), language, who=known or "–")


def _buttons(found: PendingView, language: Language) -> list[Component]:
    if found.state is not InvitationProposal.WAITING:
        return []
    known = gettext_noop(
        "Confirm this only if you know the person, and if the address is theirs: a representative may do everything."
    )
    buttons = [
        Button(translate(gettext_noop("Confirm the invitation"), language), "confirm"),
        Button(translate(gettext_noop("Reject the invitation"), language), "reject", minor=True),
    ]
    return [Alert(translate(known, language), Severity.WARNING), Form([], buttons)]
