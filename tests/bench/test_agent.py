"""Small runs of the benches of the agent, the store, the pages and the signer.

They keep the benches working. Everything else in them is real.
"""

import subprocess
import sys
from dataclasses import replace

import pytest

from bench import agent, pages, signer, store
from tests.house.tree import ROOT
from tests.support.postgres import skip_or_fail

HEAD = 2
"""Number of lines of a table above its rows."""


def run(module, monkeypatch, capsys, *words):
    """Run a bench as from the command line; return its exit code and its output."""
    monkeypatch.setattr(sys, "argv", [module.__name__, *map(str, words)])
    return module.main(), capsys.readouterr()


@pytest.mark.rare
def test_the_agent():
    """The bench runs in a process of its own.

    The usage that the system reports of a child process begins with the usage of its parent.
    """
    command = [sys.executable, "-m", "bench.agent", "--names", "20", "--renewals", "3"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("sinetti run, 20 names") == 2, "without hints and with them"
    assert "3 called for over 10 minutes, 3 replaced" in done.stdout
    assert "3 renewed, 16 at a time" in done.stdout


def test_the_signer(monkeypatch, capsys):
    code, shown = run(signer, monkeypatch, capsys, "--renewals", 10, "--batch", 2)
    assert code == 0
    assert "| batches of 2 |" in shown.out


MARKS = {"time": ("SECONDS", 0.0), "memory": ("MEGABYTES", 1.0)}


@pytest.mark.parametrize(("mark", "least"), MARKS.values(), ids=MARKS)
def test_what_misses_a_mark_of_the_agent_is_told(mark, least, monkeypatch, capsys):
    monkeypatch.setattr(agent, mark, least)
    code, told = run(agent, monkeypatch, capsys, "--names", 5, "--renewals", 0)
    assert (code, told.out.splitlines()[-1]) == (1, "not as it should be")


@pytest.mark.rare
def test_the_store(monkeypatch, capsys):
    code, told = run(store, monkeypatch, capsys, "--names", 20)
    assert (code, told.out.splitlines()[-1]) == (0, "under 2 s")
    assert len(told.out.splitlines()) == len(store.COMMANDS) + 1
    monkeypatch.setattr(store, "MARK", 0.0)
    assert run(store, monkeypatch, capsys, "--names", 5)[0] == 1


def test_the_pages(monkeypatch, capsys):
    """The bench reports the durations, and the test does not check them.

    Beside other tests the pages take as long as those allow.
    """
    monkeypatch.setattr(pages, "AIM", 60.0)
    code, told = run(pages, monkeypatch, capsys, "--certificates", 1300, "--times", 2)
    if told.err.startswith("skipped: "):
        skip_or_fail(told.err)
    assert code == 0, told.out
    rows = told.out.splitlines()[HEAD:]
    assert {"list, most urgent first", "search in it: name", "everything: a serial", "page: orders of a firm"} <= {
        row.split("|")[1].strip() for row in rows
    }
    asked = pages.Figure("page", [60.0, 60.0], 150_000)
    assert [asked.missed, replace(asked, times=[60.0, 70.0]).missed, replace(asked, octets=150_001).missed] == [
        *(False, True, True),
    ]
