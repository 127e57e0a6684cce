"""`python -m bench.agent`: duration of an agent's pass, and speed of its renewals.

The first measurement is a pass over ten thousand names with nothing due. It uses the store of bench/store.py twice: as
a service without renewal information leaves it, and as a service with it does. In the latter each name has its memory.
The second renews a thousand names against a test bench of its own, 16 at a time, P-256.

The third is an incident: all of those are called for early replacement within ten minutes, and a pass a minute
replaces them.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from bench.gateway import NOW
from bench.processes import cost
from bench.store import make
from sinetti.client.agent import runner
from sinetti.client.agent.programs import ConfiguredHooks
from sinetti.client.agent.runner import NameResult, RunReport
from sinetti.client.agent.worker import AgentContext
from sinetti.client.model import AgentSettings, CertificateEntry, Config, RenewalInfoState
from sinetti.client.requests import operations
from sinetti.client.requests.exchange import ClientContext
from sinetti.client.requests.operations import TransferIdCredentials
from sinetti.client.results import ExitCode, Result
from sinetti.client.store import agent_state, snapshot
from sinetti.client.store.agent_state import AgentState
from sinetti.client.store.settings import NameSettings
from sinetti.domain.values import Environment, KeyType, Language
from sinetti.infra import clock

NAMES, RENEWALS, AT_ONCE = 10_000, 1_000, 16
QUIET_UNTIL = NOW + timedelta(days=670)
"""Instant before which no certificate of bench/store.py's store is due.

A pass uses the machine's clock, as a timer's does.
"""

SECONDS, MEGABYTES = 3.0, 200.0
BEGUN, DUE = "2027-01-01T00:00:00Z", "2028-12-25T00:00:00Z"
HEARD = timedelta(hours=6, minutes=1)
"""Time after which the agent asks for renewal information again.

It learns of earlier calls for replacement only then.
"""

MINUTES, A_MINUTE = 10, 60.0
JUMPS = ("2028-10-01T00:00:00Z", "2028-11-01T00:00:00Z", "2028-11-15T00:00:00Z", "2028-12-01T00:00:00Z", DUE)


@dataclass(slots=True)
class Quiet:
    """Listener that ignores the events of a pass."""

    heard: list[NameResult] = field(default_factory=list)

    def begin(self, total: int) -> None:
        """Ignore the number of names."""

    def done(self, row: NameResult) -> None:
        """Ignore the result of a name."""
        self.heard.append(row)


def remember_hints(store: Path) -> None:
    """Write the memory of each name that a service with renewal information leaves."""
    now = clock.utc_now()
    hint = RenewalInfoState(QUIET_UNTIL + timedelta(days=100), QUIET_UNTIL + timedelta(days=101))
    for seen in snapshot.list_snapshots(store):
        agent_state.save_agent_state(
            seen.folder, AgentState(seen.serial, hint=hint, ask_again=now + timedelta(hours=6))
        )


@contextmanager
def bench(folder: Path) -> Iterator[dict[str, Any]]:
    """Run a test bench, and yield the JSON that it prints when it is ready."""
    command = [sys.executable, "-m", "sinetti", "testbench", "serve", "--dir", str(folder), "--http", "--now", BEGUN]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            yield json.loads(line)
        finally:
            process.terminate()


def control(ready: dict[str, Any], method: str, path: str, value: object) -> dict[str, Any]:
    """Make a control call."""
    headers = {"Content-Type": "application/json"}
    asked = urllib.request.Request(  # noqa: S310 - a loopback address
        ready["control_url"] + path, json.dumps(value).encode(), headers, method=method
    )
    with urllib.request.urlopen(asked, timeout=60) as answer:  # noqa: S310 - as above
        report: dict[str, Any] = json.load(answer)
        return report


def outside(store: Path, now: str) -> ClientContext:
    """Return the context of the client's run."""
    at = datetime.fromisoformat(now)
    return ClientContext(store, at, Language.EN, lambda _message: None, time.sleep, clock.monotonic_seconds)


def enrol(ready: dict[str, Any], store: Path, number: int) -> None:
    """Order a certificate and enrol it."""
    name = f"firm-{number:04}"
    ids = control(ready, "POST", "/orders", {"customer_id": f"bench-{number:04}", "customer_name": f"Firm {number} Oy"})
    trust = {role: Path(ready["trust"][role]).read_text(encoding="utf-8") for role in ("services", "holders")}
    wanted = NameSettings(
        ready["soap_url"],
        Environment.TEST,
        f"bench-{number:04}",
        f"Firm {number} Oy",
        KeyType.EC_P256,
        trust["services"],
        trust["holders"],
        None,
    )
    done = operations.enrol(
        outside(store, BEGUN), name, wanted, TransferIdCredentials(ids["transfer_id"], ids["transfer_password"])
    )
    if done.exit_code is not ExitCode.DONE:
        raise RuntimeError(str(done))


def renew_all(store: Path, now: str = DUE) -> tuple[RunReport, float]:
    """Make one pass at an instant at which everything is due.

    Returns its report and its duration in seconds.
    """
    config = Config(
        store / "sinetti.toml", store, None, {}, AgentSettings(at_once=AT_ONCE), CertificateEntry("", None), {}
    )
    agent = AgentContext(outside(store, now), config, ConfiguredHooks(), lambda *_given: None)
    begun = time.perf_counter()
    end = runner.run_once(agent, threading.Event(), Quiet())
    return end, time.perf_counter() - begun


def measure_quiet(folder: Path, names: int) -> bool:
    """Measure and print passes with nothing due; return True if both marks are met."""
    if clock.utc_now() >= QUIET_UNTIL:
        print("the store of bench/store.py is too old: something would be due")
        return False
    store, met = folder / "store", True
    store.mkdir(mode=0o700)
    make(store, names)
    for what, prepare in (("a service without hints", None), ("a service with hints", remember_hints)):
        if prepare is not None:
            prepare(store)
        # Some of its certificates begin after the machine's present time: a pass reports the clock with AGAIN.
        seconds, busy, most = cost(("run", "--store", str(store)), ExitCode.AGAIN)
        met &= seconds < SECONDS and most < MEGABYTES
        print(f"sinetti run, {names} names, {what:24} {seconds:5.2f} s  {busy:5.2f} s of a processor  {most:4.0f} MB")
    return met


def measure_renewals(folder: Path, renewals: int) -> bool:
    """Measure and print the renewals of a store.

    Returns True if every certificate was renewed exactly once.
    """
    store = folder / "renewed"
    with bench(folder / "bench") as ready:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(lambda number: enrol(ready, store, number), range(renewals)))
        for at in JUMPS:  # sends the due messages of a thousand organisations
            control(ready, "PUT", "/clock", {"now": at})
        end, seconds = renew_all(store)
        again, _ = renew_all(store)
        replaced = incident(ready, store, renewals)
    renewed = newly(end)
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{renewed} renewed, {AT_ONCE} at a time: {seconds:.1f} s, {renewed / seconds:.0f} a second, {most:.0f} MB")
    return replaced and (renewed, end.exit_code, again.exit_code) == (renewals, ExitCode.DONE, ExitCode.DONE)


def newly(end: RunReport) -> int:
    """Return the number of renewals in a pass."""
    return sum(row.outcome is not None and row.outcome.result is Result.RENEWED for row in end.rows)


def incident(ready: dict[str, Any], store: Path, number: int) -> bool:
    """Call for early replacement of all names, and make a pass each minute.

    The call spreads over ten minutes. The result is printed. Returns True if all were replaced in time. The bench's
    clock is advanced by a minute before each pass, so a pass that takes longer would be late.
    """
    begun, passes = datetime.fromisoformat(DUE) + HEARD, []
    control(ready, "PUT", "/clock", {"now": f"{begun:%Y-%m-%dT%H:%M:%SZ}"})
    in_use = [seen.serial for seen in snapshot.list_snapshots(store) if seen.serial is not None]
    until = f"{begun + timedelta(minutes=MINUTES):%Y-%m-%dT%H:%M:%SZ}"
    control(ready, "POST", "/early", {"serials": in_use, "until": until})
    for minute in range(MINUTES + 1):
        at = f"{begun + timedelta(minutes=minute):%Y-%m-%dT%H:%M:%SZ}"
        control(ready, "PUT", "/clock", {"now": at})
        passes.append(renew_all(store, at))
    replaced, slowest = sum(newly(end) for end, _ in passes), max(seconds for _, seconds in passes)
    first, busy = passes[0][1], sum(seconds for _, seconds in passes)
    print(f"{len(in_use)} called for over {MINUTES} minutes, {replaced} replaced in passes of {busy:.0f} s together,")
    print(f"  the first pass, which asks for all hints, {first:.1f} s, the slowest {slowest:.1f} s")
    print(f"  renewed in each: {' '.join(str(newly(end)) for end, _ in passes)}")
    return replaced == number and slowest < A_MINUTE and all(end.exit_code is ExitCode.DONE for end, _ in passes)


def main() -> int:
    """Run all measurements, and return 0 if the marks are met."""
    parser = argparse.ArgumentParser(prog="python -m bench.agent")
    parser.add_argument("--names", type=int, default=NAMES)
    parser.add_argument("--renewals", type=int, default=RENEWALS)
    parsed = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        met = measure_quiet(Path(folder), parsed.names) if parsed.names else True
        met &= measure_renewals(Path(folder), parsed.renewals) if parsed.renewals else True
    print("under 3 s and 200 MB; everything renewed" if met else "not as it should be")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
