"""Bulk order of replacements: select, check, order (docs/e-service/ordering.md)."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods

from sinetti.domain.access.roles import Permission
from sinetti.domain.orders.ordering_rules import LONGEST_AHEAD, MOST_AT_ONCE, ExclusionReason, is_idempotency_key
from sinetti.domain.values import Serial
from sinetti.eservice.accounts.base_views import proves_again
from sinetti.eservice.core.authentication import current_permissions, login_required, missing_permission
from sinetti.eservice.core.context import portal_context, request_id
from sinetti.eservice.core.representation import represented_permissions
from sinetti.eservice.orders.common import (
    back_to_list,
    display_name,
    exclusion_text,
    hidden,
    orders_left,
    signed_in_actor,
)
from sinetti.eservice.ui.acts import letters_of
from sinetti.eservice.ui.components import Alert, Button, Component, Form, Row, Section, Severity, Table, Text
from sinetti.eservice.ui.drafts import form_id, keeps_typed
from sinetti.eservice.ui.forms import PortalForm
from sinetti.eservice.ui.navigation import url_or_empty
from sinetti.eservice.ui.page import Page, render_page
from sinetti.i18n.translate import _, format_datetime, gettext_noop
from sinetti.services.self_service.bulk_replace import (
    BulkReplacePreview,
    ReplacementCandidate,
    preview_expiring,
    preview_selected,
    replace_many,
    within_limits,
)

ORDER, _FORM = "order", "replacing"
"""Value of the button that orders, and name of its form."""


class DaysForm(PortalForm):
    """Form that selects certificates by the days left."""

    numeric = frozenset({"days"})

    days = forms.IntegerField(
        label=gettext_noop("Replace certificates that expire within (days)"),
        help_text=gettext_noop("In all organisations for which you may order certificates"),
        min_value=1,
        max_value=LONGEST_AHEAD,
        initial=60,
        widget=forms.TextInput,
    )

    def __init__(self, data: Mapping[str, object] | None = None) -> None:
        super().__init__(data)
        error = _("Enter the number of days, from 1 to {most}.", most=LONGEST_AHEAD)
        self.fields["days"].error_messages |= dict.fromkeys(("required", "invalid", "min_value", "max_value"), error)


@require_http_methods(["GET", "HEAD", "POST"])
@keeps_typed(acts=("order",))
@proves_again("order")
@login_required
def order_replace(request: HttpRequest) -> HttpResponse:
    """Show the selection, then the preview, then place the orders."""
    permissions, ctx = represented_permissions(request, Permission.ORDER), portal_context(request).ctx
    if not permissions.organisations(Permission.ORDER):
        raise missing_permission(Permission.ORDER, permissions)
    serials = picked_serials(request)
    if serials:
        return replace_picked(request, serials)
    asked = DaysForm(request.POST if request.method == "POST" and "days" in request.POST else None)
    if asked.is_bound and asked.is_valid():
        preview = preview_expiring(asked.cleaned_data["days"], permissions, ctx)
        return render_page(request, _preview(request, _possible(request, preview)))
    return render_page(request, _asking(asked))


def picked_serials(request: HttpRequest) -> list[Serial]:
    """Return the serials of the ticked rows."""
    return [Serial(one.casefold()) for one in request.POST.getlist("pick")]


def replace_picked(request: HttpRequest, serials: Sequence[Serial]) -> HttpResponse:
    """Show the preview of these replacements, or order those that stayed ticked."""
    preview, form = _look(request, serials), request.POST.get("form", "")
    if request.POST.get("do") == ORDER and is_idempotency_key(form):
        mute = {one.serial for one, why in preview.left if why is ExclusionReason.NO_MESSAGES}
        serials, ctx = [serial for serial in serials if serial not in mute], portal_context(request).ctx
        done = replace_many(form, serials, ctx, signed_in_actor(request), request_id(request))
        messages.info(request, _("Replacements ordered: {count}.", count=done.ordered))
        if done.limited:
            over = _("Left out because the limit for 24 hours has been reached: {count}.", count=done.limited)
            messages.info(request, over)
        if done.left:
            messages.info(request, _("Left out because their details had changed: {count}.", count=done.left))
        return HttpResponseRedirect(url_or_empty("orders"), status=HTTPStatus.SEE_OTHER)
    return render_page(request, _preview(request, preview))


def _look(request: HttpRequest, serials: Sequence[Serial]) -> BulkReplacePreview:
    """Return a preview of the order for the selected certificates.

    It leaves out those for which this service cannot send messages.
    """
    return _possible(request, preview_selected(serials, current_permissions(request), portal_context(request).ctx))


def _possible(request: HttpRequest, preview: BulkReplacePreview) -> BulkReplacePreview:
    """Leave out certificates that messages or limits of 24 hours do not allow."""
    around = portal_context(request)
    sendable = preview if around.sms else preview.without_messages
    return within_limits(sendable, current_permissions(request), around.ctx, signed_in_actor(request))


def _asking(form: DaysForm) -> Page:
    how = _(
        "A replacement has the same type, description and contact persons as the certificate that it "
        "replaces. If your program can renew certificates, you do not need to order anything."
    )
    which = _("To replace only some of them, tick them in the list of certificates, or remove ticks on the next page.")
    status = HTTPStatus.UNPROCESSABLE_ENTITY if form.is_bound else HTTPStatus.OK
    blocks: list[Component] = [Text([how, which]), form.as_component(Button(_("Show the certificates"), "look"))]
    return Page(_("Order several replacements"), blocks=blocks, status=status, back=back_to_list())


def _preview(request: HttpRequest, preview: BulkReplacePreview) -> Page:
    blocks: list[Component] = []
    if preview.more:
        more = _(
            "There are more than {most} certificates. The first ones are shown here. Repeat this for the rest.",
            most=MOST_AT_ONCE,
        )
        blocks.append(Alert(more, Severity.WARNING))
    if preview.strange:
        strange = _("Certificates for which you cannot order a replacement: {count}.", count=preview.strange)
        blocks.append(Alert(strange, Severity.WARNING))
    count = len(preview.ordered)
    if count:
        how = _(
            "Each technical contact person gets a link by e-mail for each certificate, and a PIN code by "
            "text message. If a person has no phone number, give them the code shown on the order's page. "
            "Pressing the button again does not order anything twice."
        )
        without = _("Remove the tick from certificates that are not to be replaced.")
        button = Button(_("Order the ticked replacements and send the links"), ORDER)
        form = Form([hidden("form", form_id(request))], [button], url_or_empty("order_replace"), name=_FORM)
        blocks += [Text([how, without]), *orders_left(request, preview.ordered[0].organisation_id)]
        blocks += [_table(preview), *_letters(request, preview.ordered[0]), form]
    else:
        blocks.append(Alert(_("There is nothing to replace."), Severity.PLAIN))
    if preview.left:
        blocks.append(Section(_("Left out: {count}", count=len(preview.left)), [_left(preview)]))
    return Page(_("Check the replacements: {count}", count=count), blocks=blocks, wide=True, back=back_to_list())


def _letters(request: HttpRequest, candidate: ReplacementCandidate) -> list[Component]:
    """Return the letter about the first replacement; the others are alike."""
    actor, made = signed_in_actor(request), form_id(request)
    act_letters = letters_of(
        request, lambda ctx: replace_many(made, [candidate.serial], ctx, actor, request_id(request))
    )
    return [Section(_("Message about the first certificate"), act_letters.letters)] if act_letters.letters else []


def _table(preview: BulkReplacePreview) -> Table:
    names = (
        _("Certificate"),
        _("Organisation"),
        _("Certificate type"),
        _("Valid until"),
        _("Technical contact person"),
    )
    serials = [candidate.serial for candidate in preview.ordered]
    return Table(
        _("Certificates to replace"),
        names,
        [
            [*_cells(candidate), candidate.contact.name if candidate.contact is not None else ""]
            for candidate in preview.ordered
        ],
        pick="pick",
        picks=serials,
        form=_FORM,
        picked=serials,
    )


def _left(preview: BulkReplacePreview) -> Table:
    names = (_("Certificate"), _("Organisation"), _("Certificate type"), _("Valid until"), _("Reason"))
    return Table(
        _("Certificates left out"),
        names,
        [[*_cells(candidate), exclusion_text(why)] for candidate, why in preview.left],
    )


def _cells(candidate: ReplacementCandidate) -> Row:
    return [
        display_name(candidate),
        f"{candidate.organisation}, {candidate.customer_id}",
        candidate.channel.value,
        format_datetime(candidate.not_after),
    ]
