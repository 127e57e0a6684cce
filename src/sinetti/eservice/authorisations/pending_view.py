"""Page on which a signatory confirms or rejects an invitation by a clerk."""

from collections.abc import Callable, Mapping

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from sinetti.eservice.accounts.base_views import proves_again
from sinetti.eservice.authorisations.common import NO_END, after, back, tried
from sinetti.eservice.core.authentication import current_actor, current_permissions, login_required
from sinetti.eservice.core.context import portal_context, request_id
from sinetti.eservice.ui.components import Alert, Button, Component, DescriptionItem, DescriptionList, Form, Severity
from sinetti.eservice.ui.drafts import keeps_typed
from sinetti.eservice.ui.page import Page, render_page
from sinetti.i18n.pending_invitations import CONFIRMED, REFUSED, REJECTED, STATES
from sinetti.i18n.translate import LANGUAGES, _, format_datetime, gettext_noop
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
@keeps_typed(acts=("confirm", "reject"))
@proves_again("confirm")
@login_required
def pending_invitation(request: HttpRequest, pending_id: str) -> HttpResponse:
    """Show the invitation, or run the action of a button."""
    ctx, actor = portal_context(request).ctx, current_actor(request)
    pending = get_for_confirmation(pending_id, current_permissions(request), ctx)
    act = _ACTS.get(request.POST.get("do", "")) if request.method == "POST" else None
    if actor is not None and act is not None:
        does, done = act
        try:
            wrong = tried(lambda: does(pending_id, ctx, actor, request_id(request)))
        except PendingInvitationRefused as refused:
            wrong = REFUSED[refused.fault]
        messages.info(request, _(wrong or done))
        return after("authorisations", organisation=pending.organisation_id)
    blocks: list[Component] = [DescriptionList(pending_values(pending)), *_buttons(pending)]
    there = back("authorisations", gettext_noop("Authorisations"), organisation=pending.organisation_id)
    return render_page(request, Page(_("Invitation of a representative"), blocks=blocks, back=there))


def pending_values(pending: PendingView) -> list[DescriptionItem]:
    """Return the blocks that a signatory has to see before confirming."""
    decided = [] if pending.decided_at is None else [DescriptionItem(_("Decided"), format_datetime(pending.decided_at))]
    return [
        DescriptionItem(_("Organisation"), f"{pending.organisation}, {pending.customer_id}"),
        DescriptionItem(_("Invited person"), pending.name),
        DescriptionItem(_("E-mail address"), pending.email),
        DescriptionItem(_("Language"), _(LANGUAGES[pending.language])),
        DescriptionItem(_("Until"), _(NO_END)),
        DescriptionItem(_("Requested by"), _asker(pending)),
        DescriptionItem(_("Requested on"), format_datetime(pending.created)),
        DescriptionItem(_("Confirm by"), format_datetime(pending.expires)),
        DescriptionItem(_("State"), _(STATES[pending.state])),
        *decided,
    ]


def _asker(pending: PendingView) -> str:
    known = ", ".join(text for text in (pending.asker_name, pending.asker_email) if text)
    return _("a clerk of this service ({who})", who=known or "–")


def _buttons(pending: PendingView) -> list[Component]:
    if pending.state is not InvitationProposal.WAITING:
        return []
    known = gettext_noop(
        "Confirm only if you know the person and the address is theirs. A representative can do "
        "everything on the organisation's behalf."
    )
    buttons = [Button(_("Confirm the invitation"), "confirm"), Button(_("Reject the invitation"), "reject", minor=True)]
    return [Alert(_(known), Severity.WARNING), Form([], buttons)]
