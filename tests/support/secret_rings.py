"""Keyrings in tests: fixed keys, and rotations of them."""

from datetime import datetime

from sinetti.domain.secret_keys import Keyring, SecretKey, SecretPurpose
from tests.support.authority import NOW


def rotated(ring: Keyring, *purposes: SecretPurpose, at: datetime = NOW) -> Keyring:
    """Return a keyring with one more key for each of these purposes, by default for all."""
    keys = dict(ring.keys)
    for purpose in purposes or SecretPurpose:
        number = int(ring.current(purpose).key_id) + 1
        octets = f"{purpose} {number}".encode().ljust(32, b".")
        keys[purpose] = (*keys[purpose], SecretKey(str(number), octets, at))
    return Keyring(keys)


def without(ring: Keyring, key_id: str = "0") -> Keyring:
    """Return a keyring without the keys with this id, where there is a newer one."""
    left = {purpose: tuple(key for key in keys if key.key_id != key_id) for purpose, keys in ring.keys.items()}
    return Keyring({purpose: keys or ring.keys[purpose] for purpose, keys in left.items()})
