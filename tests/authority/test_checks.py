"""Checks of an authority before it is served: every fault with its fix, and none hides another."""

import errno
import shutil
import sqlite3
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest

from sinetti.authority.bootstrap import open_authority
from sinetti.authority.checks import folder, run
from sinetti.authority.checks.state import CheckOptions, CheckStep, new_state
from sinetti.authority.data_directory import DirectoryKind
from sinetti.authority.initialise import InitOptions, initialise
from sinetti.ca.hierarchy_config import load_preset
from sinetti.database.connection import DatabaseSetupError
from sinetti.domain.approvals.acts import KeyRequirement
from sinetti.domain.operations.monitoring import CheckFinding, FindingSeverity, Impact
from sinetti.domain.values import Environment
from sinetti.infra.clock import utc_now
from sinetti.services.authorities.succession import stop_ca
from sinetti.settings.authority import AuthoritySettings, render
from tests.support.foundings import STARTED_AT, copy_founded
from tests.support.mail_servers import mail_server
from tests.support.officers import checked_founders
from tests.support.registers import all_connections_closed
from tests.support.serving import tls_pair
from tests.support.small_disk import may_mount, mounted
from tests.support.small_server import small_server

SETTINGS = AuthoritySettings(Environment.TEST, "http://127.0.0.1:1", "http://127.0.0.1:1/soap")
ISSUING, ROOT_CA = "DataProvidersTestIssuingCAv1", "SinettiRootTestCAv1"


@pytest.fixture(scope="module")
def founded(tmp_path_factory):
    options = InitOptions(DirectoryKind.AUTHORITY, load_preset("default"), SETTINGS, STARTED_AT)
    return copy_founded(tmp_path_factory.mktemp("founded") / "authority", options)


@pytest.fixture
def root(founded, tmp_path):
    shutil.copytree(founded, tmp_path / "authority")
    return tmp_path / "authority"


def checked(root, **options):
    """Return the findings by what they are about."""
    with all_connections_closed():
        found = run.check_authority(CheckOptions(root, **options))
    assert list(found) == sorted(found, key=lambda one: one.impact)
    assert all(one.why and one.fix for one in found)
    return {one.what.removeprefix(f"{root}/"): one for one in found}


def test_a_new_authority_has_no_findings(root):
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    assert checked(root) == {}
    assert checked(root, is_start=True) == {}
    assert checked(root, is_offline=True) == {}
    assert {path: path.read_bytes() for path in before if "sqlite" not in path.name} == {
        path: octets for path, octets in before.items() if "sqlite" not in path.name
    }


def test_a_folder_without_an_authority(tmp_path):
    (only,) = checked(tmp_path / "nothing").values()
    assert (only.severity, "init" in only.fix) == (FindingSeverity.ERROR, True)


def test_no_fault_hides_another(root):
    """The faults of one trial, all at once, and the worst first."""
    text = (root / "authority.toml").read_text()
    (root / "authority.toml").write_text(
        text.replace("keep_people_days = ", "keep_people_days = 9").replace(
            'journal = ""', f'journal = "{root}/inside"'
        )
    )
    (root / "notices.toml").write_text("people_address = 1")
    (root / "eservice.toml").write_text("footer = 1")
    (root / "ca" / f"{ISSUING}.cer").unlink()
    (root / "keys" / f"{ISSUING}.pem").chmod(0o644)
    found = checked(root)
    assert {name: one.severity.value for name, one in found.items()} == {
        f"ca/{ISSUING}.cer": "error",
        "disk": "error",
        "journals": "error",
        f"keys/{ISSUING}.pem": "warning",
        "notices.toml (left out)": "warning",
        "footer (left out)": "warning",
    } | {name: "warning" for name in found if name == "authority.toml"}
    assert found[f"keys/{ISSUING}.pem"].fix.startswith("run chmod 600")


def test_all_faults_of_the_settings(root):
    (root / "authority.toml").write_text('environment = "LIVE"\nbase_url = "https://a.example"\nsigner = 1\n')
    with all_connections_closed():
        found = run.check_authority(CheckOptions(root))
    assert [one.impact for one in found if one.what.endswith("authority.toml")] == [Impact.START] * 4


def test_a_changed_environment(root):
    text = (root / "authority.toml").read_text().replace('"TEST"', '"PRODUCTION"')
    (root / "authority.toml").write_text(text.replace("signatory_wait_hours = 0", "signatory_wait_hours = 24"))
    found = checked(root)["hierarchy"]
    assert (found.severity, found.fix) == (
        FindingSeverity.ERROR,
        'write environment = "TEST", or create another authority in another folder',
    )


def test_a_key_that_does_not_match_its_certificate(root):
    (root / "keys" / f"{ISSUING}.pem").write_bytes((root / "keys" / f"{ROOT_CA}.pem").read_bytes())
    (root / "keys" / "ServicesTestIssuingCAv1.pem").unlink()
    found = checked(root)
    assert found[f"keys/{ISSUING}"].severity is FindingSeverity.ERROR
    assert "does not match its public half" in found[f"keys/{ISSUING}"].why
    assert found["keys/ServicesTestIssuingCAv1"].severity is FindingSeverity.ERROR


def test_without_the_pass_phrase_keys_are_not_checked(root):
    (root / "secrets" / "passphrase").unlink()
    found = checked(root)
    assert found.keys() == {"pass-phrase"}
    assert found["pass-phrase"].severity is FindingSeverity.WARNING, "a person checks"
    assert checked(root, is_start=True)["pass-phrase"].severity is FindingSeverity.ERROR
    assert "does not open the keys" in checked(root, passphrase=b"wrong")["pass-phrase"].why


def test_a_tls_pair(root, tmp_path):
    certificate, key = tls_pair(tmp_path)
    key.chmod(0o644)
    found = checked(root, tls=(certificate, key))
    assert [(one.what, one.impact) for one in found.values()] == [(str(key), Impact.SAFETY)]
    other = tmp_path / "other"
    other.mkdir()
    tls_pair(other, 2)
    mismatch = checked(root, tls=(certificate, other / "key.pem"))["TLS certificate"]
    assert mismatch.severity is FindingSeverity.ERROR
    assert "does not match the first certificate in" in mismatch.why


def test_dates_of_certificates(root, tmp_path, monkeypatch):
    pair = tls_pair(tmp_path)
    for at, words in (
        (utc_now() - timedelta(days=30), "valid only from"),
        (utc_now() + timedelta(days=20_000), "ended on"),
    ):
        monkeypatch.setattr(folder, "utc_now", lambda at=at: at)
        found = checked(root, is_offline=True, tls=pair)
        assert words in found[f"ca/{ISSUING}.cer"].why
        assert found[f"ca/{ISSUING}.cer"].severity is FindingSeverity.ERROR
    assert found[str(pair[0])].severity is FindingSeverity.ERROR
    monkeypatch.setattr(folder, "utc_now", lambda: utc_now() + timedelta(days=3640))
    assert {one.impact for one in checked(root, is_offline=True).values()} <= {Impact.UPKEEP, Impact.SOAP}


def test_the_database_is_away(root, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://sinetti:hush@127.0.0.1:1/x")
    (only,) = checked(root).values()
    assert (only.what, only.severity) == ("database", FindingSeverity.ERROR)
    assert "start the database" in only.fix
    assert "hush" not in repr(only)
    assert checked(root, is_offline=True) == {}


def test_parts_of_another_authority(root, monkeypatch, tmp_path):
    with all_connections_closed():
        initialise(tmp_path / "b", InitOptions(DirectoryKind.AUTHORITY, load_preset("default"), SETTINGS, utc_now()))
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/b/register.sqlite3")
    assert checked(root)["database"].fix == "check the variable DATABASE_URL"
    shutil.copy(tmp_path / "b" / "ca" / f"{ISSUING}.cer", root / "ca")
    found = checked(root)
    assert found[f"ca/{ISSUING}.cer"].why == "no CA of the hierarchy issued this certificate"
    assert "different authorities" in found["database"].why


def test_the_database_file_is_missing(root):
    (root / "register.sqlite3").unlink()
    assert checked(root)["database"].severity is FindingSeverity.ERROR
    assert not (root / "register.sqlite3").exists()


def test_tables_of_another_version(root, monkeypatch):
    with closing(sqlite3.connect(root / "register.sqlite3")) as connection:
        connection.execute("DELETE FROM django_migrations WHERE app = 'mfa' AND name <> '0001_initial'")
        connection.commit()
    assert checked(root)["database"].severity is FindingSeverity.WARNING, "the start migrates them"
    monkeypatch.setattr(run, "can_migrate", lambda _db: False)
    assert checked(root)["database"].severity is FindingSeverity.ERROR
    with closing(sqlite3.connect(root / "register.sqlite3")) as connection:
        assert connection.execute("SELECT count(*) FROM django_migrations WHERE app = 'mfa'").fetchone() == (1,)


def test_what_the_database_may_do(root, monkeypatch):
    monkeypatch.setattr(run, "can_change_log", lambda _db: True)
    monkeypatch.setattr(run, "find_connection_limit", lambda _db: 20)
    monkeypatch.setattr(run, "check_durability", lambda _db: ("it does not report fsync: make sure",))
    with all_connections_closed():
        found = run.check_authority(CheckOptions(root))
    assert [one.impact for one in found] == [Impact.SAFETY, Impact.UPKEEP, Impact.UPKEEP]
    assert "max_connections" in found[-1].fix

    def refused(_db):
        sentence = "PostgreSQL has fsync = off: set it to on"
        raise DatabaseSetupError(sentence)

    monkeypatch.setattr(run, "check_durability", refused)
    assert checked(root)["database"].severity is FindingSeverity.ERROR


def test_the_connections_of_debians_postgresql_are_enough_for_four_processors(root, monkeypatch):
    monkeypatch.setattr(run.os, "sched_getaffinity", lambda _process: range(4))
    monkeypatch.setattr(run, "find_connection_limit", lambda _db: 100)
    with all_connections_closed():
        assert run.check_authority(CheckOptions(root)) == ()


def test_a_stopped_channel_is_an_error_and_prevents_no_start(root):
    with all_connections_closed():
        authority = open_authority(root, DirectoryKind.AUTHORITY)
        stop_ca(ISSUING, authority.ctx, authority.ctx.audit_entry("os-user:root", "0" * 32))
        authority.journal.close()
        found = run.check_authority(CheckOptions(root))
        assert run.check_authority(CheckOptions(root, is_start=True)) == ()
    assert [(one.what, one.severity) for one in found] == [("channel-stopped", FindingSeverity.ERROR)]
    assert "sinetti authority ca activate NAME" in found[0].fix


def test_a_wrong_clock(root, monkeypatch):
    """The register has an instant that this clock has not reached."""
    monkeypatch.setattr(run, "utc_now_precise", lambda: utc_now() - timedelta(days=2))
    found = checked(root)["clock"]
    assert found.severity is FindingSeverity.ERROR
    assert "is behind the newest stored instant" in found.why
    assert found.fix.startswith("set the clock")
    assert checked(root, is_start=True) == {}, "it serves lists and answers meanwhile"


class Room(SimpleNamespace):
    """Result of statvfs."""


ROOMS = {
    "full": (Room(f_bavail=1, f_frsize=4096, f_files=9, f_favail=9), FindingSeverity.ERROR, "the disk is full"),
    "no inode": (Room(f_bavail=10**9, f_frsize=4096, f_files=9, f_favail=0), FindingSeverity.ERROR, "no inode left"),
    "little": (
        Room(f_bavail=2_560, f_frsize=4096, f_files=0, f_favail=0),
        FindingSeverity.WARNING,
        "only 10 MiB are free",
    ),
}


@pytest.mark.parametrize(("room", "severity", "words"), ROOMS.values(), ids=ROOMS)
def test_the_space_of_a_disk(root, monkeypatch, room, severity, words):
    monkeypatch.setattr(folder.os, "statvfs", lambda _path: room)
    found = list(checked(root, is_offline=True).values())
    assert {one.severity for one in found} == {severity}
    assert all(words in one.why for one in found)


@pytest.mark.skipif(may_mount() is not None, reason=str(may_mount()))
def test_a_full_disk(founded, tmp_path):
    with mounted(tmp_path / "disk", "8m") as disk:
        shutil.copytree(founded, disk.root / "authority")
        disk.fill()
        found = checked(disk.root / "authority", is_offline=True)
    assert {one.why for one in found.values()} == {"the disk is full, so no fact can be written"}


def test_owners_and_modes(root, monkeypatch):
    key = root / "keys" / f"{ISSUING}.pem"
    real = type(key).lstat

    def of_another(path):
        seen = real(path)
        return SimpleNamespace(st_mode=seen.st_mode, st_uid=seen.st_uid + (path in {key, root / "trust"}))

    monkeypatch.setattr(type(key), "lstat", of_another)
    found = checked(root, is_offline=True)
    assert found[f"keys/{ISSUING}.pem"].severity is FindingSeverity.ERROR, "the service cannot read it"
    monkeypatch.undo()
    monkeypatch.setattr(folder.os, "geteuid", lambda: root.stat().st_uid + 1)
    assert "run it as that user" in checked(root, is_offline=True)[str(root)].fix
    monkeypatch.undo()
    monkeypatch.setattr(folder.os, "access", lambda _path, _mode: False)
    assert {one.impact for one in checked(root, is_offline=True).values()} == {Impact.START}


def test_what_other_users_can_change(root):
    (root / "ca" / f"{ISSUING}.cer").chmod(0o664)
    (root / "ca" / "link").symlink_to("nowhere")
    root.chmod(0o770)
    journal = root.with_name("authority-journal")
    journal.mkdir(exist_ok=True)
    journal.chmod(0o777)
    found = checked(root)
    assert {name: (one.impact, one.fix) for name, one in found.items()} == {
        str(name): (Impact.SAFETY, f"run chmod go-w {path}")
        for name, path in (
            (root, root),
            (journal, journal),
            (f"ca/{ISSUING}.cer", root / "ca" / f"{ISSUING}.cer"),
        )
    }


def test_journals_that_are_gone(root):
    (root / "journal-written").write_text("x")
    found = checked(root, is_offline=True)["journals"]
    assert found.severity is FindingSeverity.ERROR


def test_an_address_that_is_taken(root):
    with closing(run.folder.check_available.__globals__["listen"]("127.0.0.1", 0)) as taken:
        found = checked(root, is_offline=True, listens=(taken.getsockname(),))
    assert found["addresses to listen on"].severity is FindingSeverity.ERROR


def test_optional_files_of_production(root):
    state = new_state(CheckOptions(root, has_pages=True))
    state.settings = replace(SETTINGS, environment=Environment.PRODUCTION)
    found = {one.what.removeprefix(f"{root}/"): one for one in folder.inspect_parts(state)}
    assert {name: one.impact for name, one in found.items()} == {
        "notices.toml": Impact.MESSAGES,
        "eservice.toml": Impact.PAGES,
    }
    assert "appeal, legal_basis, operator" in found["eservice.toml"].why


def test_an_officer_without_the_key_that_the_settings_demand(tmp_path):
    """A key from before the setting counts until its officer is removed, so the check names it."""
    settings = replace(SETTINGS, officer_keys=KeyRequirement.FIDO2_VERIFIED)
    founding = InitOptions(DirectoryKind.AUTHORITY, load_preset("default"), SETTINGS, STARTED_AT)
    copy_founded(tmp_path / "authority", replace(founding, officers=checked_founders()))
    assert not [one for one in checked(tmp_path / "authority") if one.startswith("officer ")]
    (tmp_path / "authority" / "authority.toml").write_text(render(settings))
    found = checked(tmp_path / "authority")["officer anna"]
    assert (found.severity, found.fix) == (FindingSeverity.WARNING, "replace it: officer remove, officer add")


def test_what_the_watchdog_finds_is_a_warning(root, monkeypatch):
    monkeypatch.setattr(run, "operator_findings", lambda _authority: {"messages": "one is late: send it", "x": None})
    assert checked(root)["messages"].impact is Impact.MESSAGES
    ahead = SimpleNamespace(agrees=False, ahead="the journals contain facts that the database lacks")
    monkeypatch.setattr(run, "preview", lambda _ctx, _journal: ahead)
    assert checked(root)["journals"].severity is FindingSeverity.ERROR
    assert checked(root, is_start=True) == {}, "the start compares them itself"


def failing(bad):
    def look(_state):
        yield CheckFinding(Impact.UPKEEP, "first", "found before", "the fault")
        raise bad

    return look


FAILURES = {
    "of the system": (OSError(errno.EACCES, "Permission denied", "/x"), Impact.SOAP, "/x cannot be used"),
    "of the program": (RuntimeError("x"), Impact.UPKEEP, "internal error (RuntimeError)"),
}


@pytest.mark.parametrize(("bad", "impact", "words"), FAILURES.values(), ids=FAILURES)
def test_a_step_that_fails_keeps_what_it_found(root, bad, impact, words):
    first, second = CheckStep("it", Impact.SOAP, failing(bad)).findings(new_state(CheckOptions(root)))
    assert (first.what, second.impact) == ("first", impact)
    assert words in second.why


NOTICES = """
people_address = "http://127.0.0.1:1"
service = "Sinetti"
help = {fi = "apua", sv = "hjälp", en = "help"}
mail = {server = "smtp://127.0.0.1:1", from = "notices@pki.example"}
sms = {url = "http://127.0.0.1:1/", sender = "Sinetti", token_file = "token"}
"""
PROVIDERS = """
[[providers]]
id = "op"
name = { fi = "a", sv = "b", en = "c" }
issuer = "http://127.0.0.1:1"
client_id = "sinetti"
client_secret_file = "token"
"""


@pytest.fixture
def connected(root):
    """Return a folder with mail, text messages and a sign-in provider, none of which is there."""
    for name, text in {"notices.toml": NOTICES, "eservice.toml": PROVIDERS, "token": "x"}.items():
        (root / name).write_text(text)
        (root / name).chmod(0o600)
    return root


def test_mail_text_messages_and_sign_in_that_are_away(connected):
    found = checked(connected)
    assert {name: one.impact for name, one in found.items()} == {
        "mail server": Impact.MESSAGES,
        "text messages": Impact.MESSAGES,
        "provider op": Impact.PAGES,
    }
    assert checked(connected, is_start=True) == {}, "a slow mail server does not delay a start"


def test_mail_and_text_messages_that_are_there(connected):
    with mail_server() as server, small_server(lambda _question: (405, {}, b"")) as provider:
        text = NOTICES.replace("smtp://127.0.0.1:1", f"smtp://127.0.0.1:{server.port}")
        (connected / "notices.toml").write_text(text.replace("http://127.0.0.1:1/", provider.url))
        assert checked(connected).keys() == {"provider op"}
        assert (server.taken, server.handler.connections) == ([], 1)
        assert ["authorization" in one.headers for one in provider.asked] == [False], "no token leaves"


@contextmanager
def answering(monkeypatch, replies):
    """Answer each address with a status and a body."""

    def send(wanted):
        status, body = replies[wanted.url]
        return SimpleNamespace(status=status, body=body)

    monkeypatch.setattr(run, "send_request", send)
    yield


METADATA = {
    "right": (200, b'{"issuer": "http://127.0.0.1:1"}', []),
    "of another issuer": (200, b'{"issuer": "http://127.0.0.1:1/"}', ["provider op"]),
    "no JSON": (200, b"<html>", ["provider op"]),
    "none": (404, b"", ["provider op"]),
}


@pytest.mark.parametrize(("status", "body", "names"), METADATA.values(), ids=METADATA)
def test_metadata_of_a_provider(connected, monkeypatch, status, body, names):
    state = new_state(CheckOptions(connected))
    with answering(monkeypatch, {"http://127.0.0.1:1/.well-known/openid-configuration": (status, body)}):
        assert [one.what for one in run.inspect_providers(state)] == names


def test_a_name_that_is_unknown(connected, monkeypatch):
    def unknown(*_rest):
        raise OSError(errno.ENOENT, "Name or service not known")

    state = new_state(CheckOptions(connected, has_pages=True))
    state.settings = SETTINGS
    monkeypatch.setattr(run.socket, "getaddrinfo", unknown)
    found = list(run.inspect_names(state))
    assert [one.what for one in found] == ["soap_address", "base_url", "people_address"]
    assert {one.impact for one in found} == {Impact.REACH}


READY = b'{"checks": {"register": null, "clock": "%s"}, "warnings": {"proxy": "no header: write it", "status": null}}'


def test_the_running_service_and_its_proxy(connected, monkeypatch):
    state = new_state(CheckOptions(connected))
    list(folder.inspect_settings(state))
    list(folder.inspect_hierarchy(state))
    assert list(run.inspect_served(state)) == [], "it does not run"
    state.serving = SimpleNamespace(people="http://x", status="http://s")
    soap, status = "http://127.0.0.1:1/soap?wsdl", f"http://127.0.0.1:1/ca/{ROOT_CA}.cer"
    replies = {soap: (200, b""), status: (502, b""), "http://127.0.0.1:1/": (302, b"")}
    replies["http://s/readyz"] = (503, READY % b"it is wrong: set it")
    with answering(monkeypatch, replies):
        found = list(run.inspect_served(state))
    assert [(one.what, one.impact) for one in found] == [
        ("base_url", Impact.REACH),
        ("running service, clock", Impact.SOAP),
        ("running service, proxy", Impact.SAFETY),
    ]
    replies["http://s/readyz"] = (200, b"no JSON")
    with answering(monkeypatch, replies):
        assert [one.what for one in run.inspect_served(state)] == ["base_url", "running service"]
    monkeypatch.undo()
    assert "cannot be reached" in next(iter(run.inspect_served(state))).why
