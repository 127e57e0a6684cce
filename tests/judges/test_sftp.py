"""OpenSSH's server asks the gateway for a key's owner, as deploy/ configures it.

OpenSSH's own client logs in.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from time import sleep

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from sinetti.domain.values import Channel, KeyType
from sinetti.infra.clock import monotonic_seconds
from sinetti.pki.encoding import certificate_der, generate_key
from tests.house.tree import ROOT
from tests.judges import material
from tests.judges.material import Leaf
from tests.support.authority import holder_key
from tests.support.ports import reserve_ports
from tests.support.postgres import skip_or_fail
from tests.support.programs import surroundings

CONFIGURATION = ROOT / "deploy" / "sshd_config.d" / "sinetti.conf"
COMMAND = "/opt/sinetti/bin/sinetti"
USERS = {"games": "0123456-7", "news": "7654321-0"}
"""Users of every Debian system that have no password, with their customer ids.

The tests add no user to the machine.
"""

A, B = USERS
SETTINGS = """\
anchors = "anchors.pem"
environment = "TEST"
revocation = "crl"
crls = "crls"
"""
WITHIN = 60.0


@dataclass(frozen=True, slots=True)
class SftpServer:
    """A running sshd: its port, its folder and its output."""

    port: int
    folder: Path

    @property
    def log(self) -> str:
        """Output of the server so far."""
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")

    def client(
        self, program: str, key: str, user: str, *words: str, given: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run ssh or sftp as on a stranger's machine; return the finished process.

        It uses this key alone and no settings of this machine.
        """
        port = {"ssh": "-p", "sftp": "-P"}[program]
        options = [
            "BatchMode=yes", "IdentitiesOnly=yes", "IdentityAgent=none", "PasswordAuthentication=no",
            "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "ConnectTimeout=10",
        ]  # fmt: skip
        command = [program, "-F", "none", port, str(self.port), "-i", str(self.folder / "private" / key)]
        command += [word for option in options for word in ("-o", option)]
        place = f"{user}@127.0.0.1"
        command += ["-b", "-", *words, place] if program == "sftp" else [place, *words]
        return subprocess.run(command, input=given, capture_output=True, text=True, timeout=WITHIN, check=False)


def needed(program: str) -> str:
    """Return the path of a program.

    Without the program the test is skipped visibly.
    """
    found = shutil.which(program, path=f"{surroundings({})['PATH']}:/usr/sbin")
    if found is None:
        skip_or_fail(f"{program} is not installed (scripts/packages judges says how)")
    return found


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Yield a folder that sshd accepts.

    root owns the folder and every folder above it, which is not so below /tmp.
    """
    if os.geteuid() != 0:
        skip_or_fail("sshd lets nobody else in but whoever runs it, unless that is root")
    with tempfile.TemporaryDirectory(prefix="sinetti-sftp-", dir="/run") as made:
        place = Path(made)
        place.chmod(0o755)
        for name in ("certificates", "crls", "private", "home"):
            (place / name).mkdir(mode=0o700 if name == "private" else 0o755)
        for user in USERS:
            (place / "home" / user / "in").mkdir(parents=True)
            shutil.chown(place / "home" / user / "in", user)
        yield place


def keep(folder: Path, name: str, leaf: Leaf, *, known: bool = True) -> None:
    """Store the key for a holder and the certificate for the server."""
    private = folder / "private" / name
    private.write_bytes(leaf.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    private.chmod(0o600)
    if known:
        (folder / "certificates" / f"{name}.cer").write_bytes(certificate_der(leaf.certificate))


@pytest.fixture(scope="module")
def leaves(folder) -> dict[str, Leaf]:
    """Return the certificates and keys by name.

    Holders get certificates and keys. The server gets certificates and CRLs.
    """
    made = {
        "rsa": material.leaf(holder_key(1, KeyType.RSA_2048), Channel.SFTP),
        "p256": material.leaf(holder_key(11), Channel.SFTP),
        "p384": material.leaf(holder_key(11, KeyType.EC_P384), Channel.SFTP),
        "of-another": material.leaf(holder_key(12), Channel.SFTP, customer_id=USERS[B]),
        "expired": material.leaf(holder_key(13), Channel.SFTP, ended=True),
        "revoked": material.leaf(holder_key(14), Channel.SFTP),
        "of-another-channel": material.leaf(holder_key(15), Channel.WS),
    }
    for name, leaf in made.items():
        keep(folder, name, leaf)
    keep(folder, "without-certificate", material.leaf(holder_key(16), Channel.SFTP), known=False)
    (folder / "anchors.pem").write_bytes(material.authority().holders_bundle)
    (folder / "gateway.toml").write_text(SETTINGS)
    (folder / "users").write_text("".join(f"{user} {customer}  # a test\n" for user, customer in USERS.items()))
    (folder / "users").chmod(0o644)
    write_lists(folder, made["revoked"])
    return made


def write_lists(folder: Path, revoked: Leaf, age: timedelta = timedelta(0)) -> None:
    """Write the CRLs that the server uses.

    `age` is the time since their signature.
    """
    for channel in Channel:
        der = material.list_of(channel, [revoked.entry] if channel is Channel.SFTP else [], age=age)
        (folder / "crls" / f"{channel}.crl").write_bytes(der)


def command_user() -> str:
    """Return the user that runs sshd's command.

    It is the system's unprivileged user. It is root where that user may not run this checkout's Python, for example in
    root's home.
    """
    probe = [needed("runuser"), "-u", "nobody", "--", sys.executable, "-c", "import sinetti.gateway"]
    done = subprocess.run(probe, capture_output=True, check=False, cwd="/")
    return "nobody" if done.returncode == 0 else "root"


def configured(folder: Path) -> str:
    """Return the configuration of deploy/ with the test's own paths."""
    changes = {
        "Match Group sinetti-sftp": f"Match User {','.join(USERS)}",
        COMMAND: str(folder / "sinetti"),
        "/etc/sinetti/gateway.toml": str(folder / "gateway.toml"),
        "/var/lib/sinetti-sftp/certificates": str(folder / "certificates"),
        "/etc/sinetti/sftp-users": str(folder / "users"),
        "AuthorizedKeysCommandUser sinetti-keys": f"AuthorizedKeysCommandUser {command_user()}",
        "ChrootDirectory /srv/sftp/%u": f"ChrootDirectory {folder}/home/%u",
    }
    text = CONFIGURATION.read_text(encoding="utf-8")
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


@contextmanager
def sshd(folder: Path, name: str, configuration: str) -> Iterator[SftpServer]:
    """Run sshd with this configuration until the block ends; yield the server."""
    place = folder / name
    place.mkdir()
    (place / "private").symlink_to(folder / "private")
    host_key = generate_key(KeyType.EC_P256)
    (place / "host").touch(mode=0o600)
    (place / "host").write_bytes(host_key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    (port,) = reserve_ports(1)
    lines = [
        f"Port {port}", "ListenAddress 127.0.0.1", f"HostKey {place}/host", "PidFile none", "UsePAM no",
        "LogLevel VERBOSE", "PasswordAuthentication no", "KbdInteractiveAuthentication no", "UseDNS no",
        "MaxStartups 100", "PerSourcePenalties no", "Subsystem sftp internal-sftp",
    ]  # fmt: skip
    (place / "sshd_config").write_text("\n".join([*lines, configuration]), encoding="utf-8")
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # as the systemd unit of sshd does before the start
    command = [needed("sshd"), "-D", "-e", "-f", str(place / "sshd_config")]
    with (place / "log").open("w") as log, subprocess.Popen(command, stderr=log, stdin=subprocess.DEVNULL) as process:
        server = SftpServer(port, place)
        try:
            until_ready(server, process)
            yield server
        finally:
            process.terminate()
            process.wait(WITHIN)


def until_ready(server: SftpServer, process: "subprocess.Popen[bytes]") -> None:
    """Wait until the server listens."""
    deadline = monotonic_seconds() + WITHIN
    while "Server listening" not in server.log:
        assert process.poll() is None, server.log
        assert monotonic_seconds() < deadline, server.log
        sleep(0.02)


@pytest.fixture(scope="module")
def server(folder, leaves) -> Iterator[SftpServer]:
    """Run sshd as deploy/ configures it."""
    needed("sftp")
    write_command(folder)
    with sshd(folder, "deployed", configured(folder)) as one:
        yield one


def write_command(folder: Path) -> None:
    """Write a script for /opt/sinetti/bin/sinetti that runs this checkout's program."""
    kept = f"PYTHONPYCACHEPREFIX={sys.pycache_prefix} " if sys.pycache_prefix else ""
    (folder / "sinetti").write_text(f'#!/bin/sh\n{kept}exec {sys.executable} -m sinetti "$@"\n')
    (folder / "sinetti").chmod(0o755)


ATTEMPTS = {
    "an RSA key of a valid certificate, as its organisation's user": ("rsa", A, None),
    "a P-256 key": ("p256", A, None),
    "a P-384 key": ("p384", A, None),
    "another organisation's key, as that one's user": ("of-another", B, None),
    "one organisation's key as the other's user": ("rsa", B, "another organisation's"),
    "the other way round": ("of-another", A, "another organisation's"),
    "an expired certificate": ("expired", A, "expired"),
    "a revoked certificate": ("revoked", A, "revoked"),
    "a certificate of another channel": ("of-another-channel", A, "wrong-channel"),
    "a key whose certificate is not in the folder": ("without-certificate", A, "no certificate in the folder"),
}


@pytest.mark.parametrize(("key", "user", "why_not"), ATTEMPTS.values(), ids=ATTEMPTS)
def test_who_comes_in(key, user, why_not, server, tmp_path):
    delivery = tmp_path / "delivery.xml"
    delivery.write_text(f"<delivery from='{key}'/>")
    before = len(server.log)
    done = server.client("sftp", key, user, given=f"put {delivery} {key}.xml\nls -l\n")
    arrived = server.folder.parent / "home" / user / "in" / f"{key}.xml"
    if why_not is None:
        assert done.returncode == 0, f"{done.stderr}\n{server.log}"
        assert arrived.read_bytes() == delivery.read_bytes()
        assert arrived.owner() == user
        assert arrived.stat().st_mode & 0o777 == 0o640
    else:
        assert done.returncode == 255, done.stdout
        assert "Permission denied (publickey)" in done.stderr, server.log
        assert f"user '{user}': refused: " in server.log[before:]
        assert why_not in server.log[before:]
        assert not arrived.exists()


def test_nobody_comes_in_by_a_list_that_is_old(server, folder, leaves):
    try:
        write_lists(folder, leaves["revoked"], age=timedelta(minutes=61))
        assert server.client("sftp", "p256", A, given="ls\n").returncode == 255
    finally:
        write_lists(folder, leaves["revoked"])
    assert server.client("sftp", "p256", A, given="ls\n").returncode == 0


def test_whoever_comes_in_sees_their_own_folder_alone(server):
    done = server.client("sftp", "p256", A, given="pwd\ncd ..\nls -a\n")
    assert done.returncode == 0, done.stderr
    assert "Remote working directory: /in" in done.stdout
    assert {"home", "etc", B}.isdisjoint(done.stdout.split())


def test_nobody_gets_a_shell(server):
    done = server.client("ssh", "p256", A, "id")
    assert "uid=" not in done.stdout
    assert done.returncode != 0


@pytest.fixture(scope="module")
def bare(folder, leaves) -> Iterator[SftpServer]:
    """Run sshd with its default permissions; its users have a shell.

    Only the line that the gateway prints limits what a key may do.
    """
    write_command(folder)
    command = next(line for line in configured(folder).splitlines() if "AuthorizedKeysCommand " in line)
    lines = [f"Match User {A}", command, f"AuthorizedKeysCommandUser {command_user()}", "ForceCommand /bin/cat"]
    with sshd(folder, "bare", "\n".join(["AllowTcpForwarding yes", "PermitTTY yes", *lines])) as one:
        yield one


def test_the_line_alone_gives_no_terminal(bare):
    done = bare.client("ssh", "p256", A, "-tt", given="hello\n")
    assert "PTY allocation request failed" in done.stderr, bare.log


def test_the_line_alone_forwards_no_port(bare):
    done = bare.client("ssh", "p256", A, "-W", f"127.0.0.1:{bare.port}", given="hello\n")
    assert "administratively prohibited" in done.stderr, bare.log
