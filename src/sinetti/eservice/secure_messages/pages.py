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

NO_PIN = gettext_noop("Enter the six digits of the PIN code. This did not count as an attempt.")
NO_CODE = gettext_noop("Enter the ten letters and digits of the code. This did not count as an attempt.")
_WRONG_PIN = gettext_noop("Wrong PIN code. Attempts left: {count}.")
_WRONG_CODE = gettext_noop("Wrong code. Attempts left: {count}.")
_LOCKED = gettext_noop("The PIN code was entered incorrectly five times and no longer works.")
_OVER = gettext_noop("This PIN code no longer works. A PIN code works once, for 15 minutes, until a newer one is sent.")

_WAITS = gettext_noop("This message contains the transfer IDs that your program needs to retrieve a certificate.")
_MADE_ANEW = gettext_noop(
    "Each time you open the message, you get new transfer IDs and the previous ones stop working."
)
_HOW = gettext_noop(
    "Press the button to get a PIN code by text message to the number ending in {digits}. Enter the code "
    "on the next page."
)
_OTHER_NUMBER = gettext_noop(
    "If the number is not yours, ask the organisation's representative to correct it. You then get a new "
    "message. No new order is needed."
)
_SENT = gettext_noop("We sent a PIN code to the number ending in {digits}.")
_NOT_YET = gettext_noop(
    "The text message with the PIN code has not been sent yet. We keep trying. Wait a few minutes or send "
    "a new PIN code."
)
_FAILED = gettext_noop("The text message with the PIN code could not be delivered to the number ending in {digits}.")
_NONE_TODAY = gettext_noop(
    "We have sent three PIN codes for this message today. You can get a new one after midnight (Finnish time)."
)
_BY_CODE = gettext_noop(
    "We do not have your phone number. To see the transfer IDs, enter the code that the organisation's "
    "representative gives you."
)

_CLOSED = (
    gettext_noop(
        "The link may be incomplete, older than 14 days, or replaced by a newer message. Your order is not affected."
    ),
    gettext_noop("Look for a newer message from us, or ask the organisation's representative to send a new link."),
)
_LOCKED_LINK = (
    gettext_noop("The code was entered incorrectly five times, so the link no longer works."),
    gettext_noop("Ask the organisation's representative for a new link and a new code."),
)
_SPENT = (
    gettext_noop("The transfer IDs of this order have already been used. Transfer IDs work only once."),
    gettext_noop(
        "If neither you nor a person you trust used them, tell the organisation's representative at once. "
        "The certificate must then be revoked."
    ),
)
_NOW_ENTER = gettext_noop("Enter both in the program that retrieves the certificate. Do not forward them by e-mail.")
_LEAVING = gettext_noop(
    "They are shown only once. If you leave the page too early, open the message again to get new ones. "
    "These then stop working."
)


_BY_HAND = gettext_noop(
    "You can also retrieve the certificate in the browser. You need a certificate signing request for it. "
    "The next page shows how to make one."
)


def page(link: LinkView, error: str, status: int) -> Page:
    """Return the page without transfer IDs.

    `error` is a message id, or empty.
    """
    error_text = _(error, count=link.tries_left) if error else ""
    match link.leads:
        case LinkState.CLOSED:
            reasons = _LOCKED_LINK if link.pin_state is PinState.LOCKED else _CLOSED
            return Page(_("This link does not work"), [_texts(reasons)], status=HTTPStatus.NOT_FOUND)
        case LinkState.SPENT:
            title = _("The transfer IDs have been used")
            return Page(title, [_texts(_SPENT)], status=HTTPStatus.GONE)
        case LinkState.CODE:
            made = _code_page(error_text)
        case LinkState.PIN:
            made = _pin_page(link, error_text)
    return replace(made, status=HTTPStatus.UNPROCESSABLE_ENTITY if error_text else status)


def why_not(link: LinkView) -> str:
    """Return the message id for a rejected entry; empty if the page explains it."""
    if link.leads is LinkState.CODE:
        return _WRONG_CODE
    if link.leads is not LinkState.PIN:
        return ""
    return {PinState.WAITING: _WRONG_PIN, PinState.LOCKED: _LOCKED}.get(link.pin_state, _OVER)


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
            Alert(_("Your transfer IDs are ready."), Severity.GOOD),
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
    title = _("Retrieval in the browser")
    return Section(title, [Text([_(_BY_HAND)]), form])


def _code_page(error: str) -> Page:
    hint = _("Ten letters and digits")
    field = Input("code", _("Code"), hint=hint, error=error, required=True, longest=20, focus=True, code=True)
    return Page(
        _("Secure message"), [_texts((_WAITS, _BY_CODE, _MADE_ANEW)), _entry(field, Button(_("Open message"), CODE))]
    )


def _pin_page(link: LinkView, error: str) -> Page:
    if link.pin_state is PinState.WAITING:
        return _enter_page(link, error)
    title = _("Secure message")
    if not link.pins_left:
        return Page(title, [_texts((_WAITS, _NONE_TODAY, _OTHER_NUMBER))], error)
    how = _(_HOW, digits=link.phone_end)
    what = Text([_(_WAITS), how, _(_MADE_ANEW)])
    button = _sends(link, Button(_("Open message"), OPEN))
    return Page(title, [what, button, _texts((_OTHER_NUMBER,))], error)


def _enter_page(link: LinkView, error: str) -> Page:
    """Return the page that asks for the PIN code."""
    field = Input(
        "pin",
        _("PIN code"),
        hint=_("Six digits. The code works for 15 minutes."),
        error=error,
        required=True,
        longest=12,
        autocomplete="one-time-code",
        numeric=True,
        focus=True,
        code=True,
    )
    is_delivery_shown = not error or link.delivery is not SmsDelivery.SENT
    blocks: list[Component] = [_delivered(link)] if is_delivery_shown else []
    blocks.append(_entry(field, Button(_("Show the transfer IDs"), PIN)))
    if link.pins_left:
        blocks.append(_sends(link, Button(_("Send a new PIN code"), OPEN, minor=True)))
    else:
        blocks.append(_texts((_NONE_TODAY,)))
    return Page(_("Enter the PIN code"), [*blocks, _texts((_OTHER_NUMBER,))])


def _delivered(link: LinkView) -> Component:
    match link.delivery:
        case SmsDelivery.SENT:
            return Alert(_(_SENT, digits=link.phone_end), Severity.GOOD)
        case SmsDelivery.WAITING:
            return Text([_(_NOT_YET)])
        case SmsDelivery.FAILED:
            return Alert(_(_FAILED, digits=link.phone_end), Severity.WARNING)


def _entry(field: Input, button: Button) -> Form:
    """Return a form with one field; its error also appears above the form."""
    return Form([field], [button], errors=[(field.name, field.error)] if field.error else ())


def _sends(link: LinkView, button: Button) -> Form:
    """Return a button that sends a PIN code and carries the number sent before."""
    return Form([Input("after", "", "hidden", str(link.made))], [button])


def _texts(message_ids: Sequence[str]) -> Text:
    return Text([_(text) for text in message_ids])
