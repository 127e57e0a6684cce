"""`python -m bench.notices`: duration of planning reminders.

The database has a million certificates.
"""

import argparse
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bench.clusters import cluster, new_database
from bench.filling import TYPE, add_authority, run, settle, write
from sinetti.database import models
from sinetti.database.connection import Database, migrate, open_database
from sinetti.domain.secret_keys import fixed_keys
from sinetti.domain.values import Environment, Language
from sinetti.infra.clock import monotonic_seconds, utc_now
from sinetti.notifications.context import NotificationContext, NotificationSettings
from sinetti.notifications.planning.reminders import ReminderReport, next_due_time, plan

NOW = datetime(2027, 6, 3, 9, tzinfo=UTC)
"""Start of the measurement: noon in Finland, and so 60 days later, on a Monday."""

WINDOW = timedelta(days=60)
_ALIAS = "bench-notices"

AIMS = {"nothing due": 2.0, "due": 60.0}
"""Limits in seconds that the issue sets for one round.

One is for a million certificates, one for a hundred thousand that are due.
"""

# Four certificates to an organisation, which has one signatory; each certificate has a contact, every fourth a deputy.
_FILLING = """
INSERT INTO sinetti_person (person_id, name, email, phone, language)
SELECT md5('p' || i), 'Contact ' || i, 'contact' || i || '@bench.example', '+358 00 ' || i, 'fi' FROM {numbers};
INSERT INTO sinetti_person (person_id, name, email, phone, language)
SELECT md5('s' || i), 'Signatory ' || i, 'signatory' || i || '@bench.example', '', 'sv' FROM {numbers} WHERE i %% 4 = 0;
INSERT INTO sinetti_organisation (organisation_id, customer_id, normalised_id, kind, country, name, language, created)
SELECT md5('o' || i), 'BENCH' || i, 'BENCH' || i, 'artificial', 'FI', 'Organisation ' || i, 'fi', %(at)s
  FROM {numbers} WHERE i %% 4 = 0;
INSERT INTO sinetti_roleassignment (mandate_id, organisation_id, person_id, role, valid_from)
SELECT md5('m' || i), md5('o' || i), md5('s' || i), 'signatory', %(at)s FROM {numbers} WHERE i %% 4 = 0;
INSERT INTO sinetti_lineage (lineage_id, organisation_id, type_id, subject_serial, description, version, created,
       contact_id, deputy_id)
SELECT md5('h' || i), md5('o' || (i - i %% 4)), %(type)s, upper(md5('h' || i)), '', 3, %(at)s,
       md5('p' || i), CASE WHEN i %% 4 = 1 THEN md5('p' || (i - 1)) END FROM {numbers};
INSERT INTO sinetti_usedkey (key_id, first_seen) SELECT md5('k' || i) || md5('l' || i), %(at)s FROM {numbers};
INSERT INTO sinetti_certificate (serial, authority_id, lineage_id, state, origin, key_id, sha256, retrieval_id,
       not_before, not_after, renewable_from, crl_shard, reserved_at, recorded_at, first_fetched_at, revocation_reason)
SELECT '40' || md5('s' || i) || '0000', %(authority)s, md5('h' || i), 'fetched', 'import',
       md5('k' || i) || md5('l' || i), md5('x' || i) || md5('y' || i), md5('r' || i), {ends} - interval '730 days',
       {ends}, {ends} - interval '60 days', 1, %(at)s, %(at)s, %(at)s, '' FROM {numbers}
"""


@dataclass(frozen=True, slots=True)
class Figure:
    """One round: its result, and its duration in seconds.

    `aim` is the limit, or 0 where none is set.
    """

    what: str
    planned: ReminderReport
    seconds: float
    aim: float = 0.0

    @property
    def missed(self) -> bool:
        """True if the round took longer than its limit."""
        return bool(self.aim) and self.seconds > self.aim

    def row(self) -> str:
        """Return the figure as a row of the table."""
        return f"| {self.what} | {self.planned.looked:,} | {self.planned.queued_count:,} | {self.seconds:.2f} |"


HEAD = "| round | certificates looked at | messages due | s |\n|---|--:|--:|--:|"


def main() -> int:
    """Measure and print the table; return 1 if a round exceeds its limit."""
    parser = argparse.ArgumentParser(prog="python -m bench.notices", description=__doc__)
    parser.add_argument("--due", type=int, default=100_000, help="of these are due (default: %(default)s)")
    return run(parser, HEAD, lambda parsed: measured(parsed.certificates, parsed.due))


def measured(certificates: int, due: int) -> list[Figure]:
    """Fill a database with certificates that end later, and measure the rounds.

    The first `due` certificates come near their end.
    """
    with ExitStack() as stack:
        db = open_database(new_database(stack.enter_context(cluster())), alias=_ALIAS)
        stack.callback(db.close)
        migrate(db)
        fill(db, certificates, due)
        room = NotificationContext(db, Environment.TEST, lambda: NOW, utc_now, terms(), {}, fixed_keys(b"k" * 32))
        quiet, idle, later = AIMS["nothing due"], "nothing due", NOW + WINDOW
        figures = [_round(f"{idle}: none is near its end", room, NOW, quiet)]
        figures.append(_round("all that have come near, each the step that it has come to", room, later, AIMS["due"]))
        figures.append(_round(f"{idle}: all that are near their end are noted", room, later, quiet))
        figures.append(_round(f"{idle}, a minute later", room, later + timedelta(minutes=1), quiet))
        _bring_near(db, later, timedelta(days=30))
        figures.append(_round("the step of 30 days of the same, noted before", room, later, AIMS["due"]))
        _bring_near(db, later, timedelta(days=7))
        figures.append(_round("the step of 7 days: signatories and text messages too", room, later))
        begun = monotonic_seconds()
        next_due_time(room, later)
        figures.append(Figure("the next instant", ReminderReport(0, 0), monotonic_seconds() - begun, quiet))
    return figures


def _round(what: str, ctx: NotificationContext, now: datetime, aim: float = 0.0) -> Figure:
    begun = monotonic_seconds()
    planned = plan(ctx, now)
    return Figure(what, planned, monotonic_seconds() - begun, aim)


def terms() -> NotificationSettings:
    """Return settings without waves, so that due messages are due at once."""
    return NotificationSettings(
        "https://people.example", "Sinetti", dict.fromkeys(Language, "help@pki.example"), wave_days=1
    )


def fill(db: Database, certificates: int, due: int) -> None:
    """Write certificates to the database.

    The first `due` of them are within `WINDOW` of their end `WINDOW` after `NOW`.
    """
    name = "bench-issuing-ca"
    add_authority(db, name, NOW)
    values: dict[str, Any] = {"type": TYPE, "authority": name, "at": NOW, "beyond": NOW + WINDOW}
    apart = WINDOW.total_seconds() / due
    ends = f"(%(beyond)s::timestamptz + date_trunc('second', {apart!r} * (i + 1) * interval '1 second'))"
    write(db, _FILLING, certificates, values, ends=ends)
    settle(db)
    settle(db)


def _bring_near(db: Database, now: datetime, step: timedelta) -> None:
    """Move the ends of certificates so near that a step of theirs is due now."""
    near = models.Certificate.objects.using(db.alias).filter(not_after__lte=now + WINDOW)
    near.update(not_after=now + step, next_reminder_at=now)
    settle(db)


if __name__ == "__main__":
    sys.exit(main())
