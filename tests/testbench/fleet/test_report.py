"""Output of a fleet for users and programs, in three languages, the summary last."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest

from sinetti.cli.main import build_parser
from sinetti.domain.values import Language
from sinetti.testbench.fleet import report
from sinetti.testbench.fleet.fault_proxy import InjectedFault
from sinetti.testbench.fleet.invariants import Violation, ViolationKind
from sinetti.testbench.fleet.report import FinalReport, PhaseReport, ProgressReporter
from tests.house.tree import ROOT
from tests.support import golden
from tests.testbench.fleet import test_fleet, test_whole

NOW = datetime(2027, 1, 13, 8, tzinfo=UTC)
CALM = PhaseReport("calm", NOW, NOW + timedelta(days=731), enrolled=200, renewed=200, days=29, most=13, passes=40)
ROUGH = PhaseReport(
    *("rough", CALM.ends, CALM.ends + timedelta(days=731), 200, 200, 23, 27, 90, 30),
    faults=(
        (InjectedFault.CUT, 70),
        (InjectedFault.HTML_PAGE, 20),
        (InjectedFault.LOST, 62),
        (InjectedFault.REPLAYED, 53),
    ),
)
INCIDENT = PhaseReport(
    *("incident", ROUGH.ends, ROUGH.ends + timedelta(hours=6), 0, 100, 1, 100, 12),
    replaced=timedelta(minutes=9, seconds=1),
)
LAPSE = Violation(ViolationKind.LAPSED, "org-0007", NOW, "0badc0de until 2027-01-13T07:59:59Z")
WELL = FinalReport(200, 7, (CALM, ROUGH, INCIDENT), (), 61.4)
UNWELL = FinalReport(200, 7, (CALM,), (LAPSE, LAPSE), 61.4)


@pytest.fixture
def printed():
    return []


def reporter(printed, language=Language.EN):
    return ProgressReporter(language, printed.append)


SUMMARIES = {
    Language.EN: "Organisations: 200, certificates: 900, 4 years in 61 s, renewals on 52 days, at most 27 a day.",
    Language.FI: "Organisaatioita: 200, varmenteita: 900, 4 vuotta 61 sekunnissa, uusimisia 52 päivänä,",
    Language.SV: "Organisationer: 200, certifikat: 900, 4 år på 61 s, förnyelser på 52 datum,",
}


@pytest.mark.parametrize("language", Language)
def test_the_last_line_is_the_summary(language, printed):
    reporter(printed, language).end(WELL)
    assert printed[-1].startswith(SUMMARIES[language])


def test_what_is_printed(printed):
    """Acts, steps and failed checks with the command that repeats them."""
    for act in WELL.acts:
        reporter(printed).ended(act)
    names = [f"org-{number:04}" for number in range(1, 5)]
    reporter(printed).step(NOW, names, 1004, 2000)
    reporter(printed).step(NOW, names[:1], 1, 200)
    reporter(printed).step(NOW, [], 1, 200)
    reporter(printed).end(UNWELL)
    golden.check("sentences/demo-fleet/printed", {"en.txt": "\n".join((*printed, ""))})


def test_every_kind_of_breach_has_words():
    assert set(report.WRONGS) == set(ViolationKind)


def test_for_programs():
    made = json.loads(json.dumps(WELL.as_json()))
    assert {
        name: made[name] for name in ("organisations", "certificates", "well", "lapsed", "key_lost", "issued_twice")
    } == {
        "organisations": 200,
        "certificates": 900,
        "well": True,
        "lapsed": 0,
        "key_lost": 0,
        "issued_twice": 0,
    }
    calm, rough, incident = made["acts"]
    assert (calm["days"], calm["most_on_a_day"], calm["faults"]) == (29, 13, {})
    assert (rough["answers_lost"], rough["answers_wrong"], rough["found_locked"]) == (132, 73, 30)
    assert incident["replaced_within_seconds"] == 541
    unwell = UNWELL.as_json()
    assert (unwell["well"], unwell["lapsed"]) == (False, 2)


def test_the_interfaces_have_the_members():
    page = (ROOT / "docs" / "interfaces.md").read_text(encoding="utf-8")
    made = WELL.as_json()
    assert f"`{' '.join(made)}`" in page
    assert f"`{' '.join(CALM.as_json())}`" in page


def test_the_page_of_the_fleet_has_every_fault_and_every_breach():
    page = (ROOT / "docs" / "holders" / "fleet.md").read_text(encoding="utf-8")
    printed = re.findall(r"^\| `([a-z][a-z-]+)` \|", page, re.MULTILINE)
    assert printed == [*InjectedFault, *ViolationKind]


def test_the_page_of_the_fleet_says_how_many_tests_play():
    page = " ".join((ROOT / "docs" / "holders" / "fleet.md").read_text(encoding="utf-8").split())
    few, more = ({5: "five", 60: "sixty"}[one.ORGANISATIONS] for one in (test_fleet, test_whole))
    assert f"plays {few} organisations and {more} in `make acceptance`" in page
    assert build_parser("demo-fleet").parse_args(["demo-fleet"]).organisations == 200
