"""Accounts of the e-service: creation, staff status, deactivation, identities.

Sessions of an account end with it. Sign-in itself is done by django-allauth, whose tables are in the same database.

The module also stores the name and language that people set in their account. It reads the identity behind an account
or an address (domain/access/persons.py).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.apps import apps
from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from sinetti.database import models
from sinetti.database.common import audit_log
from sinetti.database.common.audit_log import AuditContext
from sinetti.database.connection import Database
from sinetti.database.models import CacheEntry, RoleAssignment, StaffPerson, User
from sinetti.database.notifications import outbox
from sinetti.database.notifications.outbox import NewMessage
from sinetti.domain.access.persons import Identity, is_same_person, merge
from sinetti.domain.daily_limits import mailbox
from sinetti.domain.values import Environment, Language


@dataclass(frozen=True)
class NewAccount:
    """An account to create for a person, whose address counts as confirmed.

    A person without a password gets one by a password reset. `totp` is the sealed secret of the verification codes.
    `person` is the digest of a clerk's person ID (domain/access/persons.py).
    """

    email: str
    name: str
    language: Language
    staff: bool = False
    password: str | None = field(default=None, repr=False)
    totp: str | None = field(default=None, repr=False)
    person: str = field(default="", repr=False)


@dataclass(frozen=True)
class Account:
    """An account with its present state."""

    user_id: str
    email: str
    name: str
    language: Language
    staff: bool
    active: bool
    created: datetime
    second_factor: bool
    person: bool
    """A clerk's person is verified."""


class PersonTaken(Exception):
    """The person has another clerk's account, or the account another person."""


@dataclass(frozen=True)
class InactivityLimit:
    """Limits after which an account counts as unused.

    An unused account had no sign-in since `signed_in_before`, on the machine's clock. Clerks' accounts do not lapse.
    Accounts created since `before`, or with a role that lasted until then, do not lapse either.
    """

    before: datetime
    signed_in_before: datetime


def insert(db: Database, new: NewAccount, audit: AuditContext) -> str | None:
    """Create an account and return its id, or None if the address has an account.

    Raises PersonTaken.
    """
    address, authenticator = apps.get_model("account", "EmailAddress"), apps.get_model("mfa", "Authenticator")
    email = new.email.lower()
    with transaction.atomic(using=db.alias):
        taken = db.rows(User).filter(email=email).exists()
        if taken or db.rows(address).filter(email=email).exists():
            return None
        user = User(email=email, name=new.name, language=new.language, is_staff=new.staff, created=audit.at)
        user.password = make_password(new.password)
        user.save(using=db.alias, force_insert=True)
        db.rows(address).create(user_id=user.pk, email=email, verified=True, primary=True)
        if new.totp is not None:
            db.rows(authenticator).create(user_id=user.pk, type="totp", data={"secret": new.totp})
        audit_log.write(db, audit, "account-made", f"user:{user.pk}", staff=int(new.staff))
        _set_person(db, user.pk, new.person, audit)
    return user.pk


def find(db: Database, email: str) -> Account | None:
    """Return the account of an address, or None."""
    accounts = _accounts(db, email=email.lower())
    return accounts[0] if accounts else None


def addresses(db: Database, user_id: str) -> frozenset[str]:
    """Return every address of an account, case folded, also unconfirmed ones."""
    rows = db.rows(apps.get_model("account", "EmailAddress")).filter(user_id=user_id)
    main = db.rows(User).filter(pk=user_id)
    return frozenset(one.casefold() for queryset in (main, rows) for one in queryset.values_list("email", flat=True))


def ids_of_address(db: Database, email: str) -> tuple[str, ...]:
    """Return the ids of accounts with an address of the same mailbox.

    Unconfirmed addresses count too.
    """
    wanted = mailbox(email)
    local = wanted.rpartition("@")[0]
    # A domain has several spellings, so every address with this local part is compared.
    near = Q(email__iexact=email) | Q(email__istartswith=f"{local}@") | Q(email__istartswith=f"{local}+")
    rows = db.rows(apps.get_model("account", "EmailAddress")).filter(near)
    main = db.rows(User).filter(near)
    found = {*main.values_list("pk", "email"), *rows.values_list("user_id", "email")}
    return tuple(sorted({one for one, address in found if mailbox(address) == wanted}))


def all_staff(db: Database) -> list[Account]:
    """Return all clerks' accounts, by address."""
    return _accounts(db, is_staff=True)


def lock_clerks(db: Database, user_ids: Collection[str]) -> frozenset[str]:
    """Lock the accounts of active clerks among these ids, and return their ids.

    The lock lasts until the transaction ends. One statement locks in the order of the ids, so that two transactions
    that lock each other's accounts cannot deadlock.
    """
    rows = db.rows(User).select_for_update(no_key=True)
    clerks = rows.filter(pk__in=user_ids, is_active=True, is_staff=True).order_by("pk")
    return frozenset(clerks.values_list("pk", flat=True))


def set_staff(db: Database, user_id: str, audit: AuditContext, *, staff: bool, person: str = "") -> bool:
    """Grant or withdraw staff status and end the sessions; return False if unchanged.

    `person` is the digest of the clerk's person ID, also for an account that is a clerk's. Raises PersonTaken.
    """
    with transaction.atomic(using=db.alias):
        rows = db.rows(User).filter(pk=user_id, is_staff=not staff)
        # Updated first, so that the account is locked.
        has_changed = rows.update(is_staff=staff) == 1
        is_new = staff and _set_person(db, user_id, person, audit)
        if not has_changed:
            return is_new
        if not staff:
            _end_person(db, user_id, audit)
        audit_log.write(db, audit, "clerk-named" if staff else "clerk-dismissed", f"user:{user_id}")
        end_sessions(db, user_id)
    return True


def deactivate(db: Database, user_id: str, audit: AuditContext) -> bool:
    """Deactivate an account and end its sessions; return False if it was inactive.

    Sign-in is not possible afterwards.
    """
    with transaction.atomic(using=db.alias):
        if not db.rows(User).filter(pk=user_id, is_active=True).update(is_active=False):
            return False
        _end_person(db, user_id, audit)
        audit_log.write(db, audit, "account-ended", f"user:{user_id}")
        end_sessions(db, user_id)
    return True


def reset_second_factor(db: Database, user_id: str, message: NewMessage, audit: AuditContext) -> bool:
    """Remove all second factors and recovery codes, end the sessions, queue the mail.

    Returns False if the account has none.
    """
    factors = db.rows(apps.get_model("mfa", "Authenticator"))
    with transaction.atomic(using=db.alias):
        if not factors.filter(user_id=user_id).delete()[0]:
            return False
        audit_log.write(db, audit, "second-factor-reset", f"user:{user_id}")
        outbox.enqueue(db, [message], audit.at)
        end_sessions(db, user_id)
    return True


def end_sessions(db: Database, user_id: str, but: str = "") -> None:
    """End all sessions of an account except the one with the key `but`."""
    rows = db.rows(apps.get_model("usersessions", "UserSession")).filter(user_id=user_id)
    rows = rows.exclude(session_key=but)
    keys = list(rows.values_list("session_key", flat=True))
    db.rows(apps.get_model("sessions", "Session")).filter(session_key__in=keys).delete()
    rows.delete()


def unconfirmed(db: Database, before: datetime) -> tuple[str, ...]:
    """Return ids of accounts created before `before` without a confirmed address."""
    return tuple(_unconfirmed(db, before).order_by("pk").values_list("pk", flat=True))


def unused(db: Database, lapse: InactivityLimit) -> tuple[str, ...]:
    """Return ids of accounts with a confirmed address that count as unused."""
    return tuple(_unused(db, lapse).order_by("pk").values_list("pk", flat=True))


def erase_unconfirmed(db: Database, ids: Sequence[str], before: datetime, audit: AuditContext) -> int:
    """Erase those of these accounts that are still unconfirmed; return their number.

    Each gets one audit row.
    """
    with transaction.atomic(using=db.alias):
        return _erased(db, _unconfirmed(db, before).filter(pk__in=ids), audit)


def erase_unused(db: Database, ids: Sequence[str], lapse: InactivityLimit, audit: AuditContext) -> int:
    """Erase those of these accounts that are still unused; return their number.

    Each gets one audit row.
    """
    with transaction.atomic(using=db.alias):
        return _erased(db, _unused(db, lapse).filter(pk__in=ids), audit)


def release_address(db: Database, email: str, before: datetime, audit: AuditContext) -> int:
    """Erase unconfirmed uses of an address and return the number of erased accounts.

    These are unconfirmed accounts created until `before`, and unconfirmed additional addresses of other accounts.
    """
    waiting = db.rows(apps.get_model("account", "EmailAddress")).filter(verified=False)
    with transaction.atomic(using=db.alias):
        rows = db.rows(User).filter(email=email.lower()).exclude(_confirmed(db))
        erased = _erased(db, rows.filter(created__lte=before), audit)
        waiting.filter(email=email.lower()).exclude(user__in=rows).delete()
    return erased


def purge_sessions(db: Database, now: datetime) -> None:
    """Delete sessions and cache entries that have expired at `now`.

    `now` is on the machine's clock.
    """
    sessions = db.rows(apps.get_model("sessions", "Session"))
    known = db.rows(apps.get_model("usersessions", "UserSession"))
    with transaction.atomic(using=db.alias):
        sessions.filter(expire_date__lte=now).delete()
        known.exclude(Exists(sessions.filter(session_key=OuterRef("session_key")))).delete()
        db.rows(CacheEntry).filter(expires__lte=now).delete()


def audit(db: Database, audit: AuditContext, action: str, user_id: str, **facts: str | int | None) -> None:
    """Write an audit row about an account that its owner changed."""
    with transaction.atomic(using=db.alias):
        audit_log.write(db, audit, action, f"user:{user_id}", **facts)


def _confirmed(db: Database) -> Exists:
    """Test for a confirmed address of an account; sign-in requires one."""
    addresses = db.rows(apps.get_model("account", "EmailAddress"))
    return Exists(addresses.filter(verified=True, user_id=OuterRef("pk")))


def _unconfirmed(db: Database, before: datetime) -> "QuerySet[User]":
    return db.rows(User).filter(created__lt=before).exclude(_confirmed(db))


def _unused(db: Database, lapse: InactivityLimit) -> "QuerySet[User]":
    ended = Q(withdrawn_at__lt=lapse.before) | Q(valid_until__lt=lapse.before)
    lasting = db.rows(RoleAssignment).filter(user=OuterRef("pk")).exclude(ended)
    rows = db.rows(User).filter(_confirmed(db), created__lt=lapse.before, is_staff=False)
    signed_in = Q(last_login__gte=lapse.signed_in_before)
    return rows.exclude(Exists(lasting)).exclude(signed_in)


def _erased(db: Database, rows: "QuerySet[User]", audit: AuditContext) -> int:
    erased = 0
    for user in rows:
        audit_log.write(db, audit, "account-erased", f"user:{user.pk}")
        user.delete(using=db.alias)
        erased += 1
    return erased


def _accounts(db: Database, **which: object) -> list[Account]:
    factors = db.rows(apps.get_model("mfa", "Authenticator"))
    rows = db.rows(User).filter(**which).order_by("email")
    return [
        Account(
            row.pk,
            row.email,
            row.name,
            Language(row.language),
            row.is_staff,
            row.is_active,
            row.created,
            row.second_factor,
            row.has_person,
        )
        for row in rows.annotate(
            second_factor=Exists(factors.filter(user_id=OuterRef("pk"), type__in=("totp", "webauthn"))),
            has_person=Exists(_persons(db).filter(user_id=OuterRef("pk"), ended_at__isnull=True)),
        )
    ]


def change(db: Database, user_id: str, name: str, language: Language, audit: AuditContext) -> bool:
    """Store name and language; return False if both were the same.

    The audit row records the change without the values.
    """
    with transaction.atomic(using=db.alias):
        rows = db.rows(User).filter(pk=user_id).exclude(name=name, language=language)
        if not rows.update(name=name, language=language):
            return False
        audit_log.write(db, audit, "profile-changed", f"user:{user_id}")
    return True


def find_name(db: Database, user_id: str) -> str:
    """Return name and address of an account; empty if there is none."""
    row = db.rows(User).filter(pk=user_id).values_list("name", "email").first()
    return "" if row is None else f"{row[0]} ({row[1]})"


def get_identity(db: Database, user_id: str) -> Identity:
    """Return the identity of the person who has an account.

    An unknown account has only its id. Addresses are those of the account, confirmed or not, and those to which its
    roles were sent. Subjects are those of connected providers. A subject is a digest of issuer and subject,
    independent of the provider's name in the settings. Person digests are those of the account, also ended ones.
    """
    sent_to = db.rows(models.Person).filter(mandates__user=user_id)
    subjects = db.rows(apps.get_model("socialaccount", "SocialAccount")).filter(user_id=user_id)
    return Identity(
        frozenset({user_id} if user_id else ()),
        addresses(db, user_id) | frozenset(text.casefold() for text in sent_to.values_list("email", flat=True)),
        frozenset(subjects.values_list("uid", flat=True)),
        frozenset(_persons(db).filter(user_id=user_id).values_list("digest", flat=True)),
    )


def get_identity_of_address(db: Database, email: str) -> Identity:
    """Return the identity of the person who reads mail at an address.

    It covers every account with that address.
    """
    own = Identity(addresses=frozenset({email}))
    return merge([own, *(get_identity(db, found_id) for found_id in ids_of_address(db, email))])


def are_same_person(db: Database, user_id: str, other_id: str) -> bool:
    """Return whether two accounts may be of one person."""
    return is_same_person(get_identity(db, user_id), get_identity(db, other_id))


def lacks_person(db: Database, user_ids: Collection[str]) -> bool:
    """Return True if a clerk's account lacks a verified person of its own.

    PRODUCTION requires one of each account. Call it in the transaction of the decision.
    """
    if not db.rows(models.Instance).filter(environment=Environment.PRODUCTION).exists():
        return False
    rows = _persons(db).filter(user_id__in=user_ids, ended_at__isnull=True)
    return rows.values("digest").distinct().count() < len(user_ids)


def _set_person(db: Database, user_id: str, person: str, audit: AuditContext) -> bool:
    """Store the digest of a clerk's person; return False if it is stored already.

    Raises PersonTaken.
    """
    rows = _persons(db).filter(ended_at__isnull=True)
    if not person or rows.filter(user_id=user_id, digest=person).exists():
        return False
    try:
        with transaction.atomic(using=db.alias):
            rows.create(user_id=user_id, digest=person, added_at=audit.at)
    except IntegrityError:
        raise PersonTaken from None
    audit_log.write(db, audit, "account-person-set", f"user:{user_id}")
    return True


def _end_person(db: Database, user_id: str, audit: AuditContext) -> None:
    _persons(db).filter(user_id=user_id, ended_at__isnull=True).update(ended_at=audit.at)


def _persons(db: Database) -> "QuerySet[StaffPerson]":
    return db.rows(StaffPerson)
