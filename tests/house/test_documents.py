"""Documents that speak of the code say what the code says, and their links lead somewhere."""

import re
import tomllib
from importlib import metadata

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from sinetti.domain.refusals import Reason
from sinetti.wire.codes import CODES
from tests.house.tree import DOCS, PACKAGE, ROOT, rows
from tests.support import tools

MAP = tools.script("map")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)")


def test_the_map_shows_the_tree():
    current = MAP.PAGE.read_text(encoding="utf-8")
    assert current == MAP.page(current), "run `python scripts/map.py`"


def test_every_module_has_a_sentence_for_the_map():
    assert not [path for path in MAP.modules() if path.name != "__init__.py" and not MAP.sentence(path)]


def test_the_map_has_every_room_and_no_other():
    rooms = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").is_file()}
    assert {cells[0].strip("`") for cells in rows(MAP.PAGE, "room")} == rooms


def test_the_map_has_folders_that_exist():
    for cells in rows(MAP.PAGE, "folder"):
        assert (ROOT / cells[0].strip("`")).is_dir()


def test_the_page_of_errors_has_the_table_of_the_code():
    table = {cells[0]: cells[1] for cells in rows(DOCS / "errors.md", "code")}
    assert table == {code: reason.value for reason, code in CODES.items()}
    assert set(table.values()) == {reason.value for reason in Reason}


def test_the_page_of_errors_says_when_and_what_next():
    assert all(len(cells) == 4 and all(cells) for cells in rows(DOCS / "errors.md", "code"))


def test_every_code_stands_in_the_order_of_checks():
    order = (DOCS / "errors.md").read_text(encoding="utf-8").partition("## Order of checks")[2].partition("\n## ")[0]
    outside = {"PKI090", "PKI092", "PKI099"}
    assert {code for code in CODES.values() if code.removeprefix("PKI") not in order} == outside


def requirements() -> dict[str, list[Requirement]]:
    """Return the requirements of pyproject.toml by the heading that the page has for them."""
    project = PROJECT["project"]
    groups = {"pip install sinetti": project["dependencies"], "Building": PROJECT["build-system"]["requires"]}
    groups |= {f"sinetti[{extra}]": named for extra, named in project["optional-dependencies"].items()}
    return {heading: [Requirement(line) for line in lines] for heading, lines in groups.items()}


def sections() -> dict[str, list[list[str]]]:
    """Return the tables of the page of dependencies by what their headings name."""
    found, heading = {}, None
    for line in (DOCS / "dependencies.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            named = re.search(r"`([^`]+)`", line)
            heading = named[1] if named else line.removeprefix("## ")
            found[heading] = []
        elif heading and line.startswith("|"):
            found[heading].append([cell.strip() for cell in line.strip("|").split("|")])
    return {heading: lines[2:] for heading, lines in found.items()}


def test_the_page_of_dependencies_has_each_and_no_other():
    named = {heading: {cells[0] for cells in lines} for heading, lines in sections().items()}
    assert named == {heading: {one.name for one in wanted} for heading, wanted in requirements().items()}


def test_each_dependency_has_licence_release_and_reason():
    for heading, lines in sections().items():
        ranges = {one.name: one.specifier for one in requirements()[heading]}
        for name, licence, release, reason in lines:
            assert licence
            assert len(reason.split()) > 1, name
            assert Version(release) in ranges[name], name


def test_dependencies_of_the_program_are_installed_within_their_ranges():
    groups = requirements()
    for wanted in (*groups["pip install sinetti"], *groups["sinetti[authority]"]):
        assert Version(metadata.version(wanted.name)) in wanted.specifier


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page):
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def test_the_pages_that_a_stranger_looks_for_are_there():
    named = {"map", "issuance", "errors", "glossary", "divergences", "dependencies", "threats", "oids"}
    assert named <= {path.stem for path in DOCS.glob("*.md")}
    for name in ("README.md", "LICENCE", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"):
        assert (ROOT / name).stat().st_size, name


def test_the_house_rules_are_one_page():
    assert len((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").splitlines()) <= 60


def test_the_changes_begin_with_the_version_of_the_package():
    versions = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert versions[0] == metadata.version("sinetti")
