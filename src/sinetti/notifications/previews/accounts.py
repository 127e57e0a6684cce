"""The samples of letters about accounts. Their links lead nowhere."""

from sinetti.domain.notifications.messages import AccountEmail, MessageKind
from sinetti.notifications.previews.reminders import SampleMessage, at

_UNTIL = at(2027, 3, 9, 14).isoformat()
_LINK = {
    AccountEmail.CONFIRM: "/account/confirm-email/Mg:1uXyZa:Q5mX1c5xUqvOeYd0r3nJ2kPq7sT9wLzB4hNfG6aRiEo/",
    AccountEmail.CONFIRM_NEW: "/account/confirm-email/Mw:1uXyZb:Vd2mP8qLxR4tB7nKcW0yHsJfG3aZeU6iOo9rT1wQ5vE/",
    AccountEmail.RESET: "/account/password/reset/key/00000000000000000000000000000001-d1f2g3-5a9c0e7b4d2f8a6c1e3b/",
}
_TITLES = {
    AccountEmail.CONFIRM: "the address of a new account",
    AccountEmail.CONFIRM_NEW: "a new address of an account",
    AccountEmail.THERE_ALREADY: "sign-up with an address that has an account",
    AccountEmail.RESET: "a new password",
    AccountEmail.NO_ACCOUNT: "a new password for an address without an account",
    AccountEmail.WELCOME: "an account that the authority made",
    AccountEmail.PASSWORD_CHANGED: "the password was changed",
    AccountEmail.PASSWORD_RESET: "the password was set anew",
    AccountEmail.ADDRESS_CHANGED: "the address was changed, to the one before",
    AccountEmail.CODES_ADDED: "verification codes are a second factor",
    AccountEmail.CODES_REMOVED: "verification codes were removed",
    AccountEmail.PASSKEY_ADDED: "a passkey was added",
    AccountEmail.PASSKEY_REMOVED: "a passkey was removed",
    AccountEmail.RECOVERY_MADE: "recovery codes were made",
    AccountEmail.RECOVERY_USED: "a recovery code was used",
    AccountEmail.PROVIDER_ADDED: "another service's sign-in was connected",
    AccountEmail.PROVIDER_REMOVED: "another service's sign-in was disconnected",
}

ACCOUNTS = tuple(
    SampleMessage(
        MessageKind.ACCOUNT,
        _TITLES[letter],
        at(2027, 3, 9, 12),
        None,
        None,
        facts={"letter": letter, **({"way": _LINK[letter], "until": _UNTIL} if letter in _LINK else {})},
    )
    for letter in AccountEmail
)
