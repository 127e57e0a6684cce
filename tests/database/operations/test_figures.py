"""Figures over all certificates: what each of them counts, and who counts."""

from dataclasses import replace
from datetime import timedelta

import pytest

from sinetti.database.operations.figures import claim_count, count_figures, load_figures, store_figures
from sinetti.domain.certificates.overview import coming_months, past_months
from sinetti.domain.operations.figures import COUNTED_EVERY, FLEET, HealthKind, WorkKind
from tests.support.firms import a_certificate, a_firm, a_person, an_organisation, rows
from tests.support.scene import Scene

DAY = timedelta(days=1)


@pytest.fixture
def malli(scene: Scene):
    """Add an organisation with two certificates, one without a contact person."""
    now, contact = scene.ctx.now(), a_person(scene, "contact@malli.example")
    own = an_organisation(scene, "Malli")
    a_certificate(scene, own, now + 5 * DAY, contact)
    a_certificate(scene, own, now + 40 * DAY)
    return own


def counted(scene):
    return count_figures(scene.db, scene.ctx.now(), scene.ctx.machine_now())


def work_of(scene, kind):
    found = counted(scene).work[kind]
    return found.certificates, found.organisations, [(one.organisation_id, one.count) for one in found.rows]


def test_only_certificates_in_force_without_a_successor_end(scene, malli):
    now = scene.ctx.now()
    first = rows(scene, "Certificate").earliest("not_after")
    a_certificate(scene, malli, now - DAY)
    a_certificate(scene, malli, now + 90 * DAY, revoked_at=now)
    a_certificate(scene, malli, now + 500 * DAY, lineage=first.lineage, predecessor=first, origin="renewal")
    found = counted(scene)
    months = coming_months(now)
    ends = {month.isoformat()[:7]: count for month, count in zip(months, found.ends, strict=True) if count}
    expected = sorted((now + days * DAY).isoformat()[:7] for days in (40, 500))
    assert (found.in_force, sorted(ends)) == (2, expected), "the renewed, the expired and the revoked one do not count"
    assert len(found.issued) == len(past_months(now)) == 24


def test_a_certificate_without_a_contact_and_one_with_returned_mail_are_work(scene, malli):
    assert work_of(scene, WorkKind.CONTACTLESS) == (1, 1, [(malli.pk, 1)])
    assert work_of(scene, WorkKind.RETURNED) == (0, 0, [])
    rows(scene, "Person").filter(email="contact@malli.example").update(bounced_at=scene.ctx.now())
    assert work_of(scene, WorkKind.RETURNED) == (1, 1, [(malli.pk, 1)])


def test_a_fleet_is_an_organisation_or_a_firm_with_many_ends(scene, malli):
    now, other = scene.ctx.now(), an_organisation(scene, "Other")
    for number in range(FLEET - 2):
        a_certificate(scene, other, now + (10 + number) * DAY)
    assert work_of(scene, WorkKind.FLEETS) == (0, 0, [])
    firm = a_firm(scene, malli, other)
    assert work_of(scene, WorkKind.FLEETS) == (0, 0, []), "nine of both clients together"
    a_certificate(scene, other, now + 2 * DAY)
    assert work_of(scene, WorkKind.FLEETS) == (FLEET, 1, [(firm.pk, FLEET)])
    rows(scene, "Lineage").filter(organisation=other).update(renewal_opt_out_at=now)
    assert work_of(scene, WorkKind.FLEETS) == (0, 0, []), "they are left to end"


def test_rejected_requests_count_by_reason_for_thirty_days(scene, malli):
    now, lineage = scene.ctx.now(), rows(scene, "Lineage").first()
    for reason, age in (("too-early", 1), ("too-early", 2), ("key-reused", 3), ("key-reused", 31)):
        rows(scene, "RejectedRequest").create(
            lineage=lineage, reason=reason, operation="renew", at=now - age * DAY, request_id="0" * 32
        )
    assert counted(scene).refusals == (("too-early", 2), ("key-reused", 1))


def test_stored_figures_are_read_as_they_were(scene, malli):
    assert load_figures(scene.db) is None
    found = replace(counted(scene), health={HealthKind.MESSAGES: 3})
    store_figures(scene.db, found)
    assert load_figures(scene.db) == found


def test_one_process_counts_every_ten_minutes(scene):
    now = scene.ctx.machine_now()
    assert [claim_count(scene.db, now + later) for later in (0 * DAY, COUNTED_EVERY / 2, COUNTED_EVERY)] == [
        True, False, True,
    ]  # fmt: skip
