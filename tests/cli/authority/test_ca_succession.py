"""`sinetti authority ca begin|install|rollover`: what they print, and with what they end."""

import json
import re

import pytest

from sinetti.authority.succession import SuccessionContext, certify
from sinetti.cli.authority.common import opened_authority
from sinetti.database.authorities import register
from tests.support import golden
from tests.support.officers import approve, founders, proposed

V1, V2 = "DataProvidersTestIssuingCAv1", "DataProvidersTestIssuingCAv2"
OFFLINE_PHRASE = "a pass-phrase for the offline keys"


@pytest.fixture
def operator(sqlite_operator):
    sqlite_operator.found()
    return sqlite_operator


def states(operator):
    return {row["name"]: row["state"] for row in json.loads(operator.does("ca", "list", "--json"))}


def certificate(operator, tmp_path, name=V2):
    """Sign the certificate of a CA that was begun, and return its file."""
    path = tmp_path / f"{name}.der"
    with opened_authority(operator.root) as authority:
        pending = register.find_pending(authority.ctx.db, name)
        path.write_bytes(certify(pending, SuccessionContext(authority, "test", "0" * 32)))
    return path


def test_begin_install_and_activate(operator, tmp_path):
    begin = ("ca", "begin", "--ca", V1)
    assert json.loads(operator.does(*begin, "--json")) == {"result": "begun", "name": V2}
    assert json.loads(operator.does(*begin, "--json")) == {"result": "begun", "name": V2}
    assert states(operator)[V2] == "pending"
    operator.refused(2, "ca", "activate", V2)
    path = certificate(operator, tmp_path)
    wrong = operator.root / "ca" / f"{V1}.cer"
    operator.refused(3, "ca", "install", V2, "--certificate", wrong)
    (tmp_path / "junk").write_bytes(b"junk")
    operator.refused(3, "ca", "install", V2, "--certificate", tmp_path / "junk")
    installed = operator.does("ca", "install", V2, "--certificate", path, "--json")
    assert json.loads(installed) == {"result": "installed", "name": V2}
    assert states(operator)[V2] == "standby"
    operator.does("ca", "install", V2)
    operator.does("ca", "activate", V2)
    assert {name: state for name, state in states(operator).items() if "ISSUING" in name.upper()} == {
        V1: "publishing",
        V2: "issuing",
        "DataProvidersSFTPTestIssuingCAv1": "issuing",
        "ServicesTestIssuingCAv1": "issuing",
    }
    keys = {row["name"]: row["generation"] for row in json.loads(operator.does("keys", "list", "--json"))}
    assert (keys[V1], keys[V2]) == (1, 2)
    golden.check("sentences/ca-succession/begin-install-and-activate", operator.said())


@pytest.mark.long
def test_a_rollover_says_what_issues(operator):
    first = ("ca", "rollover", "--channel", "WS")
    assert json.loads(operator.does(*first, "--json")) == {"result": "rolled-over", "name": V2, "replaces": V1}
    operator.noted("ca", "rollover", "--ca", V1)
    assert states(operator)[V2] == "issuing"
    operator.refused(2, "ca", "rollover", "--ca", "Other")
    operator.does("ca", "stop", V2)
    operator.refused(3, "ca", "rollover", "--ca", V1)
    operator.refused(2, *first)
    golden.check("sentences/ca-succession/a-rollover-says-what-issues", operator.said())


WRONG = (
    ("--name", "Issuing CA v2"),
    ("--name", "Services Test Issuing CA v1"),
    ("--name", "Test_CA"),
    ("--days", "6000"),
    ("--days", "700"),
    ("--days", "0"),
)


def test_wrong_options_are_refused(operator):
    for command in ("begin", "rollover"):
        for options in WRONG:
            operator.refused(2, "ca", command, "--ca", V1, *options)
    assert V2 not in states(operator)
    golden.check("sentences/ca-succession/wrong-options-are-refused", operator.said())


@pytest.mark.long
def test_without_the_key_above_it_names_the_commands(sqlite_operator, tmp_path):
    operator, phrase = sqlite_operator, tmp_path / "phrase"
    phrase.write_text(OFFLINE_PHRASE)
    phrase.chmod(0o600)
    offline = ("--offline-dir", tmp_path / "offline", "--offline-passphrase-file", phrase)
    operator.found(*offline)
    sentence = operator.refused(2, "ca", "rollover", "--ca", V1)
    assert re.findall(r"sinetti authority (?:ca )?[a-z-]+", sentence) == [
        "sinetti authority ca begin",
        "sinetti authority import-signed",
        "sinetti authority ca activate",
    ]
    operator.noted("ca", "begin", "--ca", V1)
    operator.refused(2, "ca", "install", V2)
    request = tmp_path / "request-set.json"
    operator.does("ca", "begin", "--ca", V1, "--request-out", request)
    assert json.loads(request.read_bytes())["kind"] == "certify"
    elsewhere = ("--offline-dir", tmp_path / "elsewhere", "--offline-passphrase-file", phrase)
    operator.refused(2, "ca", "install", V2, *elsewhere)
    operator.does("ca", "install", V2, *offline)
    assert states(operator)[V2] == "standby"
    operator.does("ca", "rollover", "--ca", V1, *offline)
    assert states(operator)[V2] == "issuing"
    golden.check("sentences/ca-succession/without-the-key-above-it-names-the-commands", operator.said())


@pytest.mark.rare
def test_two_officers_roll_a_ca_over(sqlite_operator, tmp_path):
    operator = sqlite_operator
    operator.found(*founders())
    words = ("ca", "rollover", "--channel", "WS", "--officer", "anna")
    proposal = proposed(operator, *words)
    approve(operator, proposal, tmp_path)
    other = ("ca", "rollover", "--channel", "SFTP", "--officer", "anna", "--approval", proposal)
    assert operator.run(*other)[0] == 2
    assert "pending" not in states(operator).values()
    operator.does(*words, "--approval", proposal)
    assert states(operator)[V2] == "issuing"
