"""Progress of an order, a new link to unused transfer IDs, and its cancellation.

See docs/e-service/ordering.md.
"""

from http import HTTPStatus

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods

from sinetti.domain.certificates.lifecycle import OrderState
from sinetti.domain.daily_limits import LimitReached
from sinetti.eservice.accounts.base_views import proves_again
from sinetti.eservice.core.authentication import current_permissions, login_required
from sinetti.eservice.core.context import portal_context, request_id
from sinetti.eservice.orders.common import back_to_orders, hidden, order_error_text, person, serves, signed_in_actor
from sinetti.eservice.ui.acts import Confirmation, check_of, is_step, letters_of
from sinetti.eservice.ui.check_pages import check_page
from sinetti.eservice.ui.components import (
    Alert,
    Button,
    Component,
    DescriptionItem,
    DescriptionList,
    Form,
    Link,
    Section,
    Severity,
    Text,
)
from sinetti.eservice.ui.daily_limits import limit_words
from sinetti.eservice.ui.drafts import keeps_typed
from sinetti.eservice.ui.navigation import url_or_empty
from sinetti.eservice.ui.page import Page, render_page
from sinetti.i18n.translate import _, finnish_day, format_date, format_datetime
from sinetti.services.issuance.order import OrderError
from sinetti.services.self_service.transfer_ids import (
    LinkInfo,
    OrderView,
    cancel_order,
    get_for_confirmation,
    offer_anew,
)

SEND, CANCEL = "send", "cancel"
"""Values of the buttons of the two check pages."""


@require_http_methods(["GET", "HEAD", "POST"])
@keeps_typed(acts=(SEND, CANCEL))
@proves_again(SEND)
@login_required
def order_detail(request: HttpRequest, order_id: str) -> HttpResponse:
    """Show an order; send a new link or cancel it, each after its check page."""
    view = get_for_confirmation(order_id, current_permissions(request), portal_context(request).ctx)
    try:
        if is_step(request, SEND):
            return _send(request, view)
        if is_step(request, CANCEL):
            return _cancel(request, view)
    except (OrderError, LimitReached) as refused:
        why = limit_words(refused) if isinstance(refused, LimitReached) else order_error_text(refused.why)
        return render_page(request, _page(view, why))
    return render_page(request, _page(view))


def _send(request: HttpRequest, view: OrderView) -> HttpResponse:
    order_id, made, actor = view.order.order_id, request.POST.get("made", ""), signed_in_actor(request)
    once = Confirmation(request, SEND, order_id, made)
    if once.is_given:
        # The field `made` names the link that the page showed: a form sent twice sends one link.
        done = offer_anew(order_id, made, portal_context(request).ctx, actor, request_id(request))
        sent = _("A new link is on its way. The previous link no longer works.")
        messages.info(request, sent if done else _("A new link has already been sent."))
        return HttpResponseRedirect(url_or_empty("order", order_id), status=HTTPStatus.SEE_OTHER)
    act_letters = letters_of(request, lambda ctx: offer_anew(order_id, made, ctx, actor, request_id(request)))
    effects = [_("The previous link and its transfer IDs stop working. You do not need a new order.")] if made else []
    button = Button(_("Send a new link") if made else _("Send a link"), SEND)
    page = check_page(
        _("Check the new link") if made else _("Check the link"),
        Form([hidden("made", made), *once.fields], [button]),
        summary=[*_values(view)[:3], act_letters.informed],
        effects=effects,
        letters=act_letters.letters,
        back=_back_to_order(order_id),
    )
    return render_page(request, page)


def _cancel(request: HttpRequest, view: OrderView) -> HttpResponse:
    order, actor = view.order, signed_in_actor(request)
    act_letters = letters_of(request, lambda ctx: cancel_order(order.order_id, ctx, actor, request_id(request)))
    once = Confirmation(request, CANCEL, order.order_id, order.state, *act_letters.to)
    if once.is_given or order.state is not OrderState.OPEN:
        done = cancel_order(order.order_id, portal_context(request).ctx, actor, request_id(request))
        messages.info(request, _("Order cancelled.") if done else _("No changes were needed."))
        return HttpResponseRedirect(url_or_empty("order", order.order_id), status=HTTPStatus.SEE_OTHER)
    effects = [
        _("A cancelled order cannot be opened again. If a certificate is needed later, place a new order."),
        _("The link and the transfer IDs of this order stop working."),
        *([_("The certificate that it was to replace stays as it is.")] if order.replaces is not None else []),
    ]
    page = check_page(
        _("Cancel this order?"),
        Form(once.fields, [Button(_("Cancel the order permanently"), CANCEL, danger=True)]),
        summary=[*_values(view), act_letters.informed],
        effects=effects,
        letters=act_letters.letters,
        back=_back_to_order(order.order_id),
    )
    return render_page(request, page)


def _back_to_order(order_id: str) -> Link:
    return Link(_("Back to the order"), url_or_empty("order", order_id))


def _page(view: OrderView, error: str = "") -> Page:
    order = view.order
    blocks: list[Component] = [] if not error else [Alert(error, Severity.ERROR)]
    blocks.append(_state_alert(view))
    if view.code is not None:
        blocks.append(_code(view.code))
    if order.state is OrderState.OPEN and view.may_order:
        blocks.append(Section(_("Transfer IDs"), _ids(view)))
    blocks.append(Section(_("Order details"), [DescriptionList(_values(view))]))
    if order.state is OrderState.OPEN:
        blocks += _end(view)
    status = HTTPStatus.CONFLICT if error else HTTPStatus.OK
    return Page(_("Certificate order"), blocks=blocks, back=back_to_orders(), status=status)


def _end(view: OrderView) -> list[Component]:
    """Return the day on which the order lapses, and the button that cancels it."""
    sentences = []
    if view.lapses_at is not None:
        day = format_date(finnish_day(view.lapses_at))
        sentences.append(_("The order lapses by itself on {day}, unless you send a new link.", day=day))
    if not view.may_order:
        return [Text(sentences)] if sentences else []
    sentences.append(_("If the certificate is not needed, cancel the order."))
    form = Form([], [Button(_("Cancel the order"), check_of(CANCEL), minor=True)], name="cancelling")
    return [Section(_("The order is no longer needed"), [Text(sentences), form])]


def _state_alert(view: OrderView) -> Alert:
    """Return the state of the order and the next step."""
    order, link = view.order, view.order.link
    if order.state is OrderState.FULFILLED:
        return Alert(_("The certificate has been retrieved with the transfer IDs."), Severity.GOOD)
    if order.state is OrderState.CANCELLED:
        return Alert(_("This order was cancelled or has lapsed. If a certificate is needed, place a new order."))
    if not order.organisation_open:
        return Alert(_("This order can no longer be used to retrieve a certificate."), Severity.WARNING)
    if link is None:
        return Alert(_("No link to the transfer IDs has been sent."), Severity.WARNING)
    if view.lapsed:
        return Alert(_("The link to the transfer IDs no longer works."), Severity.WARNING)
    if link.given_up:
        return Alert(
            _("The e-mail with the link could not be delivered. Check the contact person's address."), Severity.ERROR
        )
    return Alert(_progress(link))


def _progress(link: LinkInfo) -> str:
    """Return how far the contact person has come with a valid link."""
    if link.shown_at is not None:
        return _("The contact person has seen the transfer IDs but has not used them yet.")
    if link.opened is not None:
        return _("The contact person has opened the message but has not seen the transfer IDs yet.")
    if link.sent is not None:
        return _("The link has been sent. The contact person has not opened the message yet.")
    return _(
        "The link to the transfer IDs is on its way to the contact person. It usually arrives within a few minutes, "
        "and you do not need to wait here. Reload the page to see when the link was sent."
    )


def _code(code: str) -> Section:
    half = len(code) // 2
    how = _(
        "The contact person has no phone number, so no PIN code can be sent. Give them this code by phone "
        "or in person, never by e-mail. They need it when they open the link."
    )
    code_list = DescriptionList([DescriptionItem(_("Code"), f"{code[:half]} {code[half:]}", secret=True)])
    return Section(_("Code for the contact person"), [Text([how]), code_list])


def _values(view: OrderView) -> list[DescriptionItem]:
    order = view.order
    values = [
        DescriptionItem(_("Organisation"), f"{order.organisation}, {order.customer_id}"),
        DescriptionItem(_("Certificate type"), order.channel.value),
        DescriptionItem(_("Description"), order.description or _("No description")),
        DescriptionItem(_("Reports sent with the certificate"), serves(order.serves)),
        DescriptionItem(_("Technical contact person"), person(order.contact)),
        DescriptionItem(_("Deputy"), person(order.deputy)),
        DescriptionItem(_("Ordered"), format_datetime(order.created)),
    ]
    if order.replaces is not None:
        values.append(DescriptionItem(_("Replaces"), order.replaces, link=url_or_empty("certificate", order.replaces)))
    if order.certificate is not None:
        values.append(
            DescriptionItem(_("Certificate"), order.certificate, link=url_or_empty("certificate", order.certificate))
        )
    return values


def _ids(view: OrderView) -> list[Component]:
    link = view.order.link
    blocks: list[Component] = [DescriptionList(_link_values(link))] if link is not None else []
    if not view.may_order or not view.order.organisation_open:
        return blocks
    if link is None:
        how, button, made = _("The link goes to the contact person by e-mail."), _("Send a link"), ""
    else:
        how = _(
            "The new link goes to the current contact person. The previous link and its transfer IDs stop working. "
            "You do not need a new order."
        )
        button, made = _("Send a new link"), link.secure_id
    check = Button(button, check_of(SEND), minor=not view.lapsed)
    return [*blocks, Text([how]), Form([hidden("made", made)], [check])]


def _link_values(link: LinkInfo) -> list[DescriptionItem]:
    not_yet = _("Not yet")
    progress = (
        (_("Link sent"), link.sent),
        (_("Message opened"), link.opened),
        (_("Transfer IDs shown"), link.shown_at),
    )
    values = [DescriptionItem(name, format_datetime(at) if at is not None else not_yet) for name, at in progress]
    return [*values, DescriptionItem(_("The link is valid until"), format_datetime(link.expires))]
