"""OpenSSL and GnuTLS judge our CRLs by the machine's clock.

By the CRLs they also judge a good, a revoked and an expired certificate.
"""

import re
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from tests.judges import material
from tests.support.postgres import skip_or_fail

SHARDS = {"full lists": 0, "lists of a shard": 1}
OPENSSL_SAYS = {"good": ": OK", "revoked": "certificate revoked", "expired": "certificate has expired"}
GNUTLS_SAYS = {
    "good": "The certificate is trusted.",
    "revoked": "The certificate chain is revoked.",
    "expired": "The certificate chain uses expired certificate.",
}


def run(*command: str, given: bytes | None = None) -> tuple[int, str]:
    """Run a judge; return its exit code and its whole output.

    Without the judge the test is skipped visibly.
    """
    program = shutil.which(command[0])
    if program is None:
        skip_or_fail(f"{command[0]} is not installed (scripts/packages judges says how)")
    done = subprocess.run([program, *command[1:]], input=given, capture_output=True, timeout=120, check=False)
    return done.returncode, (done.stdout + done.stderr).decode()


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Return a folder with the root, chains, certificates and CRLs."""
    place = tmp_path_factory.mktemp("material")
    (place / "root.pem").write_bytes(material.pem(material.root()))
    for name, leaf in material.cases().items():
        (place / f"{name}.pem").write_bytes(material.pem(leaf.certificate))
        (place / f"{name}-chain.pem").write_bytes(material.pem(leaf.certificate, *leaf.above))
        (place / "above.pem").write_bytes(material.pem(*leaf.above))
    full, shards = material.lists(0), material.lists(1)
    (place / "lists-0.pem").write_bytes(material.list_pem(*full.values()))
    # OpenSSL checks the root too, which names no distribution point: a CRL for one has another scope.
    (place / "lists-1.pem").write_bytes(material.list_pem(*shards.values(), next(iter(full.values()))))
    return place


def openssl(folder: Path, name: str, lists: str, *options: str) -> tuple[int, str]:
    """Judge a certificate by `openssl verify`, strictly by RFC 5280."""
    trust = ["-no-CApath", "-no-CAstore", "-CAfile", f"{folder}/root.pem", "-untrusted", f"{folder}/above.pem"]
    words = ["-x509_strict", "-purpose", "sslclient", *trust, "-CRLfile", f"{folder}/{lists}.pem", *options]
    return run("openssl", "verify", *words, f"{folder}/{name}.pem")


@pytest.mark.parametrize("shard", SHARDS.values(), ids=SHARDS)
@pytest.mark.parametrize("scope", ["-crl_check", "-crl_check_all"])
@pytest.mark.parametrize("name", OPENSSL_SAYS)
def test_openssl_by_our_lists(name, scope, shard, folder):
    options = ["-crl_check", scope] if scope == "-crl_check_all" else [scope]
    code, said = openssl(folder, name, f"lists-{shard}", *options)
    assert OPENSSL_SAYS[name] in said
    assert (code == 0) is (name == "good")


def test_openssl_takes_nobody_without_the_list_of_the_root(folder):
    """Web servers that check the whole chain require this CRL."""
    ders = material.lists(0)
    ders.pop(next(iter(ders)))
    (folder / "without-root.pem").write_bytes(material.list_pem(*ders.values()))
    code, said = openssl(folder, "good", "without-root", "-crl_check", "-crl_check_all")
    assert code != 0
    assert "unable to get certificate CRL" in said


def test_openssl_takes_nobody_by_a_list_that_has_ended(folder):
    ended = material.lists(0, age=timedelta(days=8))
    (folder / "ended.pem").write_bytes(material.list_pem(*ended.values()))
    code, said = openssl(folder, "good", "ended", "-crl_check")
    assert code != 0
    assert "CRL has expired" in said


def every_list(shard: int) -> list[tuple[str, bytes, bytes]]:
    """Return name, issuer's certificate (PEM) and CRL (DER) of every CA."""
    ders = material.lists(shard)
    return [(name, material.pem(material.authority().certificate(name)), der) for name, der in ders.items()]


@pytest.mark.parametrize("shard", SHARDS.values(), ids=SHARDS)
def test_openssl_finds_each_list_signed_by_its_ca(shard, tmp_path):
    for name, certificate, der in every_list(shard):
        (tmp_path / f"{name}.pem").write_bytes(certificate)
        (tmp_path / f"{name}.crl").write_bytes(der)
        trust = ["-no-CApath", "-no-CAstore", "-CAfile", f"{tmp_path}/{name}.pem"]
        words = ["-verify", *trust, "-noout", "-crlnumber", "-inform", "DER", "-in", f"{tmp_path}/{name}.crl"]
        code, said = run("openssl", "crl", *words)
        assert (code, "verify OK" in said, "crlNumber=0x07" in said) == (0, True, True), said


@pytest.mark.parametrize("shard", SHARDS.values(), ids=SHARDS)
def test_gnutls_finds_each_list_signed_by_its_ca(shard, tmp_path):
    for name, certificate, der in every_list(shard):
        (tmp_path / f"{name}.pem").write_bytes(certificate)
        words = ["--verify-crl", "--load-ca-certificate", f"{tmp_path}/{name}.pem"]
        code, said = run("certtool", *words, given=material.list_pem(der))
        assert (code, "Verified." in said) == (0, True), said


@pytest.mark.parametrize("shard", SHARDS.values(), ids=SHARDS)
def test_gnutls_reads_what_stands_in_a_list(shard):
    revoked = material.cases()["revoked"]
    (said,) = (
        run("certtool", "--crl-info", "--inder", given=der)[1]
        for _, der in material.lists(shard).items()
        if revoked.entry.serial.encode() in der.hex().encode()
    )
    assert re.search(r"Revoked certificates \(1\)", said), said
    assert f"Serial Number (hex): {revoked.entry.serial}" in said
    assert re.search(r"CRL Number \(not critical\):\s+07", said), said
    assert ("2.5.29.28" in said) is (shard == 1), said


@pytest.mark.parametrize("shard", SHARDS.values(), ids=SHARDS)
@pytest.mark.parametrize("name", OPENSSL_SAYS)
def test_gnutls_by_our_lists(name, shard, folder):
    words = ["--load-ca-certificate", f"{folder}/root.pem", "--load-crl", f"{folder}/lists-{shard}.pem"]
    code, said = run("certtool", "--verify", *words, "--infile", f"{folder}/{name}-chain.pem")
    assert GNUTLS_SAYS[name] in said
    assert (code == 0) is (name == "good")


def test_gnutls_finds_the_chain_whole(folder):
    chain = (folder / "good-chain.pem").read_bytes() + (folder / "root.pem").read_bytes()
    code, said = run("certtool", "--verify-chain", given=chain)
    assert (code, "Chain verification output: Verified." in said) == (0, True), said
