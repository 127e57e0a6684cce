"""Endpoints that take XML, with time and memory measured per call.

Each call runs in a process of its own. Run as a module, this is the program that the tests speak to. It reads a line
of JSON and writes a line of JSON for each call.

The program forks for each call and never holds large data itself. The memory of the child is therefore the call's own:
there is no freed memory to be used again. The peak is the kernel's (VmHWM, reset by clear_refs, proc(5)), so
allocations of C libraries count as well.
"""

import asyncio
import gc
import json
import os
import subprocess
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sinetti.api.publication import PublicationEndpoint
from sinetti.api.soap import PATH
from sinetti.database.connection import open_database
from sinetti.domain.values import Channel
from sinetti.gateway.gateway import Gateway
from sinetti.gateway.revocation.crl import CrlSource
from sinetti.gateway.web.endpoints import AuthService
from sinetti.gateway.web.guard import RequestGuard
from sinetti.gateway.web.server import GatewayApp as GatewayEdge
from sinetti.gateway.web.trusted_proxies import TrustedProxies
from sinetti.pki.encoding import certificate_der
from sinetti.server.asgi import AsgiApp
from sinetti.server.http import Request, Response, text_response
from sinetti.testbench.endpoints.deliveries import BenchGateway, DeliveryEndpoint
from sinetti.testbench.endpoints.status_router import StatusEdge
from sinetti.wire.xmldsig.signature import SignatureProfile, sign_document
from sinetti.wire.xmldsig.signers import signer_for_key
from tests.api.counter import opened_counter
from tests.attacks.busy import Busy
from tests.gateway.material import crl
from tests.support.authority import NOW, issuer, response_signer
from tests.support.scene import REQUEST, enrolled, opened_scene

PIECE = 64 * 1024
"""Octets in one message of the HTTP server."""

PATHS = {"soap": PATH, "gateway": "/verify", "deliveries": "/deliveries"}
"""Paths of the endpoints by name."""

DOCUMENT = b'<Delivery xmlns="urn:example"><Pay>100</Pay></Delivery>'
"""Document to be signed."""

ROOT = Path(__file__).parents[2]
_MEBIBYTE = 1024


@dataclass(frozen=True, slots=True)
class Answered:
    """Result of one call: seconds, memory, status and body.

    `mebibytes` is the peak above the memory before the call, in MiB. `seconds` is the time by the clock without the
    time in which the call could have run but other programs did.
    """

    seconds: float
    mebibytes: float
    status: int
    body: str


@dataclass(frozen=True, slots=True)
class Doors:
    """The running program.

    Both receivers accept `document`, which is signed with a certificate of the service.
    """

    process: "subprocess.Popen[str]"
    folder: Path
    document: str

    def asked(self, door: str, body: bytes, *, also: str = "") -> Answered:
        """Send a body to an endpoint.

        `also` is a harm that the process does to itself. With it a test checks that the harm is noticed.
        """
        (self.folder / "body").write_bytes(body)
        return self.again(door, also=also)

    def again(self, door: str, *, also: str = "") -> Answered:
        """Send the same body to another endpoint."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(json.dumps([door, str(self.folder / "body"), also]), file=self.process.stdin, flush=True)
        return Answered(**json.loads(self.process.stdout.readline()))


@contextmanager
def doors_open(folder: Path, db: str) -> Iterator[Doors]:
    """Run the program until the block ends, on a migrated and empty database.

    `db` is the URL of the database.
    """
    command = [
        sys.executable,
        "-W",
        "ignore",
        "-m",
        "tests.attacks.measured_doors",
        db,
        str(folder / "deliveries"),
    ]
    with (
        (folder / "errors").open("w") as errors,
        subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
        ) as process,
    ):
        try:
            assert process.stdout is not None
            document = process.stdout.readline()
            assert document, (folder / "errors").read_text()
            yield Doors(process, folder, json.loads(document))
        finally:
            process.kill()


def _opened(db: str, folder: Path):
    """Return the signed document and a factory for each endpoint's edge.

    Edges have threads, so each child makes its own.
    """
    scene = opened_scene(open_database(db, alias="attacked"))
    key, certificate = response_signer()
    seal = signer_for_key(key, certificate_der(certificate))
    soap = opened_counter(scene).door
    receiving = DeliveryEndpoint(scene.ctx, BenchGateway(scene.ctx), lambda: seal, folder)
    gateway = Gateway([issuer(Channel.WS).certificate], source=CrlSource([crl()]), channel=Channel.WS)
    service = AuthService(RequestGuard(gateway, TrustedProxies.on_unix_socket(), now=lambda: NOW), list)
    # Load now what the first call would load.
    for door in (soap, receiving):
        door(Request("POST", PATH, "", {"delivery-id": "0"}, REQUEST, b"<a/>"))
    held = enrolled(scene)
    document = sign_document(DOCUMENT, signer_for_key(held.key, held.der), SignatureProfile.EXCLUSIVE)
    gateway.verify(document, NOW)
    scene.db.close()
    return document.decode(), {
        "soap": lambda: AsgiApp(soap),
        "gateway": lambda: GatewayEdge(service, unix=True),
        "deliveries": lambda: StatusEdge(PublicationEndpoint(scene.ctx), receiving, _nobody, scene.db.close),
    }


def _nobody(_request: Request) -> Response:
    """Answer sign-in requests; no document goes to that endpoint."""
    return text_response(404, "There is nobody here.")


def _call(edge, door: str, file: str) -> tuple[int, bytes]:
    """Pass a request to an edge as the HTTP server does; return status and body.

    The body comes from a file, piece by piece.
    """
    sent = []
    with Path(file).open("rb", buffering=0) as body:
        left = Path(file).stat().st_size

        async def receive():
            nonlocal left
            piece = body.read(PIECE)
            left -= len(piece)
            return {"type": "http.request", "body": piece, "more_body": left > 0}

        async def send(message):
            sent.append(message)

        scope = {
            "type": "http",
            "http_version": "1.0",
            "method": "POST",
            "path": PATHS[door],
            "query_string": b"",
            "client": None,
        }
        headers = [(b"content-type", b"text/xml; charset=utf-8"), (b"delivery-id", b"%d" % os.getpid())]
        asyncio.run(edge(scope | {"headers": headers}, receive, send))
    return sent[0]["status"], b"".join(one.get("body", b"") for one in sent)


def _measured(make, door: str, file: str, also: str) -> dict[str, object]:
    edge = make()
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    before, busy = _memory("VmRSS"), Busy()
    status, body = _call(edge, door, file)
    if also == "wait":
        asyncio.run(asyncio.sleep(1.2))
    if also == "take":
        bytearray(b"x") * (80 * 1024 * 1024)
    return {
        "seconds": busy.seconds(),
        "mebibytes": (_memory("VmHWM") - before) / _MEBIBYTE,
        "status": status,
        "body": body.decode("utf-8", "replace"),
    }


def _memory(name: str) -> int:
    """Return one value of /proc/self/status in KiB."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))


def main(db: str, folder: str) -> None:
    """Answer calls until the input ends."""
    document, doors = _opened(db, Path(folder))
    gc.collect()
    gc.freeze()  # pages that children do not touch stay shared
    print(json.dumps(document), flush=True)  # noqa: T201 - to the tests that wait for it
    for line in sys.stdin:
        door, file, also = json.loads(line)
        child = os.fork()
        if child == 0:
            try:
                print(json.dumps(_measured(doors[door], door, file, also)), flush=True)  # noqa: T201 - the answer
            except BaseException:  # noqa: BLE001 - printed, and the child ends normally
                traceback.print_exc()
                print("null", flush=True)  # noqa: T201 - the waiting test fails at once
            os._exit(0)
        os.waitpid(child, 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
