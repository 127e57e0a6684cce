"""What is told by mail about an account: the closed list."""

from enum import StrEnum


class AccountEmail(StrEnum):
    """One letter about an account. Those of LINKED lead to a page; the rest lead nowhere."""

    CONFIRM = "confirm"
    """The address was given at sign-up: is it yours?"""
    CONFIRM_NEW = "confirm-new"
    """The address is to take the place of another one: is it yours?"""
    THERE_ALREADY = "there-already"
    """Somebody wanted to sign up with an address that has an account."""
    RESET = "reset"
    NO_ACCOUNT = "no-account"
    """Somebody asked for a new password for an address without an account."""
    WELCOME = "welcome"
    """The authority made an account for this address: it has no password yet."""
    PASSWORD_CHANGED = "password-changed"  # noqa: S105 - no password
    PASSWORD_RESET = "password-reset"  # noqa: S105 - no password
    ADDRESS_CHANGED = "address-changed"
    """To the address before."""
    CODES_ADDED = "codes-added"
    """One-time codes of an app are the second factor from now on."""
    CODES_REMOVED = "codes-removed"
    PASSKEY_ADDED = "passkey-added"
    PASSKEY_REMOVED = "passkey-removed"
    RECOVERY_MADE = "recovery-made"
    RECOVERY_USED = "recovery-used"
    PROVIDER_ADDED = "provider-added"
    """Another service's sign-in opens this account from now on."""
    PROVIDER_REMOVED = "provider-removed"


LINKED = frozenset({AccountEmail.CONFIRM, AccountEmail.CONFIRM_NEW, AccountEmail.RESET})
"""Letters with a link that acts."""
