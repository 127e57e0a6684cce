"""Status without the database: the last signed lists and OCSP responses.

No answer lacks a revocation that this node has signed, and none outlives its nextUpdate.
"""

import shutil
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread

import pytest
from cryptography import x509
from cryptography.x509 import ocsp
from django.db import OperationalError

from sinetti.api.publication import PublicationEndpoint
from sinetti.database.connection import open_database
from sinetti.domain.authorities.lifecycle import CaState
from sinetti.domain.certificates.ocsp_status import CertIdHash
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.values import Channel
from sinetti.pki.encoding import load_certificate
from sinetti.pki.trust_lists.lists import TrustListKind
from sinetti.server.http import Request
from sinetti.services import last_signed as module
from sinetti.services.authorities.trust_lists import keep_lists, store_list
from sinetti.services.evidence.read_log import head, keep_checkpoint, key
from sinetti.services.last_signed import LastSigned, list_file
from sinetti.services.monitoring.health import register_check
from sinetti.services.revocation.revoke import RevocationRequest, revoke
from sinetti.services.status.crl import LIFE, copy_lists, current_crl, publish
from sinetti.services.status.ocsp import respond
from sinetti.wire.transparency.notes import VerifierKey
from tests.support.asking import asked, believed
from tests.support.authority import authority
from tests.support.logs import logging, sequenced, write_rows
from tests.support.scene import DAY, REQUEST, SECOND, Held, Scene, ca_certificate, enrolled
from tests.support.trust_lists import anchors_list, by_root, distrust_list

WHOLE, HOUR = 0, timedelta(hours=1)
TRY_LATER = bytes.fromhex("30030a0103")
STATUS = ocsp.OCSPCertStatus


@pytest.fixture
def node(sqlite_scene, tmp_path) -> Scene:
    """Return a scene that keeps its last signed lists in a folder."""
    return sqlite_scene.but(last_signed=LastSigned(tmp_path / "status"))


@pytest.fixture
def held(node) -> Held:
    return enrolled(node)


def away(scene: Scene) -> Scene:
    """Return the same node after its database went away."""
    return scene.but(db=open_database("sqlite:////nowhere/at/all/register.sqlite3", alias="away"))


def name(scene: Scene) -> str:
    return scene.ctx.issuing[Channel.WS]


def listed(scene: Scene, shard: int = WHOLE) -> set[int]:
    newest = current_crl(name(scene), shard, scene.ctx, REQUEST)
    assert newest is not None
    return {one.serial_number for one in x509.load_der_x509_crl(newest.der)}


def answer(scene: Scene, held: Held, **how) -> bytes:
    serial = load_certificate(held.der).serial_number
    answered = respond(asked(serial, ca_certificate(), **how), name(scene), scene.ctx, lambda: True)
    assert answered is not None
    return answered.der


def status(scene: Scene, held: Held) -> ocsp.OCSPCertStatus:
    return believed(answer(scene, held), ca_certificate(), scene.clock()).certificate_status


def revoked(scene: Scene, held: Held) -> None:
    scene.clock.forward(SECOND)
    revoke(RevocationRequest(held.serial, RevocationReason.KEY_COMPROMISE), scene.ctx, "operator", REQUEST)


def test_lists_go_on_until_they_expire(node, held):
    serial = load_certificate(held.der).serial_number
    other = enrolled(node)
    revoked(node, held)
    assert listed(node) == {serial}
    alone = away(node)
    for shard in (WHOLE, 1):
        assert listed(alone, shard) == {serial}, "revoked before the outage stays revoked"
    assert load_certificate(other.der).serial_number not in listed(alone)
    node.clock.forward(LIFE)
    assert listed(alone) == {serial}
    node.clock.forward(SECOND)
    with pytest.raises(OperationalError):
        current_crl(name(alone), WHOLE, alone.ctx, REQUEST)


def test_a_shard_that_does_not_exist_has_no_last_list(node, held):
    listed(node)
    alone = away(node)
    with pytest.raises(OperationalError):
        current_crl(name(alone), 7, alone.ctx, REQUEST)
    assert current_crl("NobodysCAv1", WHOLE, alone.ctx, REQUEST) is None


def test_known_answers_go_on_until_they_expire(node, held):
    late = enrolled(node)
    listed(node)
    assert status(node, held) is STATUS.GOOD
    alone = away(node)
    assert status(alone, held) is STATUS.GOOD
    assert answer(alone, held, nonce=b"n" * 16) == TRY_LATER
    assert answer(alone, late) == TRY_LATER, "no answer about this certificate was read"
    node.clock.forward(DAY)
    assert status(alone, held) is STATUS.GOOD
    node.clock.forward(SECOND)
    assert answer(alone, held) == TRY_LATER


def test_a_question_with_a_nonce_makes_the_stored_answer_known(node, held):
    listed(node)
    answer(node, held, nonce=b"n" * 16)
    assert status(away(node), held) is STATUS.GOOD


def test_what_another_process_revoked_is_good_nowhere(node, held):
    """This process remembers "good"; the process that revokes has a memory of its own."""
    assert status(node, held) is STATUS.GOOD
    other = node.but(last_signed=LastSigned(node.ctx.last_signed.folder), crl_cache={})
    revoked(other, held)
    alone = away(node)
    assert listed(alone) == {load_certificate(held.der).serial_number}
    assert answer(alone, held) == TRY_LATER


def test_a_revoked_answer_needs_no_list(node, held):
    revoked(node, held)
    assert status(node, held) is STATUS.REVOKED
    for path in (node.ctx.last_signed.folder / "crl").iterdir():
        path.unlink()
    assert status(away(node), held) is STATUS.REVOKED


def test_good_without_a_list_counts_for_nothing(node, held):
    assert status(node, held) is STATUS.GOOD
    assert answer(away(node), held) == TRY_LATER


def test_an_answer_that_no_longer_fits_is_forgotten(node, held, monkeypatch):
    listed(node)
    assert status(node, held) is STATUS.GOOD
    monkeypatch.setattr("sinetti.services.revocation.revoke.presign_revoked", lambda *_: None)
    monkeypatch.setattr("sinetti.services.revocation.revoke.publish_best_effort", lambda *_: None)
    revoked(node, held)
    node.responders.away = True
    assert answer(node, held) == TRY_LATER
    assert answer(away(node), held) == TRY_LATER


def test_the_oldest_of_too_many_answers_is_forgotten(node, held, monkeypatch):
    monkeypatch.setattr(module, "ANSWERS_AT_MOST", 1)
    late = enrolled(node)
    listed(node)
    for one in (held, late):
        assert status(node, one) is STATUS.GOOD
    alone = away(node)
    assert (answer(alone, held), status(alone, late)) == (TRY_LATER, STATUS.GOOD)


def test_lists_of_other_nodes_are_copied(node, held, tmp_path):
    other = node.but(last_signed=LastSigned(tmp_path / "other"), crl_cache={})
    revoked(other, held)
    unknown = node.but(issuers={})
    copy_lists(unknown.ctx)
    copy_lists(node.ctx)
    assert listed(away(node)) == {load_certificate(held.der).serial_number}
    files = {path.name: path.stat().st_ino for path in (tmp_path / "status" / "crl").iterdir()}
    copy_lists(node.ctx)
    assert {path.name: path.stat().st_ino for path in (tmp_path / "status" / "crl").iterdir()} == files


def test_a_file_never_goes_back_to_a_former_list(node, held):
    first = publish(name(node), node.ctx, REQUEST)
    node.machine.forward(SECOND)
    node.clock.forward(SECOND)
    second = publish(name(node), node.ctx, REQUEST)
    node.ctx.last_signed.keep_list(name(node), WHOLE, first)
    assert node.ctx.last_signed.list_number(name(node), WHOLE) == second.number > first.number


def test_a_list_that_cannot_be_written_leaves_no_former_one(node, held, monkeypatch, caplog):
    listed(node)
    path = node.ctx.last_signed.folder / "crl" / list_file(name(node), WHOLE)
    assert path.is_file()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "replace_file", full)
    revoked(node, held)
    assert not path.exists()
    assert "so it was removed" in caplog.text


def test_a_list_that_can_be_neither_written_nor_removed_is_an_error_in_the_log(node, held, caplog):
    listed(node)
    place = node.ctx.last_signed.folder / "crl"
    for path in place.iterdir():
        path.unlink()
    place.rmdir()
    place.write_bytes(b"a file is in its place")
    revoked(node, held)
    assert "cannot be written or removed, so readers may get the old list" in caplog.text


def test_lists_that_must_be_written_end_what_needs_them(node, held, tmp_path):
    new = publish(name(node), node.ctx, REQUEST)
    (tmp_path / "crl").write_bytes(b"a file is in its place")
    with pytest.raises(OSError, match="crl"):
        LastSigned(tmp_path, must_write=True).keep_list(name(node), WHOLE, new)


DAMAGED = {"empty": b"", "another kind": b"30030a0103"}


@pytest.mark.parametrize("octets", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_file_is_no_list_and_is_replaced(octets, node, held):
    listed(node)
    path: Path = node.ctx.last_signed.folder / "crl" / list_file(name(node), WHOLE)
    path.write_bytes(octets)
    with pytest.raises(OperationalError):
        listed(away(node))
    copy_lists(node.ctx)
    assert listed(away(node)) == set()


def test_without_a_folder_nothing_is_kept(sqlite_scene, tmp_path):
    held = enrolled(sqlite_scene)
    listed(sqlite_scene)
    copy_lists(sqlite_scene.ctx)
    assert status(sqlite_scene, held) is STATUS.GOOD
    keeper = sqlite_scene.ctx.last_signed
    keeper.keep("log/checkpoint", b"x")
    assert keeper.find("log/checkpoint") is None
    assert keeper.find_answer(name(sqlite_scene), held.serial, CertIdHash.SHA1, sqlite_scene.clock()) is None
    assert answer(away(sqlite_scene), held) == TRY_LATER
    with pytest.raises(OperationalError):
        listed(away(sqlite_scene))


def test_other_parts_are_replaced_when_they_change(tmp_path):
    keeper = LastSigned(tmp_path)
    assert keeper.find("log/key") is None
    keeper.keep("log/key", b"one")
    before = (tmp_path / "log" / "key").stat().st_ino
    keeper.keep("log/key", b"one")
    assert (tmp_path / "log" / "key").stat().st_ino == before
    keeper.keep("log/key", b"two")
    assert keeper.find("log/key") == b"two"


def test_checkpoint_and_key_are_kept_once_the_log_has_begun(node):
    keep_checkpoint(node.ctx)
    assert node.ctx.last_signed.find("log/checkpoint") is None
    write_rows(node.db, 3)
    sequenced(logging(node.ctx))
    keep_checkpoint(node.ctx)
    assert node.ctx.last_signed.find("log/checkpoint") == head(node.db)
    assert VerifierKey.parse(node.ctx.last_signed.find("log/key").decode()) == key(node.db)


def test_the_health_check_says_that_status_goes_on(node, held):
    sentence = register_check(away(node).ctx)
    assert "answered from" not in sentence
    listed(node)
    assert "answered from the last signed lists" in register_check(away(node).ctx)
    assert register_check(node.ctx) is None


def test_one_caller_at_a_time_asks_a_database_that_hangs(caplog):
    """Others have their answer at once; the one who asks has it when the database fails."""
    keeper, begun, over = LastSigned(), Event(), Event()
    got = []

    def fails():
        raise OperationalError

    def hangs():
        begun.set()
        assert over.wait(60)
        raise OperationalError

    assert keeper.read_or(fails, lambda: "last") == "last"
    thread = Thread(target=lambda: got.append(keeper.read_or(hangs, lambda: "last")))
    thread.start()
    assert begun.wait(60)
    assert keeper.read_or(fails, lambda: "last") == "last"
    assert keeper.read_or(lambda: "read", lambda: None) == "read", "without a last answer it is asked as always"
    over.set()
    thread.join(60)
    assert got == ["last"]
    assert keeper.read_or(lambda: "back", lambda: "last") == "back"
    warnings = [record for record in caplog.records if record.levelname == "WARNING"]
    assert len(warnings) == 2, "one line for each time that it went away"


def test_trust_lists_go_on(node):
    """The process that stores a list keeps it at once; `keep_lists` copies those of others."""
    alone = away(node)

    def answered(scene: Scene, kind: TrustListKind) -> tuple[int, bytes]:
        reply = PublicationEndpoint(scene.ctx)(Request("GET", f"/trust/{kind}", "", {}, REQUEST, b""))
        return reply.status, reply.body

    assert answered(node, TrustListKind.ANCHORS)[0] == 404
    assert answered(alone, TrustListKind.ANCHORS)[0] == 503
    for made in (anchors_list(authority(), 1), distrust_list(authority(), 1)):
        octets = by_root(made, authority())
        store_list(made, octets, 0, node.ctx, ("operator", REQUEST))
        assert answered(node, made.kind) == answered(alone, made.kind) == (200, octets)
    shutil.rmtree(node.ctx.last_signed.folder / "trust")
    assert answered(alone, TrustListKind.DISTRUST)[0] == 503
    keep_lists(node.ctx)
    assert answered(alone, TrustListKind.DISTRUST)[0] == 200


def test_the_last_list_of_a_retired_ca_goes_on_for_ever(node, held):
    listed(node)
    node.clock.forward(LIFE + DAY)
    retired = away(node).but(states={name(node): CaState.RETIRED})
    assert current_crl(name(node), WHOLE, retired.ctx, REQUEST) is not None
