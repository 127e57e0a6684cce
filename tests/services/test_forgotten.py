"""Reconciliation of a database that lacks a certificate and its journal.

Other sources that mention the certificate count.
"""

import pytest

from sinetti.database import models
from sinetti.database.issuance import journal_records
from sinetti.database.issuance.journal_records import JournalEntry
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.journal import reader
from sinetti.services.issuance.enrol import enrol
from sinetti.services.issuance.reconcile import compare, reconcile
from sinetti.services.issuance.renew import renew
from sinetti.services.revocation.revoke import RevocationRequest, revoke
from sinetti.services.status.crl import current_crl
from tests.support.authority import issuer
from tests.support.backups import backed_up, restored
from tests.support.journals import journal_of, keeping, kinds, lost
from tests.support.killed import KilledError, killed_at
from tests.support.scene import (
    REQUEST,
    Scene,
    accepted,
    collected,
    enrolled,
    in_the_window,
    new_ask,
    new_key,
    ordered,
    renew_ask,
    renewed,
)

NAME = issuer().file_name
ASK = RevocationReason.CESSATION_OF_OPERATION


@pytest.fixture
def scene(scene, tmp_path):
    """Yield the scene with a journal of its own."""
    with keeping(scene, tmp_path) as one:
        yield one


@pytest.fixture
def south(scene, tmp_path):
    """Yield another node of the same authority, with a journal folder of its own."""
    one = scene.but(journal=journal_of(scene, tmp_path / "south"))
    yield one
    one.ctx.journal.close()


def revoked(scene: Scene, serial: str) -> None:
    revoke(RevocationRequest(serial, ASK), scene.ctx, "operator", REQUEST)


def check_named(scene: Scene, serial: str) -> None:
    """Check that each comparison and each `reconcile` names the lost serial.

    This holds until the journal is restored.
    """
    for _ in range(2):
        assert serial in compare(scene.ctx, scene.ctx.journal).lost
        done = reconcile(scene.ctx, scene.ctx.journal, REQUEST)
        assert (done.restored, done.failed) == ((), (serial,))


def test_a_list_alone_tells_of_a_certificate_that_nobody_knows(scene, tmp_path):
    current_crl(NAME, 1, scene.ctx, REQUEST)
    backup = backed_up(scene.db, tmp_path)
    held = enrolled(scene)
    revoked(scene, held.serial)
    restored(scene.db, backup)
    lost(scene)
    check_named(scene, held.serial)


def test_another_node_s_line_tells_of_a_revocation_that_nobody_knows(scene, south, tmp_path):
    backup = backed_up(scene.db, tmp_path)
    held = enrolled(scene)
    revoked(south, held.serial)
    restored(scene.db, backup)
    for path in south.ctx.journal.folder.glob("*.crl"):
        path.unlink()
    assert kinds(south) == ["begun", "revoked"]
    check_named(south, held.serial)
    # The journal that contains its issuance restores it.
    scene.ctx.journal.close()
    for path in reader.files(scene.ctx.journal.folder):
        path.rename(south.ctx.journal.folder / "from-north.jsonl")
    assert reconcile(south.ctx, south.ctx.journal, REQUEST).restored == (held.serial,)
    assert south.certificate(held.serial).revoked


def test_another_node_s_line_tells_of_a_fetch_that_nobody_knows(scene, south, tmp_path):
    backup = backed_up(scene.db, tmp_path)
    retrieval_id = accepted(enrol(new_ask(ordered(scene), new_key()), scene.ctx, REQUEST))
    collected(south, retrieval_id)
    serial = models.Certificate.objects.using(scene.db.alias).get().serial
    restored(scene.db, backup)
    check_named(south, serial)


@pytest.mark.parametrize("done", ["fetched", "revoked"])
def test_what_waits_in_the_backup_is_not_completed_without_its_signature(scene, south, tmp_path, done):
    """The certificate was signed, so it is in use.

    Only the missing journal has its octets.
    """
    ids, key = ordered(scene), new_key()
    with pytest.raises(KilledError):
        enrol(new_ask(ids, key), scene.but(step=killed_at("9-reserved")).ctx, REQUEST)
    backup = backed_up(scene.db, tmp_path)
    retrieval_id = accepted(enrol(new_ask(ids, key), scene.ctx, REQUEST))
    serial = models.Certificate.objects.using(scene.db.alias).get().serial
    if done == "fetched":
        collected(south, retrieval_id)
    else:
        revoked(south, serial)
    restored(scene.db, backup)
    check_named(south, serial)
    assert scene.certificate(serial).first_fetched_at is None


def reserved_and_revoked(scene: Scene) -> str:
    """Revoke a reservation, which is never signed from then on; return its serial."""
    with pytest.raises(KilledError):
        enrol(new_ask(ordered(scene), new_key()), scene.but(step=killed_at("9-reserved")).ctx, REQUEST)
    serial = models.Certificate.objects.using(scene.db.alias).get().serial
    revoked(scene, serial)
    return serial


def test_a_revoked_reservation_that_was_never_signed_may_be_forgotten(scene, tmp_path):
    """The certificate is also on the CRL, and no holder ever had it."""
    current_crl(NAME, 1, scene.ctx, REQUEST)
    backup = backed_up(scene.db, tmp_path)
    reserved_and_revoked(scene)
    restored(scene.db, backup)
    assert reconcile(scene.ctx, scene.ctx.journal, REQUEST).failed == ()
    assert compare(scene.ctx, scene.ctx.journal).agrees


def test_a_reservation_of_the_backup_that_stands_on_a_list_alone_is_revoked(scene, tmp_path):
    with pytest.raises(KilledError):
        enrol(new_ask(ordered(scene), new_key()), scene.but(step=killed_at("9-reserved")).ctx, REQUEST)
    serial = models.Certificate.objects.using(scene.db.alias).get().serial
    backup = backed_up(scene.db, tmp_path)
    revoked(scene, serial)
    restored(scene.db, backup)
    lost(scene)
    assert reconcile(scene.ctx, scene.ctx.journal, REQUEST).restored == (serial,)
    assert scene.certificate(serial).revoked


def test_what_gave_way_before_anybody_had_it_may_be_forgotten(scene, south, tmp_path):
    held = enrolled(scene)
    in_the_window(scene, held)
    backup = backed_up(scene.db, tmp_path)
    accepted(renew(renew_ask(held, new_key()), scene.ctx, REQUEST))
    new = renewed(south, held)
    restored(scene.db, backup)
    assert kinds(south) == ["begun", "revoked", "issued", "fetched"]
    done = reconcile(south.ctx, south.ctx.journal, REQUEST)
    assert (done.restored, done.failed) == ((new.serial,), ())


def test_a_revocation_in_a_journal_of_earlier_code_counts_as_one_of_what_was_issued(scene, tmp_path):
    """The record does not say if the certificate had been signed."""
    told = journal_records.revoked("4f" * 19, scene.clock.now, (ASK, None)).facts
    del told["issued"]
    scene.ctx.journal.append([JournalEntry(journal_records.REVOKED, told)])
    check_named(scene, "4f" * 19)
