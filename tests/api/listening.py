"""Authority that listens with the real server, in a process of its own.

Tests import this module; the process runs it. Both sides open the same folder. The clock is a file, so that tests move
it for both.

One of the two SOAP endpoints is impatient: it waits at most half a second for a body. The other one waits a minute,
longer than a test waits for anything. Three more endpoints break, take a while, and hang.
"""

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import sleep

from sinetti.api.publication import PublicationEndpoint
from sinetti.api.soap import PATH, SoapEndpoint
from sinetti.authority.bootstrap import Authority, RuntimeOptions, open_authority
from sinetti.authority.data_directory import DirectoryKind
from sinetti.authority.initialise import InitOptions, initialise
from sinetti.ca.hierarchy_config import load_preset
from sinetti.domain.values import Environment
from sinetti.server import listener
from sinetti.server.addresses import listen
from sinetti.server.asgi import AsgiApp, RequestLimits
from sinetti.server.http import Request, Response
from sinetti.server.listener import Listener, serve
from sinetti.server.process_exit import exit_process
from sinetti.settings.authority import AuthoritySettings
from tests.support.ports import reserve_ports

LOOPBACK = "127.0.0.1"
BEGIN = datetime(2026, 3, 2, 12, tzinfo=UTC)
IMPATIENT, PATIENT = RequestLimits(collecting=0.5), RequestLimits(collecting=60.0)
SLOW = 1.0
"""Seconds that the slow endpoint takes."""

STOP_WITHIN = 60.0
"""Seconds from SIGTERM to the end of the process that only a hang exceeds.

`python -m bench.waits` measures the five seconds that the service promises.
"""


@dataclass(slots=True)
class ListeningAuthority:
    """Listening authority: its folder, its process and its ports."""

    root: Path
    process: "subprocess.Popen[str]"
    soap: int
    impatient: int
    status: int
    broken: int
    slow: int
    stuck: int

    @property
    def address(self) -> str:
        """Address at which the SOAP endpoint listens."""
        return f"http://{LOOPBACK}:{self.soap}{PATH}"

    @contextlib.contextmanager
    def opened(self) -> Iterator[Authority]:
        """Open the same authority in the test's process.

        Only one may be open at a time, since its database has one name in a process.
        """
        authority = opened(self.root)
        try:
            yield authority
        finally:
            authority.ctx.db.close()

    def set_clock(self, now: datetime) -> None:
        """Move the clock of both sides."""
        _clock_file(self.root).write_text(now.isoformat(), encoding="ascii")


@contextlib.contextmanager
def listening(folder: Path) -> Iterator[ListeningAuthority]:
    """Found an authority in a new folder, serve it, and stop it at the end."""
    root = folder / "authority"
    names = ("soap", "impatient", "status", "broken", "slow", "stuck")
    ports = dict(zip(names, reserve_ports(len(names)), strict=True))
    base_url, address = f"http://{LOOPBACK}:{ports['status']}", f"http://{LOOPBACK}:{ports['soap']}{PATH}"
    settings = AuthoritySettings(environment=Environment.TEST, base_url=base_url, soap_address=address)
    initialise(root, InitOptions(DirectoryKind.TESTBENCH, load_preset("default"), settings, BEGIN))
    _clock_file(root).write_text(BEGIN.isoformat(), encoding="ascii")
    command = [sys.executable, "-W", "ignore", "-m", __name__, str(root), json.dumps(ports)]
    with (
        (folder / "errors").open("w") as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True) as process,
    ):
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "ready\n"
            yield ListeningAuthority(root, process, **ports)
        finally:
            process.terminate()
            process.wait(STOP_WITHIN)


def opened(root: Path) -> Authority:
    """Open the authority on the clock of its file."""
    return open_authority(
        root,
        DirectoryKind.TESTBENCH,
        RuntimeOptions(lambda: datetime.fromisoformat(_clock_file(root).read_text(encoding="ascii"))),
    )


def _clock_file(root: Path) -> Path:
    return root / "clock"


def broken(_request: Request) -> Response:
    """Fail, as no endpoint should."""
    secret = "a secret that must not leave"
    raise RuntimeError(secret)


def slow(_request: Request) -> Response:
    """Print that it has begun, and answer after a while."""
    print("slow", flush=True)  # noqa: T201 - to the test that waits for it
    sleep(SLOW)
    return Response(200, "text/plain", b"done")


def stuck(_request: Request) -> Response:
    """Hang, as an endpoint does while its database hangs."""
    print("stuck\n", end="", flush=True)  # noqa: T201 - in one piece, since threads print it
    sleep(600)
    return Response(200, "text/plain", b"done")


def main(root: Path, ports: dict[str, int]) -> None:
    """Serve until the process is stopped."""
    listener.HEAD_WITHIN = PATIENT.collecting
    authority = opened(root)
    door = SoapEndpoint(authority.ctx, authority.settings.soap_address, authority.recipe, authority.responses.seal)
    listeners = (
        Listener(AsgiApp(door, PATIENT), listen(LOOPBACK, ports["soap"])),
        Listener(AsgiApp(door, IMPATIENT), listen(LOOPBACK, ports["impatient"])),
        Listener(AsgiApp(PublicationEndpoint(authority.ctx)), listen(LOOPBACK, ports["status"])),
        Listener(AsgiApp(broken), listen(LOOPBACK, ports["broken"])),
        Listener(AsgiApp(slow), listen(LOOPBACK, ports["slow"])),
        Listener(AsgiApp(stuck), listen(LOOPBACK, ports["stuck"])),
    )
    serve(listeners, lambda: print("ready", flush=True))  # noqa: T201 - to the tests that wait for it
    exit_process()


if __name__ == "__main__":
    main(Path(sys.argv[1]), json.loads(sys.argv[2]))
