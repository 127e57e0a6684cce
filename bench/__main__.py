"""`python -m bench`: see `--help`, and docs/contributors/speed.md for results."""

import argparse
import logging
import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from bench import report
from bench.clusters import cluster
from bench.marks import marks
from bench.running import Result, Wanted, measured
from bench.scene import KINDS, Kind
from sinetti.pki.signers.pkcs11_uri import load_location

BURST_OF = "P-384"
CONNECTIONS = (32, 8, 1)


def main() -> int:
    """Run the measurements, print the tables and store the JSON.

    A wrong answer ends the run.
    """
    parsed = _parser().parse_args()
    logging.disable(logging.INFO)  # this process would log every profiled renewal
    wanted = Wanted(
        parsed.renewals,
        tuple(parsed.connections or CONNECTIONS),
        parsed.rounds,
        parsed.workers,
        peers=not parsed.no_peers,
        say=lambda text: print(text, file=sys.stderr, flush=True),
    )
    databases, results = parsed.database or ("postgresql", "sqlite"), []
    for database in databases:
        for name in parsed.ca or KINDS:
            results += _measured(database, KINDS[name], wanted)
            if parsed.token is not None:
                in_token = KINDS[name].in_token(load_location(parsed.token, None))
                results += _measured(database, in_token, replace(wanted, peers=False))
            if parsed.signer:
                results += _measured(database, KINDS[name].in_signer(), replace(wanted, peers=False))
    if parsed.burst:
        burst = replace(
            wanted,
            renewals=parsed.burst,
            connections=CONNECTIONS[:1],
            rounds=1,
            filler=parsed.certificates,
            peers=False,
        )
        results += _measured(databases[0], KINDS[BURST_OF], burst)
    print(f"{report.interpreter()}\n")
    print(report.table(results))
    print()
    print(report.marks_table(marks(results)))
    if parsed.json:
        parsed.json.write_text(report.as_json(results), encoding="utf-8")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description="How fast certificates are renewed.")
    parser.add_argument("--renewals", type=int, default=2000, help="how many each time (default: %(default)s)")
    parser.add_argument(
        "--connections",
        type=int,
        action="append",
        metavar="N",
        help="kept-alive connections; also several times (default: 32, 8 and 1)",
    )
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured (default: %(default)s)")
    parser.add_argument("--workers", type=int, default=2, help="worker processes (default: %(default)s)")
    parser.add_argument("--database", choices=("postgresql", "sqlite"), action="append", help="default: both")
    parser.add_argument("--ca", choices=tuple(KINDS), action="append", help="issuing CA's key (default: both)")
    parser.add_argument(
        "--burst",
        type=int,
        default=10_000,
        metavar="N",
        help=f"then so many renewals in one go on the first database with {BURST_OF}; 0: none (default: %(default)s)",
    )
    parser.add_argument(
        "--certificates",
        type=int,
        default=1_000_000,
        metavar="N",
        help="and the burst again with N more certificates in the register; 0: not again (default: %(default)s)",
    )
    parser.add_argument(
        "--token",
        metavar="URI",
        help="measure each key also in a PKCS#11 token: pkcs11:token=LABEL?module-path=FILE&pin-source=file:FILE",
    )
    parser.add_argument("--signer", action="store_true", help="measure each key also in the separate signer")
    parser.add_argument("--no-peers", action="store_true", help="leave django-ca and CFSSL out")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep everything that was measured")
    return parser


def _measured(database: str, kind: Kind, wanted: Wanted) -> list[Result]:
    with ExitStack() as stack:
        url = stack.enter_context(cluster()) if database == "postgresql" else None
        return measured(kind, wanted, url)


if __name__ == "__main__":
    sys.exit(main())
