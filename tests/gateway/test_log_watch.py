"""Watch over the authority's log by a gateway: its memory, its faults, and what `fetch` and `serve` show of them."""

import json
import time
from contextlib import closing
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sinetti.cli.main import main
from sinetti.gateway.log_watch import WatchedLog, watch_log
from sinetti.gateway.settings import GatewaySettingsError, load_settings
from sinetti.gateway.web.settings import load_watched_log
from sinetti.infra.clock import utc_now
from sinetti.wire.transparency.notes import COSIGNATURE, NoteSigner
from sinetti.wire.transparency.observer import LogPolicy
from tests.gateway.web.test_server import Connection, asked
from tests.support.authority import NOW
from tests.support.logs import LOG_KEY, NEXT_KEY, ORIGIN, WRONG_KEY
from tests.support.relying import material
from tests.support.relying_doors import SETTINGS, gateway_running
from tests.support.served_logs import ServedLog, served

TOP = 'anchors = "anchors.pem"\nrevocation = "crl"\ncrls = "lists"\n'
URL = f"http://{ORIGIN}"
WITNESS = NoteSigner("witness.example", Ed25519PrivateKey.from_private_bytes(bytes([41]) * 32), COSIGNATURE)


@pytest.fixture
def log():
    one = ServedLog()
    one.add(300)
    return one


@pytest.fixture
def wanted(tmp_path):
    return WatchedLog(URL, LogPolicy(LOG_KEY.verifier), tmp_path / "log")


def looked(wanted, log):
    return watch_log(wanted, NOW, log.fetch, lambda _seconds: None)


def test_the_last_checkpoint_is_kept_and_continued(wanted, log):
    assert (looked(wanted, log).is_changed, wanted.fault()) == (True, None)
    assert wanted.load().checkpoint == log.checkpoint
    assert not looked(wanted, log).is_changed
    log.add(300)
    assert looked(wanted, log).fault is None
    assert wanted.load().checkpoint == log.checkpoint
    log.rotate(NEXT_KEY)
    log.signers = (NEXT_KEY,)
    assert looked(wanted, log).fault is None


@pytest.mark.parametrize("is_rewound", [True, False])
def test_a_fork_is_kept_with_both_heads(wanted, log, is_rewound):
    looked(wanted, log)
    kept = log.checkpoint
    if is_rewound:
        del log.entries[200:]
    else:
        log.entries[7] = b"other"
    found = looked(wanted, log)
    assert (found.is_lasting, found.trouble) == (True, None)
    assert "has two histories" in found.fault == wanted.fault()
    assert (wanted.folder / "kept.txt").read_bytes() == kept
    assert (wanted.folder / "fork.txt").read_bytes() == log.checkpoint
    log.is_away = True
    assert looked(wanted, log).fault == found.fault


def test_an_old_head_and_an_older_one_are_faults_while_they_last(wanted, log):
    log.dated = NOW
    looked(wanted, log)
    whole, log.entries = log.entries, log.entries[:299]
    fetch, log.fetch = log.fetch, lambda path: log.checkpoint if path == "checkpoint" else whole_log.fetch(path)
    whole_log = ServedLog(entries=whole)
    found = looked(wanted, log)
    assert (found.is_lasting, "has 299 entries" in found.fault, wanted.fault()) == (False, True, found.fault)
    log.entries, log.fetch = whole, fetch
    assert looked(wanted, log).fault is None
    log.add()
    log.dated = NOW - timedelta(days=2)
    assert "more than a day" in looked(wanted, log).fault
    log.add()
    log.dated = NOW
    assert looked(wanted, log).fault is None


@pytest.mark.parametrize("is_folder", [True, False])
def test_a_damaged_memory_is_reported_and_stays(wanted, log, is_folder):
    looked(wanted, log)
    wanted.file.unlink()
    if is_folder:
        wanted.file.mkdir()
    else:
        wanted.file.write_bytes(b"{")
    log.entries[7] = b"other"
    for _ in range(2):
        found = looked(wanted, log)
        assert (found.is_lasting, found.is_changed, found.fault) == (True, False, wanted.fault())
        assert f"{wanted.file}, the memory of the log of {ORIGIN}, cannot be read" in found.fault
    assert wanted.file.is_dir() or wanted.file.read_bytes() == b"{"


def test_a_tile_that_was_changed_on_its_way_leaves_nothing_behind(wanted, log):
    looked(wanted, log)
    tile = log.tile
    log.add(300)
    log.tile = lambda name: bytes(len(tile(name)))
    assert looked(wanted, log).is_lasting
    log.tile = tile
    assert looked(wanted, log).fault is None
    assert [one.name for one in wanted.folder.iterdir()] == ["log.json"]


def test_a_log_that_is_away_is_no_fault(wanted, log):
    looked(wanted, log)
    log.is_away = True
    found = looked(wanted, log)
    assert (found.fault, found.trouble, wanted.fault()) == (None, "checkpoint", None)


def test_another_key_and_missing_cosignatures_are_faults_while_they_last(wanted, log):
    signers, log.signers = log.signers, (WRONG_KEY,)
    found = looked(wanted, log)
    assert (found.is_lasting, "could not be verified" in found.fault) == (False, True)
    log.signers = signers
    assert looked(wanted, log).fault is None
    demanding = WatchedLog(URL, LogPolicy(LOG_KEY.verifier, 1, (WITNESS.verifier,)), wanted.folder)
    assert "0 of the named witnesses" in looked(demanding, log).fault
    log.witnesses = (WITNESS,)
    assert looked(demanding, log).fault is None


def test_a_folder_that_cannot_be_written_is_reported(wanted, log):
    wanted.folder.write_text("a file")
    assert str(wanted.folder) in looked(wanted, log).trouble


def settings(tmp_path, text):
    made = material(NOW).written(tmp_path / "m")
    (made / "gateway.toml").write_text(f"{TOP}{text}")
    return load_settings(made / "gateway.toml")


def test_settings(tmp_path):
    assert load_watched_log(settings(tmp_path / "without", "")) is None
    text = f'[log]\nurl = "{URL}/"\nfolder = "log"\nkey = "{LOG_KEY.verifier}"\n'
    found = load_watched_log(settings(tmp_path, f'{text}cosignatures = 1\nwitnesses = ["{WITNESS.verifier}"]\n'))
    assert (found.url, found.folder) == (URL, tmp_path / "m" / "log")
    assert found.policy == LogPolicy(LOG_KEY.verifier, 1, (WITNESS.verifier,))


WRONG = {
    "no folder": (f'url = "{URL}"', "folder: missing"),
    "no address": ('folder = "log"', "url: missing"),
    "an address that is none": ('url = "pki.example"\nfolder = "log"', "url: "),
    "a key that is none": (f'url = "{URL}"\nfolder = "log"\nkey = "key"', "key: "),
    "more cosignatures than witnesses": (f'url = "{URL}"\nfolder = "log"\ncosignatures = 1', "1 cosignatures need"),
    "cosignatures as text": (f'url = "{URL}"\nfolder = "log"\ncosignatures = "1"', "a whole number"),
    "an unknown key": (f'url = "{URL}"\nfolder = "log"\nlog_key = "x"', "log_key: unknown setting"),
}


@pytest.mark.parametrize(("text", "why"), WRONG.values(), ids=WRONG)
def test_settings_that_cannot_be_used(tmp_path, text, why):
    with pytest.raises(GatewaySettingsError, match=why):
        load_watched_log(settings(tmp_path, f"[log]\n{text}\n"))


def test_fetch_looks_at_the_log_and_serve_shows_its_fault(tmp_path, capsys):
    now = utc_now()
    folder = material(now).written(tmp_path / "m")
    with served() as log:
        log.add(300)
        text = f'\n[log]\nurl = "http://{log.origin}"\nfolder = "log"\nkey = "{log.signers[0].verifier}"\n'
        (folder / "fetch.toml").write_text(TOP + text)
        fetch = ["gateway", "fetch", "--settings", str(folder / "fetch.toml")]
        assert main(fetch) == 0
        assert "the log continues its last checkpoint" in " ".join(capsys.readouterr().out.split())
        log.is_away = True
        assert main(fetch) == 0
        assert "HTTP 503" in capsys.readouterr().err
        log.is_away = False
        with gateway_running(folder, SETTINGS + text) as place, closing(Connection(place)) as caller:
            assert asked(caller, "/readyz")[2] == b"ready\n"
            del log.entries[200:]
            assert main([*fetch, "--json"]) == 3
            (row,) = json.loads(capsys.readouterr().out)
            assert (row["name"], row["current"]) == (log.origin, False)
            status, _, body = asked(caller, "/readyz")
            assert (status, row["trouble"] in body.decode()) == (200, True)
            time.sleep(2 * 0.5)  # the monitor looks twice a second
        events = [json.loads(line) for line in (folder / "gateway.log").read_text().splitlines()]
        (event,) = [one for one in events if one.get("faults")]
        assert event["faults"] == [row["trouble"]]
