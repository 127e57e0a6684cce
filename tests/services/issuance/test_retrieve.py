"""GetCertificate: the certificate of a retrieval id, for any count of requests."""

import logging

import pytest

from sinetti.database import models
from sinetti.domain.certificates.lifecycle import CertificateState
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.refusals import Rejection, RejectionReason
from sinetti.domain.requests import STRICT
from sinetti.domain.values import Language
from sinetti.services.issuance.enrol import enrol
from sinetti.services.issuance.retrieve import retrieve
from sinetti.services.revocation.revoke import RevocationRequest, revoke
from tests.support.service_context import (
    DAY,
    REQUEST,
    SECOND,
    KilledError,
    accepted,
    collected,
    enrolled,
    get_ask,
    killed_at,
    new_ask,
    new_key,
    ordered,
    refused,
)


@pytest.fixture
def retrieval_id(desk) -> str:
    """Return the retrieval id of a certificate that was issued and not retrieved."""
    return accepted(enrol(new_ask(ordered(desk), new_key()), desk.ctx, REQUEST))


def row_of(desk, retrieval_id):
    return models.Certificate.objects.using(desk.db.alias).get(retrieval_id=retrieval_id)


def test_as_often_as_asked_and_fetched_once(desk, retrieval_id):
    first = desk.clock.now
    der = collected(desk, retrieval_id)
    desk.clock.forward(DAY)
    assert collected(desk, retrieval_id) == der
    row = row_of(desk, retrieval_id)
    assert (row.state, row.first_fetched_at) == (CertificateState.RETRIEVED, first)
    assert models.OutboxMessage.objects.using(desk.db.alias).filter(kind="fetched").count() == 1


def test_after_its_end_too(desk, retrieval_id):
    desk.clock.forward(2000 * DAY)
    collected(desk, retrieval_id)


def test_revoked_is_handed_out_too(desk):
    held = enrolled(desk)
    revoke(RevocationRequest(held.serial, RevocationReason.UNSPECIFIED), desk.ctx, "operator", REQUEST)
    assert collected(desk, held.retrieval_id) == held.der


@pytest.mark.parametrize("retrieval", ["", "f" * 32, "x' OR '1'='1"])
def test_unknown(desk, retrieval):
    enrolled(desk)
    assert retrieve(get_ask(retrieval), desk.ctx, REQUEST) == Rejection(RejectionReason.RETRIEVAL_ID_UNKNOWN)


def test_reserved_is_not_ready(desk):
    with pytest.raises(KilledError):
        enrol(new_ask(ordered(desk), new_key()), desk.but(step=killed_at("9-reserved")).ctx, REQUEST)
    row = models.Certificate.objects.using(desk.db.alias).get()
    answer = retrieve(get_ask(row.retrieval_id), desk.ctx, REQUEST)
    assert answer == Rejection(RejectionReason.NOT_READY, language=Language.SV)
    assert row_of(desk, row.retrieval_id).state == CertificateState.RESERVED


def test_strict_keeps_waiting_on_the_machines_clock(desk):
    strict = desk.but(leniency=STRICT)
    retrieval_id = accepted(enrol(new_ask(ordered(strict), new_key()), strict.ctx, REQUEST))
    desk.clock.forward(DAY)  # the clock of the desk may stand anywhere
    desk.machine.forward(SECOND)
    assert refused(retrieve(get_ask(retrieval_id), strict.ctx, REQUEST)) is RejectionReason.NOT_READY
    assert row_of(desk, retrieval_id).state == CertificateState.ISSUED
    desk.machine.forward(SECOND)
    collected(strict, retrieval_id)


def test_ready_at_once_is_marked_as_leniency_the_first_time(desk, retrieval_id, caplog):
    caplog.set_level(logging.INFO, "sinetti.leniency")
    collected(desk, retrieval_id)
    collected(desk, retrieval_id)
    assert [record.getMessage().split(":")[0] for record in caplog.records] == [
        f"leniency=ready-at-once request={REQUEST}"
    ]


def test_issued_without_octets_is_our_fault(desk, retrieval_id):
    models.CertificateDer.objects.using(desk.db.alias).update(der=None)
    with pytest.raises(RuntimeError, match="has no octets"):
        retrieve(get_ask(retrieval_id), desk.ctx, REQUEST)
