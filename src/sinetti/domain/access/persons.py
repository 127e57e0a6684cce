"""Rule that two acts need two people (docs/e-service/authorisations.md).

The module decides which accounts and addresses belong to one person.
"""

import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256

from sinetti.domain.daily_limits import mailbox

_OWN_KEY = b"staff-persons"
"""Label from which the key of digests is derived (domain/link_tokens.py)."""
_PERSON_ID = re.compile(r"[A-Z0-9+-]{5,40}")


class PersonIdError(ValueError):
    """ID of a person in a form that no register uses; the sentence says what to do."""


def person_digest(key: bytes, person_id: str) -> str:
    """Return the keyed digest of a clerk's person ID, 64 hex digits.

    Case and white space are ignored. Without the key the ID cannot be guessed, though there are few. Raises
    PersonIdError.
    """
    plain = "".join(person_id.split()).upper()
    if not _PERSON_ID.fullmatch(plain):
        raise PersonIdError(
            "a person ID has 5 to 40 letters, digits, hyphens and plus signs, such as a personal identity code: "
            "copy it from the identity document"
        )
    return hmac.digest(hmac.digest(key, _OWN_KEY, sha256), plain.encode(), sha256).hex()


@dataclass(frozen=True)
class Identity:
    """Accounts, e-mail addresses, sign-in subjects and person digests of one person.

    A subject is a digest of issuer and subject, as an account keeps it of a verified sign-in. Clerks' accounts have a
    `person_digest`. A named person without an account has only an address.
    """

    accounts: frozenset[str] = frozenset()
    addresses: frozenset[str] = field(default=frozenset(), repr=False)
    subjects: frozenset[str] = field(default=frozenset(), repr=False)
    persons: frozenset[str] = field(default=frozenset(), repr=False)

    @property
    def is_known(self) -> bool:
        """True if at least one account, address, subject or person is known."""
        return bool(self.accounts or _folded(self.addresses) or self.subjects or self.persons)


def is_same_person(identity: Identity, other: Identity) -> bool:
    """Return True if two identities may belong to one person.

    They do if they share an account, a mailbox, a subject of a provider, or a person digest. Mailboxes are compared
    without case and without a tag after a plus sign. An identity without any known property counts as the same person,
    since two people must be distinguishable.
    """
    if not (identity.is_known and other.is_known):
        return True
    return not (
        identity.accounts.isdisjoint(other.accounts)
        and _folded(identity.addresses).isdisjoint(_folded(other.addresses))
        and identity.subjects.isdisjoint(other.subjects)
        and identity.persons.isdisjoint(other.persons)
    )


def merge(identities: Iterable[Identity]) -> Identity:
    """Return one identity with all properties of these."""
    known = tuple(identities)
    return Identity(
        frozenset().union(*(one.accounts for one in known)),
        frozenset().union(*(identity.addresses for identity in known)),
        frozenset().union(*(identity.subjects for identity in known)),
        frozenset().union(*(identity.persons for identity in known)),
    )


def _folded(addresses: Iterable[str]) -> frozenset[str]:
    return frozenset(mailbox(address) for address in addresses if address.strip())
