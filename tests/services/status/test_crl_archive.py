"""Archived CRLs beside the journals.

A list counts only if its CA signed it. The error for a damaged file names its path.
"""

from pathlib import Path

import pytest

from sinetti.ca.hierarchy_builder import generate_hierarchy
from sinetti.database import models
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.journal.crl_archive import archived_crls, newest_list
from sinetti.journal.reader import JournalDamaged
from sinetti.services.issuance.reconcile import compare, reconcile
from sinetti.services.revocation.revoke import RevocationRequest, revoke
from sinetti.services.status import crl_archive
from sinetti.services.status.crl import current_crl
from tests.support.authority import NOW, authority, issuer
from tests.support.journals import keeping, listing
from tests.support.service_context import REQUEST, Desk, enrolled

NAME = issuer().file_name
LATER = 1 << 60


@pytest.fixture
def desk(desk, tmp_path):
    """Yield the desk with a journal of its own, and a CRL beside it."""
    with keeping(desk, tmp_path) as one:
        current_crl(NAME, 1, one.ctx, REQUEST)
        yield one


def place(desk: Desk, number: int | str = LATER) -> Path:
    return desk.ctx.journal.folder / f"{NAME}.1.{number}.crl"


def test_a_list_that_a_foreign_key_signed_revokes_nothing(desk):
    held = enrolled(desk)
    place(desk).write_bytes(listing(held.serial, LATER, generate_hierarchy(authority().hierarchy, NOW)))
    for ask in (
        lambda: compare(desk.ctx, desk.ctx.journal),
        lambda: reconcile(desk.ctx, desk.ctx.journal, REQUEST),
    ):
        with pytest.raises(JournalDamaged, match=f"{NAME}.1.{LATER}.crl is not a revocation list signed by its CA"):
            ask()
    assert not desk.certificate(held.serial).revoked


def test_a_list_that_our_ca_signed_is_believed(desk):
    held = enrolled(desk)
    place(desk).write_bytes(listing(held.serial, LATER))
    assert reconcile(desk.ctx, desk.ctx.journal, REQUEST).restored == (held.serial,)
    assert desk.certificate(held.serial).revoked


@pytest.mark.parametrize("octets", [b"", b"\x30\x82", b"no list"], ids=["empty", "cut off", "something else"])
def test_a_damaged_list_is_named_by_its_path(desk, octets):
    place(desk).write_bytes(octets)
    with pytest.raises(JournalDamaged, match=str(place(desk))):
        compare(desk.ctx, desk.ctx.journal)


def test_a_list_under_another_number_is_named_by_its_path(desk):
    """It would hide every later list, which would be discarded as older."""
    place(desk, LATER + 1).write_bytes(listing("4f" * 19, LATER))
    with pytest.raises(JournalDamaged, match=f"{LATER + 1}.crl contains the revocation list number {LATER}"):
        compare(desk.ctx, desk.ctx.journal)


def test_what_has_another_name_is_passed_over(desk):
    place(desk, "copy").write_bytes(b"")
    (desk.ctx.journal.folder / "stray.crl").write_bytes(b"")
    assert compare(desk.ctx, desk.ctx.journal).agrees


def test_lists_that_are_taken_away_while_they_are_looked_for(desk, monkeypatch):
    monkeypatch.setattr(crl_archive, "archived_shards", lambda *_: [0, 7])
    assert set(crl_archive.newest_archived(desk.ctx.journal.folder, desk.ctx)) == {(NAME, 0)}


def refuse(*_: object) -> None:
    raise AssertionError


def own_list(desk: Desk) -> Path:
    """Revoke a certificate, and return the archived CRL of the whole CA."""
    revoke(RevocationRequest(enrolled(desk).serial, RevocationReason.SUPERSEDED), desk.ctx, "operator", REQUEST)
    current_crl(NAME, 1, desk.ctx, REQUEST)
    found = newest_list(desk.ctx.journal.folder, NAME, 0)
    return found[0]


def test_a_list_of_which_the_database_has_each_entry_is_read_only_by_a_full_comparison(desk, monkeypatch):
    own_list(desk)
    monkeypatch.setattr(crl_archive, "verify_archived", refuse)
    assert compare(desk.ctx, desk.ctx.journal).agrees
    with pytest.raises(AssertionError):
        compare(desk.ctx, desk.ctx.journal, is_full=True)
    for path in archived_crls(desk.ctx.journal.folder, NAME, 0):
        path.unlink()
    assert compare(desk.ctx, desk.ctx.journal).agrees, "the list of the shard is known too"


def test_a_list_with_a_revocation_that_the_database_lost_is_read(desk):
    own_list(desk)
    rows = models.Certificate.objects.using(desk.db.alias).filter(revoked_at__isnull=False)
    (serial,) = rows.values_list("serial", flat=True)
    rows.update(revoked_at=None, revocation_reason="")
    assert compare(desk.ctx, desk.ctx.journal).lost == {serial}


def test_a_list_with_a_number_that_the_database_lost_is_read(desk):
    own_list(desk)
    models.CertificateAuthority.objects.using(desk.db.alias).filter(pk=NAME).update(crl_number=5)
    assert set(compare(desk.ctx, desk.ctx.journal).numbers) == {NAME}


def test_a_list_that_the_database_has_no_longer_is_read(desk):
    own_list(desk)
    models.Crl.objects.using(desk.db.alias).all().delete()
    desk.ctx.crl_cache.clear()
    assert compare(desk.ctx, desk.ctx.journal).agrees


def test_a_damaged_list_with_a_known_number_is_named_by_its_path(desk):
    path = own_list(desk)
    path.write_bytes(b"\x30\x82")
    with pytest.raises(JournalDamaged, match=str(path)):
        compare(desk.ctx, desk.ctx.journal)
