"""Separation of the signer by root, for the users of the packages (signer.md)."""

import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys

import pytest

from sinetti.authority.signer_separation import give_files
from sinetti.infra.file_permissions import acting_as
from tests.house.tree import DOCS
from tests.support import soft_token
from tests.support.officers import key_of
from tests.support.packaged import AUTHORITY, COMMAND, IS_ROOT, packaged_machine
from tests.support.serving import end_group, until

as_root = pytest.mark.skipif(not IS_ROOT, reason="users are changed by root alone")
PIN = "/etc/sinetti/pin"
SIGNER, SOCKET = "/var/lib/sinetti-signer/signer", "/run/sinetti-signer/signer.sock"
DAEMON, GAMES = 1, 5
PROPOSED = re.compile(r"Proposed: (\w+)\.")
STEPS = ("built", "handed over", "named", "switched", "removed one")
KILLED = f"""\
#!{sys.executable} -Wignore
import os, sys
from sinetti.authority.bootstrap import RuntimeOptions, open_authority
from sinetti.cli import main
from sinetti.cli.authority import common

wanted = sys.argv.pop(1)
manner = RuntimeOptions(step=lambda name: os.kill(os.getpid(), 9) if name == wanted else None)
common.open_authority = lambda root, kind, passphrase: open_authority(root, kind, manner, passphrase=passphrase)
sys.exit(main.main())
"""
"""The program, which is killed at a step."""


@as_root
def test_a_server_sees_the_user_as_whom_a_block_runs():
    """PostgreSQL's peer authentication reads the same."""
    with acting_as((DAEMON, DAEMON)), socket.socketpair()[0] as own:
        found = own.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    assert struct.unpack("iII", found)[1:] == (DAEMON, DAEMON)
    assert (os.geteuid(), os.getegid()) == (0, 0)
    with acting_as((DAEMON, DAEMON)), acting_as((GAMES, GAMES)):
        assert os.geteuid() == GAMES
    with acting_as(None):
        assert os.geteuid() == 0


@as_root
def test_a_service_has_no_file_of_another_user_given_away(tmp_path):
    """The service's user can name any path as that of its PIN."""
    own, other = tmp_path / "own", tmp_path / "other"
    own.touch()
    other.touch()
    os.chown(own, DAEMON, DAEMON)
    give_files([own, other], (DAEMON, DAEMON), (GAMES, GAMES))
    assert [path.stat().st_uid for path in (own, other)] == [GAMES, 0]


def page():
    """Return the command of the page, on one line."""
    text = (DOCS / "operators" / "signer.md").read_text(encoding="utf-8")
    block = text.partition("## Separation\n")[2].partition("\n    sinetti ")[2].partition("\n\n")[0]
    return re.sub(r"\\\n\s*", "", f"sinetti {block}")


@pytest.fixture
def machine():
    """Yield a machine with an authority of deploy/README.md, and keys in a token."""
    with packaged_machine() as one:
        one.setup = "export SOFTHSM2_CONF=/srv/softhsm/softhsm2.conf"
        one.does("install -d -m 0700 -o sinetti -g sinetti /srv/softhsm/tokens; chmod 755 /srv/softhsm")
        text = (
            f"directories.tokendir = {one.at('/srv/softhsm/tokens')}\nobjectstore.backend = file\nlog.level = ERROR\n"
        )
        one.at("/srv/softhsm/softhsm2.conf").write_text(text)
        one.does("runuser -u sinetti -- softhsm2-util --init-token --free --label ca --pin 4711-pin --so-pin so-pin")
        one.at(PIN).write_text("4711-pin\n")
        one.does(f"chmod 600 {PIN}; chown {DAEMON}:{DAEMON} {PIN}")
        (one.folder / "bin" / "killed").write_text(KILLED)
        (one.folder / "bin" / "killed").chmod(0o755)
        found = soft_token.module()
        one.found(f"--pkcs11-module {found} --pkcs11-token ca --pkcs11-pin-file {PIN}")
        yield one


def approved(machine, line):
    """Propose and approve a command; return the words that carry it out."""
    code, _out, err = machine.run(f"{line} --officer anna")
    assert code == 3, err
    (number,) = PROPOSED.findall(err)
    machine.does("install -d -o sinetti /run/approvals")
    files = machine.at("/run/approvals")
    approval = f"runuser -u sinetti -- sinetti authority approval {{}} {number} --dir {AUTHORITY}"
    for name, code in {"anna": 3, "ben": 0}.items():
        machine.does(approval.format("show") + f" --out /run/approvals/{number}")
        (files / f"{number}.sig").write_bytes(key_of(name).sign((files / number).read_bytes()))
        given = machine.run(approval.format("give") + f" --officer {name} --signature /run/approvals/{number}.sig")
        assert given[0] == code, given
    return f"{line} --approval {number}"


def owners(*folders):
    """Return the users of all files in folders."""
    return {path.stat().st_uid for one in folders for path in (one, *one.rglob("*"))}


@as_root
@soft_token.NEEDED
@pytest.mark.long
def test_the_page_is_played_by_the_users_of_the_packages(machine):
    authority, signer, pin = machine.at(AUTHORITY), machine.at(SIGNER), machine.at(PIN)
    line = f"runuser -u root -- {page()}"  # in a place where all users can read Python
    code, _out, err = machine.run(f"{line} --officer anna")
    assert (code, "secrets wrap passphrase --alone first" in err) == (2, True), err
    wrap = f"{COMMAND} sinetti authority secrets wrap passphrase --alone --dir {AUTHORITY}"
    machine.does(approved(machine, wrap))
    for other in (line.replace("-u root", "-u sinetti"), line.replace("--signer-user sinetti-signer", "")):
        code, _out, err = machine.run(f"{other} --officer anna")
        assert code in {2, 5}, err
    line = approved(machine, line)
    # The signer's user cannot use the token yet.
    before = {path: path.read_bytes() for path in authority.rglob("keys/*")}
    code, _out, err = machine.run(line)
    assert (code, "the token ca cannot be used" in err) == (5, True), err
    assert before == {path: path.read_bytes() for path in authority.rglob("keys/*")}
    assert 'signer = ""' in (authority / "authority.toml").read_text()
    assert pin.stat().st_uid == DAEMON
    machine.does(f"chown -R {GAMES}:{GAMES} /srv/softhsm/tokens")
    for step in STEPS:
        code, out, err = machine.run(line.replace("-- sinetti", f"-- killed '{step}'"))
        assert code in {-signal.SIGKILL, 128 + signal.SIGKILL}, (step, out, err)
        assert owners(machine.at("/var/lib/sinetti")) == {DAEMON}, step
    machine.does(line)
    assert owners(machine.at("/var/lib/sinetti")) == {DAEMON}
    assert owners(signer, pin, machine.at("/etc/sinetti/signer-passphrase")) == {GAMES}
    assert not [path for path in (authority / "keys").iterdir() if path.suffix in {".pem", ".uri"}]
    machine.does("install -d -m 0755 -o sinetti-signer /run/sinetti-signer")
    started = COMMAND.replace("--uid sinetti", "--uid sinetti-signer").replace(
        "sinetti/passphrase", "sinetti/signer-passphrase"
    )
    run = f"exec {started} sinetti authority signer --signer-dir {SIGNER} --socket {SOCKET} --user sinetti"
    log = machine.folder / "signer-log"
    with log.open("w") as messages, subprocess.Popen(
        ["bash", "-c", machine.placed(f"{machine.setup}\n{run}")], stdin=subprocess.DEVNULL, stderr=messages,
        env=machine.environment, start_new_session=True,
    ) as process:  # fmt: skip
        try:
            until(lambda: "Ready" in log.read_text() or process.poll() is not None)
            assert "Ready" in log.read_text(), log.read_text()
            os.chown(machine.at(SOCKET), GAMES, DAEMON)  # the unit's Group=
            keys = json.loads(machine.does(f"{COMMAND} sinetti authority keys check --json --dir {AUTHORITY}"))
            assert {one["store"] for one in keys} == {"file", "signer"}, "the root is elsewhere"
            with machine.serving():
                pass
        finally:
            end_group(process)
