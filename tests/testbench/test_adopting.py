"""Adoption of a certificate that another program got from the bench.

It is renewed when its time has come.
"""

from datetime import timedelta

import pytest

from sinetti.client.store import generations
from sinetti.pki import encoding
from tests.support.programs import holder_of, new_key, ran, running

BEGIN = "2027-01-11T08:00:00Z"


@pytest.fixture
def bench(tmp_path):
    with running(tmp_path / "bench", "--now", BEGIN) as one:
        yield one


@pytest.mark.long
def test_adopted_then_renewed(bench, tmp_path):
    key = new_key()
    certificate = holder_of(bench).enrolled(bench.order(), key)
    (tmp_path / "old.key").write_bytes(encoding.dump_private_key(key, b"a pass-phrase"))
    (tmp_path / "old.cer").write_bytes(encoding.certificate_der(certificate))
    (tmp_path / "secret").write_text("a pass-phrase\n")
    (tmp_path / "secret").chmod(0o600)
    trust = bench.ready["trust"]
    (tmp_path / "sinetti.toml").write_text(
        f"""
[services.bench]
address = "{bench.ready["soap_url"]}"
environment = "TEST"
trust_services = "{trust["services"]}"
trust_holders = "{trust["holders"]}"
tls_ca = "{trust["server"]}"
"""
    )
    config = ("--config", tmp_path / "sinetti.toml")
    words = ("--key", tmp_path / "old.key", "--certificate", tmp_path / "old.cer")
    adopted = ran("adopt", "payroll", *config, *words, "--password-file", tmp_path / "secret", "--now", BEGIN)
    assert adopted.returncode == 0, adopted.stderr
    folder = tmp_path / "store" / "payroll"
    assert generations.current(folder).certificate == certificate
    opens = certificate.not_valid_after_utc - timedelta(days=60)
    bench.control("PUT", "/clock", {"now": opens.strftime("%Y-%m-%dT%H:%M:%SZ")})
    renewed = ran("renew", "payroll", *config, "--now", opens.isoformat())
    assert renewed.returncode == 0, renewed.stderr
    held = generations.current(folder)
    newest, oldest = bench.rows()
    assert (newest["serial"], oldest["serial"]) == (held.serial, encoding.serial_hex(certificate.serial_number))
    assert oldest["renewed_by"] == newest["serial"]
