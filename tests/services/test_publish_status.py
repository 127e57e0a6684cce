"""Status as files: the paths of the status address, and no file that contradicts a list."""

import sys
from base64 import b64encode
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote, unquote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from sinetti.api.publication import PublicationEndpoint
from sinetti.ca.ocsp import canonical_request, encode_request
from sinetti.database.issuance import ocsp_responses
from sinetti.database.issuance.ocsp_responses import OcspResponsePair, OwnCertificate
from sinetti.domain.authorities.lifecycle import CaState
from sinetti.domain.certificates.ocsp_status import ANSWER_LIFE, CertIdHash
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.values import Channel, Sha256
from sinetti.infra.clock import monotonic_seconds
from sinetti.pki.encoding import load_certificate, serial_hex
from sinetti.server.http import Request
from sinetti.services import publish_status
from sinetti.services.authorities.trust_lists import store_list
from sinetti.services.evidence.sequence_log import LogSequencer
from sinetti.services.publish_status import StatusPublisher, answer_path
from sinetti.services.revocation.revoke import RevocationRequest, revoke
from sinetti.services.status.ocsp import OcspRefresher
from sinetti.wire.transparency.merkle import cover, fold
from sinetti.wire.transparency.notes import VerifierKey, open_checkpoint
from sinetti.wire.transparency.tiles import lookup_in
from tests.support.asking import asked, believed
from tests.support.authority import authority
from tests.support.logs import logging, write_rows
from tests.support.scene import DAY, REQUEST, SECOND, Held, Scene, ca_certificate, enrolled
from tests.support.trust_lists import anchors_list, by_root

NAME = "DataProvidersTestIssuingCAv1"
STATUS = ocsp.OCSPCertStatus


@pytest.fixture
def held(sqlite_scene: Scene) -> Held:
    return enrolled(sqlite_scene)


@pytest.fixture
def folder(tmp_path) -> Path:
    (tmp_path / "files").mkdir()
    return tmp_path / "files"


@pytest.fixture
def publisher(sqlite_scene, folder) -> StatusPublisher:
    return StatusPublisher(sqlite_scene.ctx, folder)


def answer_file(folder: Path, held: Held, hashing: CertIdHash = CertIdHash.SHA1) -> Path:
    request = encode_request(canonical_request(held.serial, hashing, ca_certificate()), ca_certificate())
    return folder / "ocsp" / NAME / answer_path(request)


def status(folder: Path, held: Held, scene: Scene) -> ocsp.OCSPCertStatus:
    der = answer_file(folder, held).read_bytes()
    return believed(der, ca_certificate(), scene.clock()).certificate_status


def revoked(scene: Scene, held: Held) -> None:
    scene.clock.forward(SECOND)
    revoke(RevocationRequest(held.serial, RevocationReason.KEY_COMPROMISE), scene.ctx, "operator", REQUEST)


def listed(folder: Path) -> set[int]:
    return {one.serial_number for one in x509.load_der_x509_crl((folder / "crl" / f"{NAME}.crl").read_bytes())}


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_request_is_that_of_other_programs(held):
    builder = ocsp.OCSPRequestBuilder()
    for hashing, other in ((CertIdHash.SHA1, hashes.SHA1()), (CertIdHash.SHA256, hashes.SHA256())):  # noqa: S303
        theirs = builder.add_certificate(load_certificate(held.der), ca_certificate(), other).build()
        ours = encode_request(canonical_request(held.serial, hashing, ca_certificate()), ca_certificate())
        assert ours == theirs.public_bytes(Encoding.DER)


def test_every_file_has_what_the_status_address_answers(publisher, sqlite_scene, held, folder):
    scene = sqlite_scene
    publisher.publish(REQUEST)
    found = files(folder)
    shards = {f"crl/{name}{end}.crl" for name in scene.ctx.issuers for end in ("", "-1")}
    assert shards | {f"ca/{name}.cer" for name in scene.ctx.certificates} <= found.keys()
    assert len([name for name in found if name.startswith("ocsp/")]) == 2
    for name, octets in found.items():
        asked_for = f"/{name.removesuffix('answer')}"
        if asked_for.startswith("/ocsp/") and len(asked_for.split("/", 3)[3]) % 4:
            continue  # two slashes of base64 are one in a path
        reply = PublicationEndpoint(scene.ctx)(Request("GET", asked_for, "", {}, REQUEST, b""))
        assert (reply.status, reply.body) == (200, octets)


ENDS = {"a slash": ("/", "MA/answer"), "two slashes": ("//", "MA/answer"), "a letter": ("A", "MAA")}


@pytest.mark.parametrize(("end", "path"), ENDS.values(), ids=ENDS)
def test_the_path_of_base64_that_ends_with(end, path, monkeypatch):
    monkeypatch.setattr(publish_status, "b64encode", lambda _: f"MA{end}".encode())
    assert answer_path(b"") == path


def test_escaped_or_not_a_request_has_one_path():
    request = bytes.fromhex("30fffffbefbe") * 3
    text = b64encode(request).decode()
    assert "//" in text
    assert unquote(quote(text, safe="")) == text
    assert answer_path(request) == text.replace("//", "/")


def test_a_revocation_is_in_the_files_before_its_list(publisher, sqlite_scene, held, folder, monkeypatch):
    other = enrolled(sqlite_scene)
    publisher.publish(REQUEST)
    assert (status(folder, held, sqlite_scene), listed(folder)) == (STATUS.GOOD, set())
    revoked(sqlite_scene, held)
    seen = []
    monkeypatch.setattr(publish_status, "copy_lists", lambda _: seen.append(status(folder, held, sqlite_scene)))
    publisher.follow()
    assert (seen, listed(folder)) == ([STATUS.REVOKED], set())
    monkeypatch.undo()
    publisher.follow()
    assert listed(folder) == {load_certificate(held.der).serial_number}
    assert status(folder, other, sqlite_scene) is STATUS.GOOD


def test_a_revocation_without_a_new_response_removes_the_former(publisher, sqlite_scene, held, folder):
    publisher.publish(REQUEST)
    sqlite_scene.responders.away = True
    revoked(sqlite_scene, held)
    assert publisher.follow().removed == 2
    assert not answer_file(folder, held).exists()
    assert publisher.follow().removed == 0
    sqlite_scene.responders.away = False
    OcspRefresher().look(sqlite_scene.ctx)
    publisher.follow()
    assert status(folder, held, sqlite_scene) is STATUS.REVOKED


def test_a_stored_response_with_another_status_is_no_file(publisher, sqlite_scene, held, folder):
    """The response was signed in the second of the revocation, before it."""
    publisher.publish(REQUEST)
    sqlite_scene.responders.away = True
    revoke(RevocationRequest(held.serial, RevocationReason.SUPERSEDED), sqlite_scene.ctx, "operator", REQUEST)
    publisher.follow()
    assert not answer_file(folder, held).exists()


def test_only_what_changed_is_written(publisher, sqlite_scene, held, folder):
    assert publisher.publish(REQUEST).written == 2
    before = {path: path.stat().st_ino for path in folder.rglob("*") if path.is_file()}
    assert publisher.follow().written == 0
    assert publisher.publish(REQUEST).written == 0
    assert {path: path.stat().st_ino for path in before} == before
    answer_file(folder, held).write_bytes(b"")
    assert publisher.publish(REQUEST).written == 1, "an empty file, as after a power cut"


def test_a_look_passes_over_what_the_last_one_wrote(publisher, sqlite_scene, held, folder):
    publisher.publish(REQUEST)
    publisher.follow()
    answer_file(folder, held).unlink()
    assert publisher.follow().written == 0
    assert publisher.publish(REQUEST).written == 1


def test_a_revocation_and_a_list_are_a_change(publisher, sqlite_scene, held):
    publisher.publish(REQUEST)
    assert not publisher.has_changed()
    revoked(sqlite_scene, held)
    assert publisher.has_changed()
    publisher.follow()
    assert not publisher.has_changed()


def test_many_responses_are_read_in_pages(publisher, sqlite_scene, monkeypatch, folder):
    monkeypatch.setattr(publish_status, "_PAGE", 2)
    held = [enrolled(sqlite_scene) for _ in range(4)]
    assert publisher.publish(REQUEST).written == 8
    assert all(status(folder, one, sqlite_scene) is STATUS.GOOD for one in held)


def test_what_expired_is_removed(publisher, sqlite_scene, held, folder):
    publisher.publish(REQUEST)
    (folder / "ocsp" / NAME / ".left.new").write_bytes(b"of a killed process")
    sqlite_scene.clock.forward(ANSWER_LIFE)
    publisher.remove_expired()
    assert answer_file(folder, held).exists()
    assert not list((folder / "ocsp").rglob(".left.new"))
    sqlite_scene.clock.forward(SECOND)
    publisher.remove_expired()
    assert not (folder / "ocsp").exists()
    assert list((folder / "crl").iterdir())
    sqlite_scene.clock.forward(7 * DAY)
    publisher.remove_expired()
    assert not list((folder / "crl").iterdir())
    assert list((folder / "ca").iterdir())


def test_a_response_that_ends_early_is_removed_by_its_own_date(publisher, sqlite_scene, held, folder):
    publisher.publish(REQUEST)
    found = ocsp_responses.find(sqlite_scene.db, NAME, held.serial, CertIdHash.SHA1)
    der = answer_file(folder, held).read_bytes()
    pair = OcspResponsePair(
        NAME,
        held.serial,
        replace(found.response, next_update=sqlite_scene.clock()),
        dict.fromkeys(CertIdHash, der),
    )
    ocsp_responses.store(sqlite_scene.db, [pair])
    publisher.follow()
    assert answer_file(folder, held).exists()
    sqlite_scene.clock.forward(SECOND)
    publisher.follow()
    assert not answer_file(folder, held).exists()


def test_lists_that_are_due_are_signed(publisher, sqlite_scene, held, folder):
    publisher.publish(REQUEST)
    first = (folder / "crl" / f"{NAME}.crl").read_bytes()
    sqlite_scene.clock.forward(timedelta(minutes=30))
    sqlite_scene.machine.forward(timedelta(minutes=30))
    publisher.sign_due(REQUEST)
    second = (folder / "crl" / f"{NAME}.crl").read_bytes()
    assert x509.load_der_x509_crl(second).last_update_utc == sqlite_scene.clock()
    assert second != first


def test_without_a_signer_the_last_lists_stay(sqlite_scene, held, folder, caplog):
    StatusPublisher(sqlite_scene.ctx, folder).publish(REQUEST)
    lists = [path.name for path in (folder / "crl").iterdir()]
    sqlite_scene.signer.away = True
    sqlite_scene.clock.forward(8 * DAY)
    StatusPublisher(sqlite_scene.ctx, folder).publish(REQUEST)
    assert "is due and cannot be signed now" in caplog.text
    assert lists
    assert not list((folder / "crl").iterdir()), "they have expired"


def test_the_log_is_complete_under_its_checkpoint(sqlite_scene, folder):
    """A reader of the files alone verifies the whole tree, and partial tiles go when they are full."""
    ctx, sequencer = logging(sqlite_scene.ctx), LogSequencer()
    publisher = StatusPublisher(ctx, folder)
    publisher.follow()
    assert not (folder / "log").exists(), "the log has not begun"
    for rows in (6, 250, 0):
        write_rows(sqlite_scene.db, rows)
        sequencer.run(ctx, REQUEST)
        publisher.follow()
        key = VerifierKey.parse((folder / "log" / "key").read_text())
        head, _ = open_checkpoint((folder / "log" / "checkpoint").read_bytes(), key)
        look = lookup_in(head.size, lambda name: (folder / "log" / name.path).read_bytes())
        assert fold([look(*one) for one in cover(0, head.size)]) == head.root
    assert head.size > 256
    assert not (folder / "log" / "tile" / "0" / "000.p").exists()
    (folder / "log" / "tile" / "0" / "000").unlink()
    publisher.publish(REQUEST)
    assert (folder / "log" / "tile" / "0" / "000").stat().st_size == 256 * 32


def test_a_folder_in_the_way_of_a_file_is_passed_over(publisher, sqlite_scene, held, folder, caplog):
    answer_file(folder, held).mkdir(parents=True)
    assert publisher.publish(REQUEST).written == 1
    assert "another request's path begins with it" in caplog.text


def test_serials_of_every_length_have_a_path():
    for number in (1, 127, 128, 2**64, 2**159 - 1):
        request = encode_request(
            canonical_request(serial_hex(number), CertIdHash.SHA256, ca_certificate()), ca_certificate()
        )
        assert request == asked(number, ca_certificate(), sha256=True)
        assert max(len(part) for part in answer_path(request).split("/")) < 255


def test_the_last_list_of_a_retired_ca_stays(sqlite_scene, held, folder):
    StatusPublisher(sqlite_scene.ctx, folder).publish(REQUEST)
    sqlite_scene.clock.forward(8 * DAY)
    ended = StatusPublisher(sqlite_scene.but(states={NAME: CaState.RETIRED}).ctx, folder)
    ended.remove_expired()
    assert {path.name for path in (folder / "crl").iterdir()} == {f"{NAME}.crl", f"{NAME}-1.crl"}


def test_trust_lists_are_files(publisher, sqlite_scene, folder):
    made = anchors_list(authority(), 1)
    octets = by_root(made, authority())
    store_list(made, octets, 0, sqlite_scene.ctx, ("operator", REQUEST))
    publisher.follow()
    assert (folder / "trust" / "anchors").read_bytes() == octets


def test_each_ca_has_its_own_folder(publisher, sqlite_scene, folder):
    enrolled(sqlite_scene, Channel.SFTP)
    publisher.publish(REQUEST)
    assert [path.name for path in (folder / "ocsp").iterdir()] == [sqlite_scene.ctx.issuing[Channel.SFTP]]


@pytest.mark.long
@pytest.mark.rare
def test_ten_thousand_certificates(publisher, sqlite_scene, held, folder):
    """The first pass, one without a change, and one with a revocation."""
    certificates = 10_000
    found = ocsp_responses.find(sqlite_scene.db, NAME, held.serial, CertIdHash.SHA1)
    serials = [serial_hex(2**120 + number) for number in range(certificates)]
    own = (OwnCertificate(NAME, one, Sha256("0" * 64), sqlite_scene.clock() + 365 * DAY) for one in serials)
    ocsp_responses.record_own(sqlite_scene.db, own)
    for start in range(0, certificates, 500):
        ocsp_responses.store(
            sqlite_scene.db,
            [
                OcspResponsePair(NAME, one, found.response, dict.fromkeys(CertIdHash, found.der))
                for one in serials[start : start + 500]
            ],
        )

    def seconds(act) -> float:
        begun = monotonic_seconds()
        act()
        return monotonic_seconds() - begun

    took = {"all": seconds(lambda: publisher.publish(REQUEST)), "none": seconds(lambda: publisher.publish(REQUEST))}
    sqlite_scene.clock.forward(timedelta(minutes=5))
    publisher.follow()
    revoked(sqlite_scene, held)
    took["revocation"] = seconds(publisher.follow)
    sys.stderr.write(f"{took}\n")
    assert sum(path.is_file() for path in (folder / "ocsp").rglob("*")) == 2 * (certificates + 1)
    assert status(folder, held, sqlite_scene) is STATUS.REVOKED
    assert took["revocation"] < took["all"] / 10
