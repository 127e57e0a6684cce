"""`sinetti log proof` on a bench: what it proves, and what it refuses."""

import json
import shutil
import time
from dataclasses import replace

import pytest

from sinetti.cli.client import log_proof
from sinetti.cli.main import main
from sinetti.client.messages.error_reasons import translate_reason
from sinetti.client.messages.messages import render
from sinetti.client.store.log_memory import find_fault, load_index
from sinetti.domain.values import Language
from sinetti.infra.clock import monotonic_seconds
from sinetti.pki import encoding
from sinetti.wire.transparency.notes import Checkpoint, NoteSigner, SignedNote
from sinetti.wire.transparency.observer import LogMemory, LogPolicy, TooFewCosignatures
from tests.cli.client.test_revoke import bench, store
from tests.cli.conftest import Shell
from tests.client.agent.test_log_watch import WITNESS
from tests.support.logs import LOG_KEY, NEXT_KEY
from tests.support.serving import SOON

__all__ = ["bench", "store"]


@pytest.fixture
def run(tmp_path, capsys):
    """Return a function that runs a command; the log is that of the bench."""
    return Shell(None, tmp_path, capsys).run


def proven(run, store, *more):
    """Run the command until the entry is in the log."""
    deadline = monotonic_seconds() + SOON
    while (result := run("log", "proof", "payroll", "--store", store, "--lang", "en", *more))[0] == 4:
        assert monotonic_seconds() < deadline, result
        time.sleep(0.5)
    return result


@pytest.mark.long
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
    passed(run, store)
    refused(run, store, memory, found)


def passed(run, store):
    """Make a pass of the agent, which fetches the proof by itself; the machine's clock is before the bench's."""
    (store / "payroll" / "log.json").unlink()
    shutil.rmtree(store / ".logs")
    run("run", "--store", store)
    assert json.loads((store / "payroll" / "log.json").read_bytes())["serial"]
    assert load_index(store).names["payroll"].is_proven
    proven(run, store)


@pytest.fixture(autouse=True)
def slept(monkeypatch):
    """Return the seconds that the command would have slept."""
    found = []
    monkeypatch.setattr(log_proof, "sleep", found.append)
    return found


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
    assert find_fault(store, "payroll").code == 3
    path.write_text("damaged")
    code, _, err = proven(run, store)
    assert (code, "cannot be read" in " ".join(err.split()), path.read_text()) == (5, True, "damaged")
    assert find_fault(store, "payroll").code == 5
    shutil.rmtree(path.parent)
    assert proven(run, store)[0] == 0


def test_a_name_that_is_not_there(capsys, tmp_path):
    assert main(["log", "proof", "payroll", "--store", str(tmp_path)]) == 2


@pytest.fixture
def logged(shell):
    """Return a shell with a certificate whose entry is in a log."""
    shell.enrol()
    certificate = encoding.load_certificate((shell.store / "payroll" / "live" / "certificate.pem").read_bytes())
    shell.log.is_gone = False
    shell.log.add(300)
    digest = encoding.sha256_hex(encoding.certificate_der(certificate))
    shell.log.issue(encoding.serial_hex(certificate.serial_number), digest)
    return shell


def prove(logged, *more):
    code, out, err = logged.run("log", "proof", "payroll", "--store", logged.store, "--lang", "en", *more)
    return code, out, " ".join(err.split())


def configured(logged, *lines):
    """Write a sinetti.toml whose only service has these lines."""
    text = "\n".join((
        "[services.register]", f'address = "{logged.double.url}"', 'environment = "TEST"',
        'trust_services = "services.pem"', 'trust_holders = "holders.pem"', *lines, "",
    ))  # fmt: skip
    path = logged.folder / "sinetti.toml"
    path.write_text(text)
    return "--config", path


def test_the_settings_of_the_service_count(logged):
    key = logged.log.signers[0].verifier
    code, _, err = prove(logged, *configured(logged, f'log_key = "{key}"'))
    assert (code, "The key is the first one" in err) == (0, False)
    other = NoteSigner(logged.log.origin, NEXT_KEY.key)
    wrong = configured(logged, f'log_key = "{other.verifier}"')
    code, _, err = prove(logged, *wrong)
    assert (code, "is not signed by" in err) == (3, True)
    assert prove(logged, *wrong, "--key", str(key))[0] == 0
    # The key is changed, and the pinned one leads to the new one by the entry that both signed.
    logged.log.rotate(other)
    logged.log.signers = (other,)
    code, out, _ = prove(logged, "--key", str(key), "--json")
    assert (code, json.loads(out)["key"]) == (0, str(other.verifier))
    logged.log.changes.clear()
    shutil.rmtree(logged.store / ".logs")
    assert prove(logged, "--key", str(key))[0] == 3


def test_cosignatures_are_demanded(logged, slept):
    demand = ("--cosignatures", "1", "--witness-key", str(WITNESS.verifier))
    code, _, err = prove(logged, *demand)
    assert (code, "too few cosignatures" in err, len(slept)) == (3, True, 2)
    logged.log.witnesses = (WITNESS,)
    code, out, err = prove(logged, *demand, "--json")
    assert (code, json.loads(out)["witnesses"]) == (0, ["witness.example"])
    assert "1 of the named witnesses cosigned the checkpoint." in err
    settings = configured(logged, "log_cosignatures = 1", f'log_witnesses = ["{WITNESS.verifier}"]')
    assert prove(logged, *settings)[0] == 0
    code, _, err = prove(logged, *settings, "--cosignatures", "2")
    assert (code, "2 cosignatures need as many witnesses" in err) == (2, True)


def test_a_fork_shows_both_signed_heads(logged):
    assert prove(logged)[0] == 0
    kept = logged.log.checkpoint
    logged.log.entries[7] = b"other"
    code, _, err = prove(logged)
    assert code == 3
    assert all(" ".join(head.decode().split()) in err for head in (kept, logged.log.checkpoint))
    assert str(logged.store / ".logs") in err
    code, out, _ = logged.run("status", "--store", logged.store, "--check", "--lang", "en")
    assert (code, "fault in the service's log" in " ".join(out.split())) == (3, True)


def test_what_cannot_be_fetched_is_no_refusal(logged):
    logged.log.indices.clear()
    code, _, err = prove(logged)
    assert (code, "the log has no entry about the certificate" in err) == (4, True)
    logged.log.is_away = True
    assert prove(logged)[0] == 4


def test_too_few_cosignatures_in_another_language():
    with pytest.raises(TooFewCosignatures) as found:
        LogPolicy(None, 1, (WITNESS.verifier,)).check_cosigned(SignedNote("text\n", ()))
    assert "minst 1 krävs" in render(translate_reason(found.value), Language.SV)
