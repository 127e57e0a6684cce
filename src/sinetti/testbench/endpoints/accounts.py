"""Accounts made through the control endpoint, for people of a rehearsal.

The answer has the secrets that real people keep to themselves.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from sinetti.database.access import invitations, role_assignments
from sinetti.database.access.accounts import NewAccount
from sinetti.database.access.role_assignments import FirmGrant, PersonGrant
from sinetti.database.organisations import organisations
from sinetti.database.organisations.organisations import ContactDetails, NewOrganisation
from sinetti.domain.access.roles import GIVEN_TO_AGENTS, Role
from sinetti.domain.validation import LONGEST_EMAIL, LONGEST_ORGANISATION, LONGEST_PERSON, check_email
from sinetti.domain.values import MAXIMUM_LENGTH, Channel, IdentifierType, Language
from sinetti.services.access.accounts import make_account
from sinetti.services.access.invitations import create_link
from sinetti.services.context import ServiceContext
from sinetti.services.organisations.registration import register_organisation
from sinetti.testbench.core import json_fields
from sinetti.testbench.core.json_fields import FieldError
from sinetti.testbench.core.totp import new_secret

_ACTOR = "operator"
_FIRM_ROLE_LASTS = timedelta(days=365)
_MOST = 50


@dataclass(frozen=True)
class MadeAccount:
    """Credentials of a new account.

    Only a bench returns them, because its people do not exist.
    """

    email: str
    password: str = field(repr=False)
    totp_secret: str = field(repr=False)


@dataclass(frozen=True)
class _Wanted:
    """A role for an organisation, and the clients that have granted theirs to it."""

    organisation_id: str
    role: Role
    clients: tuple[str, ...]


def create_account(value: dict[str, object], ctx: ServiceContext, request_id: str) -> MadeAccount:
    """Make an account from the fields of `POST /accounts`.

    Missing organisations are added. Roles count at once. Raises FieldError, WordError and CustomerIdError for wrong
    fields, and AccountError for an address that has an account already.
    """
    json_fields.only(value, "email", "name", "language", "staff", "mandates")
    email = check_email("email", json_fields.text(value, "email", LONGEST_EMAIL))
    name = json_fields.text_or_none(value, "name", LONGEST_PERSON) or email.partition("@")[0]
    language = json_fields.choice(value, "language", Language, Language.EN)
    if not isinstance(value.get("staff", False), bool):
        raise FieldError("staff must be true or false")
    listed = _list(value, "mandates")
    wanted = [_wanted(one, language, ctx, request_id) for one in listed]
    password, secret = secrets.token_urlsafe(12), new_secret()
    new = NewAccount(email, name, language, bool(value.get("staff")), password, secret)
    user_id = make_account(new, ctx, _ACTOR, request_id)
    for one in wanted:
        _give(one, ContactDetails(name, email, "", language), user_id, ctx, request_id)
    return MadeAccount(email, password, secret)


def _wanted(given: object, language: Language, ctx: ServiceContext, request_id: str) -> _Wanted:
    if not isinstance(given, dict):
        raise FieldError("mandates must be a list of objects with customer_id and role")
    json_fields.only(given, "customer_id", "customer_name", "role", "clients")
    role = json_fields.choice(given, "role", Role)
    clients = _list(given, "clients")
    if clients and role not in GIVEN_TO_AGENTS:
        raise FieldError(f"a role given to clients must be one of {', '.join(sorted(GIVEN_TO_AGENTS))}")
    organisation_id = _organisation(given, language, ctx, request_id)
    theirs = tuple(_client(client, language, ctx, request_id) for client in clients)
    if organisation_id in theirs:
        raise FieldError("an organisation cannot be its own client")
    return _Wanted(organisation_id, role, theirs)


def _client(given: object, language: Language, ctx: ServiceContext, request_id: str) -> str:
    if not isinstance(given, dict):
        raise FieldError("clients must be a list of objects with customer_id")
    json_fields.only(given, "customer_id", "customer_name")
    return _organisation(given, language, ctx, request_id)


def _organisation(given: Mapping[str, object], language: Language, ctx: ServiceContext, request_id: str) -> str:
    """Return the id of an organisation, which is added if it is missing.

    A new organisation may order for both channels. An existing one keeps its name and channels.
    """
    customer_id = json_fields.text(given, "customer_id", MAXIMUM_LENGTH)
    name = json_fields.text_or_none(given, "customer_name", LONGEST_ORGANISATION) or f"Test organisation {customer_id}"
    new = NewOrganisation(customer_id, IdentifierType.ARTIFICIAL, "FI", name, language, frozenset(Channel))
    register_organisation(new, ctx, _ACTOR, request_id)
    organisation = organisations.find_organisation(ctx.db, customer_id)
    if organisation is None or not organisation.open:
        raise FieldError(f"the organisation {customer_id} has ended")
    return organisation.organisation_id


def _give(wanted: _Wanted, person: ContactDetails, user_id: str, ctx: ServiceContext, request_id: str) -> None:
    """Grant a role in the way that people would.

    A person gets an invitation that is accepted at once. A firm gets the role for a year.
    """
    audit = ctx.audit_entry(_ACTOR, request_id)
    link = create_link(ctx, audit.at)
    role_assignments.invite(ctx.db, PersonGrant(wanted.organisation_id, person, wanted.role), link, audit)
    invitations.accept(ctx.db, link.token_sha256, user_id, audit)
    for client in wanted.clients:
        to = FirmGrant(client, wanted.organisation_id, wanted.role, audit.at + _FIRM_ROLE_LASTS)
        role_assignments.give_to_firm(ctx.db, to, audit)


def _list(value: Mapping[str, object], name: str) -> list[object]:
    found = value.get(name)
    if found is None:
        return []
    if not isinstance(found, list) or len(found) > _MOST:
        raise FieldError(f"{name} must be a list of at most {_MOST}")
    return found
