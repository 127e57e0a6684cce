"""Base of a demonstration: its own bench, the real command line, and a timeline."""

import json
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from typing import Any

_READY_WITHIN = 30
_ANSWER_WITHIN = 300
_COMMAND_WITHIN = 60
_STOP_WITHIN = 10
_WIDTH = 100
_SERIAL = re.compile(r"\b[0-9a-f]{38}\b")
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""Opener for loopback, which does not use the machine's proxy."""


def typed(words: Sequence[str], indent: str = "    $ ") -> str:
    """Format a command as a user types it.

    Options take as many lines as needed, and no option is separated from its value.
    """
    parts: list[str] = []
    for word in words:
        quoted = f"'{word}'" if re.search(r"[ {}?]", word) and not word.startswith('"') else word
        if parts and not word.startswith("-") and parts[-1].startswith("-") and " " not in parts[-1]:
            parts[-1] += f" {quoted}"
        else:
            parts.append(quoted)
    lines = [indent + parts[0]]
    for part in parts[1:]:
        if len(lines[-1]) + len(part) + 3 > _WIDTH:
            lines[-1] += " \\"
            lines.append(f"{' ' * len(indent)}    {part}")
        else:
            lines[-1] += f" {part}"
    return "\n".join(lines)


class StoryBroken(Exception):
    """Raised where a step did not do what it should."""


@dataclass(frozen=True)
class StoryResult:
    """Result of a command: exit code, standard output, and messages to people."""

    code: int
    output: str
    said: str


class StoryRunner:
    """A test bench in a temporary folder, and a place for the client's store."""

    def __init__(
        self,
        now: str,
        *,
        keep: bool = False,
        folder: Path | None = None,
        options: Sequence[str] = (),
        patience: float = _READY_WITHIN,
    ) -> None:
        """Start a bench whose clock stands at `now`, with further `options`.

        It has to be ready within `patience` seconds. Unless it is to be kept, it ends with this process in any case.
        Its files lie in `folder`, or in a temporary folder.
        """
        self.folder = folder or Path(tempfile.mkdtemp(prefix="sinetti-demo-"))
        self.store = self.folder / "store"
        self.now, self.keep = now, keep
        self._step = 0
        self._serials: set[str] = set()
        self._log = self.folder / "bench.log"
        command = [sys.executable, "-m", "sinetti", "testbench", "serve", "--dir", str(self.folder / "bench")]
        command += ["--now", now, *options, *([] if keep else ["--until-stdin-closes"])]
        with self._log.open("w", encoding="utf-8") as log:
            self.bench = subprocess.Popen(  # noqa: S603 - our own program, words of our own
                command,
                stdin=subprocess.DEVNULL if keep else subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=keep,
            )
        self.ready: dict[str, Any] = json.loads(self._first_line(patience))

    def _first_line(self, patience: float) -> str:
        timer = Timer(patience, self.bench.kill)
        timer.start()
        try:
            line = self.bench.stdout.readline() if self.bench.stdout else ""
        finally:
            timer.cancel()
        if not line:
            self.stop()
            raise StoryBroken(f"the test bench did not start:\n{self._log.read_text(encoding='utf-8')[-2000:]}")
        return line

    def stop(self) -> None:
        """Stop the bench."""
        self.bench.terminate()
        try:
            self.bench.wait(_STOP_WITHIN)
        except subprocess.TimeoutExpired:
            self.bench.kill()
            self.bench.wait()
        for pipe in (self.bench.stdin, self.bench.stdout):
            if pipe is not None:
                pipe.close()

    def chapter(self, title: str, *, now: str | None = None) -> None:
        """Begin a step of the story; with `now`, set the bench's clock first."""
        self._step += 1
        moved = now is not None and now != self.now
        self.now = now or self.now
        print(f"\n{self.now[:19].replace('T', ' ')} UTC  {self._step}. {title}", flush=True)
        if moved:
            self.control("PUT", "/clock", {"now": self.now})

    def tell(self, text: str) -> None:
        """Print a text.

        A serial number is printed in full the first time, and shortened after that.
        """
        for line in _SERIAL.sub(self._serial, text).splitlines():
            inside = line.lstrip()
            indent = " " * (6 + len(line) - len(inside))
            for part in textwrap.wrap(inside, _WIDTH - len(indent), break_long_words=False, break_on_hyphens=False):
                print(f"{indent}{part}", flush=True)

    def _serial(self, match: re.Match[str]) -> str:
        known = match[0] in self._serials
        self._serials.add(match[0])
        return f"{match[0][:12]}…" if known else match[0]

    def show(self, *words: str) -> None:
        """Print a command."""
        print(typed([self.shown(word) for word in words]), flush=True)

    def control(self, method: str, path: str, value: object = None) -> Any:  # noqa: ANN401 - JSON of any shape
        """Make a control call, and print the curl command that does the same."""
        body = None if value is None else json.dumps(value)
        self.show(*curl(method, f'"$CONTROL{path}"', body))
        return self._called(method, path, body)

    def quietly_called(self, method: str, path: str, value: object = None) -> Any:  # noqa: ANN401 - JSON of any shape
        """Make a control call without output.

        Raises StoryBroken if it fails. Many threads may call it.
        """
        return self._called(method, path, None if value is None else json.dumps(value))

    def quietly_ordered(self, order: object) -> dict[str, str]:
        """Order a certificate without output, and return the transfer ids."""
        ids: dict[str, str] = self._called("POST", "/orders", json.dumps(order))
        return ids

    def quietly_made(self, account: object) -> dict[str, str]:
        """Make an account without output, and return its credentials."""
        made: dict[str, str] = self._called("POST", "/accounts", json.dumps(account))
        return made

    def _called(self, method: str, path: str, body: str | None) -> Any:  # noqa: ANN401 - JSON of any shape
        request = urllib.request.Request(  # noqa: S310 - the bench's own address on loopback
            f"{self.ready['control_url']}{path}",
            body.encode() if body else None,
            {"Content-Type": "application/json"},
            method=method,
        )
        try:
            with _DIRECT.open(request, timeout=_ANSWER_WITHIN) as reply:
                return json.load(reply)
        except urllib.error.HTTPError as refused:
            with refused:
                sentence = f"{method} {path} failed with status {refused.code}: {refused.read().decode()}"
            raise StoryBroken(sentence) from None
        except (OSError, ValueError) as lost:
            raise StoryBroken(f"{method} {path} got no answer: {lost}") from lost

    def run(self, arguments: Sequence[str], *, expect: int = 0) -> StoryResult:
        """Run a command of the client at the bench's time.

        It is shown as a user types it in the story's folder.
        """
        arguments = [*arguments, "--now", self.now]
        self.show("sinetti", *arguments)
        done = self.quietly(arguments, expect=expect)
        self.tell(f"{done.said}\n{done.output}".replace(str(self.folder), ".").strip("\n"))
        return done

    def quietly(self, arguments: Sequence[str], *, expect: int = 0) -> StoryResult:
        """Run a command of the client without output."""
        full = [sys.executable, "-m", "sinetti", *arguments, "--lang", "en"]
        try:
            done = subprocess.run(  # noqa: S603 - our own program, words of our own
                full, capture_output=True, text=True, timeout=_COMMAND_WITHIN, check=False
            )
        except subprocess.TimeoutExpired as late:
            raise StoryBroken(f"the command did not end within {_COMMAND_WITHIN} s") from late
        message_text = "\n".join(line for line in done.stderr.splitlines() if "--now" not in line)
        if done.returncode != expect:
            raise StoryBroken(f"the command ended with {done.returncode}, not {expect}: {done.stdout}{done.stderr}")
        return StoryResult(done.returncode, done.stdout, message_text)

    def shown(self, word: str) -> str:
        """Return a word of a command as it is typed in the demonstration's folder."""
        return word.replace(str(self.folder), ".")


def curl(method: str, address: str, body: str | None = None) -> list[str]:
    """Return the words of the curl command for a control call."""
    words = ["curl", *([] if method == "GET" else ["-X", method]), address]
    return words if body is None else [*words, "-H", "Content-Type: application/json", "-d", body]


def program() -> Path | None:
    """Return the folder of the command `sinetti`, or None if a shell finds it."""
    ours = Path(sys.executable).parent
    text = shutil.which("sinetti")
    return None if (text and Path(text).parent == ours) or not (ours / "sinetti").is_file() else ours


def require(holds: bool, what: str) -> None:  # noqa: FBT001 - reads as a sentence where it is called
    """Raise StoryBroken unless the condition holds."""
    if not holds:
        raise StoryBroken(what)
