"""An authority whose keys are in the separate signer: founding, separation, and every kind of signature."""

import os
import shutil
import socket
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Thread

import pytest
from cryptography import x509
from cryptography.x509 import ocsp

from sinetti.authority.bootstrap import RuntimeOptions, open_authority
from sinetti.authority.data_directory import DirectoryKind, FolderDamaged, FolderError
from sinetti.authority.initialise import InitOptions, initialise
from sinetti.authority.key_store import StoreKind
from sinetti.authority.signer.remote_keys import sign_one
from sinetti.authority.signer.server import SignerServer
from sinetti.authority.signer.store import SignerStore
from sinetti.authority.signer.tasks import SigningTask, TaskKind
from sinetti.authority.signer_memory import SignerMemory
from sinetti.authority.signer_process import (
    MOST_NEW_KEYS,
    SignerFolder,
    SignerOptions,
    open_signer,
    run_signer,
    signer_actions,
)
from sinetti.authority.signer_separation import SeparationOptions, separate_keys
from sinetti.ca.hierarchy_config import load_preset
from sinetti.ca.ocsp import canonical_request, prepare_answer
from sinetti.ca.profiles import ca_key
from sinetti.database.evidence import log_tree
from sinetti.database.issuance import ocsp_responses
from sinetti.database.issuance.ocsp_responses import OwnCertificate
from sinetti.domain.certificates.ocsp_status import GOOD, CertIdHash, SingleResponse
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.refusals import RejectionReason
from sinetti.domain.values import Environment, KeyPolicy, KeyType, Serial
from sinetti.infra.clock import utc_now
from sinetti.infra.unix_socket import listen_on_path
from sinetti.pki.encoding import certificate_der, load_certificate, serial_hex
from sinetti.pki.signers import SignatureRefused, SignerUnavailable
from sinetti.services.evidence.sequence_log import LogSequencer
from sinetti.services.evidence.verify_log import LogSources, verify_log
from sinetti.services.issuance.clock_guard import ClockGuard
from sinetti.services.issuance.enrol import enrol
from sinetti.services.issuance.reconcile import resolve_reservations
from sinetti.services.issuance.renew import renew
from sinetti.services.monitoring.health import issuing_check
from sinetti.services.revocation.revoke import RevocationRequest, revoke
from sinetti.services.status.crl import current_crl, publish_all
from sinetti.services.status.ocsp import respond
from sinetti.settings.authority import AuthoritySettings, write_signer
from sinetti.wire.soap.requests import parse_request, render_renew, verified_request
from sinetti.wire.xmldsig.signers import signer_for_key
from tests.support import soft_token
from tests.support.asking import asked
from tests.support.foundings import copy_founded
from tests.support.registers import all_connections_closed
from tests.support.scene import (
    REQUEST,
    Clock,
    Scene,
    accepted,
    add_organisation,
    enrolled,
    held_by,
    new_ask,
    new_key,
    ordered,
    refused,
    renew_ask,
)
from tests.support.soft_token import soft_tokens

__all__ = ["soft_tokens"]

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
SETTINGS = AuthoritySettings(Environment.TEST, "http://pki.example", "https://soap.example")
FOUNDING = InitOptions(DirectoryKind.AUTHORITY, load_preset("default"), SETTINGS, NOW)


@pytest.fixture(autouse=True)
def trusted_clock(monkeypatch):
    """Trust the clock, which tests set by years."""
    monkeypatch.setattr(ClockGuard, "issuance_allowed", lambda _guard: True)


@pytest.fixture(autouse=True)
def closed():
    with all_connections_closed():
        yield


@pytest.fixture(scope="module")
def founded(tmp_path_factory):
    return copy_founded(tmp_path_factory.mktemp("founded") / "authority", FOUNDING)


@pytest.fixture
def root(founded, tmp_path):
    shutil.copytree(founded, tmp_path / "authority")
    return tmp_path / "authority"


@pytest.fixture
def clock():
    return Clock(NOW)


@pytest.fixture
def options(tmp_path):
    return SeparationOptions(tmp_path / "signer", tmp_path / "signer.sock", orders_per_day=100)


def opened(root, clock):
    return opened_with(root, RuntimeOptions(now=clock))


@contextmanager
def opened_with(root, manner):
    authority = open_authority(root, DirectoryKind.AUTHORITY, manner)
    try:
        yield authority
    finally:
        authority.keys.close()
        authority.journal.close()
        authority.ctx.db.close()


@contextmanager
def signing(options, clock):
    signer, (stop, stopping) = open_signer(options.root), socket.socketpair()
    listener = listen_on_path(options.socket, 8)
    server = SignerServer(listener, {os.getuid()}, signer_actions(signer, clock))
    thread = Thread(target=server.run, args=(stop.fileno(),))
    thread.start()
    try:
        yield signer
    finally:
        stopping.send(b"x")
        thread.join(60)
        for one in (listener, stop, stopping):
            one.close()
        options.socket.unlink()
        signer.close()


def scene_of(authority, clock):
    return Scene(replace(authority.ctx, machine_now=clock), clock, clock, None, None)


@contextmanager
def serving(root, clock, options):
    """Yield a scene of an authority whose keys are in a signer."""
    with opened(root, clock) as authority:
        separate_keys(authority, options)
    with signing(options, clock) as signer, opened(root, clock) as authority:
        scene = scene_of(authority, clock)
        add_organisation(scene)
        yield scene, authority, signer


def proven(held, key):
    """Return a renewal as the service reads it from a message."""
    der = certificate_der(load_certificate(held.der))
    message = render_renew(renew_ask(held, key), signer_for_key(held.key, der))
    return verified_request(parse_request(message, "text/xml", None), KeyPolicy())


def renewed(scene, held):
    key = new_key()
    return held_by(scene, key, accepted(renew(proven(held, key), scene.ctx, REQUEST)))


def in_the_window(clock, held):
    clock.now = load_certificate(held.der).not_valid_after_utc - timedelta(days=30)


def test_all_keys_move(root, clock, options):
    with opened(root, clock) as authority:
        names = separate_keys(authority, options)
    assert not [path.name for path in (root / "keys").iterdir() if path.suffix in {".pem", ".uri"}]
    assert len(names) == len(set(names)) == len(list((options.root / "keys").glob("*.pem")))
    with signing(options, clock), opened(root, clock) as authority:
        assert {store.kind for store in authority.keys.stores} == {StoreKind.SIGNER}
        for name in authority.ctx.issuers:
            authority.ctx.signer.check(name)
        authority.responses.seal()


def test_an_authority_that_was_served_is_separated(root, clock, options):
    with opened(root, clock) as authority:
        scene = scene_of(authority, clock)
        add_organisation(scene)
        held = enrolled(scene)
        issuing = scene.certificate(held.serial).authority
        services = authority.hierarchy.services.file_name
        own = OwnCertificate(services, Serial("40" + "ab" * 18), "00" * 32, NOW + timedelta(days=9))
        ocsp_responses.record_own(scene.db, [own])
        separate_keys(authority, options)
    store = SignerStore(SignerFolder(options.root).store)
    try:
        assert store.find_signed(issuing, bytes.fromhex(held.serial))
        assert store.find_signed(services, bytes.fromhex(own.serial))
    finally:
        store.close()


def test_a_life_with_keys_in_the_signer(root, clock, options):
    with serving(root, clock, options) as (scene, authority, signer):
        held = enrolled(scene)
        in_the_window(clock, held)
        publish_all(scene.ctx, REQUEST)
        successor = renewed(scene, held)
        assert signer.rules.status(clock()).orders == 0  # the renewal proved itself
        revoke(RevocationRequest(successor.serial, RevocationReason.SUPERSEDED), scene.ctx, "operator", REQUEST)
        issuer = scene.ctx.issuers[scene.certificate(successor.serial).authority]
        crl = x509.load_der_x509_crl(current_crl(issuer.file_name, 0, scene.ctx, REQUEST).der)
        assert crl.is_signature_valid(ca_key(issuer.certificate))
        assert [serial_hex(one.serial_number) for one in crl] == [successor.serial]
        octets = asked(int(successor.serial, 16), issuer.certificate)
        reply = respond(octets, issuer.file_name, scene.ctx, lambda: True)
        assert ocsp.load_der_ocsp_response(reply.der).certificate_status is ocsp.OCSPCertStatus.REVOKED
        assert LogSequencer().run(scene.ctx, REQUEST) > 0
        add_organisation(scene, "7654321-0")
        assert LogSequencer().run(scene.ctx, REQUEST) > 0
        sources = LogSources(scene.db, authority.journal.folder, authority.folder.instance_id())
        assert verify_log(sources, clock()).fault is None


STEPS = ("built", "handed over", "named", "switched", "removed one")


class StoppedError(BaseException):
    """End of a process at a step."""


@pytest.mark.parametrize("step", STEPS)
def test_a_separation_that_was_killed_is_finished_by_the_same_call(root, clock, options, step):
    def stop(reached):
        if reached == step:
            raise StoppedError

    with (
        pytest.raises(StoppedError),
        all_connections_closed(),
        opened_with(root, RuntimeOptions(now=clock, step=stop)) as authority,
    ):
        separate_keys(authority, options)
    if step in {"switched", "removed one"}:
        with signing(options, clock), opened(root, clock) as authority:
            authority.responses.seal()
    with opened(root, clock) as authority:
        names = separate_keys(authority, options)
    assert len(names) == len(list((options.root / "keys").glob("*.pem")))
    assert not [path.name for path in (root / "keys").iterdir() if path.suffix in {".pem", ".uri"}]
    with signing(options, clock), opened(root, clock) as authority:
        scene = scene_of(authority, clock)
        add_organisation(scene)
        enrolled(scene)


def test_the_place_of_a_signer(root, clock, options, tmp_path):
    taken = tmp_path / "taken"
    taken.mkdir()
    (taken / "file").touch()
    with opened(root, clock) as authority:
        with pytest.raises(FolderError, match="would not be separate"):
            separate_keys(authority, replace(options, root=root / "signer"))
        with pytest.raises(FolderError, match="not a signer of this authority"):
            separate_keys(authority, replace(options, root=taken))
        for place in (root, options.root):
            with pytest.raises(FolderError, match="choose one in the runtime directory"):
                separate_keys(authority, replace(options, socket=place / "signer.sock"))
        authority.responses.seal()
    with pytest.raises(FolderError, match="keys separate"):
        open_signer(taken)


def test_without_the_signer_requests_wait_and_nothing_is_lost(root, clock, options):
    key = new_key()
    with serving(root, clock, options) as (scene, authority, _):
        publish_all(scene.ctx, REQUEST)
        ids = ordered(scene)
    with opened(root, clock) as authority:
        scene = scene_of(authority, clock)
        assert issuing_check(scene.ctx) is not None
        ask = new_ask(ids, key)
        assert refused(enrol(ask, scene.ctx, REQUEST)) is RejectionReason.UNAVAILABLE
        with pytest.raises(SignerUnavailable, match="start sinetti authority signer"):
            authority.ctx.signer.check(next(iter(authority.ctx.issuers)))
        with signing(options, clock):
            held_by(scene, key, accepted(enrol(ask, scene.ctx, REQUEST)))
            assert issuing_check(scene.ctx) is None


def test_orders_of_a_day_end_and_wait_for_the_next(root, clock, options):
    key = new_key()
    with serving(root, clock, replace(options, orders_per_day=1)) as (scene, _, signer):
        enrolled(scene)
        assert signer.rules.status(clock()).orders == 1
        ask = new_ask(ordered(scene), key)
        assert refused(enrol(ask, scene.ctx, REQUEST)) is RejectionReason.UNAVAILABLE
        clock.now += timedelta(hours=13)
        held_by(scene, key, accepted(enrol(ask, scene.ctx, REQUEST)))


def test_a_reservation_that_the_signer_refuses_for_good_is_given_up(root, clock, options):
    with serving(root, clock, replace(options, orders_per_day=1)) as (scene, _, _signer):
        enrolled(scene)
        ids = ordered(scene)
        assert refused(enrol(new_ask(ids, new_key()), scene.ctx, REQUEST)) is RejectionReason.UNAVAILABLE
        clock.now += timedelta(hours=25)
        assert resolve_reservations(scene.ctx, REQUEST) == (0, 1)


KEYS = {
    "a key of a CA": ("DataProvidersTestIssuingCAv1", KeyType.EC_P384),
    "another label": ("somewhere", KeyType.EC_P256),
    "a key of the log that is no Ed25519": ("log", KeyType.EC_P256),
    "an unknown type": ("SinettiTestResponseSigner", "dsa"),
}


@pytest.mark.parametrize(("label", "kind"), KEYS.values(), ids=KEYS)
def test_other_keys_are_not_created(root, clock, options, label, kind):
    with serving(root, clock, options) as (_, authority, _signer), pytest.raises(SignatureRefused, match="alone"):
        authority.keys.makes.create(label, kind)


def test_the_number_of_new_keys_is_limited(root, clock, options):
    with serving(root, clock, options) as (_, authority, signer):
        label = signer.policy.response_signer_file_name
        clock.now = utc_now()  # the limit is about files, whose times are the machine's
        for _ in range(MOST_NEW_KEYS - 1):
            authority.keys.makes.create(label, KeyType.EC_P256)
        with pytest.raises(SignatureRefused, match="find out why"):
            authority.keys.makes.create(label, KeyType.EC_P256)


def test_a_signer_with_a_damaged_key_does_not_start(root, clock, options):
    with opened(root, clock) as authority:
        separate_keys(authority, options)
    folder = SignerFolder(options.root)
    public = next(folder.keys.glob("log-*.pub"))
    public.write_bytes(b"nothing")
    with pytest.raises(FolderDamaged, match="is not a public key"):
        open_signer(options.root)
    public.unlink()
    (folder.keys / "ServicesTestIssuingCAv1.pem").write_bytes(b"nothing")
    with pytest.raises(FolderDamaged, match="cannot be used"):
        open_signer(options.root)


def test_an_old_copy_of_the_authority_does_not_remove_a_signer_in_use(root, clock, options, tmp_path):
    shutil.copytree(root, tmp_path / "old")
    with serving(root, clock, options) as (_, authority, signer):
        authority.keys.makes.create(signer.policy.response_signer_file_name, KeyType.EC_P256)
    with opened(tmp_path / "old", clock) as authority, pytest.raises(FolderError, match="is in use"):
        separate_keys(authority, options)
    for path in (options.root / "keys").glob("SinettiTestResponseSigner-*"):
        path.unlink()
    with serving(tmp_path / "old", clock, options):
        pass


def test_an_old_copy_of_the_authority_does_not_remove_what_a_signer_remembers(root, clock, options, tmp_path):
    shutil.copytree(root, tmp_path / "old")
    with serving(root, clock, options) as (scene, _, _signer):
        enrolled(scene)
    before = sorted(path.name for path in (options.root / "keys").iterdir())
    with opened(tmp_path / "old", clock) as authority, pytest.raises(FolderError, match="is in use"):
        separate_keys(authority, options)
    SignerFolder(options.root).store.unlink()
    with opened(tmp_path / "old", clock) as authority, pytest.raises(FolderDamaged, match="from a backup"):
        separate_keys(authority, options)
    assert sorted(path.name for path in (options.root / "keys").iterdir()) == before


def test_a_signer_has_no_socket_in_its_folder(root, clock, options):
    with opened(root, clock) as authority:
        separate_keys(authority, options)
    signer = open_signer(options.root)
    with pytest.raises(FolderError, match="choose one in the runtime directory"):
        run_signer(signer, SignerOptions(options.root / "signer.sock", {os.getuid()}), lambda: None)
    signer.close()


@pytest.mark.parametrize("is_missing", [True, False], ids=["missing", "empty"])
def test_a_signer_without_its_memory_does_not_start(root, clock, options, is_missing):
    """It would sign a list without the revocations that it has forgotten."""
    with opened(root, clock) as authority:
        separate_keys(authority, options)
    store = SignerFolder(options.root).store
    for path in options.root.glob(f"{store.name}*"):
        path.unlink()
    if not is_missing:
        store.touch(0o600)
    with pytest.raises(FolderDamaged, match="from a backup of the signer"):
        open_signer(options.root)
    assert store.exists() is not is_missing


def good_of(held, issuer, responder):
    """Return the task to sign a good answer about a certificate."""
    asked_ = canonical_request(held.serial, CertIdHash.SHA1, issuer.certificate)
    at = NOW + timedelta(minutes=1)
    data = prepare_answer(asked_, issuer.certificate, SingleResponse(GOOD, at, at + timedelta(hours=1)), responder)
    return SigningTask(TaskKind.STATUS, responder.key.name, data)


def test_certificates_of_another_node_are_shown_to_the_signer(root, clock, options, tmp_path, monkeypatch):
    """A second node has the same keys, and a signer whose memory lacks what the first one signed."""
    second = replace(options, root=tmp_path / "second", socket=tmp_path / "second.sock")
    with opened(root, clock) as authority:
        separate_keys(authority, options)
    shutil.copytree(options.root, second.root)
    with signing(options, clock), opened(root, clock) as authority:
        scene = scene_of(authority, clock)
        add_organisation(scene)
        held = enrolled(scene)
        revoked = enrolled(scene)
        revoke(RevocationRequest(revoked.serial, RevocationReason.SUPERSEDED), scene.ctx, "operator", REQUEST)
        publish_all(scene.ctx, REQUEST)
        LogSequencer().run(scene.ctx, REQUEST)
    write_signer(root / "authority.toml", second.socket)
    clock.now += timedelta(minutes=1)
    with signing(second, clock), opened(root, clock) as authority:
        scene, memory = scene_of(authority, clock), SignerMemory()
        issuer = scene.ctx.issuers[scene.certificate(held.serial).authority]
        octets = asked(int(held.serial, 16), issuer.certificate, nonce=bytes(16))
        reply = respond(octets, issuer.file_name, scene.ctx, lambda: True)
        assert reply.response is None  # to be asked again later
        with monkeypatch.context() as patched:
            patched.setattr(log_tree, "find_head", lambda _db: None)
            memory.look(scene.ctx, authority.keys, REQUEST)
        reply = respond(octets, issuer.file_name, scene.ctx, lambda: True)
        assert ocsp.load_der_ocsp_response(reply.der).certificate_status is ocsp.OCSPCertStatus.GOOD
        # A taken-over process of this node asks its signer for "good" before the next list.
        good = good_of(revoked, issuer, scene.ctx.responders[issuer.file_name]())
        assert isinstance(sign_one(authority.keys.stores[0].client, good), bytes)
        memory.look(scene.ctx, authority.keys, REQUEST)
        with pytest.raises(SignatureRefused, match="is revoked, so it is not good"):
            sign_one(authority.keys.stores[0].client, good)
        publish_all(scene.ctx, REQUEST)
        add_organisation(scene, "7654321-0")
        assert LogSequencer().run(scene.ctx, REQUEST) > 0
        # The list of the first signer's certificate lapses with it.
        clock.now = load_certificate(held.der).not_valid_after_utc + timedelta(days=2)
        publish_all(scene.ctx, REQUEST)
        clock.now += timedelta(days=2)
        publish_all(scene.ctx, REQUEST)
        crl = x509.load_der_x509_crl(current_crl(issuer.file_name, 0, scene.ctx, REQUEST).der)
        assert crl.get_revoked_certificate_by_serial_number(int(revoked.serial, 16)) is None


@soft_token.NEEDED
def test_a_signer_whose_keys_are_in_a_token(soft_tokens, tmp_path, clock, options):
    """The token has the keys, and the signer alone its PIN."""
    root, place = tmp_path / "with-token", soft_tokens.add("ca")
    settings = replace(
        SETTINGS, pkcs11_module=str(place.module), pkcs11_token=place.label, pkcs11_pin_file=str(place.pin_file)
    )
    initialise(root, replace(FOUNDING, settings=settings))
    with serving(root, clock, options) as (scene, authority, _signer):
        assert not [path.name for path in (root / "keys").iterdir() if path.suffix in {".pem", ".uri"}]
        held = enrolled(scene)
        in_the_window(clock, held)
        publish_all(scene.ctx, REQUEST)
        renewed(scene, held)
        authority.responses.seal()
        assert LogSequencer().run(scene.ctx, REQUEST) > 0
    assert not list((options.root / "keys").glob("*.pem"))
