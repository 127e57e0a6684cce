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
from tests.support.service_context import (
    REQUEST,
    Desk,
    KilledError,
    accepted,
    collected,
    enrolled,
    in_the_window,
    killed_at,
    new_ask,
    new_key,
    ordered,
    renew_ask,
    renewed,
)

NAME = issuer().file_name
ASK = RevocationReason.CESSATION_OF_OPERATION


@pytest.fixture
def desk(desk, tmp_path):
    """Yield the desk with a journal of its own."""
    with keeping(desk, tmp_path) as one:
        yield one


@pytest.fixture
def south(desk, tmp_path):
    """Yield another node of the same authority, with a journal folder of its own."""
    one = desk.but(journal=journal_of(desk, tmp_path / "south"))
    yield one
    one.ctx.journal.close()


def revoked(desk: Desk, serial: str) -> None:
    revoke(RevocationRequest(serial, ASK), desk.ctx, "operator", REQUEST)


def check_named(desk: Desk, serial: str) -> None:
    """Check that each comparison and each `reconcile` names the lost serial.

    This holds until the journal is restored.
    """
    for _ in range(2):
        assert serial in compare(desk.ctx, desk.ctx.journal).lost
        done = reconcile(desk.ctx, desk.ctx.journal, REQUEST)
        assert (done.restored, done.failed) == ((), (serial,))


def test_a_list_alone_tells_of_a_certificate_that_nobody_knows(desk, tmp_path):
    current_crl(NAME, 1, desk.ctx, REQUEST)
    backup = backed_up(desk.db, tmp_path)
    held = enrolled(desk)
    revoked(desk, held.serial)
    restored(desk.db, backup)
    lost(desk)
    check_named(desk, held.serial)


def test_another_node_s_line_tells_of_a_revocation_that_nobody_knows(desk, south, tmp_path):
    backup = backed_up(desk.db, tmp_path)
    held = enrolled(desk)
    revoked(south, held.serial)
    restored(desk.db, backup)
    for path in south.ctx.journal.folder.glob("*.crl"):
        path.unlink()
    assert kinds(south) == ["begun", "revoked"]
    check_named(south, held.serial)
    # The journal that contains its issuance restores it.
    desk.ctx.journal.close()
    for path in reader.files(desk.ctx.journal.folder):
        path.rename(south.ctx.journal.folder / "from-north.jsonl")
    assert reconcile(south.ctx, south.ctx.journal, REQUEST).restored == (held.serial,)
    assert south.certificate(held.serial).revoked


def test_another_node_s_line_tells_of_a_fetch_that_nobody_knows(desk, south, tmp_path):
    backup = backed_up(desk.db, tmp_path)
    retrieval_id = accepted(enrol(new_ask(ordered(desk), new_key()), desk.ctx, REQUEST))
    collected(south, retrieval_id)
    serial = models.Certificate.objects.using(desk.db.alias).get().serial
    restored(desk.db, backup)
    check_named(south, serial)


@pytest.mark.parametrize("done", ["fetched", "revoked"])
def test_what_waits_in_the_backup_is_not_completed_without_its_signature(desk, south, tmp_path, done):
    """The certificate was signed, so it is in use.

    Only the missing journal has its octets.
    """
    ids, key = ordered(desk), new_key()
    with pytest.raises(KilledError):
        enrol(new_ask(ids, key), desk.but(step=killed_at("9-reserved")).ctx, REQUEST)
    backup = backed_up(desk.db, tmp_path)
    retrieval_id = accepted(enrol(new_ask(ids, key), desk.ctx, REQUEST))
    serial = models.Certificate.objects.using(desk.db.alias).get().serial
    if done == "fetched":
        collected(south, retrieval_id)
    else:
        revoked(south, serial)
    restored(desk.db, backup)
    check_named(south, serial)
    assert desk.certificate(serial).first_fetched_at is None


def reserved_and_revoked(desk: Desk) -> str:
    """Revoke a reservation, which is never signed from then on; return its serial."""
    with pytest.raises(KilledError):
        enrol(new_ask(ordered(desk), new_key()), desk.but(step=killed_at("9-reserved")).ctx, REQUEST)
    serial = models.Certificate.objects.using(desk.db.alias).get().serial
    revoked(desk, serial)
    return serial


def test_a_revoked_reservation_that_was_never_signed_may_be_forgotten(desk, tmp_path):
    """The certificate is also on the CRL, and no holder ever had it."""
    current_crl(NAME, 1, desk.ctx, REQUEST)
    backup = backed_up(desk.db, tmp_path)
    reserved_and_revoked(desk)
    restored(desk.db, backup)
    assert reconcile(desk.ctx, desk.ctx.journal, REQUEST).failed == ()
    assert compare(desk.ctx, desk.ctx.journal).agrees


def test_a_reservation_of_the_backup_that_stands_on_a_list_alone_is_revoked(desk, tmp_path):
    with pytest.raises(KilledError):
        enrol(new_ask(ordered(desk), new_key()), desk.but(step=killed_at("9-reserved")).ctx, REQUEST)
    serial = models.Certificate.objects.using(desk.db.alias).get().serial
    backup = backed_up(desk.db, tmp_path)
    revoked(desk, serial)
    restored(desk.db, backup)
    lost(desk)
    assert reconcile(desk.ctx, desk.ctx.journal, REQUEST).restored == (serial,)
    assert desk.certificate(serial).revoked


def test_what_gave_way_before_anybody_had_it_may_be_forgotten(desk, south, tmp_path):
    held = enrolled(desk)
    in_the_window(desk, held)
    backup = backed_up(desk.db, tmp_path)
    accepted(renew(renew_ask(held, new_key()), desk.ctx, REQUEST))
    new = renewed(south, held)
    restored(desk.db, backup)
    assert kinds(south) == ["begun", "revoked", "issued", "fetched"]
    done = reconcile(south.ctx, south.ctx.journal, REQUEST)
    assert (done.restored, done.failed) == ((new.serial,), ())


def test_a_revocation_in_a_journal_of_earlier_code_counts_as_one_of_what_was_issued(desk, tmp_path):
    """The record does not say if the certificate had been signed."""
    told = journal_records.revoked("4f" * 19, desk.clock.now, (ASK, None)).facts
    del told["issued"]
    desk.ctx.journal.append([JournalEntry(journal_records.REVOKED, told)])
    check_named(desk, "4f" * 19)
