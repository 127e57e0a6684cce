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
from tests.support.killed import KilledError, killed_at
from tests.support.scene import (
    DAY,
    REQUEST,
    SECOND,
    accepted,
    collected,
    enrolled,
    get_ask,
    new_ask,
    new_key,
    ordered,
    refused,
)


@pytest.fixture
def retrieval_id(scene) -> str:
    """Return the retrieval id of a certificate that was issued and not retrieved."""
    return accepted(enrol(new_ask(ordered(scene), new_key()), scene.ctx, REQUEST))


def row_of(scene, retrieval_id):
    return models.Certificate.objects.using(scene.db.alias).get(retrieval_id=retrieval_id)


def test_as_often_as_asked_and_fetched_once(scene, retrieval_id):
    first = scene.clock.now
    der = collected(scene, retrieval_id)
    scene.clock.forward(DAY)
    assert collected(scene, retrieval_id) == der
    row = row_of(scene, retrieval_id)
    assert (row.state, row.first_fetched_at) == (CertificateState.RETRIEVED, first)
    assert models.OutboxMessage.objects.using(scene.db.alias).filter(kind="fetched").count() == 1


def test_after_its_end_too(scene, retrieval_id):
    scene.clock.forward(2000 * DAY)
    collected(scene, retrieval_id)


def test_revoked_is_handed_out_too(scene):
    held = enrolled(scene)
    revoke(RevocationRequest(held.serial, RevocationReason.UNSPECIFIED), scene.ctx, "operator", REQUEST)
    assert collected(scene, held.retrieval_id) == held.der


@pytest.mark.parametrize("retrieval", ["", "f" * 32, "x' OR '1'='1"])
def test_unknown(scene, retrieval):
    enrolled(scene)
    assert retrieve(get_ask(retrieval), scene.ctx, REQUEST) == Rejection(RejectionReason.RETRIEVAL_ID_UNKNOWN)


def test_reserved_is_not_ready(scene):
    with pytest.raises(KilledError):
        enrol(new_ask(ordered(scene), new_key()), scene.but(step=killed_at("9-reserved")).ctx, REQUEST)
    row = models.Certificate.objects.using(scene.db.alias).get()
    answer = retrieve(get_ask(row.retrieval_id), scene.ctx, REQUEST)
    assert answer == Rejection(RejectionReason.NOT_READY, language=Language.SV)
    assert row_of(scene, row.retrieval_id).state == CertificateState.RESERVED


def test_strict_keeps_waiting_on_the_machines_clock(scene):
    strict = scene.but(leniency=STRICT)
    retrieval_id = accepted(enrol(new_ask(ordered(strict), new_key()), strict.ctx, REQUEST))
    scene.clock.forward(DAY)  # the clock of the scene may stand anywhere
    scene.machine.forward(SECOND)
    assert refused(retrieve(get_ask(retrieval_id), strict.ctx, REQUEST)) is RejectionReason.NOT_READY
    assert row_of(scene, retrieval_id).state == CertificateState.ISSUED
    scene.machine.forward(SECOND)
    collected(strict, retrieval_id)


def test_ready_at_once_is_marked_as_leniency_the_first_time(scene, retrieval_id, caplog):
    caplog.set_level(logging.INFO, "sinetti.leniency")
    collected(scene, retrieval_id)
    collected(scene, retrieval_id)
    assert [record.getMessage().split(":")[0] for record in caplog.records] == [
        f"leniency=ready-at-once request={REQUEST}"
    ]


def test_issued_without_octets_is_our_fault(scene, retrieval_id):
    models.CertificateDer.objects.using(scene.db.alias).update(der=None)
    with pytest.raises(RuntimeError, match="has no octets"):
        retrieve(get_ask(retrieval_id), scene.ctx, REQUEST)
