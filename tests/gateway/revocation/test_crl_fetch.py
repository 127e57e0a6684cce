"""Command `sinetti gateway fetch`: new CRLs, kept CRLs, and report of their age."""

import hashlib
import json
import os
import time
from datetime import timedelta

import pytest

from sinetti.cli.main import main
from sinetti.domain.values import Channel
from sinetti.gateway.crl_freshness import NoIssuer, crl_age, issuer_of, max_age
from sinetti.gateway.revocation.crl_fetch import CrlDownload, current_file, fetch
from sinetti.infra import atomic_files, http_client
from sinetti.infra.clock import utc_now
from sinetti.pki.encoding import certificate_der
from tests.support.authority import NOW, issuer
from tests.support.killed import KilledError
from tests.support.relying import material
from tests.support.small_server import small_server

ONE_MINUTE = timedelta(minutes=1)
MADE = material(NOW)
ISSUER = issuer_of(certificate_der(issuer(Channel.WS, MADE.built).certificate), "issuing.pem")
OLD = MADE.crl(at=NOW, number=5)
NEW = MADE.crl(at=NOW + ONE_MINUTE, number=6)


def wanted(tmp_path, url, kept=OLD):
    file = tmp_path / "issuing.crl"
    if kept is not None:
        file.write_bytes(kept)
    return CrlDownload(f"{url}/crl/issuing.crl", file, ISSUER)


COMES = {
    "a new one": (NEW, True, None),
    "the same one": (OLD, False, None),
    "an older one": (MADE.crl(at=NOW - ONE_MINUTE, number=5), False, "older"),
    "one of a lower number": (MADE.crl(at=NOW + ONE_MINUTE, number=4), False, "lower number"),
    "one that another CA signed": (MADE.crl(channel=Channel.SFTP, at=NOW + ONE_MINUTE, number=6), False, "signed"),
    "one that was changed": (NEW[:-1] + bytes([NEW[-1] ^ 1]), False, "signed"),
    "one of a version that there is not": (NEW.replace(b"\x02\x01\x01", b"\x02\x01\x02", 1), False, "signed"),
    "no list": (b"<html>", False, "signed"),
    "nothing": (b"", False, "signed"),
}


@pytest.mark.parametrize(("comes", "changed", "why"), COMES.values(), ids=COMES)
def test_what_comes(tmp_path, comes, changed, why):
    with small_server(lambda _: (200, {}, comes)) as server:
        one = wanted(tmp_path, server.url)
        fetched = fetch(one)
    assert fetched.changed is changed
    assert (fetched.trouble is None) if why is None else (why in fetched.trouble)
    assert one.file.read_bytes() == (NEW if changed else OLD)
    assert {path.name for path in tmp_path.iterdir()} == {"issuing.crl"}


@pytest.mark.parametrize("status", [204, 206, 301, 302, 304, 404, 500])
def test_other_answers_change_nothing(tmp_path, status):
    with small_server(lambda _: (status, {"location": "/other"}, b"")) as server:
        one = wanted(tmp_path, server.url)
        assert f"status {status}" in fetch(one).trouble
        assert len(server.asked) == 1, "nobody is sent elsewhere"
    assert one.file.read_bytes() == OLD


@pytest.mark.parametrize(
    "kept", [None, b"broken", MADE.crl(channel=Channel.SFTP, number=9)], ids=["none", "broken", "foreign"]
)
def test_what_is_no_list_of_its_ca_is_replaced(tmp_path, kept):
    with small_server(lambda _: (200, {}, OLD)) as server:
        one = wanted(tmp_path, server.url, kept)
        assert fetch(one).changed
    assert one.file.read_bytes() == OLD


def test_one_that_is_here_already_is_not_sent_again(tmp_path):
    def answers(question):
        known = question.headers.get("if-none-match") == '"a"'
        return (304, {"etag": '"a"'}, b"") if known else (200, {"etag": '"a"'}, NEW)

    with small_server(answers) as server:
        one = wanted(tmp_path, server.url)
        assert [fetch(one).changed, fetch(one).changed] == [True, False]
        assert [question.headers.get("if-none-match") for question in server.asked] == [None, '"a"']
        one.file.write_bytes(OLD)
        assert fetch(one).changed, "the entity tag is of other octets now"
        (tmp_path / ".issuing.crl.etag").write_bytes(b"{")
        assert fetch(one).trouble is None
        assert server.asked[-1].headers.get("if-none-match") is None


def test_of_two_downloads_the_one_with_the_newer_list_wins(tmp_path):
    """Another process stores a newer list while this one downloads."""
    newest = MADE.crl(at=NOW + 2 * ONE_MINUTE, number=7)

    def answers(_):
        one.file.write_bytes(newest)
        return 200, {}, NEW

    one = wanted(tmp_path, "http://127.0.0.1:9")
    with small_server(answers) as server:
        late = fetch(wanted(tmp_path, server.url))
    assert "lower number" in late.trouble
    assert one.file.read_bytes() == newest


def test_where_there_is_no_lock_a_list_is_stored_without_one(tmp_path, monkeypatch):
    monkeypatch.setattr(atomic_files, "find_spec", lambda _name: None)
    with small_server(lambda _: (200, {}, NEW)) as server:
        assert fetch(wanted(tmp_path, server.url)).changed


def test_the_number_of_the_list_in_the_file(tmp_path):
    with small_server(lambda question: (304 if "if-none-match" in question.headers else 200, {"etag": '"a"'}, NEW)) as (
        server
    ):
        one = wanted(tmp_path, server.url)
        assert [fetch(one).number, fetch(one).number] == [6, 6]
    assert fetch(one).number is None


@pytest.mark.parametrize(
    "etag", ['"' + "a" * 300 + '"', '"a\x01"', '"a"\r\n folded'], ids=["long", "control", "folded"]
)
def test_an_entity_tag_that_a_server_might_not_take_back_is_not_kept(tmp_path, etag):
    # An attacker in the middle could name one that makes every later request fail.
    with small_server(lambda _: (200, {"etag": etag}, NEW)) as server:
        one = wanted(tmp_path, server.url)
        assert [fetch(one).changed, fetch(one).trouble] == [True, None]
        assert [question.headers.get("if-none-match") for question in server.asked] == [None, None]
    assert {path.name for path in tmp_path.iterdir()} == {"issuing.crl"}


def test_who_is_away_or_slow_changes_nothing(tmp_path):
    with small_server(lambda _: (200, {"content-length": str(len(NEW) + 1)}, NEW)) as server:
        one = wanted(tmp_path, server.url)
        assert "gave no complete answer" in fetch(one, within=0.2).trouble
    assert "gave no complete answer" in fetch(one).trouble
    assert one.file.read_bytes() == OLD


def test_who_is_late_before_there_is_a_connection_is_asked_nothing(monkeypatch):
    # A TLS handshake cannot be cut. The client notices a late handshake as soon as it is complete.
    class Late:
        sock = None
        asked = False

        def connect(self):
            time.sleep(0.2)

        def request(self, *_):
            Late.asked = True

        def close(self):
            """Close nothing."""

    monkeypatch.setattr(http_client, "_connection", lambda *_: Late())
    with pytest.raises(http_client.HttpError, match=r"longer than 0.05 s"):
        http_client.send_request(http_client.HttpRequest("https://late.example/", within=0.05))
    assert not Late.asked


def test_a_host_that_can_have_no_address_stops_no_other(tmp_path, monkeypatch):
    monkeypatch.setattr("socket.getaddrinfo", lambda host, *_: host.encode("idna"))  # as the system's own does
    assert "gave no complete answer" in fetch(wanted(tmp_path, f"http://{'a' * 64}.example")).trouble


def test_a_run_that_is_killed_leaves_what_was_there(tmp_path, monkeypatch):
    """Before each step that the disk sees; then once more to its end."""
    with small_server(lambda _: (200, {}, NEW)) as server:
        for step in ("unlink", "open", "fsync", "replace"):
            one = wanted(tmp_path, server.url)

            def kill(*_asked, **_named):
                raise KilledError

            with monkeypatch.context() as patch:
                place = os if step in {"open", "fsync"} else atomic_files.Path
                patch.setattr(place, step, kill)
                with pytest.raises(KilledError):
                    fetch(one)
            assert one.file.read_bytes() == OLD
            assert fetch(one).changed
            assert {path.name for path in tmp_path.iterdir()} == {"issuing.crl"}


def test_a_full_disk_is_told(tmp_path, monkeypatch):
    def full(*_asked):
        raise OSError(28, "No space left on device")

    with small_server(lambda _: (200, {}, NEW)) as server:
        one = wanted(tmp_path, server.url)
        monkeypatch.setattr(os, "fsync", full)
        assert "No space left" in fetch(one).trouble
    assert one.file.read_bytes() == OLD
    assert {path.name for path in tmp_path.iterdir()} == {"issuing.crl"}


AGES = {
    "just made": (timedelta(), True, "0 min old"),
    "the last second": (timedelta(hours=1), True, "60 min old"),
    "one second more": (timedelta(hours=1, seconds=1), False, "STALE, 60 min old"),
    "two days": (timedelta(days=2), False, "STALE, 2 days old"),
    "a little ahead": (-timedelta(minutes=5), True, "0 min old"),
    "too far ahead": (-timedelta(minutes=5, seconds=1), False, "STALE"),
}


@pytest.mark.parametrize(("age", "current", "said"), AGES.values(), ids=AGES)
def test_ages(tmp_path, age, current, said):
    lists = current_file(wanted(tmp_path, "http://127.0.0.1"))
    told = crl_age(ISSUER, lists, timedelta(hours=1), NOW + age)
    assert (told.current, told.age) == (current, age)
    assert said in told.said()


def test_lists_about_cas_count_until_their_end():
    built = MADE.built
    bounds = {
        name: max_age(issuer_of(certificate_der(built.entries[spec.file_name][1]), name), None, timedelta(hours=1))
        for spec in built.hierarchy.authorities
        for name in [spec.role.value]
    }
    assert bounds == {"root": None, "intermediate": None, "issuing": timedelta(hours=1), "services": timedelta(hours=1)}


def test_an_issuer_is_one_ca():
    with pytest.raises(NoIssuer, match="one CA"):
        issuer_of(MADE.der("good"), "x")
    with pytest.raises(NoIssuer, match="one CA"):
        issuer_of(MADE.anchors(), "x")
    with pytest.raises(NoIssuer, match="this is no"):
        issuer_of(b"x", "x")


@pytest.fixture
def folder(tmp_path):
    folder = material(utc_now()).written(tmp_path / "m")
    text = 'anchors = "anchors.pem"\nrevocation = "crl"\ncrls = "lists"\n'
    for name in ("one", "two"):
        text += f'[[list]]\nurl = "URL/{name}"\nfile = "{name}.crl"\nissuer = "issuing.pem"\n'
    (folder / "gateway.toml").write_text(text)
    return folder


def run(folder, url, *words):
    text = (folder / "gateway.toml").read_text().replace("URL", url)
    (folder / "used.toml").write_text(text)
    return main(["gateway", "fetch", "--settings", str(folder / "used.toml"), *words])


def test_the_command_goes_on_past_a_bad_address(folder, capsys):
    fresh = (folder / "lists" / "issuing.crl").read_bytes()
    with small_server(lambda asked: (200, {}, fresh if asked.path == "/two" else b"")) as server:
        assert run(folder, server.url, "--json") == 4
        rows = json.loads(capsys.readouterr().out)
        assert [(row["current"], row["changed"], row["trouble"] is None) for row in rows] == [
            (False, False, False),
            (True, True, True),
        ]
        assert (rows[0]["this_update"], rows[0]["age_seconds"]) == (None, None)
        assert hashlib.sha256((folder / "lists" / "two.crl").read_bytes()).digest() == hashlib.sha256(fresh).digest()
        server.answers = lambda _: (200, {}, fresh)
        assert run(folder, server.url) == 0
        server.answers = lambda _: (500, {}, b"")
        assert run(folder, server.url) == 0, "what is in place is current yet"
        said = capsys.readouterr()
        assert said.err.count("status 500") == 2
        assert said.out.count("current, 0 min old") == 4


@pytest.mark.parametrize(
    ("was", "becomes", "why"),
    [
        ('issuer = "issuing.pem"\n', "", "issuer is needed"),
        ("issuing.pem", "none.pem", "No such file"),
        ("issuing.pem", "good.pem", "one CA certificate"),
        ("[[list]]", "[[lists]]", "not a gateway setting"),
    ],
)
def test_settings_that_do_not_do(folder, capsys, was, becomes, why):
    file = folder / "gateway.toml"
    file.write_text(file.read_text().replace(was, becomes))
    assert run(folder, "http://127.0.0.1:1") == 2
    assert why in capsys.readouterr().err
