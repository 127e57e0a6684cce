"""A small fleet, played in full.

The tests play a bench with one agent, then two agents and the fault proxy, then an incident.
"""

import json
import subprocess

import pytest

from sinetti.testbench.fleet.agent_processes import Agents
from sinetti.testbench.fleet.story_runner import StoryBroken
from tests.support import golden
from tests.support.authority import NOW
from tests.support.programs import program, surroundings

WITHIN = 140
ORGANISATIONS = 5


def played(folder, *options, **environment):
    command = program("demo-fleet", *options)
    known = surroundings({"TMPDIR": str(folder), **environment})
    return subprocess.run(command, capture_output=True, text=True, timeout=WITHIN, check=False, env=known)


def test_nothing_lapses(tmp_path):
    done = played(tmp_path, "--organisations", ORGANISATIONS, "--seed", 3, "--json")
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    (line,) = done.stdout.splitlines()
    made = json.loads(line)
    assert made["well"]
    assert made["certificates"] == 4 * ORGANISATIONS + 3, "two acts of an order and a renewal each, three replacements"
    calm, rough, incident = made["acts"]
    assert (calm["enrolled"], calm["renewed"], calm["faults"]) == (ORGANISATIONS, ORGANISATIONS, {})
    assert (rough["enrolled"], rough["renewed"]) == (ORGANISATIONS, ORGANISATIONS)
    assert rough["answers_lost"] + rough["answers_wrong"] > 0
    assert calm["days"] > 1, "they are spread"
    assert incident["renewed"] == 3
    # Ten minutes and a little, unless a busy machine lets a call fail: then it is repeated.
    assert incident["replaced_within_seconds"] <= 3600, incident
    assert list(tmp_path.iterdir()) == [], "nothing is left behind"


REFUSED = {
    "none": (["--organisations", "0"], "“0” is not valid; give a number of organisations from 1 to 2000"),
    "too many": (["--organisations", "2001"], "“2001” is not valid; give a number of organisations from 1 to 2000"),
    "no seed": (["--seed", "x"], "argument --seed"),
    "a folder that is a file": (["--keep", __file__, "--lang", "en"], f"{__file__} cannot be written: "),
    "a folder below a file": (["--keep", f"{__file__}/kept", "--lang", "en"], f"{__file__}/kept cannot be written: "),
}


@pytest.mark.parametrize(("options", "told"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_played(options, told, tmp_path):
    done = played(tmp_path, *options)
    assert (done.returncode, done.stdout) == (2, "")
    assert told in done.stderr


def test_a_folder_that_holds_something_is_left_alone(tmp_path):
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "something").touch()
    done = played(tmp_path, "--keep", kept, "--lang", "en")
    assert (done.returncode, done.stdout) == (2, "")
    said = golden.stable_text(done.stderr, KEPT=kept)
    golden.check("sentences/demo-fleet/a-folder-that-is-not-empty", {"en.txt": said})


def test_a_bench_that_does_not_start_is_told(tmp_path):
    place = tmp_path / "first"
    place.mkdir()
    stub = "import os, sys\nif 'testbench' in sys.argv: os.write(2, b'no bench today'); os._exit(1)\n"
    (place / "sitecustomize.py").write_text(stub)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    done = played(temporary, "--organisations", 1, "--lang", "en", PYTHONPATH=str(place))
    assert done.returncode == 1
    golden.check("sentences/demo-fleet/no-bench", {"en.txt": golden.stable_text(done.stderr)})
    assert list(temporary.iterdir()) == []


def test_an_agent_that_dies_is_told_with_its_last_words(tmp_path):
    config = tmp_path / "sinetti.toml"
    config.write_text('store = "store"\nstray = 1\n')
    with Agents(config, 2) as agents, pytest.raises(StoryBroken) as broken:
        agents.pass_at(NOW)
    assert "an agent stopped unexpectedly" in str(broken.value)
    assert "ConfigError" in str(broken.value)
