"""Certificates near their end of which nobody was told: of all who can do something nobody can be reached."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Exists, OuterRef, Q

from sinetti.database import models
from sinetti.database.connection import Database
from sinetti.database.notifications.recipients import active_assignments
from sinetti.database.notifications.reminders import NEVER
from sinetti.domain.access.roles import Role
from sinetti.domain.certificates.lifecycle import CertificateState
from sinetti.domain.notifications.messages import MessageKind
from sinetti.domain.notifications.reminders import ReminderSchedule, send_times
from sinetti.domain.values import Serial, ValidityPeriod

NEAR: Final = timedelta(days=14)
"""From here on everybody who can do something is written to: whom no message found then, none will find."""

LATELY: Final = timedelta(days=21)
"""What was written to somebody before tells nothing of whether they can be reached now."""


@dataclass(frozen=True, slots=True)
class UnreachableSummary:
    """How many certificates there are of which nobody was told, and the serials of those that end first."""

    count: int
    first: tuple[Serial, ...]


def find_unreachable(db: Database, now: datetime, ladder: ReminderSchedule, most: int) -> UnreachableSummary:
    """Look for certificates that end soon, are looked after by no firm, and about which no reminder left or waits.

    Those that live so briefly that no step of theirs has come yet are left out. `first` has at most `most` serials.
    """
    using = db.alias
    certificates = models.Certificate.objects.using(using)
    told = models.OutboxMessage.objects.using(using).filter(
        certificate=OuterRef("pk"),
        kind=MessageKind.REMINDER,
        channel__isnull=False,
        failed_at__isnull=True,
        cancelled_at__isnull=True,
        bounced__isnull=True,
        created__gt=now - LATELY,
    )
    after = certificates.filter(first_fetched_at__isnull=False, revoked_at__isnull=True)
    firms = models.RoleAssignment.objects.using(using).filter(
        active_assignments(now), organisation=OuterRef("holding__organisation"), role=Role.MANAGER, agent__isnull=False
    )
    rows = certificates.filter(
        ~Q(state__in=(CertificateState.RESERVED, CertificateState.VOID)),
        not_after__gt=now,
        not_after__lte=now + NEAR,
        next_reminder_at__lt=NEVER,
        # The step of this day was looked at already: the next look is nearer to the end.
        next_reminder_at__gt=now,
        revoked_at__isnull=True,
        holding__renewal_opt_out_at__isnull=True,
        holding__organisation__closed_at__isnull=True,
    ).exclude(Exists(told) | Exists(firms))
    rows = rows.exclude(
        Exists(after.filter(predecessor=OuterRef("pk"))) | Exists(after.filter(replaces=OuterRef("pk")))
    )
    ending = rows.order_by("not_after", "pk").values_list("serial", "not_before", "not_after")
    found = [
        Serial(serial)
        for serial, begins, ends in ending
        if any(at <= now for _, at in send_times(ladder, ValidityPeriod(begins, ends)))
    ]
    return UnreachableSummary(len(found), tuple(found[:most]))
