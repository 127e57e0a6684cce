"""The commands of docs/operators/logs.md, run by journalctl and jq on a journal of what `serve` wrote."""

import json
import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from sinetti.infra.clock import utc_now
from tests.house.tree import DOCS, ROOT
from tests.support.postgres import skip_or_fail
from tests.support.programs import CUSTOMER, Holder, exchange, new_key, program, ran
from tests.support.serving import serving, until

PAGE = (DOCS / "operators" / "logs.md").read_text(encoding="utf-8")
SHOWN = "0123456789abcdef0123456789abcdef"
WRITER = Path("/usr/lib/systemd/systemd-journal-remote")
PATH = "/2017/10/CertificateServices"


def commands(of: str) -> list[str]:
    """Return the commands of the page that contain a word."""
    return [line for line in re.findall(r"^ {4}(.+)$", PAGE, re.MULTILINE) if of in line]


@dataclass(frozen=True, slots=True)
class Logged:
    """Journal of an authority that answered: its file, the lines, and the authority's folder."""

    journal: Path
    events: list[dict[str, object]]
    root: Path

    def run(self, command: str, request_id: str = SHOWN) -> list[str]:
        """Run a command of the page as an operator would; return its lines."""
        for word, instead in {
            SHOWN: request_id,
            "journalctl ": f"journalctl --file {self.journal} ",
            "sinetti authority ": shlex.join(program("authority")) + " ",
            "--dir DIR": f"--dir {self.root}",
            "/tmp/log.jsonl": str(self.root.parent / "log.jsonl"),  # noqa: S108 - as the page has it
            "'2027-01-11 08:00' --until '2027-01-11 08:02'": "-1h --until +1h",
        }.items():
            command = command.replace(word, instead)
        done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, (command, done.stderr)
        return done.stdout.splitlines()

    def answered(self, **facts: object) -> dict[str, object]:
        """Return the newest line of an answer with these members."""
        (*_, last) = [one for one in self.events if one["event"] == "answered" and facts.items() <= one.items()]
        return last


@pytest.fixture(scope="module")
def logged(tmp_path_factory):
    """Return the journal of a service that issued, refused and was asked for a page that it lacks."""
    if not WRITER.exists() or not shutil.which("jq"):
        skip_or_fail("systemd-journal-remote or jq is not installed")
    folder = tmp_path_factory.mktemp("logged")
    root = folder / "authority"

    def did(*words: object) -> str:
        done = ran("authority", *words, "--dir", root)
        assert done.returncode == 0, done.stderr
        return done.stdout

    did("init", "--environment", "TEST", "--base-url", "http://pki.example", "--soap-url", "https://a.example")
    customer = ("--customer-id", CUSTOMER["customer_id"])
    did("organisation", "add", *customer, "--kind", "artificial", "--name", CUSTOMER["customer_name"])
    order = ("--contact-name", "A", "--contact-email", "a@example.test", "--json")
    ids = json.loads(did("order", *customer, *order))
    with serving(root, "--workers", "1") as served:
        holder = Holder(served.soap, root / "trust" / "services.pem", now=utc_now())
        holder.new(ids, new_key())
        holder.new({**ids, "transfer_password": ids["transfer_password"][::-1]}, new_key())
        exchange(served.soap, "GET", "/nothing")
        until(lambda: sum("answered" in line for line in served.lines) >= 3)
        served.stop()
    # The keeper puts the facts into the log at its start, and then twice a minute.
    with serving(root, "--workers", "1") as again:
        until(lambda: json.loads(did("audit", "verify", "--json"))["pending"] == 0)
        again.stop()
    lines = ["Ready is no JSON", *(line.rstrip("\n") for line in served.lines)]
    begun = int(utc_now().timestamp() * 1_000_000)
    entries = [
        f"__REALTIME_TIMESTAMP={begun + place}\n__MONOTONIC_TIMESTAMP={place + 1}\n_BOOT_ID={'a' * 32}\n"
        f"_SYSTEMD_UNIT=sinetti.service\nPRIORITY=6\nMESSAGE={line}\n\n"
        for place, line in enumerate(lines)
    ]
    journal = folder / "sinetti.journal"
    subprocess.run([WRITER, "--output", journal, "-"], input="".join(entries), text=True, check=True, timeout=120)
    return Logged(journal, served.events(), root)


def test_all_of_one_request(logged):
    chosen = str(logged.answered(operation="new")["request_id"])
    (first, *_) = commands("journalctl")
    found = [json.loads(line) for line in logged.run(first, chosen)]
    assert found == [one for one in logged.events if one.get("request_id") == chosen]
    assert found[-1]["event"] == "answered"


def test_what_a_request_changed(logged):
    issued = next(one for one in logged.events if one["event"] == "answered" and one.get("reason") is None)
    chosen = str(issued["request_id"])
    export, select = commands("log.jsonl")
    logged.run(export)
    entries = [json.loads(line) for line in logged.run(select, chosen)]
    assert {one["action"] for one in entries} >= {"certificate-issued"}
    assert {one["request"] for one in entries} == {chosen}


def test_a_request_without_its_id(logged):
    (command,) = commands("--until")
    answered = [one for one in logged.events if one["event"] == "answered"]
    assert [json.loads(line) for line in logged.run(command)] == answered


def test_the_questions_of_every_day(logged):
    warnings, refusals, slowest = commands("fromjson?")
    assert [json.loads(line) for line in logged.run(warnings)] == [
        one for one in logged.events if one["level"] != "info"
    ]
    refused = logged.answered(operation="new", reason="transfer-ids-wrong")
    assert [line.split() for line in logged.run(refusals)] == [["1", "new", refused["reason"]]]
    durations = [json.loads(line)["duration_ms"] for line in logged.run(slowest)]
    assert durations == sorted((one["duration_ms"] for one in logged.events if "duration_ms" in one), reverse=True)


def test_the_configuration_of_alloy_reads_members_that_there_are(logged):
    config = (ROOT / "deploy" / "loki" / "config.alloy").read_text(encoding="utf-8")
    read = set(re.findall(r"(\w+) = \"\"", config))
    assert read - {"trace_id"} <= {name for one in logged.events for name in one}
    assert config.count("{") == config.count("}")
