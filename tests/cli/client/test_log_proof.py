"""`sinetti log proof` on a bench: what it proves, and what it refuses."""

import json
import time

import pytest

from sinetti.cli.main import main
from tests.cli.client.test_revoke import bench, run, store
from tests.support.logs import LOG_KEY

__all__ = ["bench", "run", "store"]


def proven(run, store, *more):
    """Run the command until the entry is in the log."""
    for _ in range(40):
        code, out, err = run("log", "proof", "payroll", "--store", store, "--lang", "en", *more)
        if code != 4:
            return code, out, err
        time.sleep(0.5)
    pytest.fail(err)


def test_a_certificate_is_proven_and_the_log_goes_on(run, store):
    code, out, err = proven(run, store, "--json")
    assert code == 0, err
    found = json.loads(out)
    kept = json.loads((store / "payroll" / "log.json").read_bytes())
    assert found["serial"] == (store / "payroll" / "live").resolve().name
    assert (found["key"], found["log"].removeprefix("http://")) == (kept["key"], found["origin"])
    said = " ".join(err.split())
    assert "This was the first check." in said
    assert "does not prove that there is only one" in said
    code, _, err = proven(run, store, "--key", found["key"])
    assert code == 0
    assert "continues the checkpoint" in " ".join(err.split())
    refused(run, store, kept, found)


def refused(run, store, kept, found):
    """Check what is refused; the bench takes seconds, so that one test has all."""
    path = store / "payroll" / "log.json"
    other = type(LOG_KEY)(found["origin"], LOG_KEY.key)
    assert proven(run, store, "--key", str(other.verifier))[0] == 3
    assert proven(run, store, "--key", str(LOG_KEY.verifier))[0] == 3
    assert proven(run, store, "--key", "no key")[0] == 2
    # A head of another history that the log's key seems to have signed cannot be forged here, so the kept key is ours.
    path.write_text(json.dumps({"key": str(other.verifier), "checkpoint": kept["checkpoint"]}))
    assert proven(run, store)[0] == 3
    # A bench of another history: the kept head is larger than its log, and no tile leads there.
    path.write_text(json.dumps({"key": kept["key"], "checkpoint": larger(kept["checkpoint"])}))
    assert proven(run, store)[0] == 3
    path.write_text("damaged")
    assert proven(run, store)[0] == 0


def larger(checkpoint: str) -> str:
    """Return a checkpoint that no key signed, for a tree that is larger."""
    origin, size, *rest = checkpoint.split("\n")
    return "\n".join((origin, str(int(size) + 1000), *rest))


def test_a_name_that_is_not_there(capsys, tmp_path):
    assert main(["log", "proof", "payroll", "--store", str(tmp_path)]) == 2
