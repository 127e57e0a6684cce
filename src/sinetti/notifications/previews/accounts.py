"""The samples of letters about accounts. Their links lead nowhere."""

from sinetti.domain.notifications.account_emails import AccountLetter
from sinetti.domain.notifications.messages import MessageKind
from sinetti.notifications.previews.sample_case import Case, at

_UNTIL = at(2027, 3, 9, 14).isoformat()
_LINK = {
    AccountLetter.CONFIRM: "/account/confirm-email/Mg:1uXyZa:Q5mX1c5xUqvOeYd0r3nJ2kPq7sT9wLzB4hNfG6aRiEo/",
    AccountLetter.CONFIRM_NEW: "/account/confirm-email/Mw:1uXyZb:Vd2mP8qLxR4tB7nKcW0yHsJfG3aZeU6iOo9rT1wQ5vE/",
    AccountLetter.RESET: "/account/password/reset/key/00000000000000000000000000000001-d1f2g3-5a9c0e7b4d2f8a6c1e3b/",
}
_TITLES = {
    AccountLetter.CONFIRM: "the address of a new account",
    AccountLetter.CONFIRM_NEW: "a new address of an account",
    AccountLetter.THERE_ALREADY: "sign-up with an address that has an account",
    AccountLetter.RESET: "a new password",
    AccountLetter.NO_ACCOUNT: "a new password for an address without an account",
    AccountLetter.WELCOME: "an account that the authority made",
    AccountLetter.PASSWORD_CHANGED: "the password was changed",
    AccountLetter.PASSWORD_RESET: "the password was set anew",
    AccountLetter.ADDRESS_CHANGED: "the address was changed, to the one before",
    AccountLetter.CODES_ADDED: "verification codes are a second factor",
    AccountLetter.CODES_REMOVED: "verification codes were removed",
    AccountLetter.PASSKEY_ADDED: "a passkey was added",
    AccountLetter.PASSKEY_REMOVED: "a passkey was removed",
    AccountLetter.RECOVERY_MADE: "recovery codes were made",
    AccountLetter.RECOVERY_USED: "a recovery code was used",
    AccountLetter.PROVIDER_ADDED: "another service's sign-in was connected",
    AccountLetter.PROVIDER_REMOVED: "another service's sign-in was disconnected",
}

ACCOUNTS = tuple(
    Case(
        MessageKind.ACCOUNT,
        _TITLES[letter],
        at(2027, 3, 9, 12),
        None,
        None,
        facts={"letter": letter, **({"way": _LINK[letter], "until": _UNTIL} if letter in _LINK else {})},
    )
    for letter in AccountLetter
)
