"""`python -m bench.ocsp`: stored OCSP responses over HTTP.

It also measures the cryptography alone, and the cost that storing adds to an issue.
"""

import argparse
import logging
import re
import shutil
import subprocess
import sys
import tempfile
from base64 import b64encode
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from statistics import median
from time import process_time
from urllib.parse import quote

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from bench import scene, seeding
from bench.clusters import cluster, free_port, new_database
from bench.running import cpu
from bench.scene import KINDS, Holder
from bench.server import served
from bench.steps import ask
from sinetti.api.soap import SoapEndpoint
from sinetti.authority.bootstrap import Authority
from sinetti.ca.ocsp import canonical_request, sign_answer
from sinetti.domain.certificates.ocsp_status import ANSWER_LIFE, GOOD, CertIdHash, SingleResponse
from sinetti.domain.values import Channel
from sinetti.infra.clock import monotonic_seconds
from sinetti.pki.encoding import load_certificate, sign
from sinetti.services.status.ocsp import OcspRefresher

MARK = 2500
"""Mark in answers a second of one core (issue 23, section 4)."""

_SCRIPT = """local paths, at = {}, 0
for line in io.lines("%s") do paths[#paths + 1] = line end
request = function() at = at %% #paths + 1; return wrk.format("GET", paths[at]) end
"""


def main() -> int:
    """Measure and print; return 1 if the mark is missed."""
    parser = argparse.ArgumentParser(prog="python -m bench.ocsp", description="How fast OCSP requests are answered.")
    parser.add_argument("--certificates", type=int, default=2000, help="in the register (default: %(default)s)")
    parser.add_argument("--seconds", type=int, default=10, help="of load (default: %(default)s)")
    parser.add_argument("--renewals", type=int, default=300, help="with and without storing (default: %(default)s)")
    parser.add_argument("--database", choices=("postgresql", "sqlite"), action="append", help="default: both")
    wanted = parser.parse_args()
    logging.disable(logging.WARNING)
    reached = True
    for database in wanted.database or ("postgresql", "sqlite"):
        with ExitStack() as stack:
            url = new_database(stack.enter_context(cluster())) if database == "postgresql" else ""
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="sinetti-bench-"))
            reached &= measured(database, url, Path(folder) / "authority", wanted)
    return 0 if reached else 1


def measured(database: str, url: str, root: Path, wanted: argparse.Namespace) -> bool:
    """Measure on one database; return True if the mark is met."""
    scene.founded(root, KINDS["P-384"], url)
    authority = scene.opened(root)
    holders = scene.holders(authority, max(wanted.certificates, 2 * wanted.renewals))
    seeding.seed(authority, holders)
    stored, rounds = 0, OcspRefresher()
    while stored < len(holders):
        stored += rounds.look(authority.ctx)
    floor = per_signature(authority, holders[0])
    plain, with_answers = renewed(authority, holders[: 2 * wanted.renewals])
    authority.journal.close()
    authority.ctx.db.close()
    rate, each = answered(root, authority, holders, wanted.seconds)
    print(f"{database}: {rate:.0f} stored answers/s by one worker; {1000 * each:.3f} ms of its processor each,")
    print(f"  so {1 / each:.0f}/s of one core (mark: {MARK})")
    print(f"  a signature of P-256 alone: {1e6 * floor[0]:.0f} us; an answer signed anew: {1e6 * floor[1]:.0f} us")
    print(f"  a renewal without and with its answers: {1000 * plain:.2f} and {1000 * with_answers:.2f} ms of processor")
    return 1 / each >= MARK


def per_signature(authority: Authority, holder: Holder, times: int = 2000) -> tuple[float, float]:
    """Return the seconds for the bare signature of a response, and for a response."""
    ctx = authority.ctx
    name = ctx.issuing[Channel.WS]
    issuer, responder, now = ctx.issuers[name].certificate, ctx.responders[name](), ctx.now()
    asked, response = (
        canonical_request(holder.serial, CertIdHash.SHA1, issuer),
        SingleResponse(GOOD, now, now + ANSWER_LIFE),
    )
    return (
        _timed(lambda: sign(responder.key, b"x" * 200), times),
        _timed(lambda: sign_answer(asked, issuer, response, responder), times),
    )


def _timed(do: Callable[[], object], times: int) -> float:
    begun = process_time()
    for _ in range(times):
        do()
    return (process_time() - begun) / times


def renewed(authority: Authority, holders: list[Holder]) -> tuple[float, float]:
    """Return the processor seconds of one renewal without and with OCSP responses.

    The two kinds of renewal alternate in this process.
    """
    took: dict[bool, list[float]] = {False: [], True: []}
    doors = {
        keeps: SoapEndpoint(ctx, authority.settings.soap_address, authority.recipe, authority.responses.seal)
        for keeps, ctx in ((True, authority.ctx), (False, replace(authority.ctx, responders={})))
    }
    for number, holder in enumerate(holders):
        begun = process_time()
        ask(doors[number % 2 == 0], holder)
        took[number % 2 == 0].append(process_time() - begun)
    return median(took[False]), median(took[True])


def answered(root: Path, authority: Authority, holders: list[Holder], seconds: int) -> tuple[float, float]:
    """Return the answers a second of one worker, and the CPU seconds for each."""
    port, issuer = free_port(), authority.ctx.issuers[authority.ctx.issuing[Channel.WS]]
    paths = [path_of(one, issuer.certificate, issuer.file_name) for one in holders]
    command = wrk_command(root.parent, paths, port)
    with served(root, 1, "--status-bind", f"127.0.0.1:{port}"):
        wrk_load(command, 5)
        before, begun = cpu(root)["server"], monotonic_seconds()
        done = wrk_load(command, seconds)
        return done / (monotonic_seconds() - begun), (cpu(root)["server"] - before) / done


def wrk_command(folder: Path, paths: Sequence[str], port: int) -> list[str]:
    """Return a command of wrk that asks for these paths in turn.

    Its files are in the folder.
    """
    wrk = shutil.which("wrk")
    if wrk is None:
        sentence = "wrk is not installed: scripts/packages bench"
        raise SystemExit(sentence)
    lines, script = folder / "paths", folder / "paths.lua"
    lines.write_text("".join(f"{one}\n" for one in paths))
    script.write_text(_SCRIPT % lines)
    return [wrk, "--threads", "1", "--connections", "8", "--script", str(script), f"http://127.0.0.1:{port}"]


def wrk_load(command: list[str], seconds: int) -> int:
    """Run such a command; return the number of answers.

    Raises RuntimeError if a request failed.
    """
    output = subprocess.run([*command, "--duration", str(seconds)], capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in output or "Socket errors" in output:
        raise RuntimeError(output)
    found = re.search(r"(\d+) requests in", output)
    return int(found[1]) if found else 0


def path_of(holder: Holder, issuer: x509.Certificate, name: str) -> str:
    """Return the path of a GET about a holder's certificate."""
    builder = ocsp.OCSPRequestBuilder().add_certificate(load_certificate(holder.der), issuer, hashes.SHA1())  # noqa: S303
    return f"/ocsp/{name}/{quote(b64encode(builder.build().public_bytes(Encoding.DER)), safe='')}"


if __name__ == "__main__":
    sys.exit(main())
