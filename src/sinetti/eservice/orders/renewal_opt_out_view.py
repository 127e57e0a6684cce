"""Opt-out of renewal reminders for one certificate, and its withdrawal."""

from datetime import datetime
from http import HTTPStatus

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods

from sinetti.domain.values import Serial
from sinetti.eservice.core.authentication import current_permissions, login_required
from sinetti.eservice.core.context import portal_context, request_id
from sinetti.eservice.orders.common import (
    back_to_certificate,
    certificate_values,
    person_error_text,
    serves,
    signed_in_actor,
)
from sinetti.eservice.ui.components import (
    Alert,
    Button,
    Component,
    DescriptionItem,
    DescriptionList,
    Form,
    Severity,
    Text,
)
from sinetti.eservice.ui.drafts import keeps_typed
from sinetti.eservice.ui.navigation import url_or_empty
from sinetti.eservice.ui.page import Page, render_page
from sinetti.i18n.translate import _, format_datetime, gettext_noop
from sinetti.services.organisations.people import PeopleError
from sinetti.services.self_service.renewal_opt_out import (
    LineageView,
    get_for_confirmation,
    opt_in_to_renewal,
    opt_out_of_renewal,
)

_EFFECTS = (
    gettext_noop(
        "If you let the certificate expire, we send no more reminders about it. It stays valid until it expires."
    ),
    gettext_noop(
        "You can turn the reminders on again at any time before it expires. If you renew the "
        "certificate after all, we send reminders about the new one."
    ),
)
_EFFECTS_ENDED = (
    gettext_noop("This certificate is no longer valid. If no program needs a new one, confirm it here."),
    gettext_noop(
        "The certificate then leaves your tasks and the list. You still find it with the state “All, including ended”."
    ),
)


@require_http_methods(["GET", "HEAD", "POST"])
@keeps_typed(acts=("let-end", "go-on"))
@login_required
def certificate_renewal_opt_out(request: HttpRequest, serial: str) -> HttpResponse:
    """Show the effects; record the opt-out, or withdraw it."""
    ctx = portal_context(request).ctx
    lineage = get_for_confirmation(Serial(serial.casefold()), current_permissions(request), ctx)
    does = request.POST.get("do", "")
    if does not in {"let-end", "go-on"}:
        return render_page(request, _page(lineage, ctx.now()))
    act = opt_out_of_renewal if does == "let-end" else opt_in_to_renewal
    try:
        done = act(lineage.serial, ctx, signed_in_actor(request), request_id(request))
    except PeopleError as refused:
        return render_page(request, _page(lineage, ctx.now(), person_error_text(refused.why)))
    message = _("Reminders about this certificate are now off.")
    if _has_ended(lineage, ctx.now()):
        message = _("This certificate is no longer among your tasks.")
    if does == "go-on":
        message = _("Reminders about this certificate are on again.")
    messages.info(request, message if done else _("No changes were needed."))
    return HttpResponseRedirect(
        url_or_empty("certificate", lineage.serial) or request.path, status=HTTPStatus.SEE_OTHER
    )


def _has_ended(lineage: LineageView, now: datetime) -> bool:
    return lineage.revoked_at is not None or now > lineage.span.not_after


def _page(lineage: LineageView, now: datetime, error: str = "") -> Page:
    named = (lineage.organisation, lineage.customer_id)
    values = certificate_values(lineage, named, lineage.channel.value, lineage.span.not_after)
    values.append(DescriptionItem(_("Reports sent with the certificate"), serves(lineage.serves)))
    blocks: list[Component] = [Alert(error, Severity.ERROR)] if error else []
    ended = _has_ended(lineage, now)
    if lineage.renewal_opt_out_at is not None and lineage.renewal_opt_out_at >= lineage.span.not_before:
        noted = _("Reminders have been off since {since}.", since=format_datetime(lineage.renewal_opt_out_at))
        button = Button(_("Turn reminders on again"), "go-on")
        blocks += [Alert(noted), DescriptionList(values), Form([], [button])]
    else:
        sentences = [_(text) for text in (_EFFECTS_ENDED if ended else _EFFECTS)]
        button = Button(_("Confirm that it is not needed") if ended else _("Let it expire"), "let-end")
        blocks += [Text(sentences), DescriptionList(values), Form([], [button])]
    status = HTTPStatus.CONFLICT if error else HTTPStatus.OK
    back = back_to_certificate(lineage.serial)
    title = _("The certificate is no longer needed") if ended else _("Let the certificate expire")
    return Page(title, blocks=blocks, status=status, back=back)
