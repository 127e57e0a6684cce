"""Certificates that the register does not know, and those that no CA signed: found, logged, revoked."""

import shutil
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509 import ocsp

from sinetti.authority import alerts
from sinetti.authority.signer.remote_keys import sign_one
from sinetti.authority.signer.tasks import SigningTask, TaskKind
from sinetti.authority.signer_memory import RECORDED_WITHIN, REVOKED_AFTER, SignerMemory
from sinetti.ca.issuance import attach_signature, build_tbs, new_serial
from sinetti.ca.issuance_request import LeafProfile, LeafRequest
from sinetti.database import models
from sinetti.database.evidence.log_tree import head_size
from sinetti.database.issuance import unregistered
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.operations.monitoring import FindingKind
from sinetti.domain.values import Channel, ValidityPeriod
from sinetti.infra.metrics import catalogue
from sinetti.pki.signers import SignatureRefused, SignerUnavailable
from sinetti.services.evidence.sequence_log import LogSequencer
from sinetti.services.evidence.verify_log import LogSources, verify_log
from sinetti.services.issuance.enrol import enrol
from sinetti.services.issuance.reconcile import compare, reconcile, resolve_reservations
from sinetti.services.monitoring.metrics import current_samples
from sinetti.services.revocation.revoke import AlreadyRevoked, RevocationRequest, revoke
from sinetti.services.status.crl import current_crl, publish_all
from sinetti.services.status.ocsp import respond
from sinetti.wire.transparency.entries import parse_entry
from tests.authority.test_signer_process import (
    NOW,
    clock,
    closed,
    founded,
    opened,
    options,
    root,
    scene_of,
    serving,
    signing,
    trusted_clock,
)
from tests.support.asking import asked
from tests.support.killed import KilledError
from tests.support.scene import REQUEST, add_organisation, enrolled, new_ask, new_key, ordered
from tests.support.signing import reservation_of, reserved

__all__ = ["clock", "closed", "founded", "options", "root", "trusted_clock"]

MINUTE = timedelta(minutes=1)
STRANGER = "7654321-0"


class Node:
    """A node of an authority whose keys are in a signer."""

    def __init__(self, scene, authority, clock):
        self.scene, self.ctx, self.authority, self.clock = scene, scene.ctx, replace(authority, ctx=scene.ctx), clock
        self.memory, self.sequencer = SignerMemory(), LogSequencer()
        self.issuer = self.ctx.issuers[self.ctx.issuing[Channel.WS]]

    @property
    def client(self):
        return self.authority.keys.stores[0].client

    def tbs(self, shard=1):
        span = ValidityPeriod(self.clock(), self.clock() + timedelta(days=90))
        plan = LeafRequest(STRANGER, "Stranger Oy", "FI", "0F" * 16, new_key().public_key(), new_serial(), span)
        return build_tbs(plan, replace(self.issuer, shard=shard), LeafProfile.HOLDER)

    def stolen(self, shard=1):
        """Have the signer sign a certificate of a stranger, as code of the service's user can."""
        tbs = self.tbs(shard)
        signature = sign_one(self.client, self.task(tbs, reserved(reservation_of(tbs))))
        return x509.load_der_x509_certificate(attach_signature(tbs, signature, self.issuer.certificate))

    def task(self, tbs, proof):
        return SigningTask(TaskKind.CERTIFICATE, self.issuer.key_name, tbs, proof)

    def round(self, after=timedelta(0)):
        """Let time pass, and do what the node's background process does."""
        self.clock.now += after
        self.memory.look(self.ctx, self.authority.keys, REQUEST)
        return self.sequencer.run(self.ctx, REQUEST)

    def entries(self, action):
        rows = models.AuditEvent.objects.using(self.scene.db.alias).filter(action=action)
        return [parse_entry(bytes(row.octets)) for row in rows]

    def status(self, certificate):
        octets = asked(certificate.serial_number, self.issuer.certificate, nonce=bytes(16))
        reply = respond(octets, self.issuer.file_name, self.ctx, lambda: True)
        return ocsp.load_der_ocsp_response(reply.der)

    def listed(self, certificate, shard=0):
        crl = x509.load_der_x509_crl(current_crl(self.issuer.file_name, shard, self.ctx, REQUEST).der)
        return crl.get_revoked_certificate_by_serial_number(certificate.serial_number)

    def findings(self, *, is_live):
        return [(one.kind, one.about) for one in alerts.unregistered_findings(self.authority, is_live=is_live)]

    def verify(self):
        sources = LogSources(self.scene.db, self.authority.journal.folder, self.authority.folder.instance_id())
        return verify_log(sources, self.clock()).fault


@contextmanager
def node_of(root, clock, options):
    with serving(root, clock, options) as (scene, authority, _):
        found = Node(scene, authority, clock)
        publish_all(found.ctx, REQUEST)
        found.round()
        yield found


@pytest.fixture
def node(root, clock, options):
    with node_of(root, clock, options) as found:
        yield found


def serial_of(certificate):
    return f"{certificate.serial_number:x}"


def test_the_signer_refuses_what_no_reservation_vouches_for(node):
    with pytest.raises(SignatureRefused, match="no reservation of the register is shown"):
        sign_one(node.client, node.task(node.tbs(), None))


def test_a_certificate_of_a_stranger_is_found_logged_and_revoked(node, caplog):
    held = enrolled(node.scene)
    certificate = node.stolen()
    serial = serial_of(certificate)
    assert node.findings(is_live=True) == [(FindingKind.UNREGISTERED, serial)]
    assert node.findings(is_live=False) == []
    assert node.round() > 0
    assert f"the signer signed {serial}, and the register lacks it" in caplog.text
    (entry,) = node.entries("certificate-unregistered")
    assert (entry.kind, entry.object) == ("unregistered", f"certificate:{serial}")
    assert entry.facts["ca"] == node.issuer.file_name
    assert entry.facts["sha256"] == certificate.fingerprint(SHA256()).hex()
    assert node.findings(is_live=False) == node.findings(is_live=True) == [(FindingKind.UNREGISTERED, serial)]
    assert serial in alerts.operator_findings(node.authority)["unregistered"]
    assert serial in alerts.health_warnings(node.authority)["unregistered"]()
    assert current_samples(node.ctx)[catalogue.UNREGISTERED] == [((), 1)]
    assert node.status(certificate).certificate_status is ocsp.OCSPCertStatus.UNKNOWN
    # The service goes on.
    node.round(7 * MINUTE)
    other = enrolled(node.scene)
    assert node.round() > 0
    assert node.status(certificate).certificate_status is ocsp.OCSPCertStatus.UNKNOWN
    assert node.listed(certificate) is None
    node.round(REVOKED_AFTER - 7 * MINUTE)
    answer = node.status(certificate)
    assert answer.certificate_status is ocsp.OCSPCertStatus.REVOKED
    assert answer.revocation_time_utc == certificate.not_valid_before_utc
    for shard in (0, 1):
        reason = node.listed(certificate, shard).extensions.get_extension_for_class(x509.CRLReason).value
        assert reason == x509.CRLReason(x509.ReasonFlags.privilege_withdrawn)
    (entry,) = node.entries("certificate-revoked")
    assert (entry.object, entry.facts["reason"]) == (f"certificate:{serial}", "privilegeWithdrawn")
    node.round(MINUTE)
    assert node.listed(certificate)
    for one in (held, other):
        assert node.status(x509.load_der_x509_certificate(one.der)).certificate_status is ocsp.OCSPCertStatus.GOOD
    assert node.verify() is None
    assert compare(node.ctx, node.authority.journal).agrees
    assert node.findings(is_live=True) == [(FindingKind.UNREGISTERED, serial)]
    node.clock.now += unregistered.KEPT_FOR
    assert node.findings(is_live=False) == []


def test_without_the_entry_no_head_is_signed_any_more(node, monkeypatch):
    node.stolen()
    record = unregistered.record
    monkeypatch.setattr(unregistered, "record", lambda *_: [])
    add_organisation(node.scene, "1111111-9")
    assert node.round(4 * MINUTE) > 0
    add_organisation(node.scene, "2222222-9")
    before = head_size(node.scene.db)
    for _ in range(2):
        with pytest.raises(SignatureRefused, match="the log has no entry about it"):
            node.round(2 * MINUTE)
    assert head_size(node.scene.db) == before
    monkeypatch.setattr(unregistered, "record", record)
    assert node.round() > 0
    assert node.verify() is None


def test_a_shard_s_list_has_it(node):
    assert serial_of(node.stolen(shard=1))
    certificate = node.stolen(shard=7)
    node.round()
    rows = models.UnregisteredCertificate.objects.using(node.scene.db.alias)
    assert rows.get(serial=serial_of(certificate)).crl_shard == 7
    node.round(REVOKED_AFTER)
    assert node.listed(certificate)
    assert node.listed(certificate, 1) is None


def kill_after_signing(node):
    """Sign an ordered certificate in a process that dies before it is recorded."""

    def step(name):
        if name == "10-signed":
            raise KilledError

    with pytest.raises(KilledError):
        enrol(new_ask(ordered(node.scene), new_key()), replace(node.ctx, step=step), REQUEST)
    return models.Certificate.objects.using(node.scene.db.alias).get(state="reserved").serial


def test_a_reservation_that_is_finished_after_a_kill_is_no_stranger(node):
    kill_after_signing(node)
    node.round(MINUTE + timedelta(seconds=1))
    assert node.findings(is_live=True) == []
    assert resolve_reservations(node.ctx, REQUEST) == (1, 0)
    node.round(10 * MINUTE)
    assert node.entries("certificate-unregistered") == []


def test_a_slow_commit_ends_the_alarm(node):
    serial = kill_after_signing(node)
    node.round(RECORDED_WITHIN)
    assert node.findings(is_live=False) == [(FindingKind.UNREGISTERED, serial)]
    assert resolve_reservations(node.ctx, REQUEST) == (1, 0)
    node.round()
    assert node.findings(is_live=True) == []
    node.round(REVOKED_AFTER)
    assert node.entries("certificate-revoked") == []
    row = models.Certificate.objects.using(node.scene.db.alias).get(serial=serial)
    certificate = x509.load_der_x509_certificate(bytes(row.octets.der))
    assert node.status(certificate).certificate_status is ocsp.OCSPCertStatus.GOOD


def test_a_reservation_that_is_never_recorded_is_revoked(node):
    serial = kill_after_signing(node)
    node.round(RECORDED_WITHIN)
    node.round(REVOKED_AFTER)
    node.round()
    assert [one.object for one in node.entries("certificate-revoked")] == [f"certificate:{serial}"]
    assert resolve_reservations(node.ctx, REQUEST) == (0, 0)


def test_a_row_without_its_entry_is_unregistered(node):
    """An intruder with the database can insert the row; the entry of the issue is missing."""
    held = enrolled(node.scene)
    node.round()
    digest = models.Certificate.objects.using(node.scene.db.alias).get(serial=held.serial).sha256
    assert unregistered.list_registered(node.scene.db, [digest]) == {digest}
    certificate = node.stolen()
    rows = models.Certificate.objects.using(node.scene.db.alias)
    sha256 = certificate.fingerprint(SHA256()).hex()
    rows.filter(serial=held.serial).update(serial=serial_of(certificate), sha256=sha256)
    node.round(RECORDED_WITHIN)
    assert (FindingKind.UNREGISTERED, serial_of(certificate)) in node.findings(is_live=False)


def test_a_certificate_of_the_register_that_no_ca_signed_is_found(node, caplog):
    held = enrolled(node.scene)
    node.round()
    forged = held.der[:-8] + bytes(8)
    db = node.scene.db.alias
    row = models.Certificate.objects.using(db).get(serial=held.serial)
    serial = f"4a{'0' * 34}11"
    order = models.Order.objects.using(db).create(lineage_id=row.lineage_id, state="fulfilled", created=NOW)
    copy = models.Certificate.objects.using(db).get(pk=row.pk)
    copy.pk, copy.serial, copy.sha256, copy.retrieval_id, copy.order = None, serial, "ab" * 32, "cd" * 16, order
    copy.save(using=db)
    models.CertificateDer(certificate=copy, to_be_signed=b"", der=forged).save(using=db, force_insert=True)
    node.round()
    assert caplog.text.count(f"{serial} is in the register, and no CA of the signer signed it") == 1
    node.round()
    assert caplog.text.count(f"{serial} is in the register, and no CA of the signer signed it") == 1
    assert node.findings(is_live=True) == [(FindingKind.NOT_SIGNED, serial)]


def test_it_is_revoked_by_its_serial_number(node):
    certificate = node.stolen()
    node.round()
    ask = RevocationRequest(serial_of(certificate), RevocationReason.KEY_COMPROMISE)
    assert revoke(ask, node.ctx, "operator", REQUEST) == ()
    assert node.status(certificate).certificate_status is ocsp.OCSPCertStatus.REVOKED
    assert node.listed(certificate)
    with pytest.raises(AlreadyRevoked):
        revoke(ask, node.ctx, "operator", REQUEST)
    node.round(REVOKED_AFTER)
    assert len(node.entries("certificate-revoked")) == 1


def test_the_clock_must_be_trusted_for_the_ten_minutes(node):
    certificate = node.stolen()
    node.round()
    ctx, node.ctx = node.ctx, replace(node.ctx, issuance_allowed=lambda: False)
    node.round(REVOKED_AFTER)
    assert node.entries("certificate-revoked") == []
    node.ctx = ctx
    node.round()
    assert node.listed(certificate)


def test_a_signer_that_is_away_cannot_be_compared(node, monkeypatch):
    def away(*_):
        why = "it is away"
        raise SignerUnavailable(why)

    monkeypatch.setattr(SignerMemory, "compare", away)
    assert node.findings(is_live=True) == [(FindingKind.UNREGISTERED, "signer")]


def test_a_restored_register_revokes_it_again_at_the_same_instant(root, clock, options, tmp_path):
    """The signer signs no list without the entry as it was."""
    with node_of(root, clock, options) as node:
        enrolled(node.scene)
        node.round()
    database = next(root.glob("*.sqlite3"))
    shutil.copy(database, tmp_path / "backup")
    with signing(options, clock), opened(root, clock) as authority:
        node = Node(scene_of(authority, clock), authority, clock)
        certificate = node.stolen()
        node.round()
        node.round(REVOKED_AFTER)
        first = node.listed(certificate)
    shutil.copy(tmp_path / "backup", database)
    with signing(options, clock), opened(root, clock) as authority:
        node = Node(scene_of(authority, clock), authority, clock)
        reconcile(node.ctx, authority.journal, REQUEST)
        assert compare(node.ctx, authority.journal).agrees
        node.round()
        node.round(REVOKED_AFTER)
        publish_all(node.ctx, REQUEST)
        again = node.listed(certificate)
        assert (again.serial_number, again.revocation_date_utc) == (first.serial_number, first.revocation_date_utc)


def test_a_comparison_that_failed_is_repeated(node, monkeypatch):
    node.stolen()
    for name in ("find_revocation", "record"):
        with monkeypatch.context() as patched:
            patched.setattr(unregistered, name, lambda *_: 1 // 0)
            with pytest.raises(ZeroDivisionError):
                node.round()
    node.round()
    assert len(node.findings(is_live=False)) == 1


def test_a_restored_signer_is_compared_from_the_beginning(node):
    node.stolen()
    node.round()
    node.memory._number = 99
    node.stolen()
    node.round()
    assert len(node.findings(is_live=False)) == 2
