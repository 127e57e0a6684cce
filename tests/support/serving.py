"""`sinetti authority serve` in separate processes: addresses, workers, and log."""

import json
import os
import re
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from time import sleep
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from sinetti.domain.values import KeyType
from sinetti.infra.clock import monotonic_seconds, utc_now
from sinetti.pki.encoding import generate_key
from tests.support.programs import STARTS_WITHIN, STOPS_WITHIN, program, surroundings

ANY = ("--bind", "127.0.0.1:0", "--status-bind", "127.0.0.1:0")
READY = re.compile(r"Ready: SOAP on (\S+), status on (\S+)")
SOON = 60.0
"""Seconds within which every awaited event happens, on a busy machine too."""


@dataclass(slots=True)
class Served:
    """A serving authority: its addresses, the parent process, and the log so far."""

    process: "subprocess.Popen[str]"
    lines: list[str] = field(default_factory=list)
    soap: str = ""
    status: str = ""

    @property
    def log(self) -> str:
        """The log so far."""
        return "".join(self.lines)

    def events(self) -> list[dict[str, Any]]:
        """Return the events of the log, one per line, oldest first."""
        return [json.loads(line) for line in self.lines]

    def children(self) -> list[int]:
        """Return the ids of the parent's child processes in the order of their start."""
        return sorted(
            int(one) for one in Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        )

    def stop(self, how: int = signal.SIGTERM) -> None:
        """Signal the parent to stop, and wait for it up to STOPS_WITHIN.

        Checks that the exit code is 0, nothing was printed, and the log has no traceback.
        """
        self.process.send_signal(how)
        assert self.process.wait(STOPS_WITHIN) == 0, self.log
        assert self.process.stdout is not None
        assert self.process.stdout.read() == ""
        assert "Traceback" not in self.log


@contextmanager
def serving(root: Path, *options: object, **environment: str) -> Iterator[Served]:
    """Serve the authority in this folder while the block runs.

    At the end all processes that still run are killed.
    """
    command = program("authority", "serve", "--dir", root, *(() if "--bind" in options else ANY), *options)
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=surroundings(environment), start_new_session=True,
    ) as process:  # fmt: skip
        served = Served(process)
        reader = threading.Thread(target=_read, args=(served,))
        reader.start()
        try:
            until(lambda: served.soap or process.poll() is not None, STARTS_WITHIN)
            assert served.soap, served.log
            yield served
        finally:
            # A process that outlives the parent would keep the log open.
            _kill_group(process.pid)
            process.wait()
            reader.join()


def tls_pair(folder: Path, serial: int = 1) -> tuple[Path, Path]:
    """Write a self-signed TLS certificate for loopback and its key.

    Existing files are replaced. Returns both paths.
    """
    key, now = generate_key(KeyType.EC_P256), utc_now()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    dates = (now - timedelta(days=1), now + timedelta(days=1))
    builder = x509.CertificateBuilder(name, name, key.public_key(), serial, *dates)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    certificate = builder.add_extension(names, critical=False).sign(key, hashes.SHA256())
    (folder / "server.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    (folder / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return folder / "server.pem", folder / "key.pem"


def until(happened: Callable[[], Any], within: float = SOON) -> None:
    """Wait until a condition holds; raises AssertionError after `within` seconds."""
    end = monotonic_seconds() + within
    while not happened():
        assert monotonic_seconds() < end, "it did not happen in time"
        sleep(0.01)


def end_group(process: "subprocess.Popen[str]") -> None:
    """Stop a process and all others of its group, and wait until none of them lives."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    process.wait(STOPS_WITHIN)
    until(lambda: not any(lives(pid) for pid in _group(process.pid)))


def lives(pid: int) -> bool:
    """Return True while a process exists and has not ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def _read(served: Served) -> None:
    assert served.process.stderr is not None
    for line in served.process.stderr:
        served.lines.append(line)
        if ready := READY.search(line):
            served.status = ready[2]
            served.soap = ready[1]


def _kill_group(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def _group(leader: int) -> list[int]:
    """Return the processes of a process group."""
    members = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(ProcessLookupError):
            if os.getpgid(int(folder.name)) == leader:
                members.append(int(folder.name))
    return members
