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
from tests.support import golden
from tests.support.authority import NOW, authority, issuer
from tests.support.journals import keeping, listing
from tests.support.scene import REQUEST, Scene, enrolled

NAME = issuer().file_name
LATER = 1 << 60


@pytest.fixture
def scene(scene, tmp_path):
    """Yield the scene with a journal of its own, and a CRL beside it."""
    with keeping(scene, tmp_path) as one:
        current_crl(NAME, 1, one.ctx, REQUEST)
        yield one


def place(scene: Scene, number: int | str = LATER) -> Path:
    return scene.ctx.journal.folder / f"{NAME}.1.{number}.crl"


def test_a_list_that_a_foreign_key_signed_revokes_nothing(scene):
    held = enrolled(scene)
    place(scene).write_bytes(listing(held.serial, LATER, generate_hierarchy(authority().hierarchy, NOW)))
    attempts = {
        "compare": lambda: compare(scene.ctx, scene.ctx.journal),
        "reconcile": lambda: reconcile(scene.ctx, scene.ctx.journal, REQUEST),
    }
    said = golden.stable_text(golden.refusals(attempts, JournalDamaged, NUMBER=LATER))
    golden.check("sentences/list-archive/foreign-key", {"en.txt": said})
    assert not scene.certificate(held.serial).revoked


def test_a_list_that_our_ca_signed_is_believed(scene):
    held = enrolled(scene)
    place(scene).write_bytes(listing(held.serial, LATER))
    assert reconcile(scene.ctx, scene.ctx.journal, REQUEST).restored == (held.serial,)
    assert scene.certificate(held.serial).revoked


@pytest.mark.parametrize("octets", [b"", b"\x30\x82", b"no list"], ids=["empty", "cut off", "something else"])
def test_a_damaged_list_is_named_by_its_path(scene, octets):
    place(scene).write_bytes(octets)
    with pytest.raises(JournalDamaged, match=str(place(scene))):
        compare(scene.ctx, scene.ctx.journal)


def test_a_list_under_another_number_is_named_by_its_path(scene):
    """It would hide every later list, which would be discarded as older."""
    place(scene, LATER + 1).write_bytes(listing("4f" * 19, LATER))
    attempts = {"a later number": lambda: compare(scene.ctx, scene.ctx.journal)}
    said = golden.stable_text(golden.refusals(attempts, JournalDamaged, NEXT=LATER + 1, NUMBER=LATER))
    golden.check("sentences/list-archive/another-number", {"en.txt": said})


def test_what_has_another_name_is_passed_over(scene):
    place(scene, "copy").write_bytes(b"")
    (scene.ctx.journal.folder / "stray.crl").write_bytes(b"")
    assert compare(scene.ctx, scene.ctx.journal).agrees


def test_lists_that_are_taken_away_while_they_are_looked_for(scene, monkeypatch):
    monkeypatch.setattr(crl_archive, "archived_shards", lambda *_: [0, 7])
    assert set(crl_archive.newest_archived(scene.ctx.journal.folder, scene.ctx)) == {(NAME, 0)}


def refuse(*_: object) -> None:
    raise AssertionError


def own_list(scene: Scene) -> Path:
    """Revoke a certificate, and return the archived CRL of the whole CA."""
    revoke(RevocationRequest(enrolled(scene).serial, RevocationReason.SUPERSEDED), scene.ctx, "operator", REQUEST)
    current_crl(NAME, 1, scene.ctx, REQUEST)
    found = newest_list(scene.ctx.journal.folder, NAME, 0)
    return found[0]


def test_a_list_of_which_the_database_has_each_entry_is_read_only_by_a_full_comparison(scene, monkeypatch):
    own_list(scene)
    monkeypatch.setattr(crl_archive, "verify_archived", refuse)
    assert compare(scene.ctx, scene.ctx.journal).agrees
    with pytest.raises(AssertionError):
        compare(scene.ctx, scene.ctx.journal, is_full=True)
    for path in archived_crls(scene.ctx.journal.folder, NAME, 0):
        path.unlink()
    assert compare(scene.ctx, scene.ctx.journal).agrees, "the list of the shard is known too"


def test_a_list_with_a_revocation_that_the_database_lost_is_read(scene):
    own_list(scene)
    rows = models.Certificate.objects.using(scene.db.alias).filter(revoked_at__isnull=False)
    (serial,) = rows.values_list("serial", flat=True)
    rows.update(revoked_at=None, revocation_reason="")
    assert compare(scene.ctx, scene.ctx.journal).lost == {serial}


def test_a_list_with_a_number_that_the_database_lost_is_read(scene):
    own_list(scene)
    models.CertificateAuthority.objects.using(scene.db.alias).filter(pk=NAME).update(crl_number=5)
    assert set(compare(scene.ctx, scene.ctx.journal).numbers) == {NAME}


def test_a_list_that_the_database_has_no_longer_is_read(scene):
    own_list(scene)
    models.Crl.objects.using(scene.db.alias).all().delete()
    scene.ctx.crl_cache.clear()
    assert compare(scene.ctx, scene.ctx.journal).agrees


def test_a_damaged_list_with_a_known_number_is_named_by_its_path(scene):
    path = own_list(scene)
    path.write_bytes(b"\x30\x82")
    with pytest.raises(JournalDamaged, match=str(path)):
        compare(scene.ctx, scene.ctx.journal)
