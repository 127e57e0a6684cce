"""`make demo`: its story, its output and its cleanup.

It leaves nothing behind, or a bench to talk to.
"""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from time import sleep

import pytest

from sinetti.infra.clock import monotonic_seconds
from sinetti.testbench.demo import SIGN_INS
from tests.house.tree import ROOT
from tests.support.programs import started

COMMAND = [sys.executable, "-u", "-W", "ignore", "-m", "sinetti.testbench.demo"]
WITHIN = 140
"""Seconds until a demonstration counts as hanging; it took 16 alone, and 60 among other tests."""
NO_BENCH = "import os, sys\nif 'testbench' in sys.argv: os.write(2, b'no bench today'); os._exit(1)\n"
COMMAND_SHOWN = r"^    \$ ((?:.*\\\n)*.*)$"
SHOWN = [
    r"To run the commands yourself, use make demo KEEP=1",
    r"curl -X POST \"\$CONTROL/orders\"",
    r"transfer ID [0-9]{32}, one-time password \w{4}…",
    r"\$ sinetti enrol payroll --store",
    r"--now 2027-01-13T08:00:00Z\n",
    r"certificate [0-9a-f]{38} is installed",
    r"-rw-------  payroll/live/key\.pem +\d+",
    r"-rw-------  keys/DataProvidersTestIssuingCAv1\.pem +\d+",
    r"-rw-------  register.sqlite3 +\d+",
    r"[0-9a-f]{12}…  fetched  2027-01-13T08:00:00Z – 2029-01-12T08:00:00Z",
    r"\$ sinetti status --store \./store --now 2027-01-13T08:00:00Z\n(?: .*\n)+? +payroll +0123456-7 +valid ",
    r"\$ sinetti sign \./report\.xml",
    r"--out \./report-sealed\.xml",
    r"The seal is valid\.[^.]+certificate\s+[0-9a-f]{12}…",
    r"\$ sinetti deliver payroll \./report\.xml",
    r"\./report\.xml was delivered and accepted\.\s+It\s+was\s+received\s+on\s+13\s+January\s+2027\s+at\s+10:00",
    r"\$ cp -r \./store \./old-store",
    r"2028-11-12 08:00:00 UTC +\d\. 61 days before its end: it is too early",
    r"With --force it asks the service anyway:\n    \$ sinetti renew",
    r"PKI034: [^$]*13\s+November\s+2028\s+at\s+10:00",
    r"2028-11-14 08:00:00 UTC +\d\. 59 days before its end: renewal has opened",
    r"curl \"\$CONTROL/messages\?kind=reminder\"\n +Sent: +2028-11-13T08:00:00Z\n",
    r"Subject: +Certificate expires on 12 January 2029 – Malliyritys Oy",
    r"“payroll”",
    r"UTC +\d+\. The certificate is renewed with a new key",
    r"payroll: renewed",
    r"\$CONTROL/messages\?kind=renewed",
    r"Subject: +Certificate renewed on 14 November 2028",
    r"fetched  2028-11-14.*\n.*fetched  2027-01-13",
    r"\./february\.xml was delivered and accepted",
    r"2029-01-12 08:00:01 UTC +\d+\. One second after the old certificate's end",
    r"PKI032",
    r"Refused: the signer's certificate expired",
    r"refused the delivery \(expired\)",
    r"fetched  2028-11-14.*\n.*expired  2027-01-13",
    r"The issuing CA gets a successor",
    r"curl -X POST \"\$CONTROL/cas/rollover\"",
    r"Data Providers Test Issuing CA v1 issues no more, Data\s+Providers\s+Test\s+Issuing\s+CA\s+v2\s+from\s+now\s+on",
    r"curl -X POST \"\$CONTROL/cas/revocations\"",
    r"curl -X POST \"\$CONTROL/early\"",
    r"\$CONTROL/messages\?kind=incident",
    r"payroll: renewed",
    r"Issuer: Data Providers Test Issuing CA v2",
    r"\./april\.xml was delivered and accepted",
    r"Then the new certificate is revoked.*\n.*curl.*certificates.*\n.*fetched",
    r"curl -X POST \"\$CONTROL/revocations\"",
    r"refused the delivery \(revoked\)",
    r"10 organisations and an agent",
    r"1\. Two years without faults",
    r"10 certificates are in use",
    r"total 10 of 10",
    r"2\. Two years with faults: one answer in ten is lost",
    r"total 10 of 10",
    r"Lost answers: \d+\. Wrong answers: \d+\.",
    r"Organisations: 10, certificates: 40, 4 years in \d+ s, renewals on \d+ days, .*Nothing lapsed",
    r"Done: every step succeeded \(\d+ s\)",
]


def test_the_whole_life(tmp_path):
    done = subprocess.run(
        COMMAND, capture_output=True, text=True, timeout=WITHIN, check=False, env=surroundings(tmp_path)
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    place = 0
    for wanted in SHOWN:
        found = re.compile(wanted).search(done.stdout, place)
        assert found, f"not shown, or not in its place: {wanted}"
        place = found.start()
    assert of_the_readme() <= {masked(line) for line in done.stdout.splitlines()}
    assert list(tmp_path.iterdir()) == [], "it clears its folder away"
    assert "store-" not in done.stdout
    serials = re.findall(r"\b[0-9a-f]{38}\b", re.sub(COMMAND_SHOWN, "", done.stdout, flags=re.MULTILINE))
    assert len(serials) == len(set(serials)), "a serial is written out once"
    for command in commands(done.stdout):
        assert not command.startswith("sinetti") or re.search(r" --now \S+Z$", command), command
        assert all(len(line) <= 104 for line in command.splitlines()), command


def of_the_readme():
    """Return the lines of output that README.md shows."""
    (output,) = re.findall(r"^```text\n(.*?)^```$", (ROOT / "README.md").read_text(), re.DOTALL | re.MULTILINE)
    return {masked(line) for line in output.splitlines()}


def masked(line):
    """Return a line with a dash for each serial number."""
    return re.sub(r"\b[0-9a-f]{38}\b", "-", line)


def commands(shown):
    """Return every command of the output, with its line breaks."""
    return re.findall(COMMAND_SHOWN, shown, re.MULTILINE)


def surroundings(folder, **more):
    return {**os.environ, "TMPDIR": str(folder), **more}  # noqa: TID251 - a child of the test run


def test_kept_it_can_be_talked_to_by_the_lines_it_prints(tmp_path):
    pytest.importorskip("zeep")
    done = subprocess.run(
        [*COMMAND, "--keep"], capture_output=True, text=True, timeout=WITHIN, check=False, env=surroundings(tmp_path)
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"To run the commands yourself:\n    \$ CONTROL=http://127.0.0.1:\d+\n    \$ cd /", done.stdout)
    printed = done.stdout.partition("The bench keeps running")[2]
    pid = int(re.search(r"kill (\d+)", printed)[1])
    try:
        talk(printed)
        look(printed)
    finally:
        os.kill(pid, signal.SIGTERM)
    assert_ends(pid)
    (folder,) = tmp_path.iterdir()
    assert f"kill {pid}, then delete {folder} (it holds private keys)" in printed


def talk(printed):
    for name, expected in (
        ("its clock", "2029-01-12T14:00:01Z"),
        ("an order", "transfer_password"),
        ("enrol", "books: certificate"),
        ("renew", "13 November 2030 at 16:00"),
        ("deliver", "was delivered and accepted"),
        ("the WSDL", "<"),
    ):
        command = re.search(rf"^  {name} +(\S.*?[^\\])\n", printed, re.DOTALL | re.MULTILINE)[1]
        assert expected in shell(command), command
    lines = re.search(r"with zeep +(.*?)\n +stop it", printed, re.DOTALL)[1]
    program = "\n".join(line.strip() for line in lines.splitlines()).replace(
        "client.service", "answer = client.service"
    )
    answer = json.loads(
        python(f"{program}\nimport json, zeep.helpers; print(json.dumps(zeep.helpers.serialize_object(answer.Result)))")
    )
    assert answer["Status"] == "FAIL"
    assert answer["ErrorInfo"][0]["ErrorCode"] == "PKI020"


def look(printed):
    """Check the lines of the output about the pages of the e-service."""
    address = re.search(r"open (http://localhost:\d+) and sign in", printed)[1]
    with urllib.request.urlopen(address, timeout=60) as page:  # noqa: S310 - loopback
        assert page.status == 200
    rows = [line for line in printed.splitlines() if "@people.example" in line]
    assert len(rows) == len(SIGN_INS)
    for (who, account), row in zip(SIGN_INS, rows, strict=True):
        assert re.fullmatch(rf"  {who} +{account['email']} +[\w-]{{16}}  [A-Z2-7]{{32}}", row), row
    command = re.search(r"^ {4}(\S+ testbench code) SECRET$", printed, re.MULTILINE)[1]
    assert re.match(r"\d{6}\n", shell(f"{command} {rows[0].split()[-1]}"))


def shell(command):
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=120, check=True)
    return done.stdout + done.stderr


def python(program):
    command = [sys.executable, "-W", "ignore", "-c", program]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout


@pytest.mark.parametrize(("how", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_ended_early_it_takes_its_bench_along(tmp_path, how, code):
    with started(COMMAND, stdout=subprocess.PIPE, text=True, env=surroundings(tmp_path)) as story:
        for line in story.stdout:
            if "transfer ID" in line:
                break
        (bench,) = children(story.pid)
        story.send_signal(how)
        assert story.wait(60) == code
    assert_ends(bench)
    if how == signal.SIGINT:
        assert list(tmp_path.iterdir()) == []


def children(pid):
    found = Path(f"/proc/{pid}/task/{pid}/children")
    benches = [int(one) for one in found.read_text("ascii").split()]
    return [one for one in benches if b"testbench" in Path(f"/proc/{one}/cmdline").read_bytes()]


def assert_ends(pid):
    deadline = monotonic_seconds() + 60
    while Path(f"/proc/{pid}/cmdline").exists() and Path(f"/proc/{pid}/cmdline").read_bytes():
        assert monotonic_seconds() < deadline, "the bench runs on"
        sleep(0.05)


def test_a_bench_that_does_not_start_is_told(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(NO_BENCH)
    environment = surroundings(tmp_path, PYTHONPATH=str(tmp_path))
    done = subprocess.run(COMMAND, capture_output=True, text=True, timeout=WITHIN, check=False, env=environment)
    assert done.returncode == 1
    assert "The demonstration failed: the test bench did not start" in done.stderr
    assert "Traceback" not in done.stderr
