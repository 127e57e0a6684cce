"""OCSP responders: one for each CA that issues leaf certificates.

They are replaced in time, and never taken for another certificate.
"""

import os
import shutil
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from django.db import OperationalError

from sinetti.authority import bootstrap, key_store, service_certificates
from sinetti.authority.bootstrap import RuntimeOptions, open_authority
from sinetti.authority.data_directory import DirectoryKind, FolderError
from sinetti.authority.initialise import InitOptions
from sinetti.authority.key_relocation import check_key_separation
from sinetti.authority.service_certificates import ensure_valid, register_existing
from sinetti.ca.hierarchy_config import load_preset, with_policy_arc
from sinetti.client.requests.soap_client import distrust_reason
from sinetti.database import models
from sinetti.domain.values import Environment
from sinetti.pki.chain import load_bundle
from sinetti.pki.encoding import load_certificate, serial_hex
from sinetti.pki.key_policy import key_id
from sinetti.pki.policy_oids import is_holder_certificate
from sinetti.pki.signers import SignerUnavailable
from sinetti.settings.authority import AuthoritySettings
from tests.support.foundings import copy_founded
from tests.support.officers import ARC, checked_founders
from tests.support.registers import all_connections_closed
from tests.support.scene import Clock

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
HIERARCHY = with_policy_arc(load_preset("default"), Environment.PRODUCTION, ARC)
SETTINGS = AuthoritySettings(Environment.PRODUCTION, "http://pki.example", "https://soap.example")
WS, SFTP, SERVICES = "DataProvidersIssuingCAv1", "DataProvidersSFTPIssuingCAv1", "ServicesIssuingCAv1"
SIGNER = "SinettiResponseSigner"


@pytest.fixture(scope="module")
def founded(tmp_path_factory):
    founding = InitOptions(DirectoryKind.AUTHORITY, HIERARCHY, SETTINGS, NOW, officers=checked_founders())
    return copy_founded(tmp_path_factory.mktemp("founded") / "authority", founding)


@pytest.fixture
def root(founded, tmp_path):
    shutil.copytree(founded, tmp_path / "authority")
    return tmp_path / "authority"


@pytest.fixture
def clock():
    return Clock(NOW)


@pytest.fixture
def authority(root, clock, monkeypatch):
    def steady() -> float:
        return clock.now.timestamp()

    monkeypatch.setattr(bootstrap, "boottime_seconds", steady)
    with all_connections_closed():
        yield open_authority(root, DirectoryKind.AUTHORITY, RuntimeOptions(clock))


def files(root, name=WS):
    return sorted(path.stem for path in (root / "ca").glob(f"{name}_ocsp-*.cer"))


def test_each_ca_that_issues_leaves_has_one_with_a_key_of_its_own(authority, root):
    assert set(authority.ctx.responders) == {WS, SFTP, SERVICES}
    ensure_valid(authority.ctx.responders)
    found = {name: responder() for name, responder in authority.ctx.responders.items()}
    assert len({key_id(one.certificate.public_key()) for one in found.values()}) == 3
    for name, one in found.items():
        one.certificate.verify_directly_issued_by(authority.ctx.issuers[name].certificate)
        key = root / "keys" / f"{files(root, name)[0]}.pem"
        assert key.stat().st_mode & 0o777 == 0o600
        assert b"ENCRYPTED" in key.read_bytes()


def test_it_lasts_two_thirds_of_its_life_and_is_replaced_by_itself(authority, clock, root):
    responder = authority.ctx.responders[WS]
    first = responder()
    life = first.ends - first.certificate.not_valid_before_utc
    assert timedelta(days=59) < life < timedelta(days=61)
    clock.now = first.ends - life / 3 - SECOND
    assert responder() is first
    clock.forward(SECOND)
    second = responder()
    assert second.key.public_key() != first.key.public_key()
    assert responder() is second
    assert len(files(root)) == 2
    assert files(root, SFTP) == []


def test_the_last_one_ends_with_its_ca(authority, clock):
    end = authority.ctx.issuers[WS].certificate.not_valid_after_utc
    clock.now = end - 5 * DAY
    responder = authority.ctx.responders[WS]
    last = responder()
    assert last.ends == end
    clock.now = end
    assert responder() is last
    clock.forward(SECOND)
    with pytest.raises(SignerUnavailable, match="ended at"):
        responder()
    ensure_valid(authority.ctx.responders)


def test_of_several_processes_one_makes_it_and_all_take_it(authority, root):
    children = []
    for _ in range(3):
        if (pid := os.fork()) == 0:
            code = 1
            try:
                code = 0 if authority.ctx.responders[WS]().ends else 1
            finally:
                os._exit(code)
        children.append(pid)
    assert [os.waitpid(pid, 0)[1] for pid in children] == [0] * 3
    assert len(files(root)) == 1


def test_without_the_pass_phrase_there_is_none(root, clock):
    (root / "secrets" / "passphrase").unlink()
    with all_connections_closed():
        opened = open_authority(root, DirectoryKind.AUTHORITY, RuntimeOptions(clock))
        with pytest.raises(SignerUnavailable, match="pass-phrase"):
            opened.ctx.responders[WS]()


def own(authority):
    rows = models.ServiceCertificate.objects.using(authority.ctx.db.alias)
    return set(rows.values_list("authority", "serial"))


def test_the_register_knows_them_when_they_are_made(authority):
    made = authority.ctx.responders[WS]().certificate
    assert own(authority) == {(WS, serial_hex(made.serial_number))}


def test_serving_begins_by_telling_the_register_of_all_in_the_folder(authority, root, monkeypatch):
    def away(*_rest):
        raise OperationalError

    monkeypatch.setattr(service_certificates.ocsp_responses, "record_own", away)
    made = authority.ctx.responders[WS]().certificate
    monkeypatch.undo()
    assert own(authority) == set()
    (root / "ca" / f"{WS}_ocsp-00.cer").write_bytes(b"x")
    register_existing(authority.ctx.db, authority.folder, authority.hierarchy, authority.ctx.issuers)
    (signer,) = (path.stem.removeprefix(f"{SIGNER}-") for path in (root / "ca").glob(f"{SIGNER}-*.cer"))
    assert own(authority) == {(WS, serial_hex(made.serial_number)), (SERVICES, signer)}


def test_their_keys_may_lie_in_the_folder_of_production(authority):
    ensure_valid(authority.ctx.responders)
    with pytest.raises(FolderError) as refused:
        check_key_separation(authority, None)
    assert "_ocsp" not in str(refused.value)


def swapped(root, old, new):
    """Rename a pair of files, as an operator might who finds one missing."""
    for place, end in (("ca", "cer"), ("keys", "pem")):
        (path,) = (root / place).glob(f"{old}-*.{end}")
        shutil.copy(path, root / place / path.name.replace(old, new))
        if old == SIGNER:
            path.unlink()


def test_a_responder_never_seals_answers(authority, root):
    responder = authority.ctx.responders[SERVICES]()
    swapped(root, f"{SERVICES}_ocsp", SIGNER)
    for path in (root / "ca").glob(f"{SIGNER}-*.cer"):
        if serial_hex(responder.certificate.serial_number) not in path.name:
            path.unlink()
    sealed = load_certificate(authority.responses.seal().certificate)
    assert sealed != responder.certificate


def test_a_signer_of_answers_never_is_a_responder(authority, root):
    sealed = load_certificate(authority.responses.seal().certificate)
    swapped(root, SIGNER, f"{SERVICES}_ocsp")
    assert authority.ctx.responders[SERVICES]().certificate != sealed


def test_a_responder_of_another_ca_is_none(authority, root):
    other = authority.ctx.responders[SFTP]().certificate
    swapped(root, f"{SFTP}_ocsp", f"{WS}_ocsp")
    assert authority.ctx.responders[WS]().certificate != other


def test_clients_take_no_responder_for_a_signer_or_a_holder(authority, root):
    anchors = load_bundle((root / "trust" / "services.pem").read_bytes())
    signer = load_certificate(authority.responses.seal().certificate)
    assert distrust_reason(signer, anchors, NOW) == ()
    assert distrust_reason(authority.ctx.responders[SERVICES]().certificate, anchors, NOW) != ()
    assert not is_holder_certificate(authority.ctx.responders[WS]().certificate)


def test_while_none_can_be_made_the_one_in_force_answers(authority, clock, monkeypatch):
    responder = authority.ctx.responders[WS]
    first = responder()
    monkeypatch.setattr(key_store, "generate_key", lambda _kind: (_ for _ in ()).throw(OSError(28, "full")))
    clock.now = first.ends - DAY
    assert responder().certificate == first.certificate
    clock.now = first.ends + SECOND
    with pytest.raises(SignerUnavailable):
        responder()


def test_the_answers_certificate_is_for_nothing_else(authority):
    certificate = authority.ctx.responders[WS]().certificate
    purposes = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert [one.dotted_string for one in purposes] == ["1.3.6.1.5.5.7.3.9"]
