"""Plans of ceremonies: what is read, and what to write instead."""

import re
from datetime import timedelta

import pytest

from sinetti.ca.ceremony.plan import ACTS, CeremonyAct, CeremonyRole, default_plan, parse_plan
from sinetti.ca.ceremony.sets import CeremonyKind
from sinetti.ca.ceremony.words import CeremonyError
from sinetti.ca.hierarchy_config import PRESETS, load_preset, parse_hierarchy
from sinetti.domain.values import Environment
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
    with pytest.raises(CeremonyError, match="OpenSSH public key"):
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
        with pytest.raises(CeremonyError, match="the plan is for 2026-03-02 to 2026-03-02"):
            plan.check_date(at, "it")


def without(text, act):
    return re.sub(rf'\n\[\[steps\]\]\nact = "{act}"\n.*\n.*\n', "\n", text)


KEY = re.search(r'key = "(ssh-.*)"', PLAN)[1]
BAD = {
    "not TOML": (PLAN + "\n[", "not valid TOML"),
    "not UTF-8": (None, "not valid TOML"),
    "another format": (PLAN.replace("sinetti-ceremony-v1", "v2"), 'write "sinetti-ceremony-v1"'),
    "no title": (re.sub(r"title = .*", "", PLAN), "title is missing"),
    "an unknown key": (f"more = 1\n{PLAN}", "more: there is no such key"),
    "an unknown kind": (PLAN.replace('kind = "founding"', 'kind = "all"'), "kind: 'all' is not valid"),
    "a day that is none": (PLAN.replace('earliest = "2026-03-02"', 'earliest = "2026-02-30"'), "a day in UTC"),
    "an end before its beginning": (PLAN.replace('latest = "2026-03-02"', 'latest = "2026-03-01"'), "before earliest"),
    "two custodians": (
        PLAN.replace('"CUSTODIAN-C"\nrole = "custodian"', '"CUSTODIAN-C"\nrole = "witness"'),
        "three of",
    ),
    "no administrator": (PLAN.replace('role = "administrator"', 'role = "witness"'), "at least one"),
    "one name twice": (PLAN.replace('"CUSTODIAN-C"', '"CUSTODIAN-B"'), "one name or one key"),
    "one key twice": (re.sub(r'key = "ssh-.*"', f'key = "{KEY}"', PLAN), "one name or one key"),
    "a name with a slash": (PLAN.replace('"WITNESS"\n', '"../WITNESS"\n'), "a file has this name"),
    "an act is missing": (without(PLAN, "sign"), "write the acts present, request, keys, sign"),
    "an act of another kind": (PLAN.replace('act = "keys"', 'act = "open"'), "write the acts"),
    "a role that no person has": (
        PLAN.replace('"WITNESS"\nrole = "witness"', '"WITNESS"\nrole = "administrator"'),
        "has the role witness",
    ),
    "a step with more": (PLAN.replace('act = "sign"\n', 'act = "sign"\nmore = 1\n'), "number 6: more"),
    "a hierarchy that is wrong": (PLAN.replace('country = "FI"', 'country = "Finland"'), r"\[hierarchy\] country"),
    "no hierarchy": (PLAN.partition("\n[hierarchy]")[0], "a table"),
    "no officers": (plan_text(CeremonyKind.OFFICERS).partition("\n[[officers]]")[0], "officers is missing"),
    "one officer": (plan_text(CeremonyKind.OFFICERS, officers=("dora",)), "officers: write 2 or more, 1 of the role"),
    "two officers in PRODUCTION": (
        plan_text(CeremonyKind.OFFICERS).replace('"TEST"', '"PRODUCTION"'),
        "officers: write 3 or more, 2 of the role",
    ),
    "one officer twice": (plan_text(CeremonyKind.OFFICERS, officers=("dora", "dora")), "a key of their own"),
    "an officer without a name that counts": (
        plan_text(CeremonyKind.OFFICERS).replace('"dora"', '"user.dora"'),
        "name: 'user.dora' is not valid; write another one",
    ),
    "lists for two years": (PLAN.replace("list_days = 365", "list_days = 730"), "from 1 to 400"),
}


@pytest.mark.parametrize(("text", "why"), BAD.values(), ids=BAD)
def test_a_wrong_plan_is_refused_with_what_to_write(text, why):
    with pytest.raises(CeremonyError, match=why):
        parse_plan(b"\xff" if text is None else text.encode())


def test_roles_have_the_words_of_the_plan():
    assert [one.value for one in CeremonyRole] == ["administrator", "custodian", "witness"]
