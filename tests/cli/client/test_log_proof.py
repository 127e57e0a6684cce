"""`sinetti log proof` on a bench: what it proves, and what it refuses."""

import json
import shutil
import time
from dataclasses import replace

import pytest

from sinetti.cli.main import main
from sinetti.wire.transparency.notes import Checkpoint, NoteSigner, SignedNote
from sinetti.wire.transparency.observer import LogMemory
from tests.cli.client.test_revoke import bench, run, store
from tests.client.agent.test_log_watch import WITNESS
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
    stored = json.loads((store / "payroll" / "log.json").read_bytes())
    assert found["serial"] == stored["serial"] == (store / "payroll" / "live").resolve().name
    (memory,) = (store / ".logs").glob("*/log.json")
    kept = LogMemory.parse(memory.read_bytes())
    assert ([found["key"]], found["log"].removeprefix("http://")) == ([str(one) for one in kept.keys], found["origin"])
    said = " ".join(err.split())
    assert "The key is the first one that the service itself showed." in said
    assert "does not prove that there is only one" in said
    shutil.rmtree(store / ".logs")
    assert "This was the first check of this log." in " ".join(proven(run, store)[2].split())
    code, _, err = proven(run, store, "--key", found["key"])
    said = " ".join(err.split())
    assert (code, "continues the checkpoint" in said, "The key is the first one" in said) == (0, True, False)
    refused(run, store, memory, found)


def refused(run, store, path, found):
    """Check what is refused; the bench takes seconds, so that one test has all."""
    kept = LogMemory.parse(path.read_bytes())
    other = NoteSigner(found["origin"], LOG_KEY.key)
    assert proven(run, store, "--key", str(other.verifier))[0] == 3
    assert proven(run, store, "--key", str(LOG_KEY.verifier))[0] == 3
    assert proven(run, store, "--key", "no key")[0] == 2
    assert proven(run, store, "--cosignatures", "1")[0] == 2
    code, _, err = proven(run, store, "--cosignatures", "1", "--witness-key", str(WITNESS.verifier))
    assert (code, "0 of the named witnesses cosigned it, and 1 must" in " ".join(err.split())) == (3, True)
    assert LogMemory.parse(path.read_bytes()).why is None  # the options of one command are no fault of the log
    # A head of another history that the log's key seems to have signed cannot be forged here, so the kept key is ours.
    path.write_bytes(LogMemory((other.verifier,), kept.checkpoint).dump())
    assert proven(run, store)[0] == 3
    # A bench of another history: the kept head is larger than its log, and no tile leads there.
    head = Checkpoint.parse(SignedNote.parse(kept.checkpoint).text)
    larger = replace(head, size=head.size + 1000).signed(other)
    path.write_bytes(LogMemory((*kept.keys, other.verifier), larger).dump())
    code, _, err = proven(run, store)
    assert (code, "two histories" in " ".join(err.split())) == (3, True)
    assert (path.parent / "kept.txt").read_bytes() == larger
    assert (path.parent / "fork.txt").read_bytes().startswith(found["origin"].encode())
    assert run("status", "--store", store, "--check")[0] == 3
    path.write_text("damaged")
    assert proven(run, store)[0] == 0


def test_a_name_that_is_not_there(capsys, tmp_path):
    assert main(["log", "proof", "payroll", "--store", str(tmp_path)]) == 2
