"""`authority ca revoke`, and ceremonies for new and revoked CAs, as people type them."""

import json

import pytest

from sinetti.ca.ceremony.sets import CeremonyKind, parse_request_set
from sinetti.cli.main import main
from tests.support.registers import all_connections_closed

OLD = "DataProvidersTestIssuingCAv1"


@pytest.fixture
def at(tmp_path, capsys):
    """Return a runner of commands."""

    def command(*words):
        code = main([str(word) for word in words])
        caught = capsys.readouterr()
        return code, caught.out, caught.err

    with all_connections_closed():
        yield command


def found(at, tmp_path, *more):
    code, _, err = at(
        *("authority", "init", "--dir", tmp_path / "authority", "--environment", "TEST"),
        *("--base-url", "http://pki.example", "--soap-url", "https://soap.example", *more),
    )
    assert code == 0, err
    return tmp_path / "authority"


def states(at, root):
    code, out, _ = at("authority", "ca", "list", "--dir", root, "--json")
    assert code == 0
    return {one["name"]: one["state"] for one in json.loads(out)}


def revoke(at, root, *more, name=OLD, reason="cACompromise"):
    return at("authority", "ca", "revoke", name, "--reason", reason, "--dir", root, *more)


@pytest.mark.long
def test_a_stolen_ca_is_revoked_in_one_command_and_its_standby_takes_over(at, tmp_path):
    root = found(at, tmp_path, "--standby")
    standby = OLD.replace("v1", "v2")
    assert states(at, root)[standby] == "standby"
    code, _, err = revoke(at, root, "--bridge-hours", "5")
    assert code == 0, err
    assert "is distrusted since" in err
    assert f"{OLD} is revoked, and on the list of SinettiIntermediateTestCAv1." in err
    assert states(at, root)[OLD] == "revoked"
    code, _, err = at("authority", "ca", "activate", standby, "--dir", root)
    assert (code, states(at, root)[standby]) == (0, "issuing"), err


@pytest.mark.long
def test_without_the_key_above_a_request_set_is_written(at, tmp_path):
    (tmp_path / "phrase").write_text("a pass-phrase of the offline keys")
    (tmp_path / "phrase").chmod(0o600)
    offline = ("--offline-dir", tmp_path / "offline", "--offline-passphrase-file", tmp_path / "phrase")
    root = found(at, tmp_path, *offline)
    code, _, err = revoke(at, root, reason="superseded")
    assert code == 0
    assert "not yet on the list of SinettiIntermediateTestCAv1, whose key is offline" in err
    code, _, err = revoke(at, root, "--request-out", tmp_path / "request-set.json", reason="superseded")
    assert code == 0
    assert "Write these words on paper" in err
    request = parse_request_set((tmp_path / "request-set.json").read_bytes())
    assert (request.kind, request.revocations[0].name) == (CeremonyKind.REVOKE, OLD)
    plan = ("ceremony", "plan", "--environment", "TEST", "--request-set", tmp_path / "request-set.json")
    code, out, _ = at(*plan, "--kind", "revoke")
    assert code == 0
    assert f'name = "{OLD}"\nreason = "superseded"' in out
    assert at(*plan, "--kind", "certify")[0] == 2
    code, _, err = revoke(at, root, *offline, reason="superseded")
    assert f"{OLD} is revoked, and on the list" in err


REFUSED = {
    "the root": ({"name": "SinettiRootTestCAv1"}, (), 3, "out of band"),
    "an unknown CA": ({"name": "OtherCA"}, (), 2, "there is no CA"),
    "a time of theft without a theft": ({"reason": "superseded"}, ("--since", "2026-01-01T00:00:00Z"), 2, "leave them"),
    "a time without zone": ({}, ("--since", "2026-01-01T00:00:00"), 2, "time zone"),
    "a long bridge": ({}, ("--bridge-hours", "73"), 3, "0 to 72 hours"),
    "a file that is no checkpoint": ({}, ("--under-checkpoint", __file__), 3, "no checkpoint of this log"),
}


@pytest.mark.long
def test_revocations_that_are_refused(at, tmp_path):
    root = found(at, tmp_path)
    for more, options, code, why in REFUSED.values():
        result, _, err = revoke(at, root, *options, **more)
        assert (result, why in err) == (code, True), err
    assert set(states(at, root).values()) == {"issuing"}


def test_a_standby_token_needs_the_others(at, tmp_path):
    code, _, err = at(
        *("authority", "init", "--dir", tmp_path / "authority", "--environment", "TEST", "--standby-token", "second"),
        *("--base-url", "http://pki.example", "--soap-url", "https://soap.example"),
    )
    assert code == 2
    assert "--standby-token needs --standby and --pkcs11-token" in err
