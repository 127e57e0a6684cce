"""Giving, changing and withdrawing roles, each in one transaction with its audit row and with what is owed by mail.

Whoever decides about the roles for an organisation holds its row meanwhile, so that two who withdraw each other's at
the same moment do so one after the other (docs/mandates.md). Audit rows have random ids alone.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F, Q, QuerySet

from sinetti.database import models
from sinetti.database.common import audit_log, daily_counts
from sinetti.database.common.audit_log import Deed
from sinetti.database.connection import Register
from sinetti.database.models import Invitation
from sinetti.database.notifications.access_messages import Tells, owe_to_firm, owe_to_person, owe_to_signatories
from sinetti.database.notifications.recipients import lasting, standing
from sinetti.database.organisations.contacts import take_open
from sinetti.database.organisations.organisations import Person, give_way, new_person
from sinetti.domain.access.invitations import A_DAY, INVITED_A_DAY
from sinetti.domain.access.roles import Role, stays_as_long


class Otherwise(Exception):
    """This person has a role for the organisation already, another one: it is to be changed."""


class LastSignatory(Exception):
    """Nobody would be left who may give authorisations for the organisation."""


class TooMany(Exception):
    """So many invitations have left for this organisation today that there is no other before tomorrow."""


class Gone(Exception):
    """What was to be changed is not there any more: withdrawn, ended or answered meanwhile."""


@dataclass(frozen=True, slots=True)
class Holder:
    """For which organisation a mandate is, and who has it, or had it: an account or another organisation."""

    organisation_id: str
    user_id: str
    agent_id: str
    ended: bool = False
    """It is withdrawn, or past its last instant."""


@dataclass(frozen=True, slots=True)
class Link:
    """An invitation that is to be made: its id, of which its token is made, the token's SHA-256 and its end."""

    invitation_id: str
    token_sha256: str
    expires: datetime


@dataclass(frozen=True, slots=True)
class ToPerson:
    """A role that is to be given to somebody. `until` is None where it is to have no end.

    `at_once`: it counts before it is taken up, for whom an operator names (docs/people.md).
    """

    organisation_id: str
    person: Person
    role: Role
    until: datetime | None = None
    at_once: bool = False


@dataclass(frozen=True, slots=True)
class ToFirm:
    """A role that is to be given to another organisation, with its end."""

    organisation_id: str
    agent_id: str
    role: Role
    until: datetime


@dataclass(frozen=True, slots=True)
class Terms:
    """What a role becomes. `last_may_go`: whoever asks is a signatory by an outside source, and stays one."""

    role: Role
    until: datetime | None
    last_may_go: bool = False


@dataclass(frozen=True, slots=True)
class Invited:
    """A mandate, and whether an invitation to it was made now: False where one stood already."""

    mandate_id: str
    made: bool


def invite(register: Register, to: ToPerson, link: Link, deed: Deed) -> Invited:
    """Give somebody a role that they take up by a link, which is owed to them by mail.

    Where the same was given to this address and its link works, or it was taken up, it stays as it is; one without an
    account gets a link, and the end that is asked for now while it waits. Raises Closed, Otherwise, TooMany and
    LimitReached.
    """
    with transaction.atomic(using=register.alias):
        take_open(register, to.organisation_id)
        if (there := find_invited(register, to, deed.at)) is not None:
            return Invited(there, made=False)
        known = _of_address(register, to, deed.at)
        if known is not None and known.waiting:
            change_locked(register, known, Terms(to.role, to.until), deed)
        row = known or _named(register, to, deed)
        _link(register, row, link, deed)
    return Invited(row.mandate_id, made=True)


def find_invited(register: Register, to: ToPerson, now: datetime) -> str | None:
    """Return the mandate that this address has or can take up by a link.

    Returns None if an invitation would be made. Raises Otherwise where it has another role.
    """
    known = _of_address(register, to, now)
    if known is not None and known.role != to.role:
        raise Otherwise
    there = known is not None and (known.user_id is not None or _open_links(register, known, now).exists())
    return known.mandate_id if known is not None and there else None


def invite_again(register: Register, mandate_id: str, link: Link, deed: Deed) -> None:
    """Make another invitation to a mandate that nobody has taken up, which ends those of before.

    Raises Closed, Gone, TooMany and LimitReached.
    """
    with transaction.atomic(using=register.alias):
        row = _taken(register, mandate_id, deed.at)
        if row.user_id is not None or row.person_id is None:
            raise Gone
        _link(register, row, link, deed)


def give_to_firm(register: Register, to: ToFirm, deed: Deed) -> bool:
    """Give another organisation a role, or the one that it has anew; False where the same stands already.

    Raises Closed where one of the two is closed.
    """
    with transaction.atomic(using=register.alias):
        # In the order of their ids: two who give each other a role at once do not wait for each other.
        for one in sorted((to.organisation_id, to.agent_id)):
            take_open(register, one)
        return give_locked(register, to, deed) is not None


def give_locked(register: Register, to: ToFirm, deed: Deed) -> models.Mandate | None:
    """As `give_to_firm`, where both organisations are held; None where the same stands already."""
    rows = models.Mandate.objects.using(register.alias)
    found = list(rows.filter(standing(deed.at), organisation=to.organisation_id, agent=to.agent_id))
    if any(one.role == to.role and one.valid_until == to.until for one in found):
        return None
    for one in found:
        _withdrawn(register, one, deed)
    row = rows.create(
        organisation_id=to.organisation_id,
        agent_id=to.agent_id,
        role=to.role,
        valid_from=deed.at,
        valid_until=to.until,
    )
    _audit(register, deed, "authorisation-given", row)
    owe_to_firm(register, row, Tells.GIVEN_TO_FIRM, deed.at)
    return row


def withdraw(
    register: Register, mandate_id: str, deed: Deed, *, last_may_go: bool = False, given_up: bool = False
) -> bool:
    """Withdraw a role, and tell whoever had it; False where it is withdrawn already.

    `given_up`: by whoever had it, so that the organisation's signatories are told, who did not do it. Raises
    LastSignatory, unless `last_may_go`.
    """
    with transaction.atomic(using=register.alias):
        row = _held(register, mandate_id)
        if _ended(row, deed.at):
            return False
        if not last_may_go:
            _keep_a_signatory(register, row, deed.at)
        _withdrawn(register, row, deed)
        _links(register, row).update(ended_at=deed.at)
        _tell(register, row, Tells.WITHDRAWN, deed)
        if given_up:
            owe_to_signatories(register, row.organisation_id, Tells.GIVEN_UP, deed.at, mandate=row.mandate_id)
    return True


def end_invitation(register: Register, mandate_id: str, invitation_id: str, deed: Deed) -> bool:
    """End an invitation that nobody has used, and the role that waits for it; False where there is none any more."""
    with transaction.atomic(using=register.alias):
        row = _held(register, mandate_id)
        if row.withdrawn_at is not None or not _links(register, row).filter(pk=invitation_id).update(ended_at=deed.at):
            return False
        if row.waiting:
            _withdrawn(register, row, deed)
        else:
            _audit(register, deed, "invitation-ended", row, invitation=invitation_id)
    return True


def change(register: Register, mandate_id: str, terms: Terms, deed: Deed) -> bool:
    """Give a mandate another role or end; False where it has those already. Raises Closed, Gone and LastSignatory."""
    with transaction.atomic(using=register.alias):
        return change_locked(register, _taken(register, mandate_id, deed.at), terms, deed)


def change_locked(register: Register, row: models.Mandate, terms: Terms, deed: Deed) -> bool:
    """As `change`, where the organisation is held."""
    if row.role == terms.role and row.valid_until == terms.until:
        return False
    ends_earlier = terms.until is not None and (row.valid_until is None or terms.until < row.valid_until)
    if not terms.last_may_go and (terms.role is not Role.SIGNATORY or ends_earlier):
        _keep_a_signatory(register, row, deed.at)
    becomes_one = terms.role is Role.SIGNATORY and row.role != Role.SIGNATORY and not row.waiting
    models.Mandate.objects.using(register.alias).filter(pk=row.pk).update(role=terms.role, valid_until=terms.until)
    row.role, row.valid_until = terms.role.value, terms.until
    _audit(register, deed, "authorisation-changed", row, role=terms.role)
    _tell(register, row, Tells.CHANGED, deed)
    if becomes_one:
        owe_to_signatories(register, row.organisation_id, Tells.JOINED, deed.at, mandate=row.mandate_id)
    return True


def holder_of(register: Register, mandate_id: str, now: datetime) -> Holder:
    """Who has a mandate, by ids, and whether it has ended at `now`; all are empty where there is no such mandate."""
    found = models.Mandate.objects.using(register.alias).filter(pk=mandate_id).first()
    if found is None:
        return Holder("", "", "")
    return Holder(found.organisation_id, found.user_id or "", found.agent_id or "", _ended(found, now))


def organisation_of(register: Register, mandate_id: str) -> str:
    """The id of the organisation that a mandate is for; empty where there is no such mandate."""
    rows = models.Mandate.objects.using(register.alias).filter(pk=mandate_id)
    return str(rows.values_list("organisation", flat=True).first() or "")


def _ended(row: models.Mandate, now: datetime) -> bool:
    return row.withdrawn_at is not None or (row.valid_until is not None and row.valid_until < now)


def _tell(register: Register, row: models.Mandate, tells: Tells, deed: Deed) -> None:
    """Tell whoever has a role what became of it; who has not taken it up was told nothing yet but by the link."""
    if row.agent_id is not None:
        owe_to_firm(register, row, tells, deed.at)
    elif not row.waiting:
        owe_to_person(register, row, tells, deed.at)


def _named(register: Register, to: ToPerson, deed: Deed) -> models.Mandate:
    row = models.Mandate.objects.using(register.alias).create(
        organisation_id=to.organisation_id,
        person=new_person(register, to.person),
        role=to.role,
        valid_from=deed.at,
        valid_until=to.until,
        waiting=not to.at_once,
    )
    _audit(register, deed, "authorisation-given", row, role=to.role)
    return row


def _link(register: Register, row: models.Mandate, link: Link, deed: Deed) -> None:
    recent = Invitation.objects.using(register.alias).filter(mandate__organisation=row.organisation_id)
    if recent.filter(created__gt=deed.at - A_DAY).count() >= INVITED_A_DAY:
        raise TooMany
    if row.person is not None:
        daily_counts.count_letters(register, deed, row.person.email)
    _links(register, row).update(ended_at=deed.at)
    Invitation.objects.using(register.alias).create(
        invitation_id=link.invitation_id,
        mandate=row,
        token_sha256=link.token_sha256,
        # All who make one may do so alone, or have the word of a second person (docs/mandates.md).
        vouched=True,
        created=deed.at,
        expires=link.expires if row.valid_until is None else min(link.expires, row.valid_until),
    )
    _audit(register, deed, "invited", row, invitation=link.invitation_id)
    owe_to_person(register, row, Tells.INVITATION, deed.at, invitation=link.invitation_id)


def counting_links() -> Q:
    """Filter the invitations that give their role (docs/mandates.md).

    A signatory's gives it only if it was vouched for.
    """
    return Q(vouched=True) | ~Q(mandate__role=Role.SIGNATORY)


def _links(register: Register, row: models.Mandate) -> "QuerySet[Invitation]":
    rows = Invitation.objects.using(register.alias)
    return rows.filter(mandate=row.pk, used_at__isnull=True, ended_at__isnull=True)


def _open_links(register: Register, row: models.Mandate, now: datetime) -> "QuerySet[Invitation]":
    return _links(register, row).filter(counting_links(), expires__gte=now)


def _of_address(register: Register, to: ToPerson, now: datetime) -> models.Mandate | None:
    """The mandate of whoever has this address, taken up or not. An organisation has few."""
    rows = models.Mandate.objects.using(register.alias).filter(lasting(now), organisation=to.organisation_id)
    address = to.person.email.casefold()
    found = rows.filter(person__isnull=False).select_related("person").order_by("valid_from", "pk")
    return next((one for one in found if one.person is not None and one.person.email.casefold() == address), None)


def _withdrawn(register: Register, row: models.Mandate, deed: Deed) -> None:
    models.Mandate.objects.using(register.alias).filter(pk=row.pk).update(withdrawn_at=deed.at)
    give_way(register, [row.person_id], deed.at)
    _audit(register, deed, "authorisation-withdrawn", row)


def _keep_a_signatory(register: Register, row: models.Mandate, now: datetime) -> None:
    """Raise LastSignatory where this one goes and no other signatory with an account stays as long."""
    if row.role != Role.SIGNATORY or row.user_id is None or row.waiting:
        return
    others = models.Mandate.objects.using(register.alias).filter(
        standing(now), organisation=row.organisation_id, role=Role.SIGNATORY, user__is_active=True
    )
    if not stays_as_long(row.valid_until, others.exclude(pk=row.pk).values_list("valid_until", flat=True)):
        raise LastSignatory


def _held(register: Register, mandate_id: str) -> models.Mandate:
    """The mandate as it is while nobody else decides about its organisation's. Raises Gone."""
    organisations = models.Organisation.objects.using(register.alias).filter(given=mandate_id)
    if not organisations.update(created=F("created")):
        raise Gone
    return models.Mandate.objects.using(register.alias).get(pk=mandate_id)


def _taken(register: Register, mandate_id: str, now: datetime) -> models.Mandate:
    """The same of one that lasts, of an organisation that is open. Raises Closed and Gone."""
    row = _held(register, mandate_id)
    take_open(register, row.organisation_id)
    if not models.Mandate.objects.using(register.alias).filter(lasting(now), pk=mandate_id).exists():
        raise Gone
    return row


def _audit(register: Register, deed: Deed, action: str, row: models.Mandate, **facts: Any) -> None:  # noqa: ANN401 - as audit has them
    about = f"organisation:{row.organisation_id}"
    who = {"person": row.person_id, "agent": row.agent_id}
    audit_log.write(register, deed, action, about, mandate=row.mandate_id, **who, **facts)
