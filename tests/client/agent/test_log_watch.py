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
from tests.client.agent.test_runner import DAY, URGENT, House, many
from tests.support import authority
from tests.support.logs import WRONG_KEY
from tests.support.served_logs import TEST_ORIGIN, log_of_test_authority, served

HOUR = timedelta(hours=1)
URL = f"http://{TEST_ORIGIN}"
WITNESS = NoteSigner("witness.example", Ed25519PrivateKey.from_private_bytes(bytes([31]) * 32), COSIGNATURE)


class Watched(House):
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
def house(holder):
    holder.enrol()
    one = Watched(holder)
    one.log.add(300)
    one.issue()
    return one


def test_the_proof_of_a_new_certificate_is_fetched_once_and_stored(house):
    house.passed(authority.NOW)
    proof = EntryProof.parse(house.proof["proof"].encode())
    assert (house.proof["log"], proof.index) == (URL, house.log.indices[house.proof["serial"]])
    assert house.asked() == ["checkpoint", "key", f"proof/{house.proof['serial']}"]
    house.passed(authority.NOW + HOUR)
    assert house.asked() == ["checkpoint"]


def test_a_renewal_is_proven_in_the_pass_that_makes_it_or_the_next(house):
    house.passed(authority.NOW)
    first = house.proof["serial"]
    assert house.row(house.passed(URGENT)).outcome.exit_code is ExitCode.DONE
    assert house.proof["serial"] == first  # its entry is not in the tree yet
    house.issue()
    house.passed(URGENT + HOUR)
    assert house.proof["serial"] != first


def test_many_names_cost_one_checkpoint_and_a_bounded_number_of_proofs(house, monkeypatch):
    monkeypatch.setattr(log_watch, "PROOFS", 3)
    many(house, 5)
    house.issue()
    counts = []
    for hour in range(3):
        house.passed(authority.NOW + hour * HOUR)
        asked = house.asked()
        counts.append((asked.count("checkpoint"), sum(one.startswith("proof/") for one in asked)))
    assert counts[0] == (1, 3)
    assert counts[2] == (1, 0)


def test_a_service_without_a_log_is_no_fault_and_is_asked_once_a_week(house):
    house.log.is_gone = True
    for hour in range(5):
        assert house.passed(authority.NOW + hour * HOUR).exit_code is ExitCode.DONE
    assert house.asked() == ["checkpoint"]
    house.passed(authority.NOW + 8 * DAY)
    assert house.asked() == ["checkpoint"]
    house.log.is_gone = False
    house.passed(authority.NOW + 16 * DAY)
    assert (house.holder.folder / "log.json").exists()


def test_an_address_with_a_page_instead_of_a_log_is_one_without_a_log(house):
    house.log.fetch = lambda path: house.log.asked.append(path) or b"<html>"
    for hour in range(2):
        assert house.passed(authority.NOW + hour * HOUR).exit_code is ExitCode.DONE
    assert house.asked() == ["checkpoint"]


def test_a_certificate_without_an_entry_is_asked_about_at_each_pass_of_a_day_and_then_rarely(house):
    house.log.indices.clear()
    counts = []
    for hours in (0, 1, 25, 26, 27):
        house.passed(authority.NOW + hours * HOUR)
        counts.append(sum(one.startswith("proof/") for one in house.asked()))
    assert counts == [1, 1, 1, 0, 0]


def test_a_log_that_is_away_changes_nothing(house):
    house.passed(authority.NOW)
    house.log.is_away = True
    assert house.passed(authority.NOW + HOUR).exit_code is ExitCode.DONE
    assert house.row(house.passed(URGENT)).outcome.exit_code is ExitCode.DONE
    assert house.fault is None


def test_no_request_begins_after_the_time_for_logs(house):
    fetch = house.log.fetch

    def slow(path):
        house.holder.slept.append(log_watch.SECONDS + 1)
        return fetch(path)

    house.log.fetch = slow
    house.passed(authority.NOW)
    assert house.asked() == ["checkpoint", "key"]


def test_a_pass_that_is_to_stop_asks_no_log(house):
    house.passed(authority.NOW)
    house.asked()
    house.stop.set()
    house.passed(authority.NOW + HOUR)
    assert house.asked() == []


def test_a_fork_is_kept_with_both_heads_and_told_once_for_all_names(house):
    many(house, 3)
    house.issue()
    house.passed(authority.NOW)
    kept = house.log.checkpoint
    house.log.entries[7] = b"other"
    house.holder.told.clear()
    report = house.passed(authority.NOW + HOUR)
    assert report.exit_code is ExitCode.REFUSED
    assert {row.exit_code for row in report.rows} == {ExitCode.REFUSED}
    assert [one.text for one in house.holder.told] == [log_memory.FORKED]
    folder = house.fault.folder
    assert (folder / "kept.txt").read_bytes() == kept
    assert (folder / "fork.txt").read_bytes() == house.log.checkpoint
    assert runner.plan_run(house.agent).exit_code is ExitCode.REFUSED
    # It stays, and does not stop a renewal.
    report = house.passed(URGENT)
    assert (report.rows[0].outcome.exit_code, report.exit_code) == (ExitCode.DONE, ExitCode.REFUSED)


def test_a_tile_that_was_changed_on_its_way_is_a_fault_only_until_it_comes_whole(house):
    house.passed(authority.NOW)
    tile = house.log.tile
    house.log.add(300)
    house.log.tile = lambda name: bytes(len(tile(name)))
    assert house.passed(authority.NOW + HOUR).exit_code is ExitCode.REFUSED
    folder = house.fault.folder
    house.log.tile = tile
    assert house.passed(authority.NOW + 2 * HOUR).exit_code is ExitCode.DONE
    assert not (folder / "fork.txt").exists()


def test_a_key_of_the_settings_is_demanded(house):
    house.policy = LogPolicy(NoteSigner(TEST_ORIGIN, WRONG_KEY.key).verifier)
    assert house.passed(authority.NOW).exit_code is ExitCode.AGAIN
    assert "is not signed by" in house.fault.why
    house.policy = LogPolicy(house.log.signers[0].verifier)
    assert house.passed(authority.NOW + HOUR).exit_code is ExitCode.DONE
    assert house.fault is None


def test_cosignatures_are_waited_for_a_moment_and_then_demanded(house):
    house.policy = LogPolicy(None, 1, (WITNESS.verifier,))
    assert house.passed(authority.NOW).exit_code is ExitCode.AGAIN
    assert house.asked().count("checkpoint") == 3
    fetch = house.log.fetch

    def soon(path):
        if house.holder.slept:
            house.log.witnesses = (WITNESS,)
        return fetch(path)

    house.holder.slept.clear()
    house.log.fetch = soon
    assert house.passed(authority.NOW + HOUR).exit_code is ExitCode.DONE
    assert house.asked().count("checkpoint") == 2


def test_an_entry_about_another_certificate_is_a_fault(house):
    house.log.indices = dict.fromkeys(house.log.indices, 300)
    serial = next(iter(house.log.indices))
    house.log.entries[300] = house.log.entries[300].replace(serial.encode(), b"00" * 19)
    assert house.passed(authority.NOW).exit_code is ExitCode.AGAIN
    assert house.fault.why == "the entry is about another certificate"


@pytest.mark.parametrize("octets", [b"", b"[]", b'{"names": {"payroll": 7}, "absent": {}}'])
def test_a_damaged_index_is_made_anew(house, octets):
    house.passed(authority.NOW)
    path = house.holder.store / ".logs" / "names.json"
    whole = path.read_bytes()
    path.write_bytes(octets)
    assert house.passed(authority.NOW + HOUR).exit_code is ExitCode.DONE
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


def test_a_memory_that_another_process_uses_is_left_alone(house):
    house.passed(authority.NOW)
    folder = log_memory.folder_of(house.holder.store, TEST_ORIGIN)
    before = (folder / "log.json").read_bytes()
    house.log.add(3)
    with files.locked(folder):
        assert house.passed(authority.NOW + HOUR).exit_code is ExitCode.DONE
    assert (folder / "log.json").read_bytes() == before
    assert LogMemory.parse(before).fork is None


def test_the_pass_goes_on_with_any_content_of_the_index(house):
    house.passed(authority.NOW)
    path = house.holder.store / ".logs" / "names.json"
    for hour, (what, content) in enumerate(CONTENTS.items(), 1):
        path.write_bytes(content)
        assert house.passed(authority.NOW + hour * HOUR).exit_code is ExitCode.DONE, what
        assert house.fault is None


def test_a_damaged_memory_is_reported_and_stays_and_stops_no_renewal(house):
    house.passed(authority.NOW)
    (path,) = (house.holder.store / ".logs").rglob("log.json")
    house.log.entries[7] = b"other"
    for hour, (what, content) in enumerate({**CONTENTS, "nothing": b""}.items(), 1):
        path.write_bytes(content)
        assert house.passed(authority.NOW + hour * HOUR).exit_code is ExitCode.STORE, what
        assert runner.plan_run(house.agent).exit_code is ExitCode.STORE
        assert (house.fault.message.text, path.read_bytes()) == (log_memory.DAMAGED, content)
    path.unlink()
    path.mkdir()
    report = house.passed(URGENT)
    assert (report.rows[0].outcome.exit_code, report.exit_code) == (ExitCode.DONE, ExitCode.STORE)
    path.rmdir()  # a person deletes it, and the reader begins anew
    assert house.passed(URGENT + HOUR).exit_code is ExitCode.DONE


def test_a_head_older_than_a_day_is_a_fault_by_the_machine_s_clock(house):
    house.log.dated = authority.NOW
    assert house.passed(authority.NOW + DAY).exit_code is ExitCode.DONE
    assert house.passed(authority.NOW + DAY + HOUR).exit_code is ExitCode.AGAIN
    assert "more than a day" in house.fault.why
    house.log.dated = authority.NOW + DAY
    assert house.passed(authority.NOW + DAY + HOUR).exit_code is ExitCode.DONE
    house.is_now_given = True
    assert house.passed(authority.NOW + 9 * DAY).exit_code is ExitCode.DONE


def test_a_return_to_an_older_head_is_a_fault_until_the_newer_one_is_back(house):
    house.log.add(3)
    house.passed(authority.NOW)
    whole, fetch = house.log.checkpoint, house.log.fetch
    older = replace(house.log, entries=house.log.entries[:200]).checkpoint
    house.log.fetch = lambda path: older if path == "checkpoint" else fetch(path)
    assert house.passed(authority.NOW + HOUR).exit_code is ExitCode.AGAIN
    assert "has 200 entries" in house.fault.why
    memory = LogMemory.parse((house.fault.folder / "log.json").read_bytes())
    assert (memory.checkpoint, memory.fork) == (whole, None)
    house.log.fetch = fetch
    assert house.passed(authority.NOW + 2 * HOUR).exit_code is ExitCode.DONE


def test_a_file_in_the_place_of_the_memory_stops_no_renewal(house):
    (house.holder.store / ".logs").write_bytes(b"mine")
    assert house.row(house.passed(URGENT)).outcome.exit_code is ExitCode.DONE
    assert (house.holder.store / ".logs").read_bytes() == b"mine"
