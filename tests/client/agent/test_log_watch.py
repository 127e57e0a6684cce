"""Watch over logs at the end of a pass: what is asked, what is stored, and what a log cannot do to a pass."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sinetti.client.agent import log_watch, runner
from sinetti.client.model import CertificateEntry, ServiceEntry
from sinetti.client.requests import log_proof
from sinetti.client.results import ExitCode
from sinetti.client.store import files, log_memory
from sinetti.domain.values import Environment
from sinetti.pki import encoding
from sinetti.wire.transparency.notes import COSIGNATURE, NoteSigner
from sinetti.wire.transparency.observer import LogMemory, LogPolicy
from sinetti.wire.transparency.proofs import EntryProof
from tests.client.agent.test_hostile import CONTENTS
from tests.client.agent.test_runner import DAY, URGENT, AgentInstallation, many
from tests.support import authority
from tests.support.logs import WRONG_KEY
from tests.support.served_logs import TEST_ORIGIN, log_of_test_authority, served

HOUR = timedelta(hours=1)
URL = f"http://{TEST_ORIGIN}"
WITNESS = NoteSigner("witness.example", Ed25519PrivateKey.from_private_bytes(bytes([31]) * 32), COSIGNATURE)


class Watched(AgentInstallation):
    """A store with an agent that reads a log in memory."""

    def __init__(self, holder):
        super().__init__(holder)
        self.log = log_of_test_authority()
        self.policy, self.is_now_given = LogPolicy(), False

    @property
    def agent(self):
        found = super().agent
        service = ServiceEntry("register", self.holder.settings.service, Environment.TEST, "", "", log=self.policy)
        config = replace(found.config, services={"register": service}, defaults=CertificateEntry("", "register"))
        log = {"fetch_log": lambda _url, path: self.log.fetch(path), "now_given": self.is_now_given}
        return replace(found, config=config, **log)

    def issue(self):
        """Add the entries of all certificates of the store."""
        for name in files.list_names(self.holder.store):
            octets = (self.holder.store / name / "live" / "certificate.pem").read_bytes()
            certificate = encoding.load_certificate(octets)
            serial = encoding.serial_hex(certificate.serial_number)
            if serial not in self.log.indices:
                self.log.issue(serial, encoding.sha256_hex(encoding.certificate_der(certificate)))

    def asked(self):
        """Return what was asked since the last call."""
        found, self.log.asked = self.log.asked, []
        return found

    @property
    def proof(self):
        return json.loads((self.holder.folder / "log.json").read_bytes())

    @property
    def fault(self):
        return next(iter(log_memory.find_faults(self.holder.store).values()), None)


@pytest.fixture
def installation(holder):
    holder.enrol()
    one = Watched(holder)
    one.log.add(300)
    one.issue()
    return one


def test_the_proof_of_a_new_certificate_is_fetched_once_and_stored(installation):
    installation.passed(authority.NOW)
    proof = EntryProof.parse(installation.proof["proof"].encode())
    assert (installation.proof["log"], proof.index) == (URL, installation.log.indices[installation.proof["serial"]])
    assert installation.asked() == ["checkpoint", "key", f"proof/{installation.proof['serial']}"]
    installation.passed(authority.NOW + HOUR)
    assert installation.asked() == ["checkpoint"]


def test_a_renewal_is_proven_in_the_pass_that_makes_it_or_the_next(installation):
    installation.passed(authority.NOW)
    first = installation.proof["serial"]
    assert installation.row(installation.passed(URGENT)).outcome.exit_code is ExitCode.DONE
    assert installation.proof["serial"] == first  # its entry is not in the tree yet
    installation.issue()
    installation.passed(URGENT + HOUR)
    assert installation.proof["serial"] != first


def test_many_names_cost_one_checkpoint_and_a_bounded_number_of_proofs(installation, monkeypatch):
    monkeypatch.setattr(log_watch, "PROOFS", 3)
    many(installation, 5)
    installation.issue()
    counts = []
    for hour in range(3):
        installation.passed(authority.NOW + hour * HOUR)
        asked = installation.asked()
        counts.append((asked.count("checkpoint"), sum(one.startswith("proof/") for one in asked)))
    assert counts[0] == (1, 3)
    assert counts[2] == (1, 0)


def test_a_service_without_a_log_is_no_fault_and_is_asked_once_a_week(installation):
    installation.log.is_gone = True
    for hour in range(5):
        assert installation.passed(authority.NOW + hour * HOUR).exit_code is ExitCode.DONE
    assert installation.asked() == ["checkpoint"]
    installation.passed(authority.NOW + 8 * DAY)
    assert installation.asked() == ["checkpoint"]
    installation.log.is_gone = False
    installation.passed(authority.NOW + 16 * DAY)
    assert (installation.holder.folder / "log.json").exists()


def test_an_address_with_a_page_instead_of_a_log_is_one_without_a_log(installation):
    installation.log.fetch = lambda path: installation.log.asked.append(path) or b"<html>"
    for hour in range(2):
        assert installation.passed(authority.NOW + hour * HOUR).exit_code is ExitCode.DONE
    assert installation.asked() == ["checkpoint"]


def test_a_certificate_without_an_entry_is_asked_about_at_each_pass_of_a_day_and_then_rarely(installation):
    installation.log.indices.clear()
    counts = []
    for hours in (0, 1, 25, 26, 27):
        installation.passed(authority.NOW + hours * HOUR)
        counts.append(sum(one.startswith("proof/") for one in installation.asked()))
    assert counts == [1, 1, 1, 0, 0]


def test_a_log_that_is_away_changes_nothing(installation):
    installation.passed(authority.NOW)
    installation.log.is_away = True
    assert installation.passed(authority.NOW + HOUR).exit_code is ExitCode.DONE
    assert installation.row(installation.passed(URGENT)).outcome.exit_code is ExitCode.DONE
    assert installation.fault is None


def test_no_request_begins_after_the_time_for_logs(installation):
    fetch = installation.log.fetch

    def slow(path):
        installation.holder.slept.append(log_watch.SECONDS + 1)
        return fetch(path)

    installation.log.fetch = slow
    installation.passed(authority.NOW)
    assert installation.asked() == ["checkpoint", "key"]


def test_a_pass_that_is_to_stop_asks_no_log(installation):
    installation.passed(authority.NOW)
    installation.asked()
    installation.stop.set()
    installation.passed(authority.NOW + HOUR)
    assert installation.asked() == []


def test_a_fork_is_kept_with_both_heads_and_told_once_for_all_names(installation):
    many(installation, 3)
    installation.issue()
    installation.passed(authority.NOW)
    kept = installation.log.checkpoint
    installation.log.entries[7] = b"other"
    installation.holder.told.clear()
    report = installation.passed(authority.NOW + HOUR)
    assert report.exit_code is ExitCode.REFUSED
    assert {row.exit_code for row in report.rows} == {ExitCode.REFUSED}
    assert [one.text for one in installation.holder.told] == [log_memory.FORKED]
    folder = installation.fault.folder
    assert (folder / "kept.txt").read_bytes() == kept
    assert (folder / "fork.txt").read_bytes() == installation.log.checkpoint
    assert runner.plan_run(installation.agent).exit_code is ExitCode.REFUSED
    # It stays, and does not stop a renewal.
    report = installation.passed(URGENT)
    assert (report.rows[0].outcome.exit_code, report.exit_code) == (ExitCode.DONE, ExitCode.REFUSED)


def test_a_tile_that_was_changed_on_its_way_is_a_fault_only_until_it_comes_whole(installation):
    installation.passed(authority.NOW)
    tile = installation.log.tile
    installation.log.add(300)
    installation.log.tile = lambda name: bytes(len(tile(name)))
    assert installation.passed(authority.NOW + HOUR).exit_code is ExitCode.REFUSED
    folder = installation.fault.folder
    installation.log.tile = tile
    assert installation.passed(authority.NOW + 2 * HOUR).exit_code is ExitCode.DONE
    assert not (folder / "fork.txt").exists()


def test_a_key_of_the_settings_is_demanded(installation):
    installation.policy = LogPolicy(NoteSigner(TEST_ORIGIN, WRONG_KEY.key).verifier)
    assert installation.passed(authority.NOW).exit_code is ExitCode.AGAIN
    assert "is not signed by" in installation.fault.why
    installation.policy = LogPolicy(installation.log.signers[0].verifier)
    assert installation.passed(authority.NOW + HOUR).exit_code is ExitCode.DONE
    assert installation.fault is None


def test_cosignatures_are_waited_for_a_moment_and_then_demanded(installation):
    installation.policy = LogPolicy(None, 1, (WITNESS.verifier,))
    assert installation.passed(authority.NOW).exit_code is ExitCode.AGAIN
    assert installation.asked().count("checkpoint") == 3
    fetch = installation.log.fetch

    def soon(path):
        if installation.holder.slept:
            installation.log.witnesses = (WITNESS,)
        return fetch(path)

    installation.holder.slept.clear()
    installation.log.fetch = soon
    assert installation.passed(authority.NOW + HOUR).exit_code is ExitCode.DONE
    assert installation.asked().count("checkpoint") == 2


def test_an_entry_about_another_certificate_is_a_fault(installation):
    installation.log.indices = dict.fromkeys(installation.log.indices, 300)
    serial = next(iter(installation.log.indices))
    installation.log.entries[300] = installation.log.entries[300].replace(serial.encode(), b"00" * 19)
    assert installation.passed(authority.NOW).exit_code is ExitCode.AGAIN
    assert installation.fault.why == "the entry is about another certificate"


@pytest.mark.parametrize("octets", [b"", b"[]", b'{"names": {"payroll": 7}, "absent": {}}'])
def test_a_damaged_index_is_made_anew(installation, octets):
    installation.passed(authority.NOW)
    path = installation.holder.store / ".logs" / "names.json"
    whole = path.read_bytes()
    path.write_bytes(octets)
    assert installation.passed(authority.NOW + HOUR).exit_code is ExitCode.DONE
    assert path.read_bytes() == whole


def test_parts_over_http():
    with served() as log:
        log.add(3)
        url = f"http://{log.origin}"
        assert log_proof.fetch_part(url, "checkpoint") == log.checkpoint
        assert log_proof.fetch_part(url, "proof/00") is None
        log.is_away = True
        with pytest.raises(log_proof.LogUnavailable, match="HTTP 503"):
            log_proof.fetch_part(url, "checkpoint")
    with pytest.raises(log_proof.LogUnavailable):
        log_proof.fetch_part(url, "checkpoint")


def test_a_memory_that_another_process_uses_is_left_alone(installation):
    installation.passed(authority.NOW)
    folder = log_memory.folder_of(installation.holder.store, TEST_ORIGIN)
    before = (folder / "log.json").read_bytes()
    installation.log.add(3)
    with files.locked(folder):
        assert installation.passed(authority.NOW + HOUR).exit_code is ExitCode.DONE
    assert (folder / "log.json").read_bytes() == before
    assert LogMemory.parse(before).fork is None


def test_the_pass_goes_on_with_any_content_of_the_index(installation):
    installation.passed(authority.NOW)
    path = installation.holder.store / ".logs" / "names.json"
    for hour, (what, content) in enumerate(CONTENTS.items(), 1):
        path.write_bytes(content)
        assert installation.passed(authority.NOW + hour * HOUR).exit_code is ExitCode.DONE, what
        assert installation.fault is None


def test_a_damaged_memory_is_reported_and_stays_and_stops_no_renewal(installation):
    installation.passed(authority.NOW)
    (path,) = (installation.holder.store / ".logs").rglob("log.json")
    installation.log.entries[7] = b"other"
    for hour, (what, content) in enumerate({**CONTENTS, "nothing": b""}.items(), 1):
        path.write_bytes(content)
        assert installation.passed(authority.NOW + hour * HOUR).exit_code is ExitCode.STORE, what
        assert runner.plan_run(installation.agent).exit_code is ExitCode.STORE
        assert (installation.fault.message.text, path.read_bytes()) == (log_memory.DAMAGED, content)
    path.unlink()
    path.mkdir()
    report = installation.passed(URGENT)
    assert (report.rows[0].outcome.exit_code, report.exit_code) == (ExitCode.DONE, ExitCode.STORE)
    path.rmdir()  # a person deletes it, and the reader begins anew
    assert installation.passed(URGENT + HOUR).exit_code is ExitCode.DONE


def test_a_head_older_than_a_day_is_a_fault_by_the_machine_s_clock(installation):
    installation.log.dated = authority.NOW
    assert installation.passed(authority.NOW + DAY).exit_code is ExitCode.DONE
    assert installation.passed(authority.NOW + DAY + HOUR).exit_code is ExitCode.AGAIN
    assert "more than a day" in installation.fault.why
    installation.log.dated = authority.NOW + DAY
    assert installation.passed(authority.NOW + DAY + HOUR).exit_code is ExitCode.DONE
    installation.is_now_given = True
    assert installation.passed(authority.NOW + 9 * DAY).exit_code is ExitCode.DONE


def test_a_return_to_an_older_head_is_a_fault_until_the_newer_one_is_back(installation):
    installation.log.add(3)
    installation.passed(authority.NOW)
    whole, fetch = installation.log.checkpoint, installation.log.fetch
    older = replace(installation.log, entries=installation.log.entries[:200]).checkpoint
    installation.log.fetch = lambda path: older if path == "checkpoint" else fetch(path)
    assert installation.passed(authority.NOW + HOUR).exit_code is ExitCode.AGAIN
    assert "has 200 entries" in installation.fault.why
    memory = LogMemory.parse((installation.fault.folder / "log.json").read_bytes())
    assert (memory.checkpoint, memory.fork) == (whole, None)
    installation.log.fetch = fetch
    assert installation.passed(authority.NOW + 2 * HOUR).exit_code is ExitCode.DONE


def test_a_file_in_the_place_of_the_memory_stops_no_renewal(installation):
    (installation.holder.store / ".logs").write_bytes(b"mine")
    assert installation.row(installation.passed(URGENT)).outcome.exit_code is ExitCode.DONE
    assert (installation.holder.store / ".logs").read_bytes() == b"mine"
