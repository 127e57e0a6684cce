"""Supply chain: the lock agrees with pyproject.toml, floors exist, licences are listed. None needs the network."""

import re
import sys
import tomllib
from importlib import metadata

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from tests.house.tree import ROOT, imported, modules
from tests.support import tools

LOCK, FLOORS, LICENCES = (tools.script(name) for name in ("lock", "floors", "licences"))
TEXT = LOCK.LOCK.read_text(encoding="utf-8")
BLOCKS = LOCK.blocks(TEXT)
PINNED = re.compile(
    r"[a-z0-9-]+==[^ ]+( ; [^\\]+)? \\\n(    --hash=sha256:[0-9a-f]{64} \\\n)*    --hash=sha256:[0-9a-f]{64}\n"
)
STALE = "run `make lock`"


def locked_requirements() -> list[Requirement]:
    return [Requirement(line) for line in LOCK.requirements([*LOCK.all_extras(), "build"])]


def test_the_lock_has_a_version_in_the_range_of_each_requirement():
    versions: dict[str, list[Version]] = {}
    for block in BLOCKS:
        name, version = LOCK.pin(block)
        versions.setdefault(name, []).append(Version(version))
    for one in locked_requirements():
        taken = versions.get(LOCK.canonical(one.name))
        assert taken, f"{one}: {STALE}"
        assert all(version in one.specifier for version in taken), f"{one}: {STALE}"


def test_the_lock_has_no_package_that_the_project_no_longer_needs():
    direct = {LOCK.pin(block)[0] for block in BLOCKS if not LOCK.parents(block) - {"sinetti"}}
    assert direct <= {LOCK.canonical(one.name) for one in locked_requirements()}, STALE
    said = {LOCK.pin(block)[0] for block in BLOCKS if "sinetti" in LOCK.parents(block)}
    assert said == {LOCK.canonical(line) for line in LOCK.requirements(LOCK.all_extras())}, STALE
    everything = {LOCK.pin(block)[0] for block in LOCK.select(TEXT, [*LOCK.all_extras(), "build"])}
    assert everything == {LOCK.pin(block)[0] for block in BLOCKS}


def test_the_wheel_says_who_made_it_and_where_its_pages_are():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (author,) = project["authors"]
    control = (ROOT / "deploy" / "debian" / "control").read_text(encoding="utf-8")
    assert f"\nMaintainer: {author['name']} <{author['email']}>\n" in control
    assert {"Homepage", "Documentation", "Source"} <= project["urls"].keys()
    pythons = [one for one in project["classifiers"] if one.startswith("Programming Language :: Python :: 3.")]
    assert [f">={pythons[0].rpartition(' ')[2]}"] == [project["requires-python"]]


def test_each_imported_package_is_declared():
    distributions, ours = metadata.packages_distributions(), {*sys.stdlib_module_names, "sinetti"}
    names = {name.partition(".")[0] for tree in modules().values() for name in imported(tree)} - ours
    declared = {LOCK.canonical(line) for line in LOCK.requirements(LOCK.all_extras())}
    assert not {
        name for name in names if not declared & {LOCK.canonical(one) for one in distributions.get(name, [name])}
    }


def test_each_locked_package_has_hashes_and_no_address():
    assert [block for block in BLOCKS if not PINNED.match(block)] == []
    assert not re.search(r"://|--(?:extra-)?index-url|--find-links", TEXT)


def test_a_part_of_the_lock_has_what_an_extra_needs_and_nothing_of_others():
    gateway = {LOCK.pin(block)[0] for block in LOCK.select(TEXT, ["gateway"])}
    assert {"cryptography", "cffi", "pycparser", "lxml", "granian", "click"} <= gateway
    assert not gateway & {"django", "psycopg", "pytest", "hatchling"}
    build = {LOCK.pin(block)[0] for block in LOCK.select(TEXT, ["build"])}
    assert {"hatchling", "babel", "editables", "pluggy"} <= build
    assert "cryptography" not in build
    with pytest.raises(KeyError):
        LOCK.select(TEXT, ["unknown"])


def test_the_environment_is_the_lock():
    for block in LOCK.select(TEXT, ["authority", "build"]):
        name, version = LOCK.pin(block)
        if " ; " not in block.splitlines()[0]:
            assert metadata.version(name) == version, f"{name}: run `make test`, which installs requirements.lock"


def test_each_requirement_of_a_running_service_has_a_floor():
    assert len(FLOORS.wanted()) == len({LOCK.canonical(line) for line in LOCK.requirements(FLOORS.EXTRAS)})
    assert {path.name for path in (ROOT / "tests").iterdir()} > set(FLOORS.TESTS)


FLOOR_CASES = {
    "the same": ("x>=5.2.19,<6", "5.2.19", True),
    "trailing zeros": ("x>=3,<4", "3.0.0", True),
    "a later patch": ("x>=46.0.7", "46.0.8", False),
    "a later minor version": ("x>=0.9,<1", "0.10", False),
    "a number that begins alike": ("x>=3,<4", "30.0", False),
}


@pytest.mark.parametrize(("line", "version", "is_true"), FLOOR_CASES.values(), ids=FLOOR_CASES)
def test_whether_uv_took_the_floor(line, version, is_true):
    assert FLOORS.is_floor(line, version) is is_true


def test_untrue_floors_are_named(monkeypatch):
    monkeypatch.setattr(FLOORS, "wanted", lambda: {"one": "one>=1.0,<2", "two": "two>=2,<3"})
    found = FLOORS.untrue_floors("one==1.0.0\n    # via -r -\ntwo==2.1\n    # via -r -\n")
    assert found == ["two>=2,<3: the lowest version that installs is 2.1"]


def test_the_page_of_licences_is_true():
    text = LICENCES.PAGE.read_text(encoding="utf-8")
    assert text == LICENCES.page(text), "run `scripts/licences.py`"
    assert {name: LICENCES.unknown(one) for name, one in LICENCES.listed(text).items() if LICENCES.unknown(one)} == {}


LICENCE_CASES = {
    "one": ("MIT", set()),
    "a choice": ("Apache-2.0 OR BSD-3-Clause", set()),
    "another": ("GPL-2.0-only AND MIT", {"GPL-2.0-only"}),
    "none": ("not installed here", {"not installed here"}),
}


@pytest.mark.parametrize(("expression", "left"), LICENCE_CASES.values(), ids=LICENCE_CASES)
def test_licences_that_a_contributor_has_to_read_first(expression, left):
    assert LICENCES.unknown(expression) == left


def test_the_python_versions_of_the_lock_are_those_of_the_project():
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["requires-python"]
    assert wanted == f">={LOCK.LOWEST_PYTHON}"
