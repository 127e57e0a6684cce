"""Accounts of the e-service: made, made a clerk's, ended; their sessions end with them.

Sign-in itself is django-allauth's, whose tables are beside ours.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.apps import apps
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from sinetti.database.common import audit_log
from sinetti.database.common.audit_log import AuditContext
from sinetti.database.connection import Database
from sinetti.database.models import CacheEntry, RoleAssignment, User
from sinetti.domain.daily_limits import mailbox
from sinetti.domain.values import Language


@dataclass(frozen=True, slots=True)
class NewAccount:
    """An account that is made for somebody, whose address counts as theirs. Without a password they have one sent.

    `totp` is the sealed secret of one-time codes.
    """

    email: str
    name: str
    language: Language
    staff: bool = False
    password: str | None = field(default=None, repr=False)
    totp: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Account:
    """An account as it stands."""

    user_id: str
    email: str
    name: str
    language: Language
    staff: bool
    active: bool
    created: datetime
    second_factor: bool


@dataclass(frozen=True, slots=True)
class InactivityLimit:
    """Since when nobody used an account: no sign-in since `signed_in_before`, on the machine's clock, and nothing else.

    Clerks' accounts do not lapse, nor those made since `before`, nor those with a mandate that lasted until then.
    """

    before: datetime
    signed_in_before: datetime


def insert(register: Database, new: NewAccount, deed: AuditContext) -> str | None:
    """Make an account; returns its id, or None where the address has one."""
    address, authenticator = apps.get_model("account", "EmailAddress"), apps.get_model("mfa", "Authenticator")
    email = new.email.lower()
    with transaction.atomic(using=register.alias):
        taken = User.objects.using(register.alias).filter(email=email).exists()
        if taken or address.objects.using(register.alias).filter(email=email).exists():
            return None
        user = User(email=email, name=new.name, language=new.language, is_staff=new.staff, created=deed.at)
        user.password = make_password(new.password)
        user.save(using=register.alias, force_insert=True)
        address.objects.using(register.alias).create(user_id=user.pk, email=email, verified=True, primary=True)
        if new.totp is not None:
            authenticator.objects.using(register.alias).create(user_id=user.pk, type="totp", data={"secret": new.totp})
        audit_log.write(register, deed, "account-made", f"user:{user.pk}", staff=int(new.staff))
    return user.pk


def find(register: Database, email: str) -> Account | None:
    """The account of an address; None where there is none."""
    found = _accounts(register, email=email.lower())
    return found[0] if found else None


def addresses(register: Database, user_id: str) -> frozenset[str]:
    """Every address of an account, case folded, also those that wait for being confirmed."""
    rows = apps.get_model("account", "EmailAddress").objects.using(register.alias).filter(user_id=user_id)
    main = User.objects.using(register.alias).filter(pk=user_id)
    return frozenset(one.casefold() for found in (main, rows) for one in found.values_list("email", flat=True))


def ids_of_address(register: Database, email: str) -> tuple[str, ...]:
    """Return the ids of accounts that have an address of the same mailbox, confirmed or not."""
    wanted = mailbox(email)
    local = wanted.rpartition("@")[0]
    # The domain may be written in several ways: of those with this local part each is compared.
    near = Q(email__iexact=email) | Q(email__istartswith=f"{local}@") | Q(email__istartswith=f"{local}+")
    rows = apps.get_model("account", "EmailAddress").objects.using(register.alias).filter(near)
    main = User.objects.using(register.alias).filter(near)
    found = {*main.values_list("pk", "email"), *rows.values_list("user_id", "email")}
    return tuple(sorted({one for one, address in found if mailbox(address) == wanted}))


def all_staff(register: Database) -> list[Account]:
    """All clerks' accounts, by address."""
    return _accounts(register, is_staff=True)


def lock_clerks(register: Database, user_ids: Collection[str]) -> frozenset[str]:
    """Return and lock those that are accounts of active clerks.

    The lock lasts until the transaction ends. In one statement and in the order of their ids: two that lock each
    other's accounts do not wait for each other.
    """
    rows = User.objects.using(register.alias).select_for_update(no_key=True)
    clerks = rows.filter(pk__in=user_ids, is_active=True, is_staff=True).order_by("pk")
    return frozenset(clerks.values_list("pk", flat=True))


def set_staff(register: Database, user_id: str, deed: AuditContext, *, staff: bool) -> bool:
    """Make an account a clerk's, or no clerk's any more; False where it was so."""
    with transaction.atomic(using=register.alias):
        rows = User.objects.using(register.alias).filter(pk=user_id, is_staff=not staff)
        if not rows.update(is_staff=staff):
            return False
        audit_log.write(register, deed, "clerk-named" if staff else "clerk-dismissed", f"user:{user_id}")
        end_sessions(register, user_id)
    return True


def deactivate(register: Database, user_id: str, deed: AuditContext) -> bool:
    """End an account: nobody signs in with it, and its sessions end; False where it was ended before."""
    with transaction.atomic(using=register.alias):
        if not User.objects.using(register.alias).filter(pk=user_id, is_active=True).update(is_active=False):
            return False
        audit_log.write(register, deed, "account-ended", f"user:{user_id}")
        end_sessions(register, user_id)
    return True


def end_sessions(register: Database, user_id: str, but: str = "") -> None:
    """End all sessions of an account, but for the one with this key."""
    rows = apps.get_model("usersessions", "UserSession").objects.using(register.alias).filter(user_id=user_id)
    rows = rows.exclude(session_key=but)
    keys = list(rows.values_list("session_key", flat=True))
    apps.get_model("sessions", "Session").objects.using(register.alias).filter(session_key__in=keys).delete()
    rows.delete()


def unconfirmed(register: Database, before: datetime) -> tuple[str, ...]:
    """The ids of accounts made before `before` whose address nobody confirmed."""
    return tuple(_unconfirmed(register, before).order_by("pk").values_list("pk", flat=True))


def unused(register: Database, lapse: InactivityLimit) -> tuple[str, ...]:
    """The ids of accounts whose address was confirmed, and which nobody has used since."""
    return tuple(_unused(register, lapse).order_by("pk").values_list("pk", flat=True))


def erase_unconfirmed(register: Database, ids: Sequence[str], before: datetime, deed: AuditContext) -> int:
    """Erase these accounts, which are looked at again; returns how many. One audit row each."""
    with transaction.atomic(using=register.alias):
        return _erased(register, _unconfirmed(register, before).filter(pk__in=ids), deed)


def erase_unused(register: Database, ids: Sequence[str], lapse: InactivityLimit, deed: AuditContext) -> int:
    """Erase these accounts, which are looked at again; returns how many. One audit row each."""
    with transaction.atomic(using=register.alias):
        return _erased(register, _unused(register, lapse).filter(pk__in=ids), deed)


def release_address(register: Database, email: str, before: datetime, deed: AuditContext) -> int:
    """Erase what nobody confirmed of an address: accounts made until `before`, and what others wait for.

    Returns how many accounts went.
    """
    waiting = apps.get_model("account", "EmailAddress").objects.using(register.alias).filter(verified=False)
    with transaction.atomic(using=register.alias):
        rows = User.objects.using(register.alias).filter(email=email.lower()).exclude(_confirmed(register))
        erased = _erased(register, rows.filter(created__lte=before), deed)
        waiting.filter(email=email.lower()).exclude(user__in=rows).delete()
    return erased


def purge_sessions(register: Database, now: datetime) -> None:
    """Forget sessions that have expired at `now`, on the machine's clock, and what was remembered until then."""
    sessions = apps.get_model("sessions", "Session").objects.using(register.alias)
    known = apps.get_model("usersessions", "UserSession").objects.using(register.alias)
    with transaction.atomic(using=register.alias):
        sessions.filter(expire_date__lte=now).delete()
        known.exclude(Exists(sessions.filter(session_key=OuterRef("session_key")))).delete()
        CacheEntry.objects.using(register.alias).filter(expires__lte=now).delete()


def audit(register: Database, deed: AuditContext, action: str, user_id: str, **facts: str | int | None) -> None:
    """Write an audit row about an account that was changed by its owner."""
    with transaction.atomic(using=register.alias):
        audit_log.write(register, deed, action, f"user:{user_id}", **facts)


def _confirmed(register: Database) -> Exists:
    """Whether somebody has confirmed an account's address: without, nobody has ever signed in with it."""
    addresses = apps.get_model("account", "EmailAddress").objects.using(register.alias)
    return Exists(addresses.filter(verified=True, user_id=OuterRef("pk")))


def _unconfirmed(register: Database, before: datetime) -> "QuerySet[User]":
    return User.objects.using(register.alias).filter(created__lt=before).exclude(_confirmed(register))


def _unused(register: Database, lapse: InactivityLimit) -> "QuerySet[User]":
    ended = Q(withdrawn_at__lt=lapse.before) | Q(valid_until__lt=lapse.before)
    lasting = RoleAssignment.objects.using(register.alias).filter(user=OuterRef("pk")).exclude(ended)
    rows = User.objects.using(register.alias).filter(_confirmed(register), created__lt=lapse.before, is_staff=False)
    signed_in = Q(last_login__gte=lapse.signed_in_before)
    return rows.exclude(Exists(lasting)).exclude(signed_in)


def _erased(register: Database, rows: "QuerySet[User]", deed: AuditContext) -> int:
    erased = 0
    for user in rows:
        audit_log.write(register, deed, "account-erased", f"user:{user.pk}")
        user.delete(using=register.alias)
        erased += 1
    return erased


def _accounts(register: Database, **which: object) -> list[Account]:
    factors = apps.get_model("mfa", "Authenticator").objects.using(register.alias)
    rows = User.objects.using(register.alias).filter(**which).order_by("email")
    return [
        Account(
            one.pk,
            one.email,
            one.name,
            Language(one.language),
            one.is_staff,
            one.is_active,
            one.created,
            one.second_factor,
        )
        for one in rows.annotate(
            second_factor=Exists(factors.filter(user_id=OuterRef("pk"), type__in=("totp", "webauthn")))
        )
    ]
