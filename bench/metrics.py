"""`python -m bench.metrics`: what metrics add to the processor time of a renewal.

Rounds with and without `--metrics-bind` alternate on one register. The counts of one renewal are also timed alone,
since other work on the machine changes the rounds by more than they cost.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from bench import load, scene, seeding
from bench.clusters import cluster, new_database
from bench.scene import KINDS, SOAP_PATH, Holder
from bench.server import served
from sinetti.api.request_metrics import observe_request
from sinetti.infra.metrics import recorder
from sinetti.infra.metrics.catalogue import ISSUED, MetricSource
from sinetti.pki.signers import measured
from sinetti.server.http import Response

ON = ("--metrics-bind", "127.0.0.1:0")
_SETTLED_AFTER = 6.0
"""Seconds after which the first round of the background work has ended."""

_CALLS = 20_000


def main() -> int:
    """Run the rounds and print the milliseconds of a renewal, and of its counts."""
    parsed = _parser().parse_args()
    with ExitStack() as stack:
        url = stack.enter_context(cluster()) if parsed.database == "postgresql" else None
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sinetti-bench-")))
        root = folder / "authority"
        scene.founded(root, KINDS["P-384"], new_database(url) if url else "")
        authority = scene.opened(root)
        holders = scene.holders(authority, 2 * parsed.rounds * parsed.renewals)
        seeding.seed(authority, holders)
        authority.journal.close()
        pairs = []
        for number in range(parsed.rounds):
            # The order changes with each round, so that neither kind always has the fuller register.
            kinds = ((), ON) if number % 2 else (ON, ())
            found = {}
            for kind in kinds:
                part, holders = holders[: parsed.renewals], holders[parsed.renewals :]
                found[kind] = _round(root, part, parsed.workers, kind)
            pairs.append((found[()], found[ON]))
            print(f"{found[()]:.3f} {found[ON]:.3f}", file=sys.stderr, flush=True)
    off, on = (statistics.median(column) for column in zip(*pairs, strict=True))
    added = statistics.median(one[1] - one[0] for one in pairs)
    alone = _alone()
    print(f"off {off:.3f} ms, on {on:.3f} ms, difference of pairs {added:.3f} ms ({100 * added / off:.1f} %)")
    print(f"counts of a renewal alone {alone:.4f} ms ({100 * alone / off:.2f} %)")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.metrics", description="What metrics cost per renewal.")
    parser.add_argument("--rounds", type=int, default=10, help="rounds of each kind (default: %(default)s)")
    parser.add_argument("--renewals", type=int, default=1000, help="renewals of a round (default: %(default)s)")
    parser.add_argument("--workers", type=int, default=2, help="worker processes (default: %(default)s)")
    parser.add_argument("--database", choices=("postgresql", "sqlite"), default="postgresql")
    return parser


def _round(root: Path, holders: list[Holder], workers: int, options: tuple[str, ...]) -> float:
    """Return the workers' milliseconds of processor time per renewal.

    The keeper's rounds depend on the time and not on renewals, so they are left out.
    """
    requests = [load.Posted().framed(one.request) for one in holders]
    with served(root, workers, *options) as server:
        time.sleep(_SETTLED_AFTER)
        parent = server.process.pid
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text(encoding="ascii").split()
        first = sorted(map(int, children))[:workers]
        before = spent(first)
        sent = load.send(server.port, requests)
        return 1000 * (spent(first) - before) / len(sent.answers)


def spent(processes: Sequence[int]) -> float:
    """Return the seconds of a processor that these processes have used."""
    stats = [Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split() for pid in processes]
    return sum(int(one[11]) + int(one[12]) for one in stats) / os.sysconf("SC_CLK_TCK")


def _alone() -> float:
    """Return the milliseconds of the counts that one renewal makes in files."""
    reply = Response(200, "text/xml", b"", log_fields={"operation": "renew"})
    with tempfile.TemporaryDirectory(prefix="sinetti-bench-") as folder:
        recorder.start(MetricSource.NODE, Path(folder))
        begun = time.process_time()
        for _ in range(_CALLS):
            with measured("file"):
                pass
            recorder.count(ISSUED, "renewal")
            observe_request("POST", SOAP_PATH, reply, 0.005)
        took = time.process_time() - begun
        recorder.stop()
    return 1000 * took / _CALLS


if __name__ == "__main__":
    sys.exit(main())
