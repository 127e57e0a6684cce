"""Page of a secure message in each of its states."""

from collections.abc import Sequence
from dataclasses import replace
from http import HTTPStatus

from sinetti.domain.orders.secure_messages import LinkState, PinState, SmsDelivery
from sinetti.eservice.ui.components import (
    Alert,
    Button,
    Component,
    DescriptionItem,
    DescriptionList,
    Form,
    Input,
    Section,
    Severity,
    Text,
)
from sinetti.eservice.ui.navigation import url_or_empty
from sinetti.eservice.ui.page import Page
from sinetti.i18n.translate import _, format_datetime, gettext_noop
from sinetti.services.issuance.secure_message import LinkView, RevealedIds

OPEN, PIN, CODE = "open", "pin", "code"
"""Values of the buttons of the page."""

NO_PIN = gettext_noop("Enter the six digits of the PIN code. This did not count as a try.")
NO_CODE = gettext_noop("Enter the ten letters and digits of the code. This did not count as a try.")
_WRONG_PIN = gettext_noop("That PIN code is wrong. Tries left: {count}.")
_WRONG_CODE = gettext_noop("That code is wrong. Tries left: {count}.")
_LOCKED = gettext_noop("The PIN code was entered wrong five times and works no more.")
_OVER = gettext_noop("The PIN code works no more: it was used, a newer one was sent, or its 15 minutes have passed.")

_WAITS = gettext_noop("Transfer IDs wait for you here. Your program needs them to retrieve a certificate.")
_MADE_ANEW = gettext_noop("Each time the message is opened new transfer IDs are made, and earlier ones stop working.")
_HOW = gettext_noop(
    "Press the button, and you get a PIN code as a text message to the number that ends in {digits}. Enter it on the "
    "page that follows."
)
_OTHER_NUMBER = gettext_noop(
    "Is that not your number? Ask the organisation's representative to have it corrected. You then get a new message, "
    "and no new order is needed."
)
_SENT = gettext_noop("A PIN code was sent to the number that ends in {digits}.")
_NOT_YET = gettext_noop(
    "The text message with the PIN code has not left yet. We keep trying: wait a few minutes, or have a new "
    "PIN code sent."
)
_FAILED = gettext_noop("The text message with the PIN code could not be delivered to the number that ends in {digits}.")
_NONE_TODAY = gettext_noop(
    "Three PIN codes were sent for this message today, and no more are sent before midnight (Finnish time)."
)
_BY_CODE = gettext_noop(
    "We have no phone number of yours. Enter the code that you get from the organisation's representative, and the "
    "transfer IDs are shown."
)

_CLOSED = (
    gettext_noop(
        "Perhaps it is not whole, a newer message has taken its place, or it is older than 14 days. Nothing is lost by "
        "that."
    ),
    gettext_noop("Look for a newer message from us, or ask the organisation's representative to have one sent."),
)
_LOCKED_LINK = (
    gettext_noop("The code was entered wrong five times, so the link has ended."),
    gettext_noop("Ask the organisation's representative to have a new message sent, with a new code."),
)
_SPENT = (
    gettext_noop("The transfer IDs of an order can be used once, and they have been: there is nothing more to show."),
    gettext_noop(
        "If they were used neither by you nor by somebody whom you gave them to, tell the organisation's "
        "representative at once: the certificate has to be revoked."
    ),
)
_NOW_ENTER = gettext_noop("Enter both in the program that retrieves the certificate. Do not send them on by e-mail.")
_LEAVING = gettext_noop(
    "They are shown this once. If you leave this page too early, open the message again: you get new ones, and these "
    "stop working."
)


_BY_HAND = gettext_noop(
    "You can also retrieve the certificate in the browser: you need a certificate signing request, and the next page "
    "says how it is made."
)


def page(seen: LinkView, error: str, status: int) -> Page:
    """Return the page without transfer IDs.

    `error` is a message id, or empty.
    """
    error_text = _(error, count=seen.tries_left) if error else ""
    match seen.leads:
        case LinkState.CLOSED:
            reasons = _LOCKED_LINK if seen.standing is PinState.LOCKED else _CLOSED
            return Page(_("This link does not work"), [_texts(reasons)], status=HTTPStatus.NOT_FOUND)
        case LinkState.SPENT:
            title = _("The transfer IDs were used")
            return Page(title, [_texts(_SPENT)], status=HTTPStatus.GONE)
        case LinkState.CODE:
            made = _code_page(error_text)
        case LinkState.PIN:
            made = _pin_page(seen, error_text)
    return replace(made, status=HTTPStatus.UNPROCESSABLE_ENTITY if error_text else status)


def why_not(seen: LinkView) -> str:
    """Return the message id for a rejected entry; empty if the page explains it."""
    if seen.leads is LinkState.CODE:
        return _WRONG_CODE
    if seen.leads is not LinkState.PIN:
        return ""
    return {PinState.WAITING: _WRONG_PIN, PinState.LOCKED: _LOCKED}.get(seen.standing, _OVER)


def revealed_ids_page(done: RevealedIds) -> Page:
    """Return the page with the transfer IDs and their purpose."""
    values = [
        DescriptionItem(_("Transfer ID"), done.ids.transfer_id, secret=True),
        DescriptionItem(_("One-time password"), done.ids.transfer_password, secret=True),
        DescriptionItem(_("Valid until"), format_datetime(done.ids.expires)),
        DescriptionItem(_("Organisation"), f"{done.customer_name}, {done.customer_id}"),
        DescriptionItem(_("Certificate type"), done.channel.value),
    ]
    if done.description:
        values.append(DescriptionItem(_("Certificate"), done.description))
    return Page(
        _("Your transfer IDs"),
        [
            Alert(_("The transfer IDs were made for you just now."), Severity.GOOD),
            DescriptionList(values),
            _texts((_NOW_ENTER, _LEAVING)),
            _in_the_browser(done),
        ],
        final=True,
    )


def _in_the_browser(done: RevealedIds) -> Section:
    """Return a form that leads to retrieval in the browser.

    It opens in a new tab, because the secure message is shown only once. The address contains no data.
    """
    values = {
        "organisation": done.customer_id,
        "transfer_id": done.ids.transfer_id,
        "password": done.ids.transfer_password,
    }
    inputs = [Input(name, "", "hidden", value) for name, value in values.items()]
    button = Button(_("Retrieve in the browser (opens in a new tab)"), "open", minor=True)
    form = Form(inputs, [button], action=url_or_empty("fetch"), new_tab=True)
    title = _("No program that retrieves it?")
    return Section(title, [Text([_(_BY_HAND)]), form])


def _code_page(error: str) -> Page:
    hint = _("Ten letters and digits")
    field = Input("code", _("Code"), hint=hint, error=error, required=True, longest=20, focus=True, code=True)
    return Page(
        _("Secure message"), [_texts((_WAITS, _BY_CODE, _MADE_ANEW)), _entry(field, Button(_("Open message"), CODE))]
    )


def _pin_page(seen: LinkView, error: str) -> Page:
    if seen.standing is PinState.WAITING:
        return _enter_page(seen, error)
    title = _("Secure message")
    if not seen.pins_left:
        return Page(title, [_texts((_WAITS, _NONE_TODAY, _OTHER_NUMBER))], error)
    how = _(_HOW, digits=seen.phone_end)
    what = Text([_(_WAITS), how, _(_MADE_ANEW)])
    button = _sends(seen, Button(_("Open message"), OPEN))
    return Page(title, [what, button, _texts((_OTHER_NUMBER,))], error)


def _enter_page(seen: LinkView, error: str) -> Page:
    """Return the page that asks for the PIN code."""
    field = Input(
        "pin",
        _("PIN code"),
        hint=_("Six digits; the code works for 15 minutes"),
        error=error,
        required=True,
        longest=12,
        autocomplete="one-time-code",
        numeric=True,
        focus=True,
        code=True,
    )
    is_delivery_shown = not error or seen.delivery is not SmsDelivery.SENT
    blocks: list[Component] = [_delivered(seen)] if is_delivery_shown else []
    blocks.append(_entry(field, Button(_("Show transfer IDs"), PIN)))
    if seen.pins_left:
        blocks.append(_sends(seen, Button(_("Send a new PIN code"), OPEN, minor=True)))
    else:
        blocks.append(_texts((_NONE_TODAY,)))
    return Page(_("Enter the PIN code"), [*blocks, _texts((_OTHER_NUMBER,))])


def _delivered(seen: LinkView) -> Component:
    match seen.delivery:
        case SmsDelivery.SENT:
            return Alert(_(_SENT, digits=seen.phone_end), Severity.GOOD)
        case SmsDelivery.WAITING:
            return Text([_(_NOT_YET)])
        case SmsDelivery.FAILED:
            return Alert(_(_FAILED, digits=seen.phone_end), Severity.WARNING)


def _entry(field: Input, button: Button) -> Form:
    """Return a form with one field; its error also appears above the form."""
    return Form([field], [button], errors=[(field.name, field.error)] if field.error else ())


def _sends(seen: LinkView, button: Button) -> Form:
    """Return a button that sends a PIN code and carries the number sent before."""
    return Form([Input("after", "", "hidden", str(seen.made))], [button])


def _texts(message_ids: Sequence[str]) -> Text:
    return Text([_(one) for one in message_ids])
