"""What is told about an account of the e-service: one subject and a few paragraphs for each letter (docs/accounts.md).

Where a letter has a link it stands after the paragraphs of `before`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sinetti.domain.notifications.account_emails import AccountLetter
from sinetti.i18n.translate import mark


@dataclass(frozen=True, slots=True)
class Said:
    """The message ids of a letter. `until` and `when` may stand in its paragraphs."""

    subject: str
    before: tuple[str, ...]
    after: tuple[str, ...] = ()


_UNTIL = mark("The link works until {until}.")
_NOT_YOU_NOTHING = mark("If it was not you, you need not do anything: nothing has changed.")
_NOT_YOU = mark(
    "If it was not you, somebody else may have your password: set a new one at once (Sign in > Forgot your password?), "
    "and tell us."
)

SAID: Mapping[AccountLetter, Said] = {
    AccountLetter.CONFIRM: Said(
        mark("Confirm your e-mail address"),
        (
            mark("Somebody, probably you, made an account with this address in the certificate service."),
            mark("Confirm on this page that the address is yours:"),
        ),
        (_UNTIL, mark("If it was not you, you need not do anything: the account cannot be used.")),
    ),
    AccountLetter.CONFIRM_NEW: Said(
        mark("Confirm your new e-mail address"),
        (
            mark("You gave this address as the new one of your account in the certificate service."),
            mark("Confirm on this page that the address is yours:"),
        ),
        (_UNTIL, _NOT_YOU_NOTHING),
    ),
    AccountLetter.THERE_ALREADY: Said(
        mark("You have an account already"),
        (
            mark("Somebody, probably you, wanted to make an account with this address. There is one already."),
            mark("Sign in with it. If you have forgotten your password, ask for a new one on the sign-in page."),
            _NOT_YOU_NOTHING,
        ),
    ),
    AccountLetter.RESET: Said(
        mark("Set a new password"),
        (
            mark("Somebody, probably you, asked for a new password for your account in the certificate service."),
            mark("Set it on this page:"),
        ),
        (
            mark("The link works once, until {until}. Your second factor stays as it is: you need it to sign in."),
            _NOT_YOU_NOTHING,
        ),
    ),
    AccountLetter.NO_ACCOUNT: Said(
        mark("There is no account with this address"),
        (
            mark("Somebody, probably you, asked for a new password, but there is no account with this address."),
            mark("Perhaps you signed up with another address. You can also make an account on the sign-in page."),
            _NOT_YOU_NOTHING,
        ),
    ),
    AccountLetter.WELCOME: Said(
        mark("An account was made for you"),
        (
            mark("An account was made for you in the certificate service. You sign in with this e-mail address."),
            mark(
                "First set a password: open the sign-in page, choose “Forgot your password?” and give this address. "
                "You then get a link."
            ),
        ),
    ),
    AccountLetter.PASSWORD_CHANGED: Said(
        mark("Your password was changed"),
        (mark("The password of your account was changed on {when}."), _NOT_YOU),
    ),
    AccountLetter.PASSWORD_RESET: Said(
        mark("Your password was set anew"),
        (mark("A new password was set for your account on {when}, with the link in our message."), _NOT_YOU),
    ),
    AccountLetter.ADDRESS_CHANGED: Said(
        mark("Your e-mail address was changed"),
        (
            mark("On {when} another e-mail address took the place of this one in your account."),
            mark("From now on you sign in with the new address, and messages about your account go there."),
            mark("If it was not you, tell us at once."),
        ),
    ),
    AccountLetter.CODES_ADDED: Said(
        mark("Verification codes were taken into use"),
        (mark("On {when} an app's verification codes became a second factor of your account."), _NOT_YOU),
    ),
    AccountLetter.CODES_REMOVED: Said(
        mark("Verification codes were removed"),
        (
            mark(
                "On {when} an app's verification codes were removed from your account: they are no longer a"
                " second factor of it."
            ),
            _NOT_YOU,
        ),
    ),
    AccountLetter.PASSKEY_ADDED: Said(
        mark("A passkey was added"),
        (mark("A passkey was added to your account on {when}. With it one signs in without a password."), _NOT_YOU),
    ),
    AccountLetter.PASSKEY_REMOVED: Said(
        mark("A passkey was removed"),
        (mark("A passkey was removed from your account on {when}. One can no longer sign in with it."), _NOT_YOU),
    ),
    AccountLetter.RECOVERY_MADE: Said(
        mark("New recovery codes were made"),
        (
            mark("New recovery codes were made for your account on {when}. The earlier ones no longer work."),
            _NOT_YOU,
        ),
    ),
    AccountLetter.RECOVERY_USED: Said(
        mark("A recovery code was used"),
        (
            mark("A recovery code of your account was used on {when}. It does not work again."),
            mark("If you have lost your phone or your passkey, remove it from your account and add a new one."),
            _NOT_YOU,
        ),
    ),
    AccountLetter.PROVIDER_ADDED: Said(
        mark("Another way to sign in was added"),
        (
            mark(
                "On {when} another service's sign-in was connected to your account. From now on one can "
                "sign in with it."
            ),
            _NOT_YOU,
        ),
    ),
    AccountLetter.PROVIDER_REMOVED: Said(
        mark("A way to sign in was removed"),
        (mark("On {when} another service's sign-in was disconnected from your account."), _NOT_YOU),
    ),
}
