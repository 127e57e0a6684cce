"""Acts on ticked certificates: replace, hand over, let end.

Each shows a preview, where single rows can be taken out (docs/e-service/ordering.md).
"""

from collections.abc import Sequence
from http import HTTPStatus

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods

from sinetti.domain.access.roles import Permission
from sinetti.domain.values import Serial
from sinetti.eservice.accounts.base_views import proves_again
from sinetti.eservice.core.authentication import current_permissions, login_required, missing_permission
from sinetti.eservice.core.context import portal_context, request_id
from sinetti.eservice.orders.common import back_to_list, display_name, hidden, signed_in_actor
from sinetti.eservice.orders.contact_handover_view import SAVE, hand_over_found
from sinetti.eservice.orders.replace_view import ORDER, picked_serials, replace_picked
from sinetti.eservice.ui.components import Button, Form, Table, Text
from sinetti.eservice.ui.drafts import keeps_typed
from sinetti.eservice.ui.navigation import url_or_empty
from sinetti.eservice.ui.page import Page, render_page
from sinetti.i18n.translate import _, format_datetime
from sinetti.services.self_service.contact_handover import picked
from sinetti.services.self_service.renewal_opt_out import opt_out_many, preview_many

REPLACE, CONTACTS, LET_END = "replace", "contacts", "let-end"
"""Values of the buttons below the list; a preview carries them in `act`."""
STOP = "stop-reminders"
"""Value of the button that lets the ticked certificates end."""
_FORM = "ending"


@require_http_methods(["GET", "HEAD", "POST"])
@keeps_typed(acts=(ORDER, SAVE, STOP))
@proves_again(ORDER)
@login_required
def certificates_bulk(request: HttpRequest) -> HttpResponse:
    """Show the preview of an act on the ticked certificates, or do it."""
    permissions, does = current_permissions(request), request.POST.get("do", "")
    act = request.POST.get("act", does)
    right = Permission.ORDER if act == REPLACE else Permission.CONTACT
    if not permissions.organisations(right):
        raise missing_permission(right, permissions)
    serials = picked_serials(request)
    if act == REPLACE and serials:
        return replace_picked(request, serials)
    if act == CONTACTS and (lineages := picked(serials, permissions, portal_context(request).ctx)):
        return hand_over_found(request, lineages)
    if act == LET_END and serials:
        return _let_end(request, serials)
    closed = _("Choose certificates that are in force. The contact person of the others cannot be changed.")
    messages.warning(request, closed if serials else _("Choose at least one certificate."))
    return HttpResponseRedirect(url_or_empty("certificates"), status=HTTPStatus.SEE_OTHER)


def _let_end(request: HttpRequest, serials: Sequence[Serial]) -> HttpResponse:
    """Show the ticked certificates, or let those that stayed ticked end."""
    ctx = portal_context(request).ctx
    if request.POST.get("do") == STOP:
        done = opt_out_many(serials, ctx, signed_in_actor(request), request_id(request))
        messages.info(request, _("Certificates whose reminders are now off: {count}.", count=done))
        return HttpResponseRedirect(url_or_empty("certificates"), status=HTTPStatus.SEE_OTHER)
    candidates = preview_many(serials, current_permissions(request), ctx)
    names = (_("Certificate"), _("Organisation"), _("Certificate type"), _("Valid until"))
    picks = [candidate.serial for candidate in candidates]
    table = Table(
        _("Certificates to let expire: {count}", count=len(candidates)),
        names,
        [
            [
                display_name(candidate),
                f"{candidate.organisation}, {candidate.customer_id}",
                candidate.channel.value,
                format_datetime(candidate.not_after),
            ]
            for candidate in candidates
        ],
        _("Reminders about these certificates are already off, or they have been renewed or replaced."),
        pick="pick",
        picks=picks,
        form=_FORM,
        picked=picks,
    )
    how = _("If you let a certificate expire, we send no more reminders about it. It stays valid until it expires.")
    back = _(
        "You can turn the reminders on again on the certificate's page. Remove the tick from certificates for "
        "which you still want reminders."
    )
    button = Button(_("Let the ticked certificates expire"), STOP)
    form = [Form([hidden("act", LET_END)], [button], name=_FORM)] if candidates else []
    page = Page(_("Let certificates expire"), blocks=[Text([how, back]), table, *form], wide=True, back=back_to_list())
    return render_page(request, page)
