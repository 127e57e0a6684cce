"""Rule that two acts need two people (docs/e-service/authorisations.md).

The module decides which accounts and addresses belong to one person.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from sinetti.domain.daily_limits import mailbox


@dataclass(frozen=True, slots=True)
class Identity:
    """Accounts, e-mail addresses and sign-in subjects of one person.

    A subject is a digest of issuer and subject, as an account keeps it of a verified sign-in. A named person without an
    account has only an address.
    """

    accounts: frozenset[str] = frozenset()
    addresses: frozenset[str] = field(default=frozenset(), repr=False)
    subjects: frozenset[str] = field(default=frozenset(), repr=False)

    @property
    def is_known(self) -> bool:
        """True if at least one account, address or subject is known."""
        return bool(self.accounts or _folded(self.addresses) or self.subjects)


def is_same_person(one: Identity, other: Identity) -> bool:
    """Return True if two identities may belong to one person.

    They do if they share an account, a mailbox, or a subject of a provider. Mailboxes are compared without case and
    without a tag after a plus sign. An identity without any known property counts as the same person, since two people
    must be distinguishable.
    """
    if not (one.is_known and other.is_known):
        return True
    return not (
        one.accounts.isdisjoint(other.accounts)
        and _folded(one.addresses).isdisjoint(_folded(other.addresses))
        and one.subjects.isdisjoint(other.subjects)
    )


def merge(identities: Iterable[Identity]) -> Identity:
    """Return one identity with all properties of these."""
    known = tuple(identities)
    return Identity(
        frozenset().union(*(one.accounts for one in known)),
        frozenset().union(*(one.addresses for one in known)),
        frozenset().union(*(one.subjects for one in known)),
    )


def _folded(addresses: Iterable[str]) -> frozenset[str]:
    return frozenset(mailbox(one) for one in addresses if one.strip())
