"""`python -m bench`: see `--help`, and docs/speed.md for what came of it."""

import argparse
import logging
import sys
from contextlib import ExitStack
from pathlib import Path

from bench import report
from bench.clusters import cluster
from bench.running import Wanted, measured
from bench.scene import KINDS


def main() -> int:
    """Measure what is asked for, print the table and keep the JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="How fast certificates are renewed.")
    parser.add_argument("--renewals", type=int, default=3000, help="how many each time (default: %(default)s)")
    parser.add_argument("--connections", type=int, default=8, help="kept-alive connections (default: %(default)s)")
    parser.add_argument("--workers", type=int, default=2, help="worker processes (default: %(default)s)")
    parser.add_argument("--database", choices=("postgresql", "sqlite"), action="append", help="default: both")
    parser.add_argument("--ca", choices=tuple(KINDS), action="append", help="issuing CA's key (default: both)")
    parser.add_argument(
        "--certificates", type=int, default=0, metavar="N", help="measure again with N more in the register"
    )
    parser.add_argument("--no-peers", action="store_true", help="leave django-ca and CFSSL out")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep everything that was measured")
    parsed = parser.parse_args()
    logging.disable(logging.INFO)  # what this process itself would say of every profiled renewal
    wanted = Wanted(
        parsed.renewals,
        parsed.connections,
        parsed.workers,
        parsed.certificates,
        peers=not parsed.no_peers,
        say=lambda text: print(text, file=sys.stderr, flush=True),
    )
    results = []
    for database in parsed.database or ("postgresql", "sqlite"):
        for name in parsed.ca or KINDS:
            with ExitStack() as stack:
                url = stack.enter_context(cluster()) if database == "postgresql" else None
                results += measured(KINDS[name], wanted, url)
    print(report.table(results))
    if parsed.json:
        parsed.json.write_text(report.as_json(results), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
