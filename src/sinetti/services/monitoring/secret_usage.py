"""Use of the secret keys: rows that need each key, and new seals for old ones.

docs/operators/keys.md describes the rotation.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from typing import Any, assert_never

from sinetti.database.operations import secret_rows
from sinetti.domain.secret_keys import COMPARED, Keyring, SecretKey, SecretPurpose, key_id_of_row
from sinetti.services.context import ServiceContext
from sinetti.services.issuance.order import mac_made_by
from sinetti.services.token_encryption import SECOND_FACTOR, seal, sealed_by, unseal

DJANGO_LIFE = timedelta(days=3)
"""Longest life of what Django signs.

Links that confirm an address live longest (settings/django.py).
"""

_LONGEST_DELIVERY = timedelta(minutes=10)
"""Time between computing a message and noting that it was sent, at most."""
_SEALED_VALUES = ("secret", "seed")
_SEALED_LISTS = ("migrated_codes",)


class SecretError(ValueError):
    """An act on secret keys that is refused; the sentence says what to do."""


@dataclass(frozen=True)
class SecretUsage:
    """Secret key with the number of rows that need it; None if no row shows that.

    Without rows the key is needed until `needed_until`, if that is set. A key that `is_kept` is never removed.
    """

    purpose: SecretPurpose
    key: SecretKey
    is_current: bool
    rows: int | None
    needed_until: datetime | None = None
    is_kept: bool = False

    def can_be_removed(self, now: datetime) -> bool:
        """Return True if nothing needs the key at `now`."""
        if self.is_current or self.is_kept or self.rows:
            return False
        return self.needed_until is None or self.needed_until <= now


def list_secret_usage(ctx: ServiceContext) -> tuple[SecretUsage, ...]:
    """Return the use of each key, the newest of each purpose first."""
    ring = ctx.keyring
    return tuple(one for purpose in SecretPurpose for one in _of_purpose(purpose, ring, ctx))


def check_rotation(purpose: SecretPurpose) -> None:
    """Raise SecretError for a purpose whose rows all need one key."""
    if purpose in COMPARED:
        raise SecretError(
            f"the key for {purpose} cannot be replaced: digests of clerks are compared with each other, and the IDs "
            "from which they were computed are not stored"
        )


def check_removal(purpose: SecretPurpose, key_id: str, ctx: ServiceContext) -> None:
    """Raise SecretError if a key is in use, or there is none with this id."""
    usage = {secret_usage.key.key_id: secret_usage for secret_usage in _of_purpose(purpose, ctx.keyring, ctx)}.get(
        key_id
    )
    if usage is None:
        raise SecretError(f"there is no key {key_id} for {purpose}: see sinetti authority secrets status")
    if usage.can_be_removed(ctx.machine_now()):
        return
    if usage.is_current:
        why = "it makes new data: rotate the purpose first"
    elif usage.is_kept:
        why = "audit rows refer to it for good"
    elif usage.rows:
        why = f"{usage.rows} rows need it: wait until they have ended"
        why = f"{why}, or run sinetti authority secrets reseal" if purpose is SecretPurpose.SECOND_FACTORS else why
    else:
        why = f"links in messages need it until {usage.needed_until:%Y-%m-%d %H:%M} UTC"
    raise SecretError(f"key {key_id} for {purpose} cannot be removed: {why}")


def reseal_second_factors(ctx: ServiceContext) -> int:
    """Seal the secrets of second factors with the newest key.

    Returns the number of rows. After a kill, another call does the rest. A row that its owner changes meanwhile is
    read again. Raises InvalidToken for a row that no key opens; rows before it are done.
    """
    ring, done = ctx.keyring, 0
    current = ring.current(SecretPurpose.SECOND_FACTORS).key_id
    while waiting := [factor for factor in secret_rows.list_factors(ctx.db) if {*_seals(factor.data)} - {current}]:
        done += sum(
            secret_rows.update_factor(ctx.db, sealed_factor, _resealed(sealed_factor.data, ring))
            for sealed_factor in waiting
        )
    return done


def _of_purpose(purpose: SecretPurpose, ring: Keyring, ctx: ServiceContext) -> Iterator[SecretUsage]:
    keys = ring.every(purpose)
    counted = _count(purpose, keys, ctx)
    later: SecretKey | None = None
    for key in keys:
        rows = None if counted is None else counted[key.key_id]
        ends = later.made_at + DJANGO_LIFE if later is not None and purpose is SecretPurpose.DJANGO else None
        yield SecretUsage(purpose, key, later is None, rows, ends, is_kept=purpose is SecretPurpose.SEARCHES)
        later = key


def _count(purpose: SecretPurpose, keys: tuple[SecretKey, ...], ctx: ServiceContext) -> Counter[str] | None:
    """Count the rows that need each key of a purpose; None if no row shows that."""
    db, now = ctx.db, ctx.now()
    match purpose:
        case SecretPurpose.TRANSFER_PASSWORDS:
            return Counter(map(mac_made_by, secret_rows.list_password_macs(db, now)))
        case SecretPurpose.SESSIONS:
            return Counter(map(sealed_by, secret_rows.list_sessions(db, ctx.machine_now())))
        case SecretPurpose.SECOND_FACTORS:
            return Counter(key_id for factor in secret_rows.list_factors(db) for key_id in {*_seals(factor.data)})
        case SecretPurpose.LINKS:
            made_by = map(key_id_of_row, secret_rows.list_link_ids(db, now))
            return Counter(chain(made_by, map(sealed_by, secret_rows.list_sealed_links(db))))
        case SecretPurpose.PINS:
            return Counter(map(key_id_of_row, secret_rows.list_pin_ids(db, now)))
        case SecretPurpose.MAIL:
            return Counter(
                next((key.key_id for key in keys if key.made_at + _LONGEST_DELIVERY <= at), keys[-1].key_id)
                for at in secret_rows.list_sending_times(db)
            )
        case SecretPurpose.PERSONS:
            return Counter({keys[0].key_id: secret_rows.count_persons(db)})
        case SecretPurpose.DJANGO | SecretPurpose.SEARCHES:
            return None
        case never:
            assert_never(never)


def _seals(data: Mapping[str, Any]) -> Iterable[str]:
    for name in _SEALED_VALUES:
        if name in data:
            yield sealed_by(data[name])
    for name in _SEALED_LISTS:
        yield from map(sealed_by, data.get(name, ()))


def _resealed(data: Mapping[str, Any], ring: Keyring) -> dict[str, Any]:
    def again(value: str) -> str:
        return seal(ring, SECOND_FACTOR, unseal(ring, SECOND_FACTOR, value))

    values = {name: again(data[name]) for name in _SEALED_VALUES if name in data}
    lists = {name: [again(one) for one in data[name]] for name in _SEALED_LISTS if name in data}
    return {**data, **values, **lists}
