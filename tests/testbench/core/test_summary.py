"""Summary of a bench on a terminal: its lines fit, and its commands are complete."""

import json
import shlex
from datetime import UTC, datetime

import pytest

from sinetti.cli.testbench import group
from sinetti.testbench.bench import BenchOptions
from sinetti.testbench.core.summary import format_summary

NOW = datetime(2027, 1, 1, 12, tzinfo=UTC)
READY = {
    "soap_url": "https://127.0.0.1:31092/2017/10/CertificateServices",
    "control_url": "http://127.0.0.1:24389",
    "status_url": "http://127.0.0.1:22331",
    "people_url": "http://localhost:23021",
    "trust": {name: f"/srv/my bench/trust/{name}.pem" for name in ("holders", "services", "server")},
    "pid": 7,
    "documentation_url": "http://127.0.0.1:22331/docs/",
}
HTTP = READY | {
    "soap_url": "http://127.0.0.1:31092/x",
    "trust": READY["trust"] | {"server": None},
    "documentation_url": None,
}
AT_80 = """\
The test bench is running. Its clock stands still at 2027-01-01 12:00:00 UTC.

Addresses
  Certificate service  https://127.0.0.1:31092/2017/10/CertificateServices
  E-service            http://localhost:23021
  CRLs and OCSP        http://127.0.0.1:22331
  Control              http://127.0.0.1:24389
  Documentation        http://127.0.0.1:22331/docs/

Trust files
  --trust-services  /srv/my bench/trust/services.pem
  --trust-holders   /srv/my bench/trust/holders.pem
  --tls-ca          /srv/my bench/trust/server.pem

Order and enrol a certificate
  export SINETTI_NOW=2027-01-01T12:00:00Z
  curl -s -H 'Content-Type: application/json' \\
    -d '{"customer_id": "0123456-7", "customer_name": "Example Oy"}' \\
    -o order.json http://127.0.0.1:24389/orders
"""


def commands(text):
    """Return the words of every command of a summary."""
    lines = text.replace(" \\\n", " ").splitlines()
    return [shlex.split(line) for line in lines if line.startswith(("  curl", "  python3", "  sinetti", "  export"))]


def test_at_80_columns():
    assert format_summary(READY, NOW, 80, is_stopped=True).startswith(AT_80)


@pytest.mark.parametrize("width", [60, 80, 120, 200])
@pytest.mark.parametrize("ready", [READY, HTTP], ids=["https", "http"])
def test_lines_fit_or_are_one_value(ready, width):
    text = format_summary(ready, NOW, width, is_stopped=True)
    for line in text.splitlines():
        words = shlex.split(line.removesuffix("\\").removesuffix("| \\"), posix=False)
        assert len(line) <= width or len(words) <= 2 or "python3" in line, line
    assert text.endswith("Ctrl-C stops it.")


@pytest.mark.parametrize("width", [60, 200])
def test_commands_are_the_same_at_every_width(width):
    found = commands(format_summary(READY, NOW, width, is_stopped=True))
    assert found == commands(format_summary(READY, NOW, 80, is_stopped=True))
    assert [words[0] for words in found] == ["export", "curl", "python3", "sinetti", "curl", "export", "sinetti"]
    enrol = found[2][found[2].index("sinetti") :]
    assert enrol[enrol.index("--tls-ca") + 1] == READY["trust"]["server"]
    assert found[-2] == ["export", "SINETTI_NOW=2028-12-01T12:00:00Z"]


def test_a_clock_that_runs_needs_no_time_of_its_own():
    text = format_summary(HTTP, NOW, 80, is_stopped=False)
    assert "It uses this computer's clock." in text
    assert "--tls-ca" not in text
    assert "Documentation" not in text
    assert text.count("SINETTI_NOW") == 1, "only where the clock was set"


@pytest.mark.parametrize("as_json", [True, False])
def test_programs_get_one_line_and_people_the_summary(as_json, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    (tmp_path / "clock").write_text("2027-01-01T12:00:00Z")
    line = json.dumps({name: value for name, value in READY.items() if name != "documentation_url"})
    group._say_ready(line, BenchOptions(tmp_path, docs=tmp_path), as_json=as_json)
    out = capsys.readouterr().out
    assert (out == f"{line}\n") is as_json
    assert out.startswith(AT_80) is not as_json
