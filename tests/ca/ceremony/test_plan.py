"""Plans of ceremonies: what is read, and what to write instead."""

import re
from datetime import timedelta
from functools import partial

import pytest

from sinetti.ca.ceremony.plan import ACTS, CeremonyAct, CeremonyRole, default_plan, parse_plan
from sinetti.ca.ceremony.sets import CeremonyKind
from sinetti.ca.ceremony.words import CeremonyError
from sinetti.ca.hierarchy_config import PRESETS, load_preset, parse_hierarchy
from sinetti.domain.values import Environment
from tests.support import golden
from tests.support.ceremonies import NOW, URL, plan_text

PLAN = plan_text()


FROM_DATA = {CeremonyKind.FOUNDING, CeremonyKind.LISTS, CeremonyKind.OFFICERS}


@pytest.mark.parametrize("kind", sorted(FROM_DATA))
def test_the_plan_to_begin_with_is_valid_once_the_keys_are_in_it(kind):
    plan = parse_plan(plan_text(kind).encode())
    acts = tuple(step.act for step in plan.steps if step.act is not CeremonyAct.CONFIRM)
    assert acts == ACTS[kind]
    assert plan.custodians == ("CUSTODIAN-A", "CUSTODIAN-B", "CUSTODIAN-C")
    assert (plan.hierarchy is not None) is (kind is CeremonyKind.FOUNDING)
    assert bool(plan.officers) is (kind is CeremonyKind.OFFICERS)
    with pytest.raises(CeremonyError, match="OpenSSH"):
        parse_plan(default_plan(kind, Environment.TEST, NOW, (load_preset("default"), URL)).encode())


@pytest.mark.parametrize("preset", PRESETS)
def test_the_hierarchy_of_a_plan_is_the_one_of_its_preset(preset):
    text = load_preset(preset)
    plan = parse_plan(plan_text(hierarchy=f'base_url = "http://old.example"\n{text}').encode())
    assert plan.hierarchy == parse_hierarchy(text, Environment.TEST, URL)


def test_dates():
    plan = parse_plan(PLAN.encode())
    for at in (plan.earliest, plan.latest + timedelta(hours=23)):
        plan.check_date(at, "it")
    for at in (plan.earliest - timedelta(seconds=1), plan.latest + timedelta(days=1)):
        with pytest.raises(CeremonyError, match="2026-03-02 to 2026-03-02"):
            plan.check_date(at, "it")


def without(text, act):
    return re.sub(rf'\n\[\[steps\]\]\nact = "{act}"\n.*\n.*\n', "\n", text)


KEY = re.search(r'key = "(ssh-.*)"', PLAN)[1]
BAD = {
    "not TOML": PLAN + "\n[",
    "not UTF-8": None,
    "another format": PLAN.replace("sinetti-ceremony-v1", "v2"),
    "no title": re.sub(r"title = .*", "", PLAN),
    "an unknown key": f"more = 1\n{PLAN}",
    "an unknown kind": PLAN.replace('kind = "founding"', 'kind = "all"'),
    "a day that is none": PLAN.replace('earliest = "2026-03-02"', 'earliest = "2026-02-30"'),
    "an end before its beginning": PLAN.replace('latest = "2026-03-02"', 'latest = "2026-03-01"'),
    "two custodians": PLAN.replace('"CUSTODIAN-C"\nrole = "custodian"', '"CUSTODIAN-C"\nrole = "witness"'),
    "no administrator": PLAN.replace('role = "administrator"', 'role = "witness"'),
    "one name twice": PLAN.replace('"CUSTODIAN-C"', '"CUSTODIAN-B"'),
    "one key twice": re.sub(r'key = "ssh-.*"', f'key = "{KEY}"', PLAN),
    "a name with a slash": PLAN.replace('"WITNESS"\n', '"../WITNESS"\n'),
    "an act is missing": without(PLAN, "sign"),
    "an act of another kind": PLAN.replace('act = "keys"', 'act = "open"'),
    "a role that no person has": PLAN.replace('"WITNESS"\nrole = "witness"', '"WITNESS"\nrole = "administrator"'),
    "a step with more": PLAN.replace('act = "sign"\n', 'act = "sign"\nmore = 1\n'),
    "a hierarchy that is wrong": PLAN.replace('country = "FI"', 'country = "Finland"'),
    "no hierarchy": PLAN.partition("\n[hierarchy]")[0],
    "no officers": plan_text(CeremonyKind.OFFICERS).partition("\n[[officers]]")[0],
    "one officer": plan_text(CeremonyKind.OFFICERS, officers=("dora",)),
    "two officers in PRODUCTION": plan_text(CeremonyKind.OFFICERS).replace('"TEST"', '"PRODUCTION"'),
    "one officer twice": plan_text(CeremonyKind.OFFICERS, officers=("dora", "dora")),
    "an officer without a name that counts": plan_text(CeremonyKind.OFFICERS).replace('"dora"', '"user.dora"'),
    "lists for two years": PLAN.replace("list_days = 365", "list_days = 730"),
}


def test_a_wrong_plan_is_refused_with_what_to_write():
    attempts = {case: partial(parse_plan, b"\xff" if text is None else text.encode()) for case, text in BAD.items()}
    golden.check("sentences/ceremonies/plans", {"en.txt": golden.refusals(attempts, CeremonyError)})


def test_roles_have_the_words_of_the_plan():
    assert [one.value for one in CeremonyRole] == ["administrator", "custodian", "witness"]
