"""Accounts: creation by the authority, staff status, deactivation and e-mails.

An account gives no permission; role assignments and staff status do. Sign-in, passwords and second factors belong to
the e-service (docs/e-service/accounts.md).

The user who is signed in can change the profile of their own account only.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from sinetti.database import sql
from sinetti.database.access import accounts
from sinetti.database.access.accounts import Account, NewAccount, PersonTaken
from sinetti.database.notifications import outbox
from sinetti.database.notifications.outbox import NewMessage
from sinetti.domain.access.persons import person_digest
from sinetti.domain.notifications.messages import AccountEmail, MessageChannel, MessageKind
from sinetti.domain.secret_keys import SecretPurpose
from sinetti.domain.validation import LONGEST_PERSON, check_email, check_unlinked
from sinetti.domain.values import Language
from sinetti.services.access.permissions import Actor
from sinetti.services.context import ServiceContext
from sinetti.services.token_encryption import LINK, SECOND_FACTOR, seal

PRESSED_TWICE = timedelta(seconds=10)
"""Interval within which two sign-ups with one address count as one submission."""


class AccountError(ValueError):
    """Raised if an account is missing or exists already; the message says which."""


@dataclass(frozen=True)
class AccountNotification:
    """An e-mail about an account: kind, address and language.

    `way` is the path of the page behind its link, which can act. It is stored encrypted and valid for `lives`.
    """

    letter: AccountEmail
    email: str
    language: Language
    way: str | None = field(default=None, repr=False)
    lives: timedelta | None = None


def make_account(new: NewAccount, ctx: ServiceContext, actor: str, request_id: str) -> str:
    """Create an account with a verified address and return its id.

    `new.totp` is given in clear (base32) and stored encrypted. Raises AccountError if the address already has an
    account, and ValidationError.
    """
    checked = NewAccount(
        check_email("email", new.email),
        check_unlinked("name", new.name, LONGEST_PERSON),
        new.language,
        new.staff,
        new.password,
        None if new.totp is None else seal(ctx.keyring, SECOND_FACTOR, new.totp),
        new.person,
    )
    with _explains_taken_person():
        user_id = accounts.insert(ctx.db, checked, ctx.audit_entry(actor, request_id))
    if user_id is None:
        raise AccountError(f"{checked.email} already has an account")
    return user_id


def invite(new: NewAccount, ctx: ServiceContext, actor: str, request_id: str) -> str:
    """Create an account without a password and return its id.

    Queues an e-mail to the owner that says how to set a password.
    """
    user_id = make_account(new, ctx, actor, request_id)
    notify_account(AccountNotification(AccountEmail.WELCOME, new.email.strip(), new.language), ctx)
    return user_id


def release_address(email: str, ctx: ServiceContext, request_id: str) -> int:
    """Delete unconfirmed accounts and other unconfirmed uses of an address.

    Called before a sign-up; returns the number of deleted accounts. Otherwise a user who confirms the address would
    take over an account that another user began, with its ways to sign in. An account that was begun a moment ago
    stays: the form was submitted twice, and only one link was sent.
    """
    audit = ctx.audit_entry("sign-up", request_id)
    return accounts.release_address(ctx.db, email, audit.at - PRESSED_TWICE, audit)


def give_staff(email: str, person: str, ctx: ServiceContext, actor: str, request_id: str) -> bool:
    """Give an account staff status and its verified person; its sessions end.

    `person` is a digest, or empty. Returns False if unchanged. A clerk's actions need a second factor, which they may
    set up at any time. Raises AccountError, also if the person has another clerk's account.
    """
    account = account_of(email, ctx)
    with _explains_taken_person():
        audit = ctx.audit_entry(actor, request_id)
        return accounts.set_staff(ctx.db, account.user_id, audit, staff=True, person=person)


def withdraw_staff(email: str, ctx: ServiceContext, actor: str, request_id: str) -> bool:
    """Withdraw staff status of an account; its sessions end.

    Returns False if unchanged. Raises AccountError.
    """
    found = account_of(email, ctx)
    return accounts.set_staff(ctx.db, found.user_id, ctx.audit_entry(actor, request_id), staff=False)


def digest_of_person(person_id: str, ctx: ServiceContext) -> str:
    """Return the keyed digest of a person ID. Raises PersonIdError."""
    return person_digest(ctx.keyring.current(SecretPurpose.PERSONS).octets, person_id)


@contextmanager
def _explains_taken_person() -> Iterator[None]:
    """Turn PersonTaken into a message for operators."""
    try:
        yield
    except PersonTaken:
        raise AccountError(
            "this person has another clerk's account, or the account another person: withdraw the rights of that "
            "account first (sinetti authority account staff --withdraw)"
        ) from None


def deactivate(email: str, ctx: ServiceContext, actor: str, request_id: str) -> bool:
    """Deactivate an account and end its sessions; return False if it was inactive.

    Raises AccountError.
    """
    account = account_of(email, ctx)
    return accounts.deactivate(ctx.db, account.user_id, ctx.audit_entry(actor, request_id))


def reset_second_factor(email: str, ctx: ServiceContext, actor: str, request_id: str) -> bool:
    """Remove a lost second factor and tell the owner by e-mail; the sessions end.

    Returns False if the account has none. The owner sets up a new one at the next sign-in (docs/e-service/accounts.md).
    Raises AccountError.
    """
    account = account_of(email, ctx)
    message = _message(AccountNotification(AccountEmail.FACTORS_RESET, account.email, account.language), ctx)
    return accounts.reset_second_factor(ctx.db, account.user_id, message, ctx.audit_entry(actor, request_id))


def end_other_sessions(user_id: str, session_key: str, ctx: ServiceContext) -> None:
    """End all sessions of an account but one.

    The authentication of the ended sessions no longer counts.
    """
    accounts.end_sessions(ctx.db, user_id, but=session_key)


def account_of(email: str, ctx: ServiceContext) -> Account:
    """Return the account of an address. Raises AccountError if there is none."""
    account = accounts.find(ctx.db, email.strip())
    if account is None:
        raise AccountError(f"there is no account with the address {email.strip()}")
    return account


def name_of(user_id: str, ctx: ServiceContext) -> str:
    """Return name and address of an account; empty if there is none."""
    return accounts.find_name(ctx.db, user_id)


def clerks(ctx: ServiceContext) -> list[Account]:
    """Return all clerks' accounts."""
    return accounts.all_staff(ctx.db)


def notify_account(telling: AccountNotification, ctx: ServiceContext) -> str:
    """Queue an e-mail about an account and return the id of its message."""
    message = _message(telling, ctx)
    outbox.enqueue(ctx.db, [message], ctx.now())
    return message.message_id


def _message(telling: AccountNotification, ctx: ServiceContext) -> NewMessage:
    facts: dict[str, str] = {"letter": telling.letter, "language": telling.language}
    if telling.way is not None:
        facts["way"] = seal(ctx.keyring, LINK, telling.way)
    if telling.lives is not None:
        # Links expire by the machine's clock, as sessions do.
        facts["until"] = (ctx.machine_now() + telling.lives).isoformat()
    return NewMessage(
        MessageKind.ACCOUNT,
        MessageChannel.EMAIL,
        about=sql.random_id(),
        step=telling.letter,
        due=ctx.now(),
        address=telling.email,
        facts=facts,
    )


def note(user_id: str, what: str, ctx: ServiceContext, request_id: str) -> None:
    """Record in the audit log that the owner of an account changed its sign-in."""
    accounts.audit(ctx.db, ctx.audit_entry(f"user:{user_id}", request_id), what, user_id)


def change_profile(name: str, language: Language, ctx: ServiceContext, actor: Actor, request_id: str) -> bool:
    """Store name and language of the signed-in user; return False if unchanged.

    Raises ValidationError. Other users read the name, also in e-mails, so it is one line without invisible characters.
    """
    checked_name = check_unlinked("name", name, LONGEST_PERSON)
    return accounts.change(ctx.db, actor.user_id, checked_name, language, ctx.audit_entry(actor.name, request_id))
