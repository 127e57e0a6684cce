"""What the page of a secure message says, in each of its states."""

from collections.abc import Sequence
from dataclasses import replace
from http import HTTPStatus

from sinetti.domain.orders.secure_messages import Delivery, Leads, Standing
from sinetti.domain.values import Language
from sinetti.eservice.ui.components import Block, Button, Form, Input, Notice, Section, Text, Tone, Value, Values
from sinetti.eservice.ui.links import link_to
from sinetti.eservice.ui.page import Page
from sinetti.i18n.translate import mark, text, when
from sinetti.services.issuance.secure_message import Seen, Shown

OPEN, PIN, CODE = "open", "pin", "code"
"""What a form of the page asks for."""

NO_PIN = mark("Enter the six digits of the PIN code. This did not count as a try.")
NO_CODE = mark("Enter the ten letters and digits of the code. This did not count as a try.")
_WRONG_PIN = mark("That PIN code is wrong. Tries left: {count}.")
_WRONG_CODE = mark("That code is wrong. Tries left: {count}.")
_LOCKED = mark("The PIN code was entered wrong five times and works no more.")
_OVER = mark("The PIN code works no more: it was used, a newer one was sent, or its 15 minutes have passed.")

_WAITS = mark("Transfer IDs wait for you here. Your program needs them to retrieve a certificate.")
_MADE_ANEW = mark("Each time the message is opened new transfer IDs are made, and earlier ones stop working.")
_HOW = mark(
    "Press the button, and you get a PIN code as a text message to the number that ends in {digits}. Enter it on the "
    "page that follows."
)
_OTHER_NUMBER = mark(
    "Is that not your number? Ask the organisation's representative to have it corrected. You then get a new message, "
    "and no new order is needed."
)
_SENT = mark("A PIN code was sent to the number that ends in {digits}.")
_NOT_YET = mark(
    "The text message with the PIN code has not left yet. We keep trying: wait a few minutes, or have a new "
    "PIN code sent."
)
_FAILED = mark("The text message with the PIN code could not be delivered to the number that ends in {digits}.")
_NONE_TODAY = mark(
    "Three PIN codes were sent for this message today, and no more are sent before midnight (Finnish time)."
)
_BY_CODE = mark(
    "We have no phone number of yours. Enter the code that you get from the organisation's representative, and the "
    "transfer IDs are shown."
)

_CLOSED = (
    mark(
        "Perhaps it is not whole, a newer message has taken its place, or it is older than 14 days. Nothing is lost by "
        "that."
    ),
    mark("Look for a newer message from us, or ask the organisation's representative to have one sent."),
)
_LOCKED_LINK = (
    mark("The code was entered wrong five times, so the link has ended."),
    mark("Ask the organisation's representative to have a new message sent, with a new code."),
)
_SPENT = (
    mark("The transfer IDs of an order can be used once, and they have been: there is nothing more to show."),
    mark(
        "If they were used neither by you nor by somebody whom you gave them to, tell the organisation's "
        "representative at once: the certificate has to be revoked."
    ),
)
_NOW_ENTER = mark("Enter both in the program that retrieves the certificate. Do not send them on by e-mail.")
_LEAVING = mark(
    "They are shown this once. If you leave this page too early, open the message again: you get new ones, and these "
    "stop working."
)


_BY_HAND = mark(
    "You can also retrieve the certificate in the browser: you need a certificate signing request, and the next page "
    "says how it is made."
)


def page(seen: Seen, error: str, language: Language, status: int) -> Page:
    """What the page says where no transfer ids are shown. `error` is a message id, or empty."""
    said = text(error, language, count=seen.tries_left) if error else ""
    match seen.leads:
        case Leads.CLOSED:
            reasons = _LOCKED_LINK if seen.standing is Standing.LOCKED else _CLOSED
            return Page(
                text("This link does not work", language),
                [_texts(reasons, language)],
                status=HTTPStatus.NOT_FOUND,
            )
        case Leads.SPENT:
            title = text("The transfer IDs were used", language)
            return Page(title, [_texts(_SPENT, language)], status=HTTPStatus.GONE)
        case Leads.CODE:
            made = _code_page(said, language)
        case Leads.PIN:
            made = _pin_page(seen, said, language)
    return replace(made, status=HTTPStatus.UNPROCESSABLE_ENTITY if said else status)


def why_not(seen: Seen) -> str:
    """The message id of why an entry showed nothing; empty where the page itself says it."""
    if seen.leads is Leads.CODE:
        return _WRONG_CODE
    if seen.leads is not Leads.PIN:
        return ""
    return {Standing.WAITING: _WRONG_PIN, Standing.LOCKED: _LOCKED}.get(seen.standing, _OVER)


def shown(done: Shown, language: Language) -> Page:
    """The transfer ids, with what they are for."""
    values = [
        Value(text("Transfer ID", language), done.ids.transfer_id, secret=True),
        Value(text("One-time password", language), done.ids.transfer_password, secret=True),
        Value(text("Valid until", language), when(done.ids.expires, language)),
        Value(text("Organisation", language), f"{done.customer_name}, {done.customer_id}"),
        Value(text("Certificate type", language), done.channel.value),
    ]
    if done.description:
        values.append(Value(text("Certificate", language), done.description))
    return Page(
        text("Your transfer IDs", language),
        [
            Notice(text("The transfer IDs were made for you just now.", language), Tone.GOOD),
            Values(values),
            _texts((_NOW_ENTER, _LEAVING), language),
            _in_the_browser(done, language),
        ],
        final=True,
    )


def _in_the_browser(done: Shown, language: Language) -> Section:
    """The way to fetch without a program: in another tab, since this page is shown once; nothing is in its address."""
    values = {
        "organisation": done.customer_id,
        "transfer_id": done.ids.transfer_id,
        "password": done.ids.transfer_password,
    }
    inputs = [Input(name, "", "hidden", value) for name, value in values.items()]
    button = Button(text("Retrieve in the browser (opens in a new tab)", language), "open", minor=True)
    form = Form(inputs, [button], action=link_to("fetch"), new_tab=True)
    title = text("No program that retrieves it?", language)
    return Section(title, [Text([text(_BY_HAND, language)]), form])


def _code_page(error: str, language: Language) -> Page:
    hint = text("Ten letters and digits", language)
    field = Input(
        "code", text("Code", language), hint=hint, error=error, required=True, longest=20, focus=True, code=True
    )
    return Page(
        text("Secure message", language),
        [
            _texts((_WAITS, _BY_CODE, _MADE_ANEW), language),
            _entry(field, Button(text("Open message", language), CODE)),
        ],
    )


def _pin_page(seen: Seen, error: str, language: Language) -> Page:
    if seen.standing is Standing.WAITING:
        return _enter_page(seen, error, language)
    title = text("Secure message", language)
    if not seen.pins_left:
        return Page(title, [_texts((_WAITS, _NONE_TODAY, _OTHER_NUMBER), language)], error)
    how = text(_HOW, language, digits=seen.phone_end)
    what = Text([text(_WAITS, language), how, text(_MADE_ANEW, language)])
    button = _sends(seen, Button(text("Open message", language), OPEN))
    return Page(title, [what, button, _texts((_OTHER_NUMBER,), language)], error)


def _enter_page(seen: Seen, error: str, language: Language) -> Page:
    """Ask for the PIN code that was sent."""
    field = Input(
        "pin",
        text("PIN code", language),
        hint=text("Six digits; the code works for 15 minutes", language),
        error=error,
        required=True,
        longest=12,
        autocomplete="one-time-code",
        numeric=True,
        focus=True,
        code=True,
    )
    told = not error or seen.delivery is not Delivery.SENT
    blocks: list[Block] = [_delivered(seen, language)] if told else []
    blocks.append(_entry(field, Button(text("Show transfer IDs", language), PIN)))
    if seen.pins_left:
        blocks.append(_sends(seen, Button(text("Send a new PIN code", language), OPEN, minor=True)))
    else:
        blocks.append(_texts((_NONE_TODAY,), language))
    return Page(text("Enter the PIN code", language), [*blocks, _texts((_OTHER_NUMBER,), language)])


def _delivered(seen: Seen, language: Language) -> Block:
    match seen.delivery:
        case Delivery.SENT:
            return Notice(text(_SENT, language, digits=seen.phone_end), Tone.GOOD)
        case Delivery.WAITING:
            return Text([text(_NOT_YET, language)])
        case Delivery.FAILED:
            return Notice(text(_FAILED, language, digits=seen.phone_end), Tone.WARNING)


def _entry(field: Input, button: Button) -> Form:
    """A form with one field; its error stands above, too."""
    return Form([field], [button], errors=[(field.name, field.error)] if field.error else ())


def _sends(seen: Seen, button: Button) -> Form:
    """A button that sends a PIN code, which knows how many were made before."""
    return Form([Input("after", "", "hidden", str(seen.made))], [button])


def _texts(message_ids: Sequence[str], language: Language) -> Text:
    return Text([text(one, language) for one in message_ids])
