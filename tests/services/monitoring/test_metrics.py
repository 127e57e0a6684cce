"""Gauges about the register: each value after known events."""

from dataclasses import replace
from datetime import timedelta

from django.db import connections

from sinetti.database import models
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.infra.metrics import catalogue
from sinetti.services.monitoring.figures import refresh_figures
from sinetti.services.monitoring.metrics import LATER, GrowthCounter, counted_samples, current_samples
from sinetti.services.revocation.revoke import RevocationRequest, revoke
from sinetti.services.status.crl import refresh_crls
from tests.support.firms import a_message, a_person
from tests.support.logs import logging, sequenced, write_rows
from tests.support.scene import REQUEST, enrolled

DAY = timedelta(days=1)
CA = "DataProvidersTestIssuingCAv1"


def values(samples, name):
    return dict(samples[name])


def test_an_empty_register(scene):
    found = current_samples(scene.ctx)
    shown = {name for name, values in found.items() if values}
    server = {catalogue.DATABASE_CONNECTIONS} if catalogue.DATABASE_CONNECTIONS in found else set()
    assert shown == {catalogue.OUTBOX, catalogue.OUTBOX_AGE, catalogue.UNREGISTERED, *server}
    assert catalogue.LOG_SIZE not in found
    assert set(values(counted_samples(scene.ctx), catalogue.CERTIFICATES).values()) == {0}


def test_lists_by_their_oldest_part(scene):
    for _ in range(2):
        enrolled(scene)
    refresh_crls(scene.ctx, REQUEST)
    first = values(current_samples(scene.ctx), catalogue.CRL_OCTETS)[CA,]
    scene.clock.now += DAY
    held = enrolled(scene)
    revoke(RevocationRequest(held.serial, RevocationReason.SUPERSEDED), scene.ctx, "operator", REQUEST)
    scene.clock.now += timedelta(hours=1)
    found = current_samples(scene.ctx)
    assert values(found, catalogue.CRL_AGE)[CA,] == 3600
    assert values(found, catalogue.CRL_NEXT)[CA,] == 7 * 86_400 - 3600
    assert values(found, catalogue.CRL_ENTRIES)[CA,] == 1
    assert first < values(found, catalogue.CRL_OCTETS)[CA,] < 2000


def test_certificates_by_state_and_by_month_of_their_end(scene):
    held = [enrolled(scene) for _ in range(3)]
    revoke(RevocationRequest(held[0].serial, RevocationReason.SUPERSEDED), scene.ctx, "operator", REQUEST)
    rows = models.Certificate.objects.using(scene.db.alias)
    rows.filter(serial=held[1].serial).update(not_after=scene.ctx.now() - DAY)
    rows.filter(serial=held[2].serial).update(not_after=scene.ctx.now() + 9999 * DAY)
    counted = values(counted_samples(scene.ctx), catalogue.CERTIFICATES)
    assert {state: count for (state,), count in counted.items() if count} == {"revoked": 1, "expired": 1, "fetched": 1}
    assert catalogue.CERTIFICATE_ENDS not in current_samples(scene.ctx), "before the first count"
    refresh_figures(scene.ctx)
    ends = values(current_samples(scene.ctx), catalogue.CERTIFICATE_ENDS)
    assert {month for (month,), count in ends.items() if count} == {LATER}
    assert f"{scene.ctx.now():%Y-%m}" in {month for (month,) in ends}
    assert len(ends) == 25


def test_ocsp_answers_and_their_age(scene):
    enrolled(scene)
    scene.clock.now += DAY
    found = counted_samples(scene.ctx)
    assert values(found, catalogue.OCSP_ANSWERS) == {(CA,): 1}
    assert values(found, catalogue.OCSP_AGE) == {(CA,): 86_400}


def test_the_outbox_and_failed_attempts(scene):
    now = scene.ctx.now()
    person = a_person(scene, "a@malli.example")
    a_message(scene, person, sent=None, due=now - DAY, attempts=2)
    a_message(scene, person, sent=None, due=now - DAY, attempts=2, claimed_by="worker", step="b")
    a_message(scene, person, sent=None, failed_at=now, attempts=9, step="c")
    a_message(scene, person, sent=now, attempts=1, step="d")
    found = current_samples(scene.ctx)
    assert values(found, catalogue.OUTBOX) == {("email",): 2, ("sms",): 0}
    assert values(found, catalogue.OUTBOX_AGE) == {("email",): 86_400, ("sms",): 0}
    counted = counted_samples(scene.ctx)
    assert values(counted, catalogue.OUTBOX_FAILED) == {("email",): 1, ("sms",): 0}
    assert values(counted, catalogue.DELIVERY_FAILURES) == {("email",): 2 + 1 + 9, ("sms",): 0}
    later = replace(scene.ctx, now=lambda: now - 2 * DAY)
    assert values(current_samples(later), catalogue.OUTBOX_AGE)["email",] == 0, "none is due yet"


def test_the_log(scene):
    ctx = logging(scene.ctx)
    write_rows(scene.db, 3)
    sequenced(ctx)
    write_rows(scene.db, 2)
    found = current_samples(replace(ctx, machine_now=lambda: scene.ctx.machine_now() + DAY))
    assert found[catalogue.LOG_SIZE][0][1] >= 3
    assert found[catalogue.LOG_UNSEQUENCED] == [((), 2)]
    assert found[catalogue.LOG_AGE][0][1] >= 86_400


def test_connections_are_those_of_a_server(scene):
    found = current_samples(scene.ctx).get(catalogue.DATABASE_CONNECTIONS)
    if connections[scene.db.alias].vendor == "sqlite":
        assert found is None
    else:
        assert dict(found)["in_use",] >= 1, "that of the statement itself"


def test_a_counter_of_growth_never_shrinks():
    counter = GrowthCounter()
    rounds = [{"a": 5.0}, {"a": 7.0}, {"a": 1.0}, {"a": 2.0, "b": 4.0}]
    shown = [dict(counter.add([((key,), total) for key, total in one.items()])) for one in rounds]
    assert shown == [{("a",): 0.0}, {("a",): 2.0}, {("a",): 2.0}, {("a",): 3.0, ("b",): 4.0}]
