"""Messages about an account of the e-service (docs/e-service/accounts.md).

Each has a subject and a few paragraphs, in the language of the row. Some have one link, whose token is sealed in the
row. The link follows the paragraphs of `before`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sinetti.domain.notifications.messages import LINKED, AccountEmail
from sinetti.i18n.translate import gettext_noop
from sinetti.notifications.templates import layout
from sinetti.notifications.templates.layout import NOT_THERE, MessageBody, MessageContext, NothingToReport, page
from sinetti.notifications.templates.layout import RecipientRoleText as Role
from sinetti.notifications.templates.markup import LinkBlock, Part


@dataclass(frozen=True)
class AccountTexts:
    """Message ids of a message. They may contain `day`, `until` and `when`."""

    subject: str
    before: tuple[str, ...]
    after: tuple[str, ...] = ()


_UNTIL = gettext_noop("The link expires on {until}.")
_NOT_YOU_NOTHING = gettext_noop("If this was not you, you do not need to do anything. Nothing has changed.")
_NOT_YOU = gettext_noop(
    "If this was not you, another person may know your password. Set a new one immediately (Sign in > "
    "Forgot your password?) and tell us."
)

SAID: Mapping[AccountEmail, AccountTexts] = {
    AccountEmail.CONFIRM: AccountTexts(
        gettext_noop("Confirm your e-mail address"),
        (
            gettext_noop("We received a request to create an account with this address in the certificate service."),
            gettext_noop("Confirm on this page that the address is yours:"),
        ),
        (
            _UNTIL,
            gettext_noop(
                "If this was not you, you do not need to do anything. The account cannot be used until the "
                "address is confirmed."
            ),
        ),
    ),
    AccountEmail.CONFIRM_NEW: AccountTexts(
        gettext_noop("Confirm your new e-mail address"),
        (
            gettext_noop("You entered this address as the new address of your account in the certificate service."),
            gettext_noop("Confirm on this page that the address is yours:"),
        ),
        (_UNTIL, _NOT_YOU_NOTHING),
    ),
    AccountEmail.THERE_ALREADY: AccountTexts(
        gettext_noop("You already have an account"),
        (
            gettext_noop(
                "We received a request to create an account with this address. The address already has an account."
            ),
            gettext_noop(
                "Sign in to that account. If you have forgotten your password, request a new one on the sign-in page."
            ),
            _NOT_YOU_NOTHING,
        ),
    ),
    AccountEmail.RESET: AccountTexts(
        gettext_noop("Set a new password"),
        (
            gettext_noop("We received a request for a new password for your account in the certificate service."),
            gettext_noop("Set a new password on this page:"),
        ),
        (
            gettext_noop(
                "The link works once and expires on {until}. Your second factor does not change. You "
                "still need it to sign in."
            ),
            _NOT_YOU_NOTHING,
        ),
    ),
    AccountEmail.NO_ACCOUNT: AccountTexts(
        gettext_noop("There is no account with this address"),
        (
            gettext_noop("We received a request for a new password, but there is no account with this address."),
            gettext_noop(
                "You may have signed up with another address. You can also create an account on the sign-in page."
            ),
            _NOT_YOU_NOTHING,
        ),
    ),
    AccountEmail.WELCOME: AccountTexts(
        gettext_noop("An account was created for you"),
        (
            gettext_noop(
                "An account was created for you in the certificate service. You sign in with this e-mail address."
            ),
            gettext_noop(
                "Set a password first. Open the sign-in page, choose “Forgot your password?” and enter "
                "this address. We will then send you a link."
            ),
        ),
    ),
    AccountEmail.PASSWORD_CHANGED: AccountTexts(
        gettext_noop("Your password was changed on {day}"),
        (gettext_noop("The password of your account was changed on {when}."), _NOT_YOU),
    ),
    AccountEmail.PASSWORD_RESET: AccountTexts(
        gettext_noop("Your password was reset on {day}"),
        (gettext_noop("A new password was set for your account on {when} with the link that we sent you."), _NOT_YOU),
    ),
    AccountEmail.ADDRESS_CHANGED: AccountTexts(
        gettext_noop("Your e-mail address was changed on {day}"),
        (
            gettext_noop("The e-mail address of your account was replaced with another one on {when}."),
            gettext_noop("From now on, sign in with the new address. We send messages about your account there."),
            gettext_noop("If this was not you, tell us immediately."),
        ),
    ),
    AccountEmail.CODES_ADDED: AccountTexts(
        gettext_noop("Verification codes were added on {day}"),
        (
            gettext_noop("On {when}, verification codes from an app were added to your account as a second factor."),
            _NOT_YOU,
        ),
    ),
    AccountEmail.CODES_REMOVED: AccountTexts(
        gettext_noop("Verification codes were removed on {day}"),
        (
            gettext_noop(
                "On {when}, verification codes from an app were removed from your account. They are no "
                "longer a second factor."
            ),
            _NOT_YOU,
        ),
    ),
    AccountEmail.PASSKEY_ADDED: AccountTexts(
        gettext_noop("A passkey was added on {day}"),
        (
            gettext_noop(
                "A passkey was added to your account on {when}. It can be used to sign in without a password."
            ),
            _NOT_YOU,
        ),
    ),
    AccountEmail.PASSKEY_REMOVED: AccountTexts(
        gettext_noop("A passkey was removed on {day}"),
        (
            gettext_noop("A passkey was removed from your account on {when}. It can no longer be used to sign in."),
            _NOT_YOU,
        ),
    ),
    AccountEmail.FACTORS_RESET: AccountTexts(
        gettext_noop("Your second factor was removed on {day}"),
        (
            gettext_noop(
                "On {when}, we removed the second factors and recovery codes of your account, because we were asked "
                "to. All your sessions have ended."
            ),
            gettext_noop("Next step: sign in with your password and set up a new second factor."),
            gettext_noop("If you did not ask for this, tell us immediately and set a new password."),
        ),
    ),
    AccountEmail.RECOVERY_MADE: AccountTexts(
        gettext_noop("New recovery codes were created on {day}"),
        (
            gettext_noop(
                "New recovery codes were created for your account on {when}. The previous codes no longer work."
            ),
            _NOT_YOU,
        ),
    ),
    AccountEmail.RECOVERY_USED: AccountTexts(
        gettext_noop("A recovery code was used on {day}"),
        (
            gettext_noop("A recovery code of your account was used on {when}. The same code cannot be used again."),
            gettext_noop("If you have lost your phone or your passkey, remove it from your account and add a new one."),
            _NOT_YOU,
        ),
    ),
    AccountEmail.PROVIDER_ADDED: AccountTexts(
        gettext_noop("A sign-in method was added on {day}"),
        (
            gettext_noop(
                "On {when}, sign-in through another service was connected to your account. It can now be "
                "used to sign in."
            ),
            _NOT_YOU,
        ),
    ),
    AccountEmail.PROVIDER_REMOVED: AccountTexts(
        gettext_noop("A sign-in method was removed on {day}"),
        (gettext_noop("On {when}, sign-in through another service was disconnected from your account."), _NOT_YOU),
    ),
}


LAPSED = "its link is no longer valid"


def account(ctx: MessageContext) -> MessageBody:
    """Write the message about an event of an account, or with the requested link.

    Raises NothingToReport for an expired link.
    """
    letter = AccountEmail(ctx.fact("letter") or "")
    texts = SAID[letter]
    values = {"when": ctx.when(ctx.message.created), "day": ctx.day(ctx.message.created)}
    link: tuple[Part, ...] = ()
    if letter in LINKED:
        values["until"] = ctx.when(_until(ctx))
        link = (LinkBlock(_address(ctx)), ctx.say(layout.TYPE_STOP, address=page(ctx)))
    before, after = ([ctx.say(text, **values) for text in some] for some in (texts.before, texts.after))
    return MessageBody(ctx.say(texts.subject, **values), (*before, *link, *after), Role.ACCOUNT)


def _until(ctx: MessageContext) -> datetime:
    until = ctx.fact("until")
    if until is None:
        raise NothingToReport(NOT_THERE)
    at = datetime.fromisoformat(until)
    if ctx.notification.machine_now() >= at:
        raise NothingToReport(LAPSED)
    return at


def _address(ctx: MessageContext) -> str:
    sealed = ctx.fact("way")
    if sealed is None:
        raise NothingToReport(NOT_THERE)
    return f"{ctx.notification.terms.people_address}{ctx.notification.unseal(sealed)}"
