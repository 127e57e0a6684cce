"""Giving, changing and withdrawing authorisations on behalf of an organisation, and answering who asks for one.

What must hold stands in docs/mandates.md. Acts on a mandate or a request are about the organisation that it is of; one
that is not there is like one of somebody else's.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from sinetti.database.access import queries, role_assignments, role_requests
from sinetti.database.access.queries import MandateFound, Named, RequestFound
from sinetti.database.access.role_assignments import (
    Gone,
    Invited,
    LastSignatory,
    Otherwise,
    Terms,
    ToFirm,
    TooMany,
    ToPerson,
)
from sinetti.database.common import audit_reading
from sinetti.database.organisations import organisations
from sinetti.database.organisations.contacts import Closed
from sinetti.database.organisations.organisations import Person
from sinetti.domain.access.invitations import A_DAY, MISSED_A_DAY
from sinetti.domain.access.roles import Right, Role, for_an_agent
from sinetti.domain.validation import LONGEST_PERSON, check_unlinked
from sinetti.services.access.act_transaction import act_for, acting
from sinetti.services.access.inviting import new_link
from sinetti.services.access.permissions import Actor, Standing, require, signs_by_outside
from sinetti.services.context import Office

__all__ = [
    "Closed", "Gone", "Invited", "LastSignatory", "MandateFound", "Named", "NotThere", "Otherwise", "Person",
    "RequestFound", "Terms", "ToPerson", "TooMany", "WrongTerms",
]  # fmt: skip


class NotThere(Exception):
    """No open organisation that a role may be given to has this id."""


class WrongTerms(Exception):
    """A role or an end that cannot be given: a firm's role has an end within two years, and is not signatory's."""


@dataclass(frozen=True, slots=True)
class Authorisations:
    """Who may act for an organisation, and who asks to."""

    mandates: tuple[MandateFound, ...]
    requests: tuple[RequestFound, ...]


@dataclass(frozen=True, slots=True)
class GiveToFirm:
    """What a signatory says when another organisation is to act for theirs: its customer id, role and end."""

    organisation_id: str
    customer_id: str
    role: Role
    until: datetime


def authorisations(organisation_id: str, who: Standing, office: Office, start: int = 0) -> Authorisations:
    """What is on an organisation's page of authorisations, mandates from `start` on. Raises NotAllowed."""
    who.require(Right.GRANT, organisation_id)
    now = office.now()
    return Authorisations(
        queries.mandates(office.register, organisation_id, now, start),
        queries.requests_to(office.register, organisation_id, now),
    )


def authorisation(mandate_id: str, who: Standing, office: Office) -> MandateFound:
    """One mandate that lasts. Raises NotAllowed, and Gone where it lasts no more."""
    found = queries.mandate(office.register, mandate_id, office.now())
    if found is None:
        organisation_giving(mandate_id, who, office)
        raise Gone
    who.require(Right.GRANT, found.organisation_id)
    return found


def organisation_giving(mandate_id: str, who: Standing, office: Office) -> str:
    """The id of the organisation that a mandate is for, whether it lasts or not. Raises NotAllowed."""
    found = role_assignments.organisation_of(office.register, mandate_id)
    who.require(Right.GRANT, found)
    return found


def asked(request_id: str, who: Standing, office: Office) -> RequestFound:
    """One request that waits. Raises NotAllowed, and Gone where it waits no more."""
    who.require(Right.GRANT, role_requests.organisation_of(office.register, request_id))
    found = queries.request(office.register, request_id, office.now())
    if found is None:
        raise Gone
    return found


def organisation_asked(request_id: str, who: Standing, office: Office) -> str:
    """The id of the organisation that a request is to, whether it waits or not. Raises NotAllowed."""
    found = role_requests.organisation_of(office.register, request_id)
    who.require(Right.GRANT, found)
    return found


def give(to: ToPerson, office: Office, actor: Actor, request_id: str) -> Invited:
    """Invite somebody to a role; the same given already stays as it is.

    Raises NotAllowed, Closed, Otherwise, TooMany, LinkError, LimitReached, and WrongTerms where its end has passed.
    """
    check_unlinked("name", to.person.name, LONGEST_PERSON)
    with act_for(Right.GRANT, to.organisation_id, office, actor, request_id) as act:
        if to.until is not None and to.until <= act.deed.at:
            raise WrongTerms
        link = new_link(office, act.deed.at)
        return role_assignments.invite(office.register, replace(to, at_once=False), link, act.deed)


def give_to_firm(given: GiveToFirm, office: Office, actor: Actor, request_id: str) -> bool:
    """Give another organisation a role, with an end; False where it has the same already.

    Raises NotAllowed, Closed, WrongTerms, NotThere, and TooMany where somebody named too many that are not there.
    """
    require(Right.GRANT, given.organisation_id, actor, office)
    if not for_an_agent(given.role, given.until, office.now()):
        raise WrongTerms
    agent = organisations.find_organisation(office.register, given.customer_id)
    if agent is None or not agent.open or agent.organisation_id == given.organisation_id:
        _note_missed(given.organisation_id, office, actor, request_id)
        raise NotThere
    # Both at once, in the order of their ids: two who give each other a role do not wait for each other.
    with acting({given.organisation_id, agent.organisation_id}, office, actor, request_id) as act:
        act.standing.require(Right.GRANT, given.organisation_id)
        _check_missed(office, actor, act.deed.at)
        to = ToFirm(given.organisation_id, agent.organisation_id, given.role, given.until)
        return role_assignments.give_to_firm(office.register, to, act.deed)


def change(mandate_id: str, terms: Terms, office: Office, actor: Actor, request_id: str) -> bool:
    """Give a mandate another role or end; False where it has those. Nothing that it gave is passed on by it.

    Raises NotAllowed, Closed, Gone, LastSignatory and WrongTerms.
    """
    organisation_id = role_assignments.organisation_of(office.register, mandate_id)
    with act_for(Right.GRANT, organisation_id, office, actor, request_id) as act:
        found = queries.mandate(office.register, mandate_id, act.deed.at)
        if found is None:
            raise Gone
        _check(terms, act.deed.at, firm=found.agent is not None)
        stays = signs_by_outside(organisation_id, actor, office)
        return role_assignments.change(office.register, mandate_id, replace(terms, last_may_go=stays), act.deed)


def withdraw(mandate_id: str, office: Office, actor: Actor, request_id: str) -> bool:
    """Withdraw an authorisation, at once; False where it is withdrawn already. Raises NotAllowed and LastSignatory."""
    organisation_id = role_assignments.organisation_of(office.register, mandate_id)
    with act_for(Right.GRANT, organisation_id, office, actor, request_id) as act:
        stays = signs_by_outside(organisation_id, actor, office)
        return role_assignments.withdraw(office.register, mandate_id, act.deed, last_may_go=stays)


def send_again(mandate_id: str, office: Office, actor: Actor, request_id: str) -> None:
    """Send another invitation; the one before opens nothing any more. Raises NotAllowed, Closed, Gone and TooMany."""
    organisation_id = role_assignments.organisation_of(office.register, mandate_id)
    with act_for(Right.GRANT, organisation_id, office, actor, request_id) as act:
        role_assignments.invite_again(office.register, mandate_id, new_link(office, act.deed.at), act.deed)


def approve(asked_id: str, terms: Terms, office: Office, actor: Actor, request_id: str) -> bool:
    """Give what somebody asked for, with this role and end; False where it was given already.

    Raises NotAllowed, Closed, Gone, LastSignatory and WrongTerms.
    """
    organisation_id = role_requests.organisation_of(office.register, asked_id)
    require(Right.GRANT, organisation_id, actor, office)
    firm = role_requests.firm_of(office.register, asked_id)
    with acting({organisation_id, firm} if firm else {organisation_id}, office, actor, request_id) as act:
        act.standing.require(Right.GRANT, organisation_id)
        _check(terms, act.deed.at, firm=bool(firm))
        stays = signs_by_outside(organisation_id, actor, office)
        return role_requests.approve(office.register, asked_id, replace(terms, last_may_go=stays), act.deed)


def decline(asked_id: str, office: Office, actor: Actor, request_id: str) -> bool:
    """Answer no to who asks; False where it was answered so already. Raises NotAllowed and Gone."""
    organisation_id = role_requests.organisation_of(office.register, asked_id)
    with act_for(Right.GRANT, organisation_id, office, actor, request_id) as act:
        return role_requests.decline(office.register, asked_id, act.deed)


_MISSED = "authorisation-to-nobody"


def _note_missed(organisation_id: str, office: Office, actor: Actor, request_id: str) -> None:
    """Record and count an id that is not in the register.

    Callers must not find out which ids exist.
    """
    with act_for(Right.GRANT, organisation_id, office, actor, request_id) as act:
        _check_missed(office, actor, act.deed.at)
        audit_reading.note(office.register, act.deed, _MISSED, actor.name)


def _check_missed(office: Office, actor: Actor, now: datetime) -> None:
    if audit_reading.count(office.register, actor.name, _MISSED, now - A_DAY) >= MISSED_A_DAY:
        raise TooMany


def _check(terms: Terms, now: datetime, *, firm: bool) -> None:
    fits = for_an_agent(terms.role, terms.until, now) if firm else terms.until is None or terms.until > now
    if not fits:
        raise WrongTerms
