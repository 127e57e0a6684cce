"""`python -m bench.feed`: time from a revocation's commit to its refusal.

    python -m bench.feed [--gateways N] [--revocations N] [--database postgresql|sqlite]

The authority is served by two workers. Each gateway has its own folder, its own reader of the status feed and its own
downloads over HTTP. Half of them use lists, half OCSP.
"""

import argparse
import logging
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import quantiles
from time import sleep

from cryptography.hazmat.primitives.serialization import Encoding

from bench import scene, seeding
from bench.clusters import cluster, free_port, new_database
from bench.scene import KINDS, Holder
from bench.server import Served, served
from sinetti.authority.bootstrap import Authority
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.values import Channel
from sinetti.gateway.gateway import Gateway
from sinetti.gateway.settings import load_settings, open_gateway
from sinetti.gateway.status_feed import FeedReader
from sinetti.gateway.web.settings import load_feed
from sinetti.infra.clock import monotonic_seconds, utc_now
from sinetti.services.revocation.revoke import RevocationRequest, revoke
from sinetti.wire.json_api.status_events import PATH

HALF_WITHIN, MOST_WITHIN = 2.0, 10.0
"""Marks in seconds for p50 and p99 (issue 22, section 4)."""

GIVEN_UP_AFTER = 60.0
_LOOKS_EVERY = 0.02
_PAUSE = 1.0
_LISTS = """\
anchors = "../anchors.pem"
channel = "WS"
revocation = "crl"
crls = "."

[[list]]
url = "{status}/crl/{name}.crl"
file = "issuing.crl"
issuer = "../anchors.pem"

[feed]
url = "{status}{feed}"
"""
_OCSP = """\
anchors = "../anchors.pem"
channel = "WS"
revocation = "ocsp"

[[ocsp]]
url = "{status}/ocsp/{name}"

[feed]
url = "{status}{feed}"
"""


@dataclass(frozen=True, slots=True)
class Watcher:
    """A gateway, and the reader of its feed."""

    gateway: Gateway
    feed: FeedReader

    def accepts(self, der: bytes) -> bool:
        """Return whether the gateway accepts a certificate now."""
        return self.gateway.identify(der, utc_now()).accepted

    def refusal_at(self, der: bytes) -> float:
        """Return the instant from which the gateway refuses a certificate.

        Infinity, if it never does.
        """
        end = monotonic_seconds() + GIVEN_UP_AFTER
        while (now := monotonic_seconds()) < end:
            if not self.accepts(der):
                return now
            sleep(_LOOKS_EVERY)
        return float("inf")


@contextmanager
def watchers(authority: Authority, status: str, folder: Path, count: int) -> Iterator[list[Watcher]]:
    """Run so many gateways beside a served authority."""
    issuer = authority.ctx.issuers[authority.ctx.issuing[Channel.WS]]
    (folder / "anchors.pem").write_bytes(issuer.certificate.public_bytes(Encoding.PEM))
    made = []
    for number in range(count):
        root = folder / f"gateway-{number}"
        root.mkdir()
        text = (_LISTS, _OCSP)[number % 2].format(status=status, name=issuer.file_name, feed=PATH)
        (root / "gateway.toml").write_text(text, encoding="utf-8")
        settings = load_settings(root / "gateway.toml")
        gateway = open_gateway(settings)
        feed = load_feed(settings, gateway)
        assert feed is not None  # noqa: S101 - the settings have the table
        made.append(Watcher(gateway, feed))
    try:
        for one in made:
            one.feed.start()
        yield made
    finally:
        for one in made:
            one.feed.stop()


def delays(authority: Authority, holders: Sequence[Holder], made: Sequence[Watcher]) -> list[float]:
    """Revoke each holder's certificate.

    Returns the seconds from each commit to each refusal.
    """
    found: list[float] = []
    for holder in holders:
        wait_until_accepted(holder, made)
        refused: list[float] = []
        threads = [
            threading.Thread(target=lambda one=one: refused.append(one.refusal_at(holder.der)))  # noqa: B023 - joined below
            for one in made
        ]
        for thread in threads:
            thread.start()
        committed: list[float] = []

        def step(name: str, committed: list[float] = committed) -> None:
            if name == "revoked":
                committed.append(monotonic_seconds())

        ask = RevocationRequest(holder.serial, RevocationReason.KEY_COMPROMISE)
        revoke(ask, replace(authority.ctx, step=step), "bench", "0" * 32)
        for thread in threads:
            thread.join()
        found += [at - committed[0] for at in refused]
    return found


def wait_until_accepted(holder: Holder, made: Sequence[Watcher]) -> None:
    """Wait until each gateway accepts a certificate.

    Raises RuntimeError if one never does.
    """
    end = monotonic_seconds() + GIVEN_UP_AFTER
    while not all(one.accepts(holder.der) for one in made):
        if monotonic_seconds() > end:
            raise RuntimeError([one.feed.sentence() for one in made])
        sleep(_PAUSE / 10)
    sleep(_PAUSE)


@contextmanager
def running(root: Path, url: str, holders: int) -> Iterator[tuple[Authority, list[Holder], Served, str]]:
    """Serve a new authority with holders; yield it, the server and its status address."""
    scene.founded(root, KINDS["P-384"], url)
    authority = scene.opened(root)
    made = scene.holders(authority, holders)
    seeding.seed(authority, made)
    port = free_port()
    authority.ctx.db.close()
    with served(root, 2, "--status-bind", f"127.0.0.1:{port}") as one:
        try:
            yield authority, made, one, f"http://127.0.0.1:{port}"
        finally:
            authority.journal.close()
            authority.ctx.db.close()


def main() -> int:
    """Measure and print; return 1 if a mark is missed."""
    parser = argparse.ArgumentParser(prog="python -m bench.feed", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--gateways", type=int, default=50, help="of which half use OCSP (default: %(default)s)")
    parser.add_argument("--revocations", type=int, default=10, help="one after the other (default: %(default)s)")
    parser.add_argument("--database", choices=("postgresql", "sqlite"), action="append", help="default: both")
    wanted = parser.parse_args()
    logging.disable(logging.WARNING)
    reached = True
    print("| database | gateways | refusals | p50 s | p99 s | longest s |\n|---|--:|--:|--:|--:|--:|")
    for database in wanted.database or ("postgresql", "sqlite"):
        with ExitStack() as stack:
            url = new_database(stack.enter_context(cluster())) if database == "postgresql" else ""
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sinetti-bench-")))
            authority, holders, _, status = stack.enter_context(running(folder / "a", url, wanted.revocations))
            made = stack.enter_context(watchers(authority, status, folder, wanted.gateways))
            took = delays(authority, holders, made)
        shares = quantiles(took, n=100, method="inclusive")
        print(f"| {database} | {len(made)} | {len(took)} | {shares[49]:.2f} | {shares[98]:.2f} | {max(took):.2f} |")
        reached &= shares[49] <= HALF_WITHIN and shares[98] <= MOST_WITHIN
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
