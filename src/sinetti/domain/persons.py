"""The rule that two acts need two people: which accounts and addresses belong to one person (docs/mandates.md)."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from sinetti.domain.daily_limits import mailbox


@dataclass(frozen=True, slots=True)
class Identity:
    """All that is known of one person: account ids, e-mail addresses, and subjects of sign-in providers.

    A subject is a digest of issuer and subject, as an account keeps it of a verified sign-in. Someone who has been
    named but has no account has an address alone.
    """

    accounts: frozenset[str] = frozenset()
    addresses: frozenset[str] = field(default=frozenset(), repr=False)
    subjects: frozenset[str] = field(default=frozenset(), repr=False)

    @property
    def is_known(self) -> bool:
        """Whether there is anything by which this person can be told from another."""
        return bool(self.accounts or _folded(self.addresses) or self.subjects)


def is_same_person(one: Identity, other: Identity) -> bool:
    """Return whether two identities may belong to one person.

    They do if they share an account, a mailbox (an address without regard to case and to a tag behind a plus sign) or
    a subject of a provider. An identity of which nothing is known counts as the same person: what cannot be told apart
    is not two people.
    """
    if not (one.is_known and other.is_known):
        return True
    return not (
        one.accounts.isdisjoint(other.accounts)
        and _folded(one.addresses).isdisjoint(_folded(other.addresses))
        and one.subjects.isdisjoint(other.subjects)
    )


def merge(identities: Iterable[Identity]) -> Identity:
    """Return one identity with all that is known of these."""
    known = tuple(identities)
    return Identity(
        frozenset().union(*(one.accounts for one in known)),
        frozenset().union(*(one.addresses for one in known)),
        frozenset().union(*(one.subjects for one in known)),
    )


def _folded(addresses: Iterable[str]) -> frozenset[str]:
    return frozenset(mailbox(one) for one in addresses if one.strip())
