"""What a demonstration stands on: a bench of its own, the real command line, a timeline that people can read."""

import json
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_READY_WITHIN = 30
_COMMAND_WITHIN = 60
_STOP_WITHIN = 10


class StoryBroken(Exception):
    """A step did not do what it should."""


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command did: exit code, standard output, and what it said to people."""

    code: int
    output: str
    said: str


class Stage:
    """A test bench in a temporary folder, and a place for the client's store."""

    def __init__(self, now: str) -> None:
        """Start a bench whose clock stands at `now`."""
        self.folder = Path(tempfile.mkdtemp(prefix="sinetti-demo-"))
        self.store = self.folder / "store"
        self._log = (self.folder / "bench.log").open("w", encoding="utf-8")
        self._step = 0
        command = [sys.executable, "-m", "sinetti", "testbench", "serve", "--dir", str(self.folder / "bench"), "--now", now]
        self.bench = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self._log, text=True)
        line = self.bench.stdout.readline() if self.bench.stdout else ""
        if not line:
            self._log.flush()
            why = (self.folder / "bench.log").read_text(encoding="utf-8")[-2000:]
            sentence = f"the test bench did not start:\n{why}"
            raise StoryBroken(sentence)
        self.ready: dict[str, Any] = json.loads(line)
        self.now = now

    def stop(self) -> None:
        """Stop the bench."""
        self.bench.terminate()
        try:
            self.bench.wait(_STOP_WITHIN)
        finally:
            self.bench.kill()
            self._log.close()

    def chapter(self, title: str) -> None:
        """Begin a step of the story."""
        self._step += 1
        print(f"\n{self.now[:16].replace('T', ' ')} UTC  {self._step}. {title}", flush=True)

    def tell(self, text: str) -> None:
        """Say what is to be seen."""
        for line in text.splitlines():
            print(f"      {line}", flush=True)

    def control(self, method: str, path: str, value: object = None) -> Any:
        """Make a control call; shown as the curl command that does the same."""
        address = f"{self.ready['control_url']}{path}"
        body = None if value is None else json.dumps(value)
        shown = f"curl -X {method} $CONTROL{path}"
        if body is not None:
            shown += f" -H 'Content-Type: application/json' -d '{body}'"
        print(f"    $ {shown}", flush=True)
        request = urllib.request.Request(address, body.encode() if body else None, method=method)
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=_READY_WITHIN) as reply:
            return json.load(reply)

    def move_clock(self, now: str) -> None:
        """Set the bench's clock."""
        self.control("PUT", "/clock", {"now": now})
        self.now = now

    def run(self, arguments: Sequence[str], *, expect: int = 0, hide: Sequence[str] = ()) -> Ran:
        """Run a command of the client at the bench's time; shown as it is typed, without the options in `hide`."""
        shown = " ".join(_quoted(word, self.folder) for word in arguments if word not in hide)
        print(f"    $ sinetti {shown}", flush=True)
        full = [sys.executable, "-m", "sinetti", *arguments, "--now", self.now]
        done = subprocess.run(full, capture_output=True, text=True, timeout=_COMMAND_WITHIN, check=False)
        said = "\n".join(line for line in done.stderr.splitlines() if "--now" not in line)
        self.tell(said.replace(str(self.folder), "."))
        if done.returncode != expect:
            sentence = f"the command ended with {done.returncode}, not {expect}: {done.stdout}{done.stderr}"
            raise StoryBroken(sentence)
        return Ran(done.returncode, done.stdout, said)


def demand(holds: bool, what: str) -> None:  # noqa: FBT001 - reads as a sentence where it is called
    """Go on only if this holds."""
    if not holds:
        raise StoryBroken(what)


def _quoted(word: str, folder: Path) -> str:
    word = word.replace(str(folder), ".")
    return f"'{word}'" if " " in word else word
