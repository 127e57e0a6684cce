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


@dataclass(frozen=True, slots=True)
class AccountTexts:
    """Message ids of a message. Its paragraphs may contain `until` and `when`."""

    subject: str
    before: tuple[str, ...]
    after: tuple[str, ...] = ()


_UNTIL = gettext_noop("The link works until {until}.")
_NOT_YOU_NOTHING = gettext_noop("If it was not you, you need not do anything: nothing has changed.")
_NOT_YOU = gettext_noop(
    "If it was not you, somebody else may have your password: set a new one at once (Sign in > Forgot your password?), "
    "and tell us."
)

SAID: Mapping[AccountEmail, AccountTexts] = {
    AccountEmail.CONFIRM: AccountTexts(
        gettext_noop("Confirm your e-mail address"),
        (
            gettext_noop("Somebody, probably you, made an account with this address in the certificate service."),
            gettext_noop("Confirm on this page that the address is yours:"),
        ),
        (_UNTIL, gettext_noop("If it was not you, you need not do anything: the account cannot be used.")),
    ),
    AccountEmail.CONFIRM_NEW: AccountTexts(
        gettext_noop("Confirm your new e-mail address"),
        (
            gettext_noop("You gave this address as the new one of your account in the certificate service."),
            gettext_noop("Confirm on this page that the address is yours:"),
        ),
        (_UNTIL, _NOT_YOU_NOTHING),
    ),
    AccountEmail.THERE_ALREADY: AccountTexts(
        gettext_noop("You have an account already"),
        (
            gettext_noop("Somebody, probably you, wanted to make an account with this address. There is one already."),
            gettext_noop(
                "Sign in with it. If you have forgotten your password, ask for a new one on the sign-in page."
            ),
            _NOT_YOU_NOTHING,
        ),
    ),
    AccountEmail.RESET: AccountTexts(
        gettext_noop("Set a new password"),
        (
            gettext_noop(
                "Somebody, probably you, asked for a new password for your account in the certificate service."
            ),
            gettext_noop("Set it on this page:"),
        ),
        (
            gettext_noop(
                "The link works once, until {until}. Your second factor stays as it is: you need it to sign in."
            ),
            _NOT_YOU_NOTHING,
        ),
    ),
    AccountEmail.NO_ACCOUNT: AccountTexts(
        gettext_noop("There is no account with this address"),
        (
            gettext_noop(
                "Somebody, probably you, asked for a new password, but there is no account with this address."
            ),
            gettext_noop(
                "Perhaps you signed up with another address. You can also make an account on the sign-in page."
            ),
            _NOT_YOU_NOTHING,
        ),
    ),
    AccountEmail.WELCOME: AccountTexts(
        gettext_noop("An account was made for you"),
        (
            gettext_noop(
                "An account was made for you in the certificate service. You sign in with this e-mail address."
            ),
            gettext_noop(
                "First set a password: open the sign-in page, choose “Forgot your password?” and give this address. "
                "You then get a link."
            ),
        ),
    ),
    AccountEmail.PASSWORD_CHANGED: AccountTexts(
        gettext_noop("Your password was changed"),
        (gettext_noop("The password of your account was changed on {when}."), _NOT_YOU),
    ),
    AccountEmail.PASSWORD_RESET: AccountTexts(
        gettext_noop("Your password was set anew"),
        (gettext_noop("A new password was set for your account on {when}, with the link in our message."), _NOT_YOU),
    ),
    AccountEmail.ADDRESS_CHANGED: AccountTexts(
        gettext_noop("Your e-mail address was changed"),
        (
            gettext_noop("On {when} another e-mail address took the place of this one in your account."),
            gettext_noop("From now on you sign in with the new address, and messages about your account go there."),
            gettext_noop("If it was not you, tell us at once."),
        ),
    ),
    AccountEmail.CODES_ADDED: AccountTexts(
        gettext_noop("Verification codes were taken into use"),
        (gettext_noop("On {when} an app's verification codes became a second factor of your account."), _NOT_YOU),
    ),
    AccountEmail.CODES_REMOVED: AccountTexts(
        gettext_noop("Verification codes were removed"),
        (
            gettext_noop(
                "On {when} an app's verification codes were removed from your account: they are no longer a"
                " second factor of it."
            ),
            _NOT_YOU,
        ),
    ),
    AccountEmail.PASSKEY_ADDED: AccountTexts(
        gettext_noop("A passkey was added"),
        (
            gettext_noop("A passkey was added to your account on {when}. With it one signs in without a password."),
            _NOT_YOU,
        ),
    ),
    AccountEmail.PASSKEY_REMOVED: AccountTexts(
        gettext_noop("A passkey was removed"),
        (
            gettext_noop("A passkey was removed from your account on {when}. One can no longer sign in with it."),
            _NOT_YOU,
        ),
    ),
    AccountEmail.RECOVERY_MADE: AccountTexts(
        gettext_noop("New recovery codes were made"),
        (
            gettext_noop("New recovery codes were made for your account on {when}. The earlier ones no longer work."),
            _NOT_YOU,
        ),
    ),
    AccountEmail.RECOVERY_USED: AccountTexts(
        gettext_noop("A recovery code was used"),
        (
            gettext_noop("A recovery code of your account was used on {when}. It does not work again."),
            gettext_noop("If you have lost your phone or your passkey, remove it from your account and add a new one."),
            _NOT_YOU,
        ),
    ),
    AccountEmail.PROVIDER_ADDED: AccountTexts(
        gettext_noop("Another way to sign in was added"),
        (
            gettext_noop(
                "On {when} another service's sign-in was connected to your account. From now on one can "
                "sign in with it."
            ),
            _NOT_YOU,
        ),
    ),
    AccountEmail.PROVIDER_REMOVED: AccountTexts(
        gettext_noop("A way to sign in was removed"),
        (gettext_noop("On {when} another service's sign-in was disconnected from your account."), _NOT_YOU),
    ),
}


LAPSED = "its link does not work any more"


def account(matter: MessageContext) -> MessageBody:
    """Write the message about an event of an account, or with the requested link.

    Raises NothingToReport for an expired link.
    """
    letter = AccountEmail(matter.fact("letter") or "")
    texts, values = SAID[letter], {"when": matter.when(matter.owed.created)}
    link: tuple[Part, ...] = ()
    if letter in LINKED:
        values["until"] = matter.when(_until(matter))
        link = (LinkBlock(_address(matter)), matter.say(layout.TYPE_STOP, address=page(matter)))
    before, after = ([matter.say(one, **values) for one in some] for some in (texts.before, texts.after))
    return MessageBody(matter.say(texts.subject), (*before, *link, *after), Role.ACCOUNT)


def _until(matter: MessageContext) -> datetime:
    until = matter.fact("until")
    if until is None:
        raise NothingToReport(NOT_THERE)
    at = datetime.fromisoformat(until)
    if matter.room.machine_now() >= at:
        raise NothingToReport(LAPSED)
    return at


def _address(matter: MessageContext) -> str:
    sealed = matter.fact("way")
    if sealed is None:
        raise NothingToReport(NOT_THERE)
    return f"{matter.room.terms.people_address}{matter.room.unseal(sealed)}"
