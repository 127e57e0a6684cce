"""Output of the benchmark: a table for people, JSON for programs."""

import json
import os
import platform
import sys
import sysconfig
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from bench.marks import Mark, marks
from bench.running import Result
from sinetti.pki.second_library import library

STEPS = {
    "4-read": "read, verified, looked up",
    "8-prepared": "decided, prepared, linted",
    "9-reserved": "commit 1",
    "10-signed": "signed, checked",
    "11-recorded": "commit 2",
    "11-noted": "journal",
    "12-rendered": "answer rendered, signed",
}


_OPTIMISED = "--enable-optimizations"


def is_profile_guided() -> bool:
    """Return True if this Python was built with profile-guided optimisation.

    Debian's is ("PGO/LTO builds" in the changelog of its package), although the arguments of `configure` do not say so.
    """
    return _is_debians() or _OPTIMISED in (sysconfig.get_config_var("CONFIG_ARGS") or "")


def _is_debians() -> bool:
    return sys.base_prefix == "/usr" and Path("/etc/debian_version").exists()


def interpreter() -> str:
    """Return a line about the Python and the library that are measured."""
    maker = "Debian's " if _is_debians() else ""
    name = f"{maker}{platform.python_implementation()} {platform.python_version()}"
    built = "with" if is_profile_guided() else "without"
    return f"{name}, built {built} profile-guided optimisation; {library()} checks EC signatures"


def table(results: Sequence[Result]) -> str:
    """Return Markdown tables of rates, steps and comparisons."""
    heads = ["database", "issuing CA", "connections", "renewals", "more in the register"]
    heads += ["renewals/s: median (least, most)", "p50 ms", "p95 ms", "p99 ms"]
    heads += ["CPU ms: server, database, load", "round trips", "floor/s by the library that checks"]
    lines = [f"| {' | '.join(heads)} |", "|---|---|--:|--:|--:|---|--:|--:|--:|---|--:|---|"]
    for one in results:
        cpu = ", ".join(f"{one.cpu[name]:.2f}" for name in ("server", "database", "load"))
        bottom = ", ".join(f"{name} {rate:.0f}" for name, rate in one.floors.items())
        lines.append(
            f"| {one.database} | {one.kind} | {one.connections} | {one.renewals} | {one.filler or ''} "
            f"| {one.rate:.0f} ({min(one.rates):.0f}, {max(one.rates):.0f}) | {one.p50:.1f} | {one.p95:.1f} "
            f"| {one.p99:.1f} | {cpu} | {one.round_trips:.1f} | {bottom} |"
        )
    # Steps are measured once for all numbers of connections.
    profiled = list({(one.database, one.kind, one.filler): one for one in results}.values())
    lines += ["", "| one after the other, ms: all (CPU) | " + " | ".join(_heads(profiled)) + " |"]
    lines += ["|---|" + "--:|" * len(profiled)]
    for step, name in STEPS.items():
        cells = [_cell(one, step) for one in profiled]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    peers = [(one, name, rate) for one in results for name, rate in one.peers.items()]
    if peers:
        lines += ["", "| beside it, stored on the same PostgreSQL | issuing CA | connections | certificates/s |"]
        lines += ["|---|---|--:|--:|"]
        lines += [f"| {name} | {one.kind} | {one.connections} | {rate:.0f} |" for one, name, rate in peers]
    return "\n".join(lines)


def marks_table(found: Sequence[Mark]) -> str:
    """Return a Markdown table of the marks and their evaluation."""
    lines = ["| mark | wanted | measured | |", "|---|--:|--:|---|"]
    lines += [
        f"| {one.about} | {one.wanted} | {one.measured} | {'reached' if one.reached else 'MISSED'} |" for one in found
    ]
    return "\n".join(lines)


def as_json(results: Sequence[Result]) -> str:
    """Return all results, with the machine that they are from, as JSON."""
    machine = {
        "processors": os.cpu_count(),
        "load": os.getloadavg(),
        "python": platform.python_version(),
        "profile_guided": is_profile_guided(),
        "checks": library(),
        "system": platform.platform(),
    }
    return json.dumps(
        {
            "machine": machine,
            "results": [asdict(one) for one in results],
            "marks": [asdict(one) for one in marks(results)],
        },
        indent=2,
    )


def _heads(results: Sequence[Result]) -> list[str]:
    return [f"{one.database}, {one.kind}{', filled' if one.filler else ''}" for one in results]


def _cell(result: Result, step: str) -> str:
    found = next((one for one in result.steps if one["name"] == step), None)
    return f"{found['wall']:.2f} ({found['cpu']:.2f})" if found else ""
