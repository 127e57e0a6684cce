"""Successors of CAs in the signer: what it makes, what it takes in, and what it refuses."""

from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
from cryptography import x509

from sinetti.authority.key_store import open_keys
from sinetti.authority.signer.rules import SigningRules
from sinetti.authority.signer.successors import MOST_WAITING, SignerSuccessors, read_successors, with_successors
from sinetti.authority.signer.tasks import SigningTask, TaskKind
from sinetti.ca.hierarchy_builder import BACKDATED, CaSubject, certificate_plan, generate_hierarchy
from sinetti.ca.hierarchy_config import load_preset, parse_hierarchy, with_policy_arc
from sinetti.ca.hierarchy_model import CaRole, CaSpec
from sinetti.ca.issuance import new_serial, prepare_authority
from sinetti.ca.issuance_request import IssuingCa
from sinetti.ca.profiles import authority as profile
from sinetti.ca.successors import span_below
from sinetti.ca.trust_lists import ListHead, build_anchors
from sinetti.domain.authorities.lifecycle import CaState
from sinetti.domain.values import Channel, Environment, KeyType
from sinetti.infra.toml_tables import SettingsError
from sinetti.pki.csr import build_request
from sinetti.pki.encoding import certificate_der, generate_key, hash_for, sha256_hex
from sinetti.pki.signers import SignatureRefused, SignerUnavailable
from sinetti.pki.trust_lists.lists import TrustListKind, octets_to_sign
from sinetti.settings.signer import PolicySuccessor, parse_successor, policy_for, render_successor
from tests.support import golden
from tests.support.authority import BASE_URL, NOW, authority, holder_key, issuer
from tests.support.officers import ARC
from tests.support.signing import CA, INSTANCE, ORIGIN, certificate_task, holder_tbs, one, policy, rules_of

BUILT = authority()
HIERARCHY = BUILT.hierarchy
SUBJECT = CaSubject(HIERARCHY.organisation, HIERARCHY.country, HIERARCHY.environment)
INTERMEDIATE, ROOT = "SinettiIntermediateTestCAv1", "SinettiRootTestCAv1"
NAME, FILE = "Data Providers Test Issuing CA v2", "DataProvidersTestIssuingCAv2"
FIELDS = (NAME.encode(), b"issuing", b"WS", b"ec-p256")
WISH = PolicySuccessor(NAME, CaRole.ISSUING, Channel.WS, KeyType.EC_P256, b"request")

WAITING = replace(WISH, request=build_request(holder_key(8), NAME, "Sinetti"))


class Folder:
    """Folder of a signer with successors; `again` opens it as a restart does."""

    def __init__(self, root, store):
        self.root, self.store, self.rules = root, store, rules_of(store)
        (root / "keys").mkdir()
        self.keys = open_keys(root / "keys", None, b"phrase", {})
        self.successors = SignerSuccessors(root, self.keys, self.rules)

    def begin(self, *fields):
        (request,) = self.successors.begin(*(fields or FIELDS))
        return request

    def install(self, certificate, *chain, name=FILE, now=NOW):
        return self.successors.install(now, name.encode(), *map(certificate_der, (certificate, *chain)))


@pytest.fixture
def folder(tmp_path, store):
    return Folder(tmp_path, store)


def plan_for(request, name=NAME, *, role=CaRole.ISSUING, channel=Channel.WS, life=timedelta(days=2900), now=NOW):
    key = x509.load_der_x509_csr(request).public_key()
    spec = CaSpec(name, role, "", KeyType.EC_P256, life, channel)
    return certificate_plan(SUBJECT, spec, key, new_serial(), span_below(None, life, now))


def certified(request, name=NAME, *, by=INTERMEDIATE, **changes):
    """Return the certificate of a request, signed by an offline CA of the test authority."""
    key = BUILT.key(by)
    return profile(plan_for(request, name, **changes), BUILT.issuer(by)).sign(key, hash_for(key.public_key()))


def test_a_successor_issues_once_it_has_its_certificate(folder):
    request = folder.begin()
    assert folder.begin() == request
    with pytest.raises(SignatureRefused, match="key"):
        one(folder.rules, certificate_task(b"", ca=FILE))
    certificate = certified(request)
    assert folder.install(certificate) == []
    assert folder.install(certificate) == []
    by = IssuingCa(NAME, FILE, FILE, certificate, BASE_URL)
    tbs = holder_tbs(holder_key(), by=by)
    assert one(folder.rules, certificate_task(tbs, ca=FILE))
    kept = with_successors(policy(), read_successors(folder.root))
    assert kept == folder.rules.policy
    assert kept.authorities[-1].longest_validity == HIERARCHY.holder_validity


def test_a_key_that_was_killed_before_its_name_is_made_anew(folder, monkeypatch):
    monkeypatch.setattr(type(folder.keys.makes), "keep", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        folder.begin()
    monkeypatch.undo()
    request = folder.begin()
    folder.install(certified(request))


REFUSED_WISHES = {
    "no such purpose here": (f"{NAME}0".encode(), b"issuing", b"", b"ec-p256"),
    "a name of another environment": (b"Issuing CA v2", *FIELDS[1:]),
    "a name that is taken": (HIERARCHY.services.name.encode(), *FIELDS[1:]),
    "another key type for the same name": (NAME.encode(), b"issuing", b"WS", b"ec-p384"),
}


def test_a_wish_is_refused(folder):
    folder.begin()
    before = sorted(folder.root.rglob("*"))
    attempts = {name: partial(folder.begin, *fields) for name, fields in REFUSED_WISHES.items()}
    golden.check("sentences/signer-successors/wishes", {"en.txt": golden.refusals(attempts, SignatureRefused)})
    assert sorted(folder.root.rglob("*")) == before


def test_the_number_of_waiting_successors_is_limited(folder):
    for number in range(2, 2 + MOST_WAITING):
        folder.begin(f"Data Providers Test Issuing CA v{number}".encode(), *FIELDS[1:])
    with pytest.raises(SignatureRefused, match="wait"):
        folder.begin(b"Data Providers Test Issuing CA v9", *FIELDS[1:])


@pytest.mark.parametrize("fields", [(), (b"x",), (b"\xff", *FIELDS[1:]), (NAME.encode(), b"x", b"WS", b"ec-p256")])
def test_other_fields_are_none_that_the_service_sends(folder, fields):
    with pytest.raises(ValueError, match=r"unpack|decode|valid"):
        folder.successors.begin(*fields)


def self_signed(request):
    key = generate_key(KeyType.EC_P256)
    return profile(plan_for(request), None).sign(key, hash_for(key.public_key()))


REFUSED = {
    "of another key": lambda _: certified(holder_request()),
    "of another name": lambda r: certified(r, "Data Providers Test Issuing CA v3"),
    "of another channel": lambda r: certified(r, channel=Channel.SFTP),
    "that leads to no CA of the policy": self_signed,
    "that an issuing CA signed": lambda r: certified(r, by=CA),
}


def holder_request():
    return build_request(generate_key(KeyType.EC_P256), NAME, "Sinetti")


def test_a_certificate_is_refused(folder):
    request = folder.begin()
    attempts = {name: partial(folder.install, made(request)) for name, made in REFUSED.items()}
    golden.check("sentences/signer-successors/certificates", {"en.txt": golden.refusals(attempts, SignatureRefused)})
    assert FILE not in folder.rules.key_names
    assert all(found.certificate is None for found in read_successors(folder.root))


def test_a_second_certificate_and_unknown_names_are_refused(folder):
    request = folder.begin()
    folder.install(certified(request))
    third = "Data Providers Test Issuing CA v3"
    made, late = certified(folder.begin(third.encode(), *FIELDS[1:]), third), NOW + timedelta(days=3000)
    attempts = {
        "another certificate": lambda: folder.install(certified(request)),
        "an unknown name": lambda: folder.install(certified(request), name="Other"),
        "one that has ended": lambda: folder.install(made, name=third.replace(" ", ""), now=late),
        "no certificate": lambda: folder.successors.install(NOW, FILE.encode(), b"0"),
    }
    golden.check("sentences/signer-successors/names", {"en.txt": golden.refusals(attempts, SignatureRefused)})


def test_a_certificate_under_a_new_intermediate_is_taken_in(folder):
    key, name = generate_key(KeyType.EC_P384), "Sinetti Intermediate Test CA v2"
    spec = CaSpec(name, CaRole.INTERMEDIATE, "", KeyType.EC_P384, timedelta(days=5000))
    above = BUILT.issuer(ROOT)
    plan = certificate_plan(SUBJECT, spec, key.public_key(), new_serial(), span_below(None, spec.lifetime, NOW))
    middle = profile(plan, above).sign(BUILT.key(ROOT), hash_for(BUILT.key(ROOT).public_key()))
    request = folder.begin()
    by = IssuingCa(name, name.replace(" ", ""), "", middle, BASE_URL)
    certificate = profile(plan_for(request), by).sign(key, hash_for(key.public_key()))
    for chain in ((), (issuer().certificate,)):
        with pytest.raises(SignatureRefused, match=r"pinned|signed by"):
            folder.install(certificate, *chain)
    folder.install(certificate, middle)
    assert read_successors(folder.root)[0].chain == (middle,)
    assert parse_successor(render_successor(read_successors(folder.root)[0])) == read_successors(folder.root)[0]


def test_a_damaged_key_is_reported(folder):
    certificate = certified(folder.begin())
    (folder.root / "keys" / f"{FILE}.pem").unlink()
    folder.keys.makes.keep(folder.keys.makes.create(FILE, KeyType.EC_P256), FILE)
    with pytest.raises(SignerUnavailable, match="match"):
        folder.install(certificate)
    new = policy().with_successor(replace(read_successors(folder.root)[0], certificate=certificate))
    other = generate_key(KeyType.EC_P256)
    with pytest.raises(ValueError, match="match"):
        folder.rules.add_authority(new, other)


def test_files_of_successors_are_checked(folder):
    folder.begin()
    path = folder.root / "successors" / f"{FILE}.toml"
    text = path.read_text()
    path.rename(path.with_stem("Other"))
    with pytest.raises(SettingsError, match="another"):
        read_successors(folder.root)
    attempts = {
        "no TOML": lambda: parse_successor("x"),
        "a setting more": lambda: parse_successor(f"{text}more = 1\n"),
        "no certificate": lambda: parse_successor(f'{text}\n[[chain]]\ncertificate = "AAAA"\n'),
        "no request": lambda: parse_successor(text.replace('request = "', 'request = "!')),
        "one that follows no CA": lambda: policy().with_successor(WISH),
    }
    golden.check("sentences/signer-successors/files", {"en.txt": golden.refusals(attempts, SettingsError)})
    services = replace(WISH, role=CaRole.SERVICES, channel=None)
    assert parse_successor(render_successor(services)) == services


def authority_task(request, by=INTERMEDIATE, **changes):
    plan = plan_for(request, **changes)
    return SigningTask(TaskKind.AUTHORITY, by, prepare_authority(plan, BUILT.issuer(by)))


def test_in_test_the_signer_certifies_a_successor_once(folder):
    request = folder.begin()
    task = authority_task(request)
    signature = one(folder.rules, task)
    assert one(folder.rules, task) == signature
    assert SignerSuccessors(folder.root, folder.keys, rules_of(folder.store))
    other = authority_task(request)
    with pytest.raises(SignatureRefused, match="begin"):
        one(folder.rules, other, NOW + 2 * BACKDATED)


REFUSED_TASKS = {
    "of another key": lambda _: authority_task(holder_request()),
    "of another name": lambda r: authority_task(r, name="Data Providers Test Issuing CA v9"),
    "of another role": lambda r: authority_task(r, role=CaRole.SERVICES, channel=None),
    "by an issuing CA": lambda r: replace(authority_task(r), key=CA),
}


def test_another_certificate_of_a_ca_is_refused(folder):
    request = folder.begin()
    attempts = {name: partial(one, folder.rules, made(request)) for name, made in REFUSED_TASKS.items()}
    golden.check("sentences/signer-successors/tasks", {"en.txt": golden.refusals(attempts, SignatureRefused)})


def anchors(by=ROOT, *, kind=TrustListKind.ANCHORS, issued=NOW, extra=(), environment=Environment.TEST, number=1):
    """Return the task to sign a list of the test authority's CAs and further certificates."""
    cas = [(BUILT.certificate(one.file_name), CaState.ISSUING) for one in HIERARCHY.authorities]
    root = BUILT.certificate(ROOT)
    head = ListHead(environment, sha256_hex(certificate_der(root)), number, issued)
    found = build_anchors(head, [*cas, *((one, CaState.STANDBY) for one in extra)], ())
    return SigningTask(TaskKind.ANCHORS, by, octets_to_sign(kind, found.payload))


REFUSED_ANCHORS = {
    "by an intermediate CA": lambda _: anchors(INTERMEDIATE),
    "with a number that blocks later ones": lambda _: anchors(number=1 << 62),
    "of yesterday": lambda _: anchors(issued=NOW - timedelta(days=1)),
    "of another environment": lambda _: anchors(environment=Environment.PRODUCTION),
    "with a CA that was not taken in": lambda r: anchors(extra=[certified(r)]),
    "in the form of another list": lambda _: anchors(kind=TrustListKind.DISTRUST),
}


def test_another_list_of_anchors_is_refused(folder):
    request = folder.begin()
    attempts = {name: partial(one, folder.rules, made(request)) for name, made in REFUSED_ANCHORS.items()}
    golden.check("sentences/signer-successors/anchors", {"en.txt": golden.refusals(attempts, SignatureRefused)})


def test_in_test_the_signer_signs_anchors_that_it_knows(folder):
    assert one(folder.rules, anchors())
    certificate = certified(folder.begin())
    folder.install(certificate)
    assert one(folder.rules, anchors(extra=[certificate]))


def test_production_certifies_no_ca(store, folder):
    text = with_policy_arc(load_preset("default"), Environment.PRODUCTION, ARC)
    built = generate_hierarchy(parse_hierarchy(text, Environment.PRODUCTION, BASE_URL), NOW)
    certificates = {spec.file_name: built.certificate(spec.file_name) for spec in built.hierarchy.authorities}
    name = "SinettiIntermediateCAv1"
    rules = SigningRules(policy_for(built.hierarchy, certificates, INSTANCE, ORIGIN), store, {name: built.key(name)})
    with pytest.raises(SignatureRefused, match="TEST"):
        one(rules, SigningTask(TaskKind.AUTHORITY, name, authority_task(folder.begin()).octets))


def test_a_successor_below_another_arc_than_its_issuer_is_refused(folder):
    request = folder.begin()
    subject = replace(SUBJECT, policy_arc=ARC)
    above = BUILT.hierarchy.authorities[1].name
    spec = CaSpec(NAME, CaRole.ISSUING, above, KeyType.EC_P256, timedelta(days=2900), Channel.WS)
    key = x509.load_der_x509_csr(request).public_key()
    span = span_below(None, spec.lifetime, NOW)
    tbs = prepare_authority(certificate_plan(subject, spec, key, new_serial(), span), BUILT.issuer(INTERMEDIATE))
    with pytest.raises(SignatureRefused, match="profile"):
        one(folder.rules, SigningTask(TaskKind.AUTHORITY, INTERMEDIATE, tbs))


def test_the_policy_knows_the_arc_of_its_authorities():
    built = authority(ARC)
    certificates = {spec.file_name: built.certificate(spec.file_name) for spec in built.hierarchy.authorities}
    assert policy_for(built.hierarchy, certificates, INSTANCE, ORIGIN).subject == replace(SUBJECT, policy_arc=ARC)
