"""Figures over all certificates: what each of them counts, and who counts."""

from dataclasses import replace
from datetime import timedelta

import pytest

from sinetti.database.operations.figures import claim_count, count_figures, load_figures, store_figures
from sinetti.domain.certificates.overview import coming_months, past_months
from sinetti.domain.operations.figures import COUNTED_EVERY, FLEET, HealthKind, WorkKind
from tests.support.firms import a_certificate, a_firm, a_person, an_organisation, rows
from tests.support.service_context import Desk

DAY = timedelta(days=1)


@pytest.fixture
def town(desk: Desk):
    """Add an organisation with two certificates, one without a contact person."""
    now, contact = desk.ctx.now(), a_person(desk, "contact@malli.example")
    own = an_organisation(desk, "Malli")
    a_certificate(desk, own, now + 5 * DAY, contact)
    a_certificate(desk, own, now + 40 * DAY)
    return own


def counted(desk):
    return count_figures(desk.db, desk.ctx.now(), desk.ctx.machine_now())


def work_of(desk, kind):
    found = counted(desk).work[kind]
    return found.certificates, found.organisations, [(one.organisation_id, one.count) for one in found.rows]


def test_only_certificates_in_force_without_a_successor_end(desk, town):
    now = desk.ctx.now()
    first = rows(desk, "Certificate").earliest("not_after")
    a_certificate(desk, town, now - DAY)
    a_certificate(desk, town, now + 90 * DAY, revoked_at=now)
    a_certificate(desk, town, now + 500 * DAY, lineage=first.lineage, predecessor=first, origin="renewal")
    found = counted(desk)
    months = coming_months(now)
    ends = {month.isoformat()[:7]: count for month, count in zip(months, found.ends, strict=True) if count}
    expected = sorted((now + days * DAY).isoformat()[:7] for days in (40, 500))
    assert (found.in_force, sorted(ends)) == (2, expected), "the renewed, the expired and the revoked one do not count"
    assert len(found.issued) == len(past_months(now)) == 24


def test_a_certificate_without_a_contact_and_one_with_returned_mail_are_work(desk, town):
    assert work_of(desk, WorkKind.CONTACTLESS) == (1, 1, [(town.pk, 1)])
    assert work_of(desk, WorkKind.RETURNED) == (0, 0, [])
    rows(desk, "Person").filter(email="contact@malli.example").update(bounced_at=desk.ctx.now())
    assert work_of(desk, WorkKind.RETURNED) == (1, 1, [(town.pk, 1)])


def test_a_fleet_is_an_organisation_or_a_firm_with_many_ends(desk, town):
    now, other = desk.ctx.now(), an_organisation(desk, "Other")
    for number in range(FLEET - 2):
        a_certificate(desk, other, now + (10 + number) * DAY)
    assert work_of(desk, WorkKind.FLEETS) == (0, 0, [])
    firm = a_firm(desk, town, other)
    assert work_of(desk, WorkKind.FLEETS) == (0, 0, []), "nine of both clients together"
    a_certificate(desk, other, now + 2 * DAY)
    assert work_of(desk, WorkKind.FLEETS) == (FLEET, 1, [(firm.pk, FLEET)])
    rows(desk, "Lineage").filter(organisation=other).update(renewal_opt_out_at=now)
    assert work_of(desk, WorkKind.FLEETS) == (0, 0, []), "they are left to end"


def test_rejected_requests_count_by_reason_for_thirty_days(desk, town):
    now, lineage = desk.ctx.now(), rows(desk, "Lineage").first()
    for reason, age in (("too-early", 1), ("too-early", 2), ("key-reused", 3), ("key-reused", 31)):
        rows(desk, "RejectedRequest").create(
            lineage=lineage, reason=reason, operation="renew", at=now - age * DAY, request_id="0" * 32
        )
    assert counted(desk).refusals == (("too-early", 2), ("key-reused", 1))


def test_stored_figures_are_read_as_they_were(desk, town):
    assert load_figures(desk.db) is None
    found = replace(counted(desk), health={HealthKind.MESSAGES: 3})
    store_figures(desk.db, found)
    assert load_figures(desk.db) == found


def test_one_process_counts_every_ten_minutes(desk):
    now = desk.ctx.machine_now()
    assert [claim_count(desk.db, now + later) for later in (0 * DAY, COUNTED_EVERY / 2, COUNTED_EVERY)] == [
        True, False, True,
    ]  # fmt: skip
