"""Runs of the agent over a store, against the stand-in for the service."""

import itertools
import json
import os
import shutil
import threading
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta

import pytest

from sinetti.client.agent import runner, schedule, worker
from sinetti.client.agent.decisions import NeedsOperator, Renew, ResumeRequest, Wait
from sinetti.client.agent.programs import ConfiguredHooks
from sinetti.client.agent.worker import AgentContext, RunCancelled
from sinetti.client.messages import messages
from sinetti.client.messages.messages import make_message
from sinetti.client.model import (
    AgentSettings,
    CertificateEntry,
    Config,
    DecisionReason,
    MaintenanceWindow,
    RenewalInfoState,
)
from sinetti.client.results import ExitCode, Result, UsageError
from sinetti.client.store import agent_state, event_log, files, journal, key_storage, settings, snapshot
from sinetti.client.store.agent_state import AgentState
from sinetti.client.store.event_log import EventType
from sinetti.client.store.files import StoreLocked
from sinetti.client.store.journal import RequestKind, RequestState
from sinetti.domain.values import Environment, ValidityPeriod
from sinetti.wire.soap.operations import Failure, Operation
from tests.client import double as client_double
from tests.client.conftest import NAME
from tests.domain.facts import LIVES_AND_WINDOWS
from tests.support import authority

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
END = authority.NOW + 730 * DAY
OPENS, URGENT = END - 60 * DAY, END - 14 * DAY
REVOKED = Failure("PKI033", "The certificate is revoked.")
ALREADY = Failure("PKI035", "Renewed with another key.")
NOT_ENTITLED = Failure("PKI036", "No longer approved.")
TOO_EARLY = Failure("PKI034", "Too early.")


@dataclass
class Ears:
    """Listener that records the progress of a run."""

    total: int = 0
    rows: list = field(default_factory=list)
    on_row: object = lambda _row: None

    def begin(self, total):
        self.total = total

    def done(self, row):
        self.rows.append(row)
        assert len(self.rows) <= self.total, "no message counts 1 of 0"
        self.on_row(row)

    @property
    def texts(self):
        return [one.text for row in self.rows if row.outcome for one in row.outcome.messages]


@dataclass
class Hand:
    """Holder's programs, with behaviour that a test chooses."""

    holds_back: bool = False
    fails: bool = False
    calls: list = field(default_factory=list)
    wanted: set = field(default_factory=set)

    def before(self, seen, _entry, _now):
        self.calls.append(("before", seen.name))
        return (make_message("no"),) if self.holds_back else ()

    def due(self, seen, _entry, _now):
        return seen.name in self.wanted

    def bring_into_use(self, folder, _entry, _now):
        self.calls.append(("deploy", folder.name))
        return not self.fails, (make_message("failed", name=folder.name),) if self.fails else ()


@dataclass
class AgentInstallation:
    """Store with an agent."""

    holder: object
    care: AgentSettings = field(default_factory=lambda: AgentSettings(spread=timedelta(), at_once=4))
    programs: object = field(default_factory=ConfiguredHooks)
    settle: object = lambda *_given: None
    now_given: bool = False
    stop: threading.Event = field(default_factory=threading.Event)
    ears: Ears = field(default_factory=Ears)

    @property
    def agent(self):
        config = Config(
            self.holder.store / "x.toml", self.holder.store, None, {}, self.care, CertificateEntry("", None), {}
        )
        return AgentContext(self.holder.run, config, self.programs, self.settle, self.now_given)

    def passed(self, now=None):
        if now is not None:
            self.holder.at(now)
        self.ears = Ears(on_row=self.ears.on_row)
        self.holder.double.seen.clear()
        return runner.run_once(self.agent, self.stop, self.ears)

    def row(self, end, name=NAME):
        return next(row for row in end.rows if row.seen.name == name)

    def serial(self, name=NAME):
        return (self.holder.store / name / "live").resolve().name

    def memory(self, name=NAME):
        return agent_state.load_agent_state(self.holder.store / name)

    def events(self, name=NAME):
        return [one.event for one in event_log.read(self.holder.store / name)]


@pytest.fixture
def installation(holder):
    holder.enrol()
    holder.double.seen.clear()
    return AgentInstallation(holder)


def test_before_its_moment_nobody_is_asked_for_a_renewal(installation):
    end = installation.passed(OPENS - SECOND)
    assert (end.exit_code, end.next_due) == (ExitCode.DONE, OPENS)
    assert installation.row(end).decision == Wait(OPENS, DecisionReason.PLANNED)
    assert installation.holder.double.seen == []
    assert installation.ears.rows == []


def test_renewed_in_its_window(installation):
    before = installation.serial()
    end = installation.passed(OPENS)
    assert (end.exit_code, installation.row(end).outcome.result) == (ExitCode.DONE, Result.RENEWED)
    assert installation.serial() != before
    assert installation.events()[-1] is EventType.RENEWED
    assert installation.row(end).next_at == OPENS + 730 * DAY - 60 * DAY
    assert installation.passed().rows[0].outcome is None, "and then nothing is due"


PASS = timedelta(hours=4)
"""Interval of six runs a day."""


def walked(installation, life, begins=authority.NOW):
    """Simulate a life with six or twelve runs a day; return the times of renewals."""
    found = []
    step = min(PASS, timedelta(seconds=life // (12 * SECOND)))
    for number in range(life // step):
        now = begins + number * step
        outcome = installation.row(installation.passed(now)).outcome
        if outcome is not None:
            assert outcome.result is Result.RENEWED
            found.append(now - begins)
    return found


SHORT_LIVES = ("an hour", "a day", "7 days", "47 days", "90 days")


@pytest.mark.parametrize("name", SHORT_LIVES)
def test_a_short_life_is_renewed_once(name, holder):
    life, window = LIVES_AND_WINDOWS[name]
    holder.double.life = life
    holder.enrol()
    found = walked(AgentInstallation(holder), life)
    assert len(found) == 1
    assert life - window <= found[0] <= life - window + PASS


def test_a_service_whose_certificates_are_due_at_once_is_asked_once_in_half_a_window(holder, monkeypatch):
    """The service's clock is behind: a new certificate is already in its window."""
    life, window = LIVES_AND_WINDOWS["47 days"]
    holder.double.life = life
    real = client_double.issue
    behind = life - window

    def issue(public_key, now, *more):
        return real(public_key, now - behind, *more)

    monkeypatch.setattr(client_double, "issue", issue)
    holder.at(authority.NOW + behind)
    holder.enrol()
    found = walked(AgentInstallation(holder), life, authority.NOW + behind)
    gaps = [later - earlier for earlier, later in itertools.pairwise(found)]
    assert 1 < len(found) <= 7
    assert min(gaps) >= window / 2


def test_each_name_has_its_own_moment(installation):
    installation.care = AgentSettings(spread=6 * DAY)
    own = OPENS + 6 * DAY * schedule.stable_fraction(installation.serial(), NAME)
    end = installation.passed(own - SECOND)
    assert (end.exit_code, installation.holder.double.seen) == (ExitCode.DONE, [])
    assert end.next_due == own.replace(microsecond=0)
    assert installation.row(installation.passed(own)).outcome.result is Result.RENEWED


def test_failure_and_delays(installation):
    installation.holder.double.script.extend(
        [client_double.say(503, **{"Retry-After": "3600"}), client_double.say(502)]
    )
    end = installation.passed(OPENS)
    assert end.exit_code is ExitCode.AGAIN
    assert installation.memory() == replace(agent_state.NOTHING, serial=installation.serial(), failures=1,
        next_try=OPENS + timedelta(hours=1), exit_code=ExitCode.AGAIN)  # fmt: skip
    assert end.next_due == OPENS + timedelta(hours=1)
    end = installation.passed(OPENS + timedelta(minutes=59))
    assert (installation.holder.double.seen, end.exit_code) == ([], ExitCode.AGAIN), "it waits, and is not done"
    assert installation.row(end).decision.because is DecisionReason.AFTER_FAILURE
    installation.passed(OPENS + timedelta(hours=1))
    assert installation.memory().next_try == OPENS + timedelta(hours=1, minutes=10), "doubled"
    assert installation.passed(OPENS + timedelta(hours=2)).exit_code is ExitCode.DONE
    received = OPENS + timedelta(hours=2)
    assert installation.memory() == AgentState(installation.serial(), received=received), (
        "nothing is remembered of what is over"
    )


def test_a_lost_answer_is_taken_up_with_the_same_key(installation):
    installation.holder.double.script.append(client_double.lose)
    end = installation.passed(OPENS)
    assert end.exit_code is ExitCode.UNCERTAIN
    key_pem = (journal.folder_of(installation.holder.folder, RequestKind.RENEW) / key_storage.KEY).read_bytes()
    end = installation.passed(OPENS + timedelta(minutes=5))
    assert (end.exit_code, installation.row(end).decision) == (ExitCode.DONE, ResumeRequest(RequestKind.RENEW))
    assert (installation.holder.live / "key.pem").read_bytes() == key_pem
    assert len(installation.holder.double.issued) == 2, "the first certificate and one renewal"


def test_halves_of_a_killed_run_are_taken_away_though_nothing_is_due(installation):
    """A run killed after the swap of `live` leaves a copy of the key in use.

    The copy is beside the journal.
    """
    left = installation.holder.folder / "pending" / ".renew.gone"
    left.mkdir(parents=True)
    (left / "key.pem").write_bytes((installation.holder.live / "key.pem").read_bytes())
    assert installation.passed(OPENS - DAY).exit_code is ExitCode.DONE
    assert not left.exists()


def test_a_lost_memory_costs_nothing_but_delays(installation):
    installation.holder.double.script.append(client_double.lose)
    installation.passed(OPENS)
    (installation.holder.folder / "agent.json").write_bytes(b"{")
    assert installation.passed(OPENS).exit_code is ExitCode.DONE
    assert len(installation.holder.double.issued) == 2


@pytest.mark.parametrize("failure", [REVOKED, ALREADY])
def test_what_can_never_be_renewed_is_told_once_and_stays_in_the_exit_code(failure, installation):
    installation.holder.double.script.append(client_double.refuse(failure))
    end = installation.passed(OPENS)
    assert end.exit_code is ExitCode.REFUSED
    said = messages.RENEWED_ELSEWHERE if failure is ALREADY else messages.ORDER_REPLACEMENT
    assert installation.ears.texts.count(said) == 1
    for day in (1, 2, 20):
        end = installation.passed(OPENS + day * DAY)
        assert (end.exit_code, installation.holder.double.seen) == (ExitCode.REFUSED, [])
        assert isinstance(installation.row(end).decision, NeedsOperator)
        assert installation.ears.texts == ([said] if failure is ALREADY else []), "a theft stays in every pass"
    assert installation.events().count(EventType.REPLACEMENT_NEEDED) == 1
    assert installation.memory().informed_serial == installation.serial()


def test_after_a_replacement_everything_is_well_again(installation):
    installation.holder.double.script.append(client_double.refuse(ALREADY))
    installation.passed(OPENS)
    (
        installation.holder.folder / "notes.json"
    ).unlink()  # the stand-in has one pair of IDs, which were used here before
    assert installation.holder.enrol().result is Result.ENROLLED
    end = installation.passed()
    assert (end.exit_code, installation.row(end).decision.because) == (ExitCode.DONE, DecisionReason.PLANNED)


def test_expired_beyond_doubt(installation):
    end = installation.passed(END + 3 * DAY)
    assert (end.exit_code, installation.ears.texts) == (ExitCode.REFUSED, [messages.ORDER_REPLACEMENT])
    assert installation.holder.double.seen == []


def test_a_refusal_that_can_be_mended_is_asked_again_once_a_day(installation):
    installation.holder.double.script.extend([client_double.refuse(NOT_ENTITLED)] * 20)
    asked = []
    for hour in range(24 * 6):
        end = installation.passed(OPENS + timedelta(hours=hour))
        asked += [hour] * len(installation.holder.double.seen)
        assert end.exit_code is ExitCode.REFUSED
    between = [later - earlier for earlier, later in itertools.pairwise(asked)]
    assert between == sorted(between)
    assert between[-2:] == [24, 24]


@pytest.mark.parametrize("hours", [24, -24])
def test_a_clock_that_is_a_day_wrong_harms_nothing(hours, installation):
    """The service issues nothing twice.

    With a clock that is ahead, the service answers that it is too early. With one that is behind, a day of sixty is
    lost.
    """
    installation.holder.double.script.extend([client_double.refuse(TOO_EARLY)] if hours > 0 else [])
    installation.holder.double.now = OPENS
    installation.holder.now = OPENS + timedelta(hours=hours)
    runner.run_once(installation.agent, installation.stop, installation.ears)
    installation.holder.double.script.clear()
    end = installation.passed(OPENS + DAY)
    end = installation.passed(OPENS + 2 * DAY + SECOND)
    assert end.exit_code is ExitCode.DONE
    assert len(installation.holder.double.issued) == 2


def many(installation, count):
    names = [f"firm-{number:02}" for number in range(count)]
    for name in names:
        assert installation.holder.enrol(name=name).exit_code is ExitCode.DONE
    shutil.rmtree(installation.holder.store / NAME)
    return names


def test_many_at_a_time_and_no_more(installation):
    names = many(installation, 12)
    inside, most, guard = [0], [0], threading.Lock()

    def slow(handler, double, seen):
        with guard:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
        client_double.late(0.05)(handler, double, seen)
        with guard:
            inside[0] -= 1

    installation.holder.double.script.extend([slow] * 24)
    end = installation.passed(OPENS)
    assert {row.outcome.result for row in end.rows} == {Result.RENEWED}
    assert [row.seen.name for row in end.rows] == names
    assert installation.ears.total == 12
    assert 2 <= most[0] <= installation.care.at_once


def test_trouble_with_one_stops_no_other(installation):
    many(installation, 3)
    store = installation.holder.store
    (store / "firm-00" / "live" / "certificate.pem").write_text("no certificate")
    (store / "firm-01" / "live" / "key.pem").write_text("no key")
    end = installation.passed(OPENS)
    assert [row.exit_code for row in end.rows] == [ExitCode.STORE, ExitCode.STORE, ExitCode.DONE]
    assert installation.row(end, "firm-02").outcome.result is Result.RENEWED
    assert installation.ears.texts.count(messages.WITH_STEP) == 2
    assert agent_state.load_agent_state(store / "firm-01").next_try is None, "mended, it is tried at once"


def test_a_fault_of_the_program_at_one_name_stops_no_other(installation):
    many(installation, 3)

    class Broken(Hand):
        def bring_into_use(self, folder, entry, now):
            if folder.name == "firm-01":
                raise ZeroDivisionError
            return super().bring_into_use(folder, entry, now)

    installation.programs = Broken()
    end = installation.passed(OPENS)
    assert [row.exit_code for row in end.rows] == [ExitCode.DONE, ExitCode.FAULT, ExitCode.DONE]
    assert installation.ears.texts.count(messages.OUR_FAULT) == 1
    assert len(installation.holder.double.issued) == 7, "three enrolled, three renewed, and the fixture's own"


def test_dates_at_the_edge_of_the_calendar_stop_no_other(installation, monkeypatch):
    many(installation, 2)
    real = snapshot.find_snapshot

    def look(folder, **options):
        seen = real(folder, **options)
        if seen is None or folder.name != "firm-00":
            return seen
        last = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
        in_use = replace(seen.in_use, span=ValidityPeriod(authority.NOW, last))
        hint = RenewalInfoState(last - 6 * DAY, last - 5 * DAY)
        memory = replace(seen.memory, hint=hint, ask_again=installation.agent.run.now + timedelta(hours=1))
        return replace(seen, in_use=in_use, memory=memory)

    monkeypatch.setattr(snapshot, "find_snapshot", look)
    end = runner.plan_run(installation.agent)
    assert [row.exit_code for row in end.rows] == [ExitCode.DONE, ExitCode.DONE], "no end (RFC 5280, 4.1.2.5)"
    nights = MaintenanceWindow(frozenset({5, 6}), time(1), time(5))
    installation.care = AgentSettings(urgent=timedelta(), maintenance=(nights,))
    end = installation.passed(END - DAY)
    assert [row.exit_code for row in end.rows] == [ExitCode.FAULT, ExitCode.DONE]
    assert installation.row(end, "firm-01").outcome.result is Result.RENEWED


@pytest.mark.parametrize("what", ["live", "journal", "notes"])
def test_damage_is_named_and_nothing_written_over(what, installation):
    folder = installation.holder.folder
    broken = {
        "live": folder / "live" / "certificate.pem",
        "journal": folder / "pending" / "renew" / "journal.json",
        "notes": folder / "notes.json",
    }[what]
    if what == "journal":
        installation.holder.double.script.append(client_double.lose)
        installation.passed(OPENS)
        (folder / "agent.json").unlink()
    broken.write_bytes(b"\x00")
    end = installation.passed(OPENS)
    assert (end.exit_code, len(installation.ears.rows)) == (ExitCode.STORE, 1)
    assert str(broken) in str(installation.ears.rows[0].outcome.messages[0].values["what"].values["path"])
    assert installation.holder.double.seen == []
    assert broken.read_bytes() == b"\x00"


def test_foreign_anchors_are_told_and_the_set_in_use_stays(installation):
    kept = settings.load(installation.holder.folder)
    settings.store(installation.holder.folder, replace(kept, trust_holders=client_double.anchors("services")))
    before = installation.serial()
    end = installation.passed(OPENS)
    assert end.exit_code is ExitCode.AGAIN
    assert messages.NOT_OUR_ISSUER in installation.ears.texts
    assert installation.serial() == before


def test_two_names_with_one_certificate_are_renewed_once(installation):
    shutil.copytree(installation.holder.folder, installation.holder.store / "copy", symlinks=True)
    end = installation.passed(OPENS)
    assert installation.row(end, "copy").outcome.result is Result.RENEWED
    told = installation.row(end).outcome
    assert (told.exit_code, told.messages[0].text) == (ExitCode.USAGE, messages.SAME_CERTIFICATE)
    assert told.messages[0].values["other"] == "copy"
    assert installation.holder.double.operations() == [Operation.RENEW, Operation.GET]
    end = installation.passed(OPENS + DAY)
    assert (installation.holder.double.seen, end.exit_code) == ([], ExitCode.USAGE), "it has been renewed elsewhere"
    assert installation.row(end).outcome.messages[0].values["other"] == "copy"


def test_of_two_names_the_one_that_has_asked_goes_on(installation):
    shutil.copytree(installation.holder.folder, installation.holder.store / "copy", symlinks=True)
    installation.holder.double.script.append(client_double.lose)
    installation.holder.at(OPENS).renew()
    end = installation.passed(OPENS)
    assert installation.row(end).outcome.result is Result.RENEWED
    assert installation.row(end, "copy").outcome.messages[0].text == messages.SAME_CERTIFICATE
    assert len(installation.holder.double.issued) == 2


def test_a_second_pass_says_who_holds_the_store(installation):
    with runner.exclusive_run(installation.holder.store, authority.NOW), pytest.raises(StoreLocked) as busy:
        installation.passed(OPENS)
    told = busy.value.message.values
    assert (told["pid"], told["since"]) == (str(os.getpid()), authority.NOW)
    assert all(told[one] not in {"", "-"} for one in ("host", "user"))
    assert installation.holder.double.seen == []
    assert installation.passed(OPENS).exit_code is ExitCode.DONE, "the lock is gone with the one who held it"


def test_a_lock_that_says_nothing_is_a_lock(installation):
    with runner.exclusive_run(installation.holder.store, authority.NOW):
        (installation.holder.store / runner.FILE).write_bytes(b"?")
        with pytest.raises(StoreLocked) as busy:
            installation.passed()
    assert busy.value.message.values["pid"] == "-"


def test_a_name_that_somebody_works_on_is_passed_over_and_told(installation):
    many(installation, 2)
    with files.locked(installation.holder.store / "firm-00"):
        end = installation.passed(OPENS)
    assert [row.exit_code for row in end.rows] == [ExitCode.STORE, ExitCode.DONE]
    assert messages.STORE_LOCKED in installation.ears.texts
    assert installation.passed().exit_code is ExitCode.DONE, "at once: no delay is counted"


def test_renewed_by_hand_meanwhile(installation):
    seen = next(snapshot.list_snapshots(installation.holder.store, for_agent=True))
    installation.holder.at(OPENS).renew()
    installation.holder.double.seen.clear()
    outcome = worker.process_name(installation.agent, seen, Renew(urgent=False, early=True))
    assert (outcome.result, installation.holder.double.seen) == (Result.NOT_DUE, [])


def test_before_holds_back_unless_the_end_is_near(installation):
    installation.programs = Hand(holds_back=True)
    end = installation.passed(OPENS)
    assert (end.exit_code, installation.holder.double.seen) == (ExitCode.AGAIN, [])
    assert messages.BEFORE_HOLDS_BACK in installation.ears.texts
    end = installation.passed(URGENT)
    assert installation.row(end).outcome.result is Result.RENEWED
    assert installation.programs.calls == [("before", NAME), ("before", NAME), ("deploy", NAME)]


def test_a_failing_deploy_undoes_nothing_and_is_not_forgotten(installation):
    installation.programs = Hand(fails=True)
    before = installation.serial()
    end = installation.passed(OPENS)
    assert (installation.row(end).outcome.result, end.exit_code) == (Result.RENEWED, ExitCode.AGAIN)
    assert installation.serial() != before
    assert (installation.holder.folder / "generations" / before / "key.pem").exists()
    (installation.holder.folder / "deploy.json").write_text(json.dumps({"serial": before, "tries": 1, "next": None}))
    assert installation.passed().exit_code is ExitCode.AGAIN, "it waits for its delay, and is not done"
    installation.programs = Hand(wanted={NAME})
    (installation.holder.folder / "deploy.json").unlink()
    assert installation.passed().exit_code is ExitCode.DONE
    assert installation.programs.calls == [("deploy", NAME)]


def test_an_open_enrolment_is_fetched(installation):
    many(installation, 0)
    installation.holder.double.script.extend(
        [client_double.well, *[client_double.refuse(client_double.NOT_READY)] * 30]
    )
    installation.holder.wait = 0
    assert installation.holder.enrol().exit_code is ExitCode.AGAIN
    installation.holder.double.script.clear()
    end = installation.passed()
    assert (end.exit_code, installation.row(end).outcome.result) == (ExitCode.DONE, Result.ENROLLED)


ENROLMENTS = {
    "nothing has left": (client_double.well, ExitCode.AGAIN, "away"),
    "uncertain": (client_double.lose, ExitCode.UNCERTAIN, None),
    "refused": (client_double.refuse(Failure("PKI005", "Expired.")), ExitCode.REFUSED, None),
}


@pytest.mark.parametrize(("behaviour", "code", "away"), ENROLMENTS.values(), ids=ENROLMENTS)
def test_an_enrolment_that_only_a_person_can_go_on_with_is_told_once(behaviour, code, away, installation):
    many(installation, 0)
    installation.holder.double.script.append(behaviour)
    installation.holder.enrol(**({"service": "http://127.0.0.1:9/"} if away else {}))
    end = installation.passed()
    assert (end.exit_code, len(installation.ears.texts), installation.holder.double.seen) == (code, 1, [])
    end = installation.passed()
    assert (end.exit_code, installation.ears.texts) == (code, [])


def test_settings_are_brought_in_line_before_anybody_is_called(installation):
    def settle(folder, entry, config, now):
        assert installation.holder.double.seen == []
        settings.store(folder, replace(settings.load(folder), customer_name="New Name Oy"))

    installation.settle = settle
    installation.passed(OPENS)
    assert installation.holder.double.seen[0].ask.customer_name == "New Name Oy"


def test_settings_that_must_not_be_changed_are_refused(installation):
    def settle(*_given):
        raise UsageError(make_message("another environment"))

    installation.settle = settle
    end = installation.passed(OPENS)
    assert (end.exit_code, installation.holder.double.seen, installation.ears.texts) == (
        ExitCode.USAGE,
        [],
        ["another environment"],
    )


def test_a_clock_for_benches_counts_for_nobody_in_production(installation):
    kept = settings.load(installation.holder.folder)
    settings.store(installation.holder.folder, replace(kept, environment=Environment.PRODUCTION))
    installation.now_given = True
    end = installation.passed(OPENS)
    assert (end.exit_code, installation.holder.double.seen) == (ExitCode.USAGE, [])
    assert installation.holder.double.hints_asked == []


def test_stopped_between_two_names_and_within_one(installation):
    many(installation, 6)
    installation.care = replace(installation.care, at_once=1)
    installation.ears.on_row = lambda _row: installation.stop.set()
    end = installation.passed(OPENS)
    done = [row for row in end.rows if row.outcome is not None]
    assert end.exit_code is ExitCode.INTERRUPTED
    assert 1 <= len(done) <= 2
    installation.stop.clear()
    installation.ears.on_row = lambda _row: None
    assert installation.passed().exit_code is ExitCode.DONE
    assert len(installation.holder.double.issued) == 13, "one more was enrolled by the fixture"


def test_stopped_while_waiting_for_a_certificate(installation):
    def stopped(_seconds):
        raise RunCancelled

    installation.holder.double.script.extend([client_double.well, client_double.refuse(client_double.NOT_READY)])
    installation.holder.at(OPENS)
    agent = replace(installation.agent, run=replace(installation.holder.run, sleep=stopped))
    end = runner.run_once(agent, installation.stop, installation.ears)
    assert end.exit_code is ExitCode.INTERRUPTED
    assert installation.memory().failures == 0
    assert journal.load(journal.folder_of(installation.holder.folder, RequestKind.RENEW)).state is RequestState.ACCEPTED
    assert installation.passed().exit_code is ExitCode.DONE
    assert len(installation.holder.double.issued) == 2


def test_a_plan_changes_nothing_and_calls_nobody(installation):
    installation.holder.at(OPENS)
    before = sorted((path, path.stat().st_mtime_ns) for path in installation.holder.store.rglob("*"))
    end = runner.plan_run(installation.agent)
    assert isinstance(end.rows[0].decision, Renew)
    assert sorted((path, path.stat().st_mtime_ns) for path in installation.holder.store.rglob("*")) == before
    assert installation.holder.double.seen == installation.holder.double.hints_asked == []
