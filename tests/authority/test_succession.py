"""Successors of CAs for each place of keys: made, killed at each step, certified, installed, and in use."""

import shutil
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from cryptography import x509
from cryptography.x509 import ocsp

from sinetti.authority import succession
from sinetti.authority.bootstrap import RuntimeOptions, open_authority
from sinetti.authority.data_directory import DataDirectory, DirectoryKind, FolderDamaged, FolderError
from sinetti.authority.initialise import InitOptions, initialise
from sinetti.authority.key_inventory import KeyRole, check_keys, holder_of, list_keys
from sinetti.authority.key_relocation import OfflineKeys
from sinetti.authority.signer_separation import SeparationOptions, separate_keys
from sinetti.authority.succession import (
    ParentKeyAway,
    SuccessionContext,
    begin_successor,
    certify,
    install_successor,
    issuing_ca,
    pending_spec,
    roll_over,
    signer_of,
)
from sinetti.ca.hierarchy_builder import certificate_plan, subject_of
from sinetti.ca.hierarchy_config import load_preset, with_policy_arc
from sinetti.ca.hierarchy_model import HierarchyError
from sinetti.ca.issuance import attach_signature, new_serial, prepare_authority
from sinetti.ca.profiles import ca_key
from sinetti.ca.successors import CertificateRefused, SuccessorOptions, common_name, span_below
from sinetti.database import models
from sinetti.database.authorities import register
from sinetti.database.authorities.register import CaChangeRefused, CaUnknown
from sinetti.domain.authorities.lifecycle import CaState
from sinetti.domain.values import Channel, Environment, KeyType
from sinetti.pki.encoding import generate_key, load_certificate
from sinetti.services.evidence.sequence_log import LogSequencer
from sinetti.services.issuance.clock_guard import ClockGuard
from sinetti.services.monitoring.health import issuing_check
from sinetti.services.status.crl import current_crl
from sinetti.services.status.ocsp import respond
from sinetti.settings.authority import AuthoritySettings
from tests.authority.test_signer_process import renewed as renewed_with_proof
from tests.authority.test_signer_process import serving, signing
from tests.support import soft_token
from tests.support.asking import asked
from tests.support.foundings import copy_founded
from tests.support.officers import ARC
from tests.support.registers import all_connections_closed
from tests.support.scene import REQUEST, Clock, Scene, add_organisation, enrolled, in_the_window, renewed
from tests.support.soft_token import soft_tokens

__all__ = ["soft_tokens"]

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
SETTINGS = AuthoritySettings(Environment.TEST, "http://pki.example", "https://soap.example")
PRESET = load_preset("default")
FOUNDING = InitOptions(DirectoryKind.AUTHORITY, PRESET, SETTINGS, NOW)
WS, SERVICES, INTERMEDIATE, ROOT = (
    "DataProvidersTestIssuingCAv1",
    "ServicesTestIssuingCAv1",
    "SinettiIntermediateTestCAv1",
    "SinettiRootTestCAv1",
)
AS_BEFORE = SuccessorOptions()


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


@contextmanager
def opened(root, clock, **options):
    authority = open_authority(root, DirectoryKind.AUTHORITY, RuntimeOptions(now=clock, **options))
    try:
        yield authority
    finally:
        authority.keys.close()
        authority.journal.close()
        authority.ctx.db.close()


def means_of(authority, offline=None):
    return SuccessionContext(authority, "operator", "r" * 32, offline)


def scene_of(authority, clock):
    return Scene(replace(authority.ctx, machine_now=clock), clock, clock, None, None)


def check_status(name, held, scene):
    """Check that a CA has lists and an OCSP response about one of its certificates."""
    issuer = scene.ctx.issuers[name].certificate
    for shard in (0, 1):
        crl = x509.load_der_x509_crl(current_crl(name, shard, scene.ctx, REQUEST).der)
        assert crl.is_signature_valid(ca_key(issuer))
    reply = ocsp.load_der_ocsp_response(respond(asked(int(held.serial, 16), issuer), name, scene.ctx, lambda: True).der)
    assert reply.certificate_status is ocsp.OCSPCertStatus.GOOD
    assert reply.issuer_key_hash == x509.SubjectKeyIdentifier.from_public_key(issuer.public_key()).digest


def roll(authority, scene, renew=renewed, offline=None):
    """Roll the CA of the channel WS over, and renew a certificate of v1 into one of v2."""
    held = enrolled(scene)
    LogSequencer().run(scene.ctx, REQUEST)
    LogSequencer().run(scene.ctx, REQUEST)
    in_the_window(scene, held)
    new = roll_over(WS, AS_BEFORE, means_of(authority, offline))
    assert (new.common_name, new.state) == ("Data Providers Test Issuing CA v2", CaState.ISSUING)
    assert register.get_authority(scene.db, WS).state is CaState.PUBLISHING
    assert authority.ctx.issuing[Channel.WS] == new.name
    after = renew(scene, held)
    assert [scene.certificate(one.serial).authority for one in (held, after)] == [WS, new.name]
    check_status(WS, held, scene)
    check_status(new.name, after, scene)
    assert roll_over(WS, AS_BEFORE, means_of(authority)) == new
    return new


@pytest.mark.long
def test_keys_in_files(root, clock):
    with opened(root, clock) as authority:
        scene = scene_of(authority, clock)
        add_organisation(scene)
        new = roll(authority, scene)
        der = (root / "ca" / f"{new.name}.cer").read_bytes()
        assert new.certificate == der == authority.ctx.certificates[new.name]
        bundle = x509.load_pem_x509_certificates((root / "trust" / "holders.pem").read_bytes())
        assert load_certificate(der) in bundle
        assert load_certificate(der) not in x509.load_pem_x509_certificates(
            (root / "trust" / "services.pem").read_bytes()
        )
        assert (root / "keys" / f"{new.name}.pem").stat().st_mode & 0o777 == 0o600
        assert not list(root.rglob("*.csr"))
        assert not list(root.rglob("*.tbs"))
        listed = {one.name: one.role for one in list_keys(holder_of(authority))}
        assert listed[new.name] is KeyRole.ISSUING


@pytest.mark.long
@soft_token.NEEDED
def test_keys_in_a_token(soft_tokens, tmp_path, clock):
    place, root = soft_tokens.add("ca"), tmp_path / "authority"
    settings = replace(
        SETTINGS, pkcs11_module=str(place.module), pkcs11_token=place.label, pkcs11_pin_file=str(place.pin_file)
    )
    initialise(root, replace(FOUNDING, settings=settings))
    with opened(root, clock) as authority:
        scene = scene_of(authority, clock)
        add_organisation(scene)
        new = roll(authority, scene)
    assert f"sinetti {new.name}" in soft_tokens.keys("ca")
    assert not [path for path in root.rglob("*") if path.is_file() and b"PRIVATE KEY" in path.read_bytes()]


@pytest.mark.long
def test_keys_in_the_separate_signer(root, clock, tmp_path):
    options = SeparationOptions(tmp_path / "signer", tmp_path / "signer.sock", orders_per_day=100)
    with serving(root, clock, options) as (scene, authority, signer):
        new = roll(authority, scene, renew=renewed_with_proof)
        assert signer.rules.status(clock()).orders == 0  # the renewal proved itself
        services = roll_over(SERVICES, AS_BEFORE, means_of(authority))
        assert authority.responses.seal()
        names = {*signer.rules.key_names}
    assert {new.name, services.name} <= names
    assert not list((root / "keys").glob("*.pem"))
    with signing(options, clock), opened(root, clock) as authority:
        roll_over(new.name, AS_BEFORE, means_of(authority))


@pytest.mark.long
def test_keys_of_successors_move_to_a_signer(root, clock, tmp_path):
    options = SeparationOptions(tmp_path / "signer", tmp_path / "signer.sock", orders_per_day=100)
    with opened(root, clock) as authority:
        begin_successor(WS, AS_BEFORE, means_of(authority))
        with pytest.raises(FolderError, match="has no certificate yet"):
            separate_keys(authority, options)
        new = [roll_over(name, AS_BEFORE, means_of(authority)).name for name in (WS, SERVICES)]
        authority.responses.seal()
        assert {WS, SERVICES, *new} < set(separate_keys(authority, options))
    with signing(options, clock), opened(root, clock) as authority:
        for name in new:
            authority.ctx.signer.check(name)
        assert authority.responses.seal()


@pytest.mark.long
def test_the_key_of_the_intermediate_is_in_the_folder_of_offline_keys(tmp_path, clock):
    root, offline = tmp_path / "authority", OfflineKeys(tmp_path / "offline", b"a pass-phrase of the offline keys")
    copy_founded(root, replace(FOUNDING, offline=offline))
    with opened(root, clock) as authority:
        scene = scene_of(authority, clock)
        add_organisation(scene)
        with pytest.raises(ParentKeyAway, match="--offline-dir"):
            roll_over(WS, AS_BEFORE, means_of(authority))
        assert not register.list_pending(scene.db)
        above = roll_over(INTERMEDIATE, AS_BEFORE, means_of(authority, offline))
        assert {f"{above.name}.pem", f"{above.name}.cer.pem"} <= {path.name for path in offline.place.iterdir()}
        assert not list((root / "keys").glob(f"{above.name}*"))
        new = roll(authority, scene, offline=offline)
        assert new.issuer == above.name
        with pytest.raises(ParentKeyAway, match="is not at hand"):
            roll_over(new.name, AS_BEFORE, means_of(authority))


@pytest.mark.long
def test_a_services_ca_and_an_intermediate_get_successors(root, clock):
    with opened(root, clock) as authority:
        before = authority.responses.seal()
        services = roll_over(SERVICES, AS_BEFORE, means_of(authority))
        after = authority.responses.seal()
        assert before.certificate != after.certificate
        signer = load_certificate(after.certificate)
        signer.verify_directly_issued_by(load_certificate(services.certificate))
        assert authority.ctx.responders[services.name]()
        above = roll_over(INTERMEDIATE, AS_BEFORE, means_of(authority))
        assert above.state is CaState.ISSUING
        assert register.get_authority(authority.ctx.db, INTERMEDIATE).state is CaState.PUBLISHING
        assert roll_over(WS, AS_BEFORE, means_of(authority)).issuer == above.name
        bundle = (root / "trust" / "services.pem").read_bytes()
        names = {common_name(one) for one in x509.load_pem_x509_certificates(bundle)}
        assert {"Services Test Issuing CA v1", "Services Test Issuing CA v2"} <= names
        assert len(list_keys(holder_of(authority))) > len(authority.hierarchy.authorities)


class StoppedError(BaseException):
    """End of a process at a step."""


def stop(wanted, reached):
    if reached == wanted:
        raise StoppedError


STEPS = (
    "ca key made",
    "ca begun",
    "ca intended",
    "ca certified",
    "ca certificate",
    "ca admitted",
    "ca stored",
    "ca lists",
    "ca bundles",
    "ca installed",
)


@pytest.mark.long
def test_a_rollover_that_was_killed_at_each_step_is_finished_by_the_same_call(root, clock):
    for step in STEPS:
        manner = {"step": partial(stop, step)}
        with pytest.raises(StoppedError), all_connections_closed(), opened(root, clock, **manner) as authority:
            roll_over(WS, AS_BEFORE, means_of(authority))
    with opened(root, clock) as authority:
        assert authority.ctx.issuing[Channel.WS] == WS
        new = roll_over(WS, AS_BEFORE, means_of(authority))
        assert new.common_name == "Data Providers Test Issuing CA v2"
        assert [one.name for one in register.list_authorities(authority.ctx.db) if one.replaces] == [new.name]
        assert not register.list_pending(authority.ctx.db)
        assert len(list((root / "keys").glob("*CAv2.*"))) == 1
        assert not [one.problem for one in check_keys(holder_of(authority)) if one.problem]


def test_begin_returns_the_same_successor_again(root, clock):
    with opened(root, clock) as authority:
        means = means_of(authority)
        wanted = SuccessorOptions("Test Providers CA", KeyType.EC_P384, timedelta(days=1500))
        pending = begin_successor(WS, wanted, means)
        assert begin_successor("Data Providers Test Issuing CA v1", AS_BEFORE, means) == pending
        assert begin_successor(WS, wanted, means) == pending
        with pytest.raises(CaChangeRefused, match="with other options"):
            begin_successor(WS, replace(wanted, key_type=KeyType.EC_P256), means)
        other = begin_successor("DataProvidersSFTPTestIssuingCAv1", AS_BEFORE, means)
        with pytest.raises(CaChangeRefused, match="is standby"):
            begin_successor(install_successor(other.name, certify(other, means), means).name, AS_BEFORE, means)
        with pytest.raises(CaUnknown):
            begin_successor("Other", AS_BEFORE, means)


def test_names_are_unique_for_ever(root, clock):
    with opened(root, clock) as authority:
        means = means_of(authority)
        first = roll_over(WS, AS_BEFORE, means)
        with pytest.raises(HierarchyError, match="is used twice"):
            begin_successor(first.name, SuccessorOptions("Data Providers Test Issuing CA v1"), means)
        # A publishing CA may get another successor, with the next free name.
        assert begin_successor(WS, AS_BEFORE, means).common_name.endswith(" v3")


def test_other_octets_in_the_place_of_an_intended_certificate_are_not_signed(root, clock):
    with opened(root, clock) as authority:
        means = means_of(authority)
        pending = begin_successor(WS, AS_BEFORE, means)
        services = begin_successor(authority.hierarchy.services.file_name, AS_BEFORE, means)
        intent = root / "ca" / f"{pending.name}.tbs"
        longer = x509.load_der_x509_certificate(
            certify(replace(pending, lifetime_days=pending.lifetime_days + 1), means)
        )
        changed = (longer.tbs_certificate_bytes, load_certificate(certify(services, means)).tbs_certificate_bytes, b"x")
        for octets in changed:
            intent.write_bytes(octets)
            with pytest.raises(FolderDamaged, match="nothing was signed"):
                certify(pending, means)
        intent.unlink()
        assert install_successor(pending.name, certify(pending, means), means).state is CaState.STANDBY


def test_no_more_cas_are_begun_than_a_list_of_anchors_can_have(root, clock, monkeypatch):
    with opened(root, clock) as authority:
        means = means_of(authority)
        count = len(authority.hierarchy.authorities)
        monkeypatch.setattr(succession, "MOST_AUTHORITIES", count + 1)
        begun = begin_successor(WS, AS_BEFORE, means)
        assert begin_successor(WS, AS_BEFORE, means) == begun
        with pytest.raises(CaChangeRefused, match=f"has {count + 1} CAs, the most"):
            begin_successor(authority.hierarchy.services.file_name, AS_BEFORE, means)


def test_a_key_of_another_type_is_not_taken(root, clock):
    with opened(root, clock) as authority:
        spec = replace(authority.hierarchy.issuing(Channel.WS), name="Data Providers Test Issuing CA v2")
        authority.keys.makes.begin(replace(spec, key_type=KeyType.EC_P384), "Sinetti")
        with pytest.raises(CaChangeRefused, match="give --key ec-p384"):
            begin_successor(WS, AS_BEFORE, means_of(authority))
        (root / "keys" / f"{spec.file_name}.csr").unlink()
        with pytest.raises(FolderError, match="there is a key"):
            begin_successor(WS, AS_BEFORE, means_of(authority))


def test_nothing_is_installed_that_was_not_begun_or_is_wrong(root, clock):
    with opened(root, clock) as authority:
        means = means_of(authority)
        with pytest.raises(CaUnknown, match="no CA Other was begun"):
            install_successor("Other", b"", means)
        pending = begin_successor(WS, AS_BEFORE, means)
        with pytest.raises(FolderError, match="has no certificate yet"):
            install_successor(pending.name, None, means)
        for octets in (b"", authority.ctx.certificates[WS]):
            with pytest.raises(CertificateRefused):
                install_successor(pending.name, octets, means)
        key = root / "keys" / f"{pending.name}.pem"
        key.rename(root / "elsewhere")
        with pytest.raises(FolderError, match="run this where it was begun"):
            install_successor(pending.name, certify(pending, means), means)
        (root / "elsewhere").rename(key)
        new = install_successor(pending.common_name, certify(pending, means), means)
        assert new.state is CaState.STANDBY
        with pytest.raises(CaChangeRefused, match="another certificate"):
            install_successor(pending.name, authority.ctx.certificates[WS], means)
        assert authority.ctx.issuing[Channel.WS] == WS
        check_status_of_standby(new.name, scene_of(authority, clock))


def check_status_of_standby(name, scene):
    assert current_crl(name, 0, scene.ctx, REQUEST) is not None
    assert scene.ctx.responders[name]()


@pytest.mark.long
def test_a_key_on_a_medium_is_made_in_the_ceremony(tmp_path, clock):
    root, offline = tmp_path / "authority", OfflineKeys(tmp_path / "offline", b"a pass-phrase of the offline keys")
    copy_founded(root, replace(FOUNDING, offline=offline))
    with opened(root, clock) as authority:
        means = means_of(authority)
        pending = begin_successor(INTERMEDIATE, AS_BEFORE, means)
        assert pending.request == b""
        with pytest.raises(ParentKeyAway):
            certify(pending, means_of(authority, offline))
        key = generate_key(KeyType(pending.key_type))
        made = certified_by_root(pending, key, authority, offline)
        assert install_successor(pending.name, made, means).state is CaState.STANDBY
        with pytest.raises(CaChangeRefused, match="no lists yet"):
            register.activate(authority.ctx.db, pending.name, authority.ctx.audit_entry("operator", REQUEST))


def certified_by_root(pending, key, authority, offline):
    """Return the certificate that a ceremony makes for a key on its medium."""
    issuer = authority.ctx.issuers[pending.issuer]
    spec = pending_spec(pending, issuer.name)
    span = span_below(issuer.certificate, spec.lifetime, NOW)
    plan = certificate_plan(subject_of(authority.hierarchy), spec, key.public_key(), new_serial(), span)
    tbs = prepare_authority(plan, issuer)
    signature = signer_of(issuer.file_name, means_of(authority, offline)).sign(issuer.key_name, tbs)
    return attach_signature(tbs, signature, issuer.certificate)


def test_a_parent_that_no_longer_issues_needs_a_successor_first(root, clock):
    with opened(root, clock) as authority:
        register.stop(authority.ctx.db, INTERMEDIATE, authority.ctx.audit_entry("operator", REQUEST))
        with pytest.raises(CaChangeRefused, match="begin and activate its successor first"):
            begin_successor(WS, AS_BEFORE, means_of(authority))


def test_a_ca_that_was_replaced_is_not_rolled_over(root, clock):
    with opened(root, clock) as authority:
        means = means_of(authority)
        other = begin_successor(WS, AS_BEFORE, means)
        install_successor(other.name, certify(other, means), means)
        models.PendingAuthority.objects.update(replaces=None)  # as a standby of the founding
        register.activate(authority.ctx.db, other.name, means.audit)
        with pytest.raises(CaChangeRefused, match=f"is publishing, and {other.name} issues"):
            roll_over(WS, AS_BEFORE, means)
        register.stop(authority.ctx.db, other.name, means.audit)
        assert roll_over(WS, AS_BEFORE, means).common_name.endswith(" v3")


@pytest.mark.long
def test_another_node_issues_once_it_has_the_key(root, clock, tmp_path, monkeypatch):
    other = tmp_path / "other"
    shutil.copytree(root, other)
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{DataDirectory(root).sqlite_file}")
    with opened(other, clock) as node, opened(root, clock) as authority:
        scene = scene_of(node, clock)
        add_organisation(scene)
        new = roll_over(WS, AS_BEFORE, means_of(authority))
        node.ctx.refresh_authorities()
        assert node.ctx.issuing[Channel.WS] == new.name
        assert f"the key file of {new.name} cannot be read" in issuing_check(node.ctx)
        shutil.copy(root / "keys" / f"{new.name}.pem", other / "keys")
        assert scene.certificate(enrolled(scene).serial).authority == new.name


@pytest.mark.rare
@soft_token.NEEDED
def test_the_key_of_the_intermediate_is_in_a_token_of_its_own(soft_tokens, tmp_path, clock):
    place, vault, root = soft_tokens.add("ca"), soft_tokens.add("vault"), tmp_path / "authority"
    settings = replace(
        SETTINGS, pkcs11_module=str(place.module), pkcs11_token=place.label, pkcs11_pin_file=str(place.pin_file)
    )
    lines = f'role = "intermediate"\ntoken = "pkcs11:token=vault?pin-source=file:{vault.pin_file}"'
    initialise(root, replace(FOUNDING, settings=settings, hierarchy=PRESET.replace('role = "intermediate"', lines)))
    with opened(root, clock) as authority:
        above = roll_over(INTERMEDIATE, AS_BEFORE, means_of(authority))
        new = roll_over(WS, AS_BEFORE, means_of(authority))
        assert new.issuer == above.name
    assert soft_tokens.keys("vault") == [f"sinetti {INTERMEDIATE}", f"sinetti {above.name}"]


def test_the_channel_names_the_ca_that_issues(root, clock):
    with opened(root, clock) as authority:
        assert issuing_ca(Channel.WS, means_of(authority)) == WS
        register.stop(authority.ctx.db, WS, authority.ctx.audit_entry("operator", REQUEST))
        authority.ctx.refresh_authorities()
        with pytest.raises(FolderError, match="no CA issues for the channel WS"):
            issuing_ca(Channel.WS, means_of(authority))


@pytest.mark.long
def test_a_ca_that_was_begun_without_the_folder_of_offline_keys_gets_its_key_with_it(tmp_path, clock):
    root, offline = tmp_path / "authority", OfflineKeys(tmp_path / "offline", b"a pass-phrase of the offline keys")
    copy_founded(root, replace(FOUNDING, offline=offline))
    with opened(root, clock) as authority:
        assert begin_successor(ROOT, AS_BEFORE, means_of(authority)).request == b""
        means = SuccessionContext(authority, "operator", REQUEST, offline)
        pending = begin_successor(ROOT, AS_BEFORE, means)
        assert pending.request
        assert begin_successor(ROOT, AS_BEFORE, means_of(authority)) == pending
        new = roll_over(ROOT, AS_BEFORE, means)
        assert (new.name, new.state, new.issuer) == (pending.name, CaState.ISSUING, None)
        assert roll_over(INTERMEDIATE, AS_BEFORE, means).issuer == new.name


def policies_of(name, authority):
    found = authority.ctx.issuers[name].certificate.extensions.get_extension_for_class(x509.CertificatePolicies)
    return [one.policy_identifier.dotted_string for one in found.value]


ARCS = {
    "founded before arcs could be given": (PRESET, "2.25.156868473485101095000396921412762461610.1"),
    "of its own": (with_policy_arc(PRESET, Environment.TEST, ARC), f"{ARC}.7734212"),
}


@pytest.mark.parametrize(("hierarchy", "above"), ARCS.values(), ids=ARCS)
def test_a_successor_has_the_arc_of_its_predecessor(tmp_path, clock, hierarchy, above):
    copy_founded(tmp_path / "authority", replace(FOUNDING, hierarchy=hierarchy))
    with opened(tmp_path / "authority", clock) as authority:
        new = roll_over(WS, AS_BEFORE, means_of(authority))
        assert policies_of(new.name, authority) == policies_of(WS, authority) == [f"{above}.1.2"]
        assert policies_of(SERVICES, authority) == [f"{above}.3.2"]
    with opened(tmp_path / "authority", clock) as authority:
        assert roll_over(new.name, AS_BEFORE, means_of(authority)).common_name.endswith("v3")
