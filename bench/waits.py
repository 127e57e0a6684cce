"""`python -m bench.waits`: duration of single answers, and their marks.

The best of three counts, except for the test bench, which starts once. Tests check the same promises by counting and by
the order of events, because a mark of seconds fails on a busy machine.
"""

import argparse
import socket
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

from bench.agent import BEGUN, bench, control
from bench.gateway import scene, seconds
from bench.processes import cost
from sinetti.client.results import ExitCode
from sinetti.domain.requests import RenewRequest
from sinetti.domain.values import Environment, KeyPolicy
from sinetti.wire.soap import operations
from sinetti.wire.xmldsig.signature import SignatureProfile
from sinetti.wire.xmldsig.signers import signer_for_key

Row = tuple[str, float, float]
"""Subject of a measurement, its seconds, and the mark in seconds."""

_LATER = "2029-01-11T08:00:00Z"
"""Two years after the start of the test bench."""


def rows_of_messages(folder: Path) -> list[Row]:
    """Measure the verification of a request, and the explanation of a changed one."""
    made = scene()

    def renewal(csr: bytes) -> bytes:
        wanted = RenewRequest(Environment.TEST, "0123456-7", "Sinisiipi Oy", csr, made.holder)
        return operations.render_renew(wanted, signer_for_key(made.key, made.holder), SignatureProfile.ENVELOPED)

    body = renewal(b"x" * 900)
    took = seconds(lambda: operations.verified_request(operations.parse_request(body, None, None), KeyPolicy()), 100)
    changed = folder / "changed.xml"
    changed.write_bytes(renewal(b"x" * 6_000).replace(b"Sinisiipi", b"Sinisiivet"))
    size = changed.stat().st_size / 1e3
    return [
        (f"a request of {len(body) / 1e3:.1f} kB verified, of a processor", took, 0.005),
        (f"explain {size:.1f} kB, of a processor", cost(("explain", str(changed)), ExitCode.REFUSED)[1], 1.0),
    ]


def rows_of_testbench(folder: Path) -> list[Row]:
    """Measure a test bench.

    It starts in an empty folder, jumps two years, and stops while a sender stalls.
    """
    begun = time.perf_counter()
    with bench(folder / "bench") as ready:
        rows = [("a test bench in an empty folder is ready", time.perf_counter() - begun, 20.0)]
        begun = time.perf_counter()
        control(ready, "PUT", "/clock", {"now": _LATER})
        rows.append((f"its clock jumps from {BEGUN[:4]} to {_LATER[:4]}", time.perf_counter() - begun, 20.0))
        address = urlsplit(ready["control_url"])
        stalled = socket.create_connection((str(address.hostname), address.port or 0))
        stalled.sendall(b"POST /orders HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{")
        begun = time.perf_counter()
    with closing(stalled):
        rows.append(("it stops while a sender stalls", time.perf_counter() - begun, 5.0))
    return rows


def main() -> int:
    """Print each measurement with its mark; return 1 if a mark is missed."""
    argparse.ArgumentParser(prog="python -m bench.waits", description=__doc__).parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = rows_of_messages(Path(folder)) + rows_of_testbench(Path(folder))
    for what, took, mark in rows:
        print(f"{what:48} {took:8.4f} s, {'under' if took < mark else 'NOT under'} {mark:g} s")
    return 0 if all(took < mark for _, took, mark in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
