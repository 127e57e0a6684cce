"""`sinetti gateway ssh-keys` as sshd runs it.

Standard output has one line or nothing, and standard error has the reason.
"""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sinetti.ca.crl import attach_crl_signature, prepare_crl
from sinetti.cli import entry
from sinetti.cli.gateway import ssh_keys
from sinetti.cli.main import main
from sinetti.domain.values import Channel
from sinetti.pki.encoding import certificate_der, sign
from tests.support.authority import CUSTOMER_ID, NOW, VALIDITY, authority, holder_certificate, holder_key, issuer

KEY = holder_key(1).public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode().split()
OTHER_KEY = holder_key(2).public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode().split()
END = f"{NOW + VALIDITY:%Y%m%d%H%M%S}Z"
LINE = f'restrict,expiry-time="{END}" {" ".join(KEY)}\n'
CLOCK = "sinetti: --at is for tests: this computer's clock is not used.\n"


@dataclass
class Place:
    """Arguments of the command."""

    folder: Path
    capsys: pytest.CaptureFixture

    def words(self, *question, at=NOW, **changes):
        options = {
            "certificates": self.folder / "certificates",
            "users": self.folder / "users",
            "anchors": self.folder / "anchors.pem",
            "crls": self.folder / "crls",
            "at": at and at.isoformat(),
        } | changes
        named = [word for name, value in options.items() if value is not None for word in (f"--{name}", str(value))]
        return ["gateway", "ssh-keys", *named, *(question or ("acme", *KEY))]

    def asks(self, *question, **changes):
        """Return exit code, standard output, and standard error without the clock warning."""
        code = main(self.words(*question, **changes))
        caught = self.capsys.readouterr()
        return code, caught.out, caught.err.removeprefix(CLOCK)

    def settings(self, text):
        path = self.folder / "gateway.toml"
        path.write_text(f'anchors = "anchors.pem"\n{text}', encoding="utf-8")
        return {"settings": path, "anchors": None, "crls": None}


@pytest.fixture
def place(tmp_path, capsys):
    for name in ("certificates", "crls"):
        (tmp_path / name).mkdir()
    leaf = holder_certificate(holder_key(1), channel=Channel.SFTP)
    (tmp_path / "certificates" / "acme.cer").write_bytes(certificate_der(leaf))
    (tmp_path / "anchors.pem").write_bytes(authority().holders_bundle)
    (tmp_path / "users").write_text(f"acme {CUSTOMER_ID}\nother 7654321-0\n", encoding="utf-8")
    for path in ("users", "anchors.pem", "certificates/acme.cer"):
        (tmp_path / path).chmod(0o644)
    by = issuer(Channel.SFTP)
    tbs = prepare_crl(by, [], 1, NOW, NOW + VALIDITY)
    der = attach_crl_signature(tbs, sign(authority().key(by.key_name), tbs), by.certificate)
    (tmp_path / "crls" / "sftp.crl").write_bytes(der)
    return Place(tmp_path, capsys)


def test_one_line_and_nothing_else(place):
    assert place.asks() == (0, LINE, "")


def test_settings_of_the_gateway(place):
    assert place.asks(**place.settings('revocation = "crl"\ncrls = "crls"\n')) == (0, LINE, "")
    assert place.asks(**place.settings('revocation = "DANGEROUSLY-NONE"\nchannel = "SFTP"\n')) == (0, LINE, "")


REFUSED = {
    "another organisation's user": (("other", *KEY), "another organisation's"),
    "a key that no certificate has": (("acme", *OTHER_KEY), "no certificate in the folder"),
    "a user whom nobody named": (("root", *KEY), "does not name"),
    "no user at all": (("acme;id", *KEY), "not a user name"),
    "a type that holders do not have": (("acme", "ssh-ed25519", KEY[1]), "holders' keys"),
    "no base64": (("acme", KEY[0], "a b"), "not base64"),
}


@pytest.mark.parametrize(("question", "why"), REFUSED.values(), ids=REFUSED)
def test_a_refusal_is_one_line_for_the_operator(place, question, why):
    code, out, err = place.asks(*question)
    assert (code, out) == (3, "")
    (line,) = err.splitlines()
    assert line.startswith(f"sinetti: user {question[0]!r}: refused: ")
    assert why in line


def test_without_at_the_machines_clock_counts(place):
    code, out, err = place.asks(at=None)
    assert (code, out) == (3, "")
    assert "status-unknown" in err


UNREADABLE = {
    "no file of users": ({"users": "nowhere"}, "nowhere: No such file"),
    "a file of users that is understood by half": ({"users": "anchors.pem"}, "line 1 is not a user"),
    "a file of users in another encoding": ({"users": "certificates/acme.cer"}, "no UTF-8"),
    "no folder of certificates": ({"certificates": "nowhere"}, "nowhere: No such file"),
    "no anchors": ({"anchors": "users"}, "contains no PEM certificate"),
    "no folder of lists": ({"crls": "users"}, "no such folder"),
    "no lists at all": ({"crls": None}, "both of --anchors and --crls"),
    "both ways at once": ({"settings": "users"}, "either --settings or both"),
}


@pytest.mark.parametrize(("changes", "why"), UNREADABLE.values(), ids=UNREADABLE)
def test_what_cannot_be_read_lets_nobody_in(place, changes, why):
    code, out, err = place.asks(**{name: value and place.folder / value for name, value in changes.items()})
    assert (code, out) == (2, "")
    assert why in err


@pytest.mark.parametrize("mode", [0o664, 0o646])
def test_a_file_of_users_that_others_may_write_lets_nobody_in(place, mode):
    (place.folder / "users").chmod(mode)
    code, out, err = place.asks()
    assert (code, out) == (2, "")
    assert "chmod go-w" in err


@pytest.mark.parametrize("at", ["yesterday", "2026-03-02T12:00:00"])
def test_an_instant_has_a_zone(place, at):
    assert place.asks("--at", at, "acme", *KEY, at=None)[:2] == (2, "")


def test_settings_for_another_channel(place):
    code, out, err = place.asks(**place.settings('revocation = "crl"\ncrls = "crls"\nchannel = "WS"\n'))
    assert (code, out) == (2, "")
    assert "use separate settings for SFTP" in err


@pytest.mark.parametrize(("user", "code"), [("acme", 0), ("other", 3)])
def test_files_that_are_broken_are_named(place, user, code):
    (place.folder / "certificates" / "half.cer").write_bytes(b"\x30\x82")
    ended, out, err = place.asks(user, *KEY)
    assert (ended, out) == (code, LINE if code == 0 else "")
    assert "1 of the files" in err
    assert "'half.cer'" in err


def test_the_systems_log_hears_it_where_asked_for(place, monkeypatch):
    said = []
    monkeypatch.setattr("syslog.syslog", lambda level, line: said.append(line))
    place.asks("other", *KEY)
    assert said == []
    place.asks("--syslog", "other", *KEY)
    (line,) = said
    assert line.startswith("user 'other': refused: certificate ")


def test_a_fault_of_our_own_lets_nobody_in(place, monkeypatch):
    def falls(offered, *_):
        raise RuntimeError(offered.user)

    monkeypatch.setattr(ssh_keys.ssh_authorized_keys, "authorize", falls)
    code, out, err = place.asks()
    assert (code, out) == (1, "")
    assert "internal error: RuntimeError: acme" in err


def test_the_short_way_says_the_same(place, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["sinetti", *place.words()])
    assert entry.main() == 0
    assert place.capsys.readouterr().out == LINE


def test_the_short_way_takes_nothing_along_that_it_does_not_need():
    """The sshd daemon waits for this command, so it loads no client and no server."""
    program = "import sys, sinetti.cli.gateway.ssh_keys as _; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    for name in ("django", "sinetti.client", "sinetti.cli.client.common", "granian"):
        assert name not in loaded
