"""The identity behind an account or an address (domain/access/persons.py)."""

from collections.abc import Iterable

from django.apps import apps

from sinetti.database import models
from sinetti.database.access import accounts
from sinetti.database.connection import Database
from sinetti.domain.access.persons import Identity, is_same_person, merge


def get_identity(db: Database, user_id: str) -> Identity:
    """Return the identity of the person who has an account.

    An unknown account has only its id. Addresses are those of the account, confirmed or not, and those to which its
    mandates were sent. Subjects are those of connected providers: a digest of issuer and subject, whichever name the
    provider has in the settings.
    """
    sent_to = models.Person.objects.using(db.alias).filter(mandates__user=user_id)
    subjects = apps.get_model("socialaccount", "SocialAccount").objects.using(db.alias).filter(user_id=user_id)
    return Identity(
        frozenset({user_id} if user_id else ()),
        accounts.addresses(db, user_id) | _folded(sent_to.values_list("email", flat=True)),
        frozenset(subjects.values_list("uid", flat=True)),
    )


def get_identity_of_address(db: Database, email: str) -> Identity:
    """Return the identity of the person who reads mail at an address.

    It covers every account with that address.
    """
    own = Identity(addresses=frozenset({email}))
    return merge([own, *(get_identity(db, one) for one in accounts.ids_of_address(db, email))])


def are_same_person(db: Database, user_id: str, other_id: str) -> bool:
    """Return whether two accounts may be of one person."""
    return is_same_person(get_identity(db, user_id), get_identity(db, other_id))


def _folded(addresses: Iterable[str]) -> frozenset[str]:
    return frozenset(one.casefold() for one in addresses)
