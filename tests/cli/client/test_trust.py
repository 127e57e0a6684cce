"""`sinetti trust fetch`: files are written only for CAs that lead to the typed root."""

import json
from datetime import timedelta
from functools import cache

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from sinetti.ca.hierarchy_builder import generate_hierarchy
from sinetti.ca.hierarchy_config import load_preset, parse_hierarchy, with_policy_arc
from sinetti.client.requests import trust_anchors
from sinetti.domain.values import Environment, KeyType
from sinetti.pki import chain, encoding
from tests.client.double import anchors, bundle
from tests.support import authority, golden
from tests.support.officers import ARC
from tests.support.trust_lists import anchors_list, by_root

BUILT = authority.authority()
CAS = [BUILT.entries[one.file_name][1] for one in BUILT.hierarchy.authorities]
SERVICES = next(one for one in CAS if trust_anchors.policy_oids.signs_responses(one))


def fingerprint(certificate):
    return encoding.sha256_hex(encoding.certificate_der(certificate))


ROOT = fingerprint(CAS[0])


def colons(text):
    return ":".join(text[here : here + 2] for here in range(0, len(text), 2)).upper()


@cache
def other_authority(environment=Environment.TEST):
    text = with_policy_arc(load_preset("default"), environment, ARC)
    hierarchy = parse_hierarchy(text, environment, authority.BASE_URL)
    built = generate_hierarchy(hierarchy, authority.NOW)
    return [built.entries[one.file_name][1] for one in built.hierarchy.authorities]


def issued_by_root(*, is_ca, ends=timedelta(days=800), signer=BUILT):
    """Return a certificate that the root signed, without any policy."""
    root = signer.hierarchy.authorities[0].file_name
    key = encoding.generate_key(KeyType.EC_P256)
    builder = x509.CertificateBuilder().subject_name(x509.Name.from_rfc4514_string("CN=Extra CA"))
    builder = builder.issuer_name(signer.entries[root][1].subject).serial_number(7).public_key(key.public_key())
    builder = builder.not_valid_before(authority.NOW - timedelta(days=900)).not_valid_after(authority.NOW + ends)
    builder = builder.add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
    return builder.sign(signer.key(root), hashes.SHA256())


def damaged(certificate):
    der = bytearray(encoding.certificate_der(certificate))
    der[-1] ^= 1
    return x509.load_der_x509_certificate(bytes(der))


def publish(shell, *certificates, status=200, body=None, **headers):
    octets = bundle(*certificates).encode() if body is None else body
    headers = {"content_type": "application/pem-certificate-chain"} | headers
    shell.double.hint = lambda handler, _path: handler.send(status, octets, **headers)


def fetch(shell, *more, typed=ROOT):
    where = () if "--out-dir" in more or "--trust-services" in more else ("--out-dir", shell.folder / "out")
    (shell.folder / "out").mkdir(exist_ok=True)
    words = ("--service", shell.double.url, "--fingerprint", typed, *where, "--lang", "en", *more)
    return shell.run("trust", "fetch", *words)


def written(shell):
    return {one.name: one.read_text() for one in (shell.folder / "out").iterdir()}


BOTH = {"services.pem": anchors("services"), "holders.pem": anchors("holders")}


TYPED = {
    "plain": ROOT,
    "upper case": ROOT.upper(),
    "colons": colons(ROOT),
    "spaces": f" {ROOT[:32]} {ROOT[32:]}\n",
}


@pytest.mark.parametrize("typed", TYPED.values(), ids=TYPED)
def test_the_bundles_are_those_of_the_bench(shell, typed):
    publish(shell, *CAS)
    code, out, _ = fetch(shell, "--json", typed=typed)
    assert (code, written(shell)) == (0, BOTH)
    assert shell.double.hints_asked == [trust_anchors.PATH]
    said = json.loads(out)
    assert (said["root"]["sha256"], said["environment"], said["certificates"]) == (ROOT, "TEST", len(CAS))
    assert (shell.folder / "out" / "services.pem").stat().st_mode & 0o777 == 0o644


def test_the_order_of_the_answer_does_not_matter(shell):
    publish(shell, *reversed(CAS))
    assert fetch(shell)[0] == 0
    for name, expected in BOTH.items():
        found = set(chain.load_bundle((shell.folder / "out" / name).read_bytes()))
        assert found == set(chain.load_bundle(expected.encode()))


UNTRUSTED = {
    "another root": other_authority,
    "a second root beside it": lambda: (*CAS, other_authority()[0]),
    "a CA of another root": lambda: (*CAS, other_authority()[-1]),
    "a damaged signature": lambda: (*CAS[:-1], damaged(CAS[-1])),
    "no intermediate": lambda: (CAS[0], *CAS[2:]),
    "a leaf of the root": lambda: (*CAS, issued_by_root(is_ca=False)),
    "an expired CA": lambda: (*CAS, issued_by_root(is_ca=True, ends=-timedelta(1))),
    "a CA without a purpose": lambda: (*CAS, issued_by_root(is_ca=True)),
    "no CA for answers": lambda: [one for one in CAS if one is not SERVICES],
    "only CAs for answers": lambda: (*CAS[:2], SERVICES),
    "the root alone": lambda: CAS[:1],
}


def test_nothing_is_written_if_one_is_not_trusted(shell):
    for name, published in UNTRUSTED.items():
        shell.outputs.append(f"# {name}")
        publish(shell, *published())
        assert (fetch(shell)[0], written(shell)) == (4, {}), name
    golden.check("sentences/client-trust/nothing-is-written-if-one-is-not-trusted", shell.said())


def test_another_fingerprint_is_shown_with_the_typed_one(shell):
    publish(shell, *other_authority())
    code, out, err = fetch(shell, "--json")
    assert (code, json.loads(out)["error"]["code"]) == (4, "unavailable")
    assert ROOT in err
    assert fingerprint(other_authority()[0]) in err


def test_the_fingerprint_of_an_intermediate_is_no_root(shell):
    publish(shell, *CAS)
    assert fetch(shell, typed=fingerprint(CAS[1]))[0] == 4
    assert written(shell) == {}


ANSWERS = {
    "a service that publishes none": {"status": 404, "body": b"Not found"},
    "a page": {"body": b"<html>", "content_type": "text/html"},
    "a redirect": {"status": 302, "body": b"", "location": "http://127.0.0.1/"},
    "too busy": {"status": 503, "body": b"later"},
    "broken PEM": {"body": b"-----BEGIN CERTIFICATE-----\nAA\n"},
    "too long": {"body": b"-----BEGIN CERTIFICATE-----\n" + b" " * 2**20},
}


def test_other_answers(shell):
    for name, answer in ANSWERS.items():
        shell.outputs.append(f"# {name}")
        publish(shell, **answer)
        assert (fetch(shell)[0], written(shell)) == (4, {}), name
    golden.check("sentences/client-trust/other-answers", shell.said())


def test_too_many_certificates(shell):
    publish(shell, *CAS, *(issued_by_root(is_ca=True) for _ in range(61)))
    assert fetch(shell)[0] == 4


def test_an_existing_file_is_kept_without_force(shell):
    publish(shell, *CAS)
    (shell.folder / "out").mkdir()
    (shell.folder / "out" / "holders.pem").write_text("mine")
    code, _, err = fetch(shell)
    assert (code, written(shell), "--force" in err) == (2, {"holders.pem": "mine"}, True)
    assert fetch(shell, "--force")[0] == 0
    assert written(shell) == BOTH
    assert fetch(shell)[0] == 0  # the same content once more


def test_files_by_name(shell):
    publish(shell, *CAS)
    one, other = shell.folder / "a.pem", shell.folder / "b.pem"
    assert fetch(shell, "--trust-services", one, "--trust-holders", other)[0] == 0
    assert (one.read_text(), other.read_text()) == tuple(BOTH.values())


WRONG = {
    "a short fingerprint": ("--fingerprint", "5f0c"),
    "one file only": ("--trust-services", "a.pem"),
    "one file for both": ("--trust-services", "a.pem", "--trust-holders", "a.pem"),
    "files and a folder": ("--trust-services", "a", "--trust-holders", "b", "--out-dir", "."),
    "http to another machine": ("--service", "http://service.example/"),
    "a folder that is not there": ("--out-dir", "missing"),
}


def test_wrong_commands(shell, monkeypatch):
    monkeypatch.chdir(shell.folder)
    publish(shell, *CAS)
    before = {*shell.folder.iterdir()}
    for name, words in WRONG.items():
        assert fetch(shell, *words)[0] == 2, name
    for words in (("--store", "x", "--service", "https://a.example"), ("--service", "https://a.example"), ()):
        assert shell.run("trust", "fetch", *words, "--lang", "en")[0] == 2, words
    assert {*shell.folder.iterdir()} - before == {shell.folder / "out"}
    assert written(shell) == {}
    golden.check("sentences/client-trust/wrong-commands", shell.said())


def test_a_set_time_is_refused_in_production(shell):
    cas = other_authority(Environment.PRODUCTION)
    publish(shell, *cas)
    words = ("--now", authority.NOW.isoformat())
    assert fetch(shell, *words, typed=fingerprint(cas[0]))[0] == 2
    assert written(shell) == {}
    assert fetch(shell, typed=fingerprint(cas[0]))[0] == 0


ANCHORS = by_root(anchors_list(BUILT), BUILT)


def test_the_lists_of_a_stores_services_are_taken(shell):
    shell.enrol()
    words = ("trust", "fetch", "--store", shell.store, "--lang", "en")
    code, out, _ = shell.run(*words, "--json")
    assert (code, json.loads(out)[0]["anchors"]) == (0, None)
    shell.double.trust_lists["anchors"] = ANCHORS
    code, out, _ = shell.run(*words, "--json")
    (row,) = json.loads(out)
    assert (code, row["anchors"], row["distrust"], row["trouble"]) == (0, 1, 0, None)
    shell.double.trust_lists["anchors"] = b"{}"
    assert shell.run(*words)[0] == 4
    golden.check("sentences/client-trust/the-lists-of-a-stores-services", shell.said())
