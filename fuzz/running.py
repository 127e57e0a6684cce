"""Runs one target in a process of its own, with limits of time and memory.

It reports the result.
"""

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from fuzz.keeping import CORPUS, HERE, begin, put
from fuzz.target import Target

CRASHES = HERE / "crashes"
DICTIONARY = HERE / "xmldsig.dict"
SLOWEST = 10
"""Longest seconds for one input: more is a fault. Ours take milliseconds."""

MOST_MEMORY = 1_024
"""Limit in MiB for the process, of which Python and the libraries use 150."""

MOST_KEPT = 64_000
"""Limit in octets for one target: all together stay under a megabyte."""

_BY_NAME = re.compile(r"Test unit written to (\S+)")
_LAST = re.compile(r"#(\d+)\s+(?:DONE|pulse|NEW|REDUCE|RELOAD|INITED)\s+cov: (\d+) ft: (\d+) corp: (\d+)")
_RATE = re.compile(r"stat::average_exec_per_sec:\s+(\d+)")
_TRIED = re.compile(r"stat::number_of_executed_units:\s+(\d+)")


@dataclass(frozen=True, slots=True)
class Outcome:
    """Result of a run.

    `crash` is the input for which a property does not hold, or None.
    """

    name: str
    tried: int
    per_second: int
    branches: int
    features: int
    inputs: int
    crash: Path | None
    ended: int
    last: str

    def line(self) -> str:
        """Return the outcome in one line."""
        if self.crash is not None:
            path = self.crash.relative_to(HERE.parent)
            return f"{self.name}: {self.last} In {path}. Play it again: .venv/bin/python -m fuzz --play {path}"
        if self.ended:
            return f"{self.name}: ended with {self.ended}: {self.last}"
        reached = f"{self.branches} branches, {self.features} features, {self.inputs} inputs"
        return f"{self.name}: {self.tried} tried, {self.per_second} a second; {reached}"


def run(target: Target, seconds: int) -> Outcome:
    """Fuzz one target for so many seconds."""
    folder = begin(target)
    done = _driver(
        target,
        f"-max_total_time={seconds}",
        f"-artifact_prefix={_crashes(target)}/",
        f"-dict={DICTIONARY}",
        f"-timeout={SLOWEST}",
        f"-rss_limit_mb={MOST_MEMORY}",
        f"-max_len={target.longest}",
        "-print_final_stats=1",
        str(folder),
    )
    return _outcome(target, done)


def keep(target: Target) -> int:
    """Choose the stored inputs anew, and return their number.

    An input is kept if it reaches code that smaller inputs do not reach. The smallest come first.
    """
    with TemporaryDirectory() as made:
        merged = Path(made)
        _merge(target, merged, begin(target))
        chosen, octets = [], 0
        for path in sorted(merged.iterdir(), key=lambda one: one.stat().st_size):
            if octets + path.stat().st_size > MOST_KEPT:
                break
            octets += path.stat().st_size
            chosen.append(path.read_bytes())
        shutil.rmtree(CORPUS / target.name, ignore_errors=True)
        (CORPUS / target.name).mkdir(parents=True)
        for one in chosen:
            put(CORPUS / target.name, one)
    return len(chosen)


def _merge(target: Target, into: Path, folder: Path) -> None:
    """Copy the useful inputs of a folder into another.

    A useful input reaches code that smaller inputs do not reach.
    """
    artifacts = f"-artifact_prefix={_crashes(target)}/"
    done = _driver(target, "-merge=1", artifacts, f"-max_len={target.longest}", str(into), str(folder))
    done.check_returncode()


def _crashes(target: Target) -> Path:
    folder = CRASHES / target.name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _driver(target: Target, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "fuzz.driver", target.name, *arguments]
    return subprocess.run(command, cwd=HERE.parent, capture_output=True, text=True, errors="replace", check=False)


def _outcome(target: Target, done: "subprocess.CompletedProcess[str]") -> Outcome:
    output = done.stderr + done.stdout
    found, lines = _BY_NAME.search(output), _LAST.findall(output)
    last = lines[-1] if lines else ("0", "0", "0", "0")
    rate, tried = _RATE.search(output), _TRIED.search(output)
    return Outcome(
        name=target.name,
        tried=int(tried[1]) if tried else int(last[0]),
        per_second=int(rate[1]) if rate else 0,
        branches=int(last[1]),
        features=int(last[2]),
        inputs=int(last[3]),
        crash=Path(found[1]) if found else None,
        ended=done.returncode,
        last=_why(output),
    )


def _why(output: str) -> str:
    """Return the line that names the error: of the exception, or of libFuzzer."""
    lines = output.splitlines()
    for number, line in enumerate(lines):
        if "Uncaught Python exception" in line and lines[number + 1 :]:
            return lines[number + 1].strip()
    errors = [line for line in lines if "ERROR: libFuzzer" in line]
    return errors[0].strip() if errors else (lines[-1].strip() if lines else "no output")
