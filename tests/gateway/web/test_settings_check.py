"""`sinetti gateway check-settings`: every fault of gateway.toml and of what it names, at once."""

import json
from datetime import timedelta
from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from sinetti.cli.gateway import check as command
from sinetti.cli.main import main
from sinetti.domain.operations.monitoring import Impact
from sinetti.gateway.web import settings_check
from sinetti.gateway.web.settings_check import check_settings
from tests.gateway.material import crl
from tests.support import authority
from tests.support.authority import NOW

PLAIN = 'anchors = "anchors.pem"\nrevocation = "crl"\ncrls = "crls"\n'
SERVE = '[serve]\nsocket = "gateway.sock"\n'
LIST = '[[list]]\nurl = "http://127.0.0.1:1/a.crl"\nfile = "a.crl"\nissuer = "issuing.pem"\n'


@pytest.fixture
def folder(tmp_path):
    """Return a folder with anchors and a current list of their issuing CA."""
    (tmp_path / "anchors.pem").write_bytes(authority.authority().holders_bundle)
    certificate = authority.issuer().certificate
    (tmp_path / "issuing.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    (tmp_path / "crls").mkdir()
    (tmp_path / "crls" / "a.crl").write_bytes(crl())
    return tmp_path


def checked(folder, text, now=NOW, *, is_offline=True):
    (folder / "gateway.toml").write_text(text)
    return check_settings(folder / "gateway.toml", now, is_offline=is_offline)


def test_all_faults_at_once(folder):
    found = checked(
        folder, 'anchor = 1\nanchors = "none.pem"\nrevocation = "all"\nchannel = "FAX"\nfreshness = "1h"\ncrls = 1\n'
    )
    words = ("anchor is not a gateway", "none.pem", "revocation must", "crls must", "channel must", "freshness")
    assert [any(word in one.why + one.fix for one in found) for word in words] == [True] * 6
    assert {one.impact for one in found} == {Impact.START}
    assert all(one.fix for one in found)


def test_a_file_that_is_not_there_has_a_fix(folder):
    (only,) = checked(folder, PLAIN.replace('anchors = "', 'anchors = "no-') + SERVE)
    assert "No such file" in only.why
    assert only.fix.startswith("create it")


def test_every_table_is_read(folder):
    (folder / "open").write_text("x")
    (folder / "open").chmod(0o644)
    text = (
        f'{PLAIN}[serve]\nbind = "here"\n[middleware]\ncertificate = "by hand"\n[sightings]\nurl = "http://127.0.0.1:1"\n'
        'name = "a"\nkey = "open"\n[log]\nurl = "http://127.0.0.1:1"\n[feed]\nurl = "pki.example"\n'
    )
    found = checked(folder, text)
    names = {one.what.partition(" ")[2] for one in found if one.impact is Impact.START}
    assert names == {"[serve]", "[middleware]", "[sightings]", "[log]", "[feed]"}


def test_lists_that_are_old_missing_or_nowhere(folder):
    later = NOW + timedelta(days=40)
    assert {one.impact for one in checked(folder, PLAIN + LIST + SERVE, later)} == {Impact.REACH}
    (stale, *_) = checked(folder, PLAIN + LIST + SERVE, later)
    assert "so no certificate of this CA is accepted" in stale.why
    assert stale.fix.startswith("run sinetti gateway fetch")
    (stale, *_) = checked(folder, PLAIN + SERVE, later)
    assert stale.fix.startswith("write a [[list]] with url, file and issuer of this CA, run"), (
        "or fetch fetches nothing"
    )
    (folder / "crls" / "a.crl").unlink()
    (folder / "crls").rmdir()
    (only,) = checked(folder, PLAIN + LIST + SERVE)
    assert "install -d" in only.fix


def test_a_folder_of_lists_that_is_read_only(folder, monkeypatch):
    monkeypatch.setattr(settings_check.os, "access", lambda _path, _mode: False)
    assert Impact.UPKEEP in {one.impact for one in checked(folder, PLAIN + SERVE)}


def test_no_revocation_and_no_use(folder):
    found = checked(folder, 'anchors = "anchors.pem"\nrevocation = "DANGEROUSLY-NONE"\n')
    assert {one.impact for one in found} == {Impact.SAFETY, Impact.REACH}


def test_an_issuer_that_is_none(folder):
    (folder / "issuing.pem").write_text("x")
    found = checked(folder, PLAIN + LIST + SERVE)
    assert [one.impact for one in found] == [Impact.START]


def test_addresses_are_called(folder, monkeypatch):
    text = PLAIN + LIST + SERVE + '[feed]\nurl = "http://127.0.0.1:1/status/feed"\n'
    found = [one for one in checked(folder, text, is_offline=False) if one.what.startswith("http")]
    assert ["cannot be reached" in one.why for one in found] == [True, True]
    monkeypatch.setattr(settings_check, "send_request", lambda _wanted: SimpleNamespace(status=404))
    assert not [one for one in checked(folder, PLAIN + LIST + SERVE, is_offline=False) if one.what.startswith("http")]


TRUST = '[trust_lists]\nurl = "http://127.0.0.1:1"\nfolder = "trust"\n'


def test_trust_lists_that_are_behind_damaged_or_nowhere(folder):
    found = [one for one in checked(folder, PLAIN + TRUST + SERVE) if one.what.endswith("/trust")]
    assert [(one.impact, "behind" in one.why) for one in found] == [(Impact.SAFETY, True)] * 2
    away = [one for one in checked(folder, PLAIN + TRUST + SERVE, is_offline=False) if one.what.startswith("http")]
    assert [one.what for one in away] == ["http://127.0.0.1:1/trust/distrust"]
    (folder / "trust").mkdir()
    (folder / "trust" / "distrust-1.json").write_bytes(b"")
    (first, *_) = [one for one in checked(folder, PLAIN + TRUST + SERVE) if one.what.endswith("/trust")]
    assert (first.impact, first.fix.startswith("run sinetti gateway fetch")) == (Impact.REACH, True)


def run(capsys, *words):
    code = main(["gateway", "check-settings", *map(str, words)])
    return code, capsys.readouterr()


def test_the_command(folder, capsys, monkeypatch):
    settings = folder / "gateway.toml"
    code, said = run(capsys, "--settings", settings, "--json")
    assert (code, json.loads(said.out)[0]["severity"]) == (5, "error")
    monkeypatch.setattr(command.clock, "utc_now", lambda: NOW)
    settings.write_text(PLAIN)
    assert run(capsys, "--settings", settings, "--offline")[0] == 3
    assert run(capsys, "--settings", settings, "--start")[0] == 0
