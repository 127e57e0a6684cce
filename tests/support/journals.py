"""Scenes that write a journal, and readers of its folder and lines."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from sinetti.ca.crl import RevokedEntry, attach_crl_signature, prepare_crl
from sinetti.ca.hierarchy_builder import GeneratedHierarchy
from sinetti.database.operations import authorities
from sinetti.domain.values import Serial
from sinetti.journal import reader
from sinetti.journal.writer import Journal, JournalHeader
from sinetti.pki.encoding import sign
from tests.support.authority import NOW, authority, issuer
from tests.support.scene import Scene


def journal_of(scene: Scene, folder: Path) -> Journal:
    """Return a journal of the scene's authority in a folder, opened on first use."""
    identity = authorities.identity(scene.db)
    assert identity is not None
    return Journal(folder / "journal", JournalHeader(identity.instance_id, "TEST", "north"), scene.machine)


@contextmanager
def keeping(scene: Scene, folder: Path) -> Iterator[Scene]:
    """Yield the scene with a journal of its own."""
    one = journal_of(scene, folder)
    yield scene.but(journal=one)
    one.close()


def kinds(scene: Scene) -> list[str]:
    """Return the kinds of the journals' lines."""
    return [line.kind for path in reader.files(scene.ctx.journal.folder) for line in reader.read(path)]


def lost(scene: Scene) -> None:
    """Delete all journals with their heads; the CRLs stay."""
    scene.ctx.journal.close()
    for path in reader.files(scene.ctx.journal.folder):
        path.unlink()
        path.with_name(f"{path.name}.head").unlink(missing_ok=True)


def listing(serial: str, number: int, built: GeneratedHierarchy | None = None) -> bytes:
    """Sign a CRL of the issuing CA that lists this certificate.

    The keys are those of the given authority, by default the test authority.
    """
    built = built or authority()
    one = issuer(built=built)
    entry = RevokedEntry(Serial(serial), NOW, "keyCompromise")
    tbs = prepare_crl(one, [entry], number, NOW, NOW + timedelta(days=7))
    return attach_crl_signature(tbs, sign(built.key(one.key_name), tbs), one.certificate)
