"""Documents about the code: they agree with it, and their links resolve."""

import argparse
import ast
import dataclasses
import json
import re
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from pathlib import Path

import pytest
from lxml import etree
from packaging.requirements import Requirement
from packaging.version import Version

from sinetti.api import request_metrics, web_security
from sinetti.api.log import LOG_PATH
from sinetti.api.ocsp import BRIDGE_PATH, OCSP_PATH
from sinetti.api.serializers import certificate_json
from sinetti.ca.hierarchy_config import PRESETS
from sinetti.cli.client import deploy, log, remove, revoke, verify_report
from sinetti.cli.main import LOADED_WHEN_CALLED, build_parser
from sinetti.client.doctor import findings
from sinetti.client.documents import receipt_check
from sinetti.client.messages import messages
from sinetti.client.messages.messages import make_message
from sinetti.client.reporting import metrics, status
from sinetti.client.reporting.status import NameStatus, RequiredAction
from sinetti.client.requests import revoke as requests_revoke
from sinetti.client.results import CommandResult, ExitCode, Result
from sinetti.client.store.snapshot import NameSnapshot
from sinetti.domain.approvals.acts import TABLE, TwoPersonAct
from sinetti.domain.certificates.lifecycle import DisplayState
from sinetti.domain.notifications.messages import MessageKind
from sinetti.domain.refusals import ERROR_CODES, RejectionReason
from sinetti.domain.requests import LenientBehaviour
from sinetti.domain.values import Language, Serial
from sinetti.gateway.verdicts import verdict
from sinetti.gateway.verdicts.verdict import Verdict
from sinetti.i18n.approval_labels import ACTS
from sinetti.infra import security_txt
from sinetti.server.http import SOAP_PATH
from sinetti.testbench.endpoints import deliveries, early_replacement
from sinetti.testbench.endpoints.control import ControlEndpoint
from sinetti.testbench.mail.mailbox import StoredMessage
from sinetti.wire.soap import operations, schema_types
from sinetti.wire.soap.schema_types import ElementName, ElementSpec
from sinetti.wire.xmldsig import algorithms
from tests.domain import facts
from tests.house.tree import DOCS, PACKAGE, ROOT, modules, rows, text_files
from tests.support import tools

MAP = tools.script("map")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
DEPLOY = ROOT / "deploy"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *DEPLOY.rglob("*.md")])
LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)")
FACTS, DIVERGENCES = (DOCS / "integrators" / f"{name}.md" for name in ("interface", "divergences"))
INTERFACES = DOCS / "interfaces.md"
FACTS_CITED = re.compile(r'facts sheet, (\d+)(?:, "([^"]+)")?')
CONTRACTS_CITED = re.compile(r'contracts: "([^"]+)"')
XSD = "{http://www.w3.org/2001/XMLSchema}"
SCHEMA = etree.fromstring(operations.schema_file("certificate-services.xsd", "http://x") or b"")


def test_the_map_shows_the_tree():
    current = MAP.PAGE.read_text(encoding="utf-8")
    assert current == MAP.page(current), "run `python scripts/map.py`"


def test_every_module_has_a_sentence_for_the_map():
    assert not [path for path in MAP.modules() if path.name != "__init__.py" and not MAP.sentence(path)]


def test_the_map_has_every_package_and_no_other():
    packages = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").is_file()}
    assert {cells[0].strip("`") for cells in rows(MAP.PAGE, "package")} == packages


def test_the_map_has_every_folder_and_no_other():
    tracked = {path.relative_to(ROOT).parts[0] for path in text_files() if len(path.relative_to(ROOT).parts) > 1}
    folders = [cells[0].strip("`/") for cells in rows(MAP.PAGE, "folder")]
    assert sorted(folders) == sorted({name for name in tracked if not name.startswith(".")} - {"src"})


def test_the_page_of_errors_has_the_table_of_the_code():
    table = {cells[0]: cells[1] for cells in rows(DOCS / "integrators" / "errors.md", "code")}
    assert table == {code: reason.value for reason, code in ERROR_CODES.items()}
    assert set(table.values()) == {reason.value for reason in RejectionReason}


def test_the_page_of_errors_says_when_and_what_next():
    assert all(len(cells) == 4 and all(cells) for cells in rows(DOCS / "integrators" / "errors.md", "code"))


def test_every_code_stands_in_the_order_of_checks():
    order = (
        (DOCS / "integrators" / "errors.md")
        .read_text(encoding="utf-8")
        .partition("## Order of checks")[2]
        .partition("\n## ")[0]
    )
    outside = {"PKI090", "PKI092", "PKI099"}
    assert {code for code in ERROR_CODES.values() if code.removeprefix("PKI") not in order} == outside


def requirements() -> dict[str, list[Requirement]]:
    """Return the requirements of pyproject.toml by their heading on the page."""
    project = PROJECT["project"]
    groups = {"pip install .": project["dependencies"], "Building": PROJECT["build-system"]["requires"]}
    groups |= {f"sinetti[{extra}]": named for extra, named in project["optional-dependencies"].items()}
    return {heading: [Requirement(line) for line in lines] for heading, lines in groups.items()}


def sections() -> dict[str, list[list[str]]]:
    """Return the tables of docs/dependencies.md by the names in their headings."""
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


def test_the_page_of_dependencies_has_each_npm_package_and_no_other():
    page = (DOCS / "dependencies.md").read_text(encoding="utf-8")
    named = dict(re.findall(r"^- `(\S+)` \([^()]+, ([0-9.]+)\): \w+ ", page, re.MULTILINE))
    judges, there = ROOT / "tests" / "judges", {}
    for folder in (judges / "peers" / "node", judges / "oidc", judges / "html"):
        wanted = json.loads((folder / "package.json").read_text(encoding="utf-8"))["dependencies"]
        locked = json.loads((folder / "package-lock.json").read_text(encoding="utf-8"))["packages"]
        there |= {name: locked[f"node_modules/{name}"]["version"] for name in wanted}
    assert named == there
    assert all(one.startswith("^") for one in wanted.values())
    assert not [name for name, one in locked.items() if "resolved" in one]  # it would name where it came from


def test_dependencies_of_the_program_are_installed_within_their_ranges():
    groups = requirements()
    for wanted in (*groups["pip install ."], *groups["sinetti[authority]"]):
        assert Version(metadata.version(wanted.name)) in wanted.specifier


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page):
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def test_the_pages_that_a_stranger_looks_for_are_there():
    named = {"map", "issuance", "errors", "glossary", "divergences", "dependencies", "threats", "oids"}
    named |= {"interface", "interfaces"}
    assert named <= {path.stem for path in DOCS.rglob("*.md")}
    for name in ("README.md", "LICENCE", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"):
        assert (ROOT / name).stat().st_size, name


def test_the_house_rules_stay_short():
    assert len((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").splitlines()) <= 150


def test_the_changes_begin_with_the_version_of_the_package():
    versions = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert next(one for one in versions if one != "Unreleased") == metadata.version("sinetti")


def code(cell: str) -> list[str]:
    """Return the words between backticks."""
    return [word for part in re.findall(r"`([^`]+)`", cell) for word in part.split()]


def section(page: str, heading: str) -> str:
    """Return the section of a page whose heading begins with `heading`.

    Without such a section, it returns an empty string.
    """
    parts = re.split(r"^## ", page, flags=re.MULTILINE)[1:]
    return next((part for part in parts if part.startswith(heading)), "")


def cited(pattern: re.Pattern[str]) -> set[tuple[str, ...] | str]:
    """Return the citations in the code and the tests, also across line breaks."""
    sources = [path for path in text_files() if path.suffix == ".py" and path != Path(__file__)]
    return {one for path in sources for one in pattern.findall(" ".join(path.read_text(encoding="utf-8").split()))}


def test_what_cites_the_facts_sheet_finds_its_place():
    page = FACTS.read_text(encoding="utf-8")
    found = cited(FACTS_CITED)
    assert found
    for number, words in found:
        assert words in section(page, f"{number}. "), (number, words)
        assert section(page, f"{number}. "), number


def test_what_cites_the_contracts_finds_its_place():
    page = INTERFACES.read_text(encoding="utf-8")
    found = cited(CONTRACTS_CITED)
    assert found
    assert all(section(page, heading) for heading in found)


def test_the_house_rules_say_what_the_citations_mean():
    rules = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert re.search(r'"[Tt]he facts sheet, 2" in a comment is section 2 of \[docs/integrators/interface\.md\]', rules)
    assert re.search(r'"[Cc]ontracts" is\s+\[docs/interfaces\.md\]', rules)


def test_the_facts_sheet_is_short_and_marks_each_section():
    page = FACTS.read_text(encoding="utf-8")
    assert len(page.splitlines()) <= 200
    assert {cells[0] for cells in rows(FACTS, "mark")} == {"[F]", "[M]", "[I]", "[D]"}
    assert all(re.search(r"\[[FMID]\]", section(page, f"{number}. ")) for number in range(1, 7))


def sequence(type_or_element: etree._Element) -> list[str]:
    """Return the names of an XSD sequence as the facts sheet writes them.

    `?` marks an optional element, and `*` any number.
    """
    found = type_or_element.find(f".//{XSD}sequence")
    assert found is not None
    names = []
    for part in found:
        reference = part.get("ref", "").partition(":")[2]
        if part.tag == f"{XSD}group":
            names += sequence(SCHEMA.find(f"{XSD}group[@name='{reference}']"))
        else:
            many = "*" if part.get("maxOccurs") else "?" if part.get("minOccurs") else ""
            names.append(part.get("name", reference) + many)
    return names


def named_type(element: etree._Element) -> etree._Element:
    """Return the XSD type of an element: its own, or the project's type that it names."""
    inside = element.find(f"{XSD}complexType")
    if inside is not None:
        return inside
    found = SCHEMA.xpath(
        "*[@name=$name and not(self::xsd:element)]",
        name=element.get("type", "").partition(":")[2],
        namespaces={"xsd": XSD[1:-1]},
    )
    return found[0]


def test_the_facts_sheet_has_the_messages_of_the_schema():
    told = {cells[0].strip("`"): cells[1].split(", ") for cells in rows(FACTS, "message")}
    schema = {one.get("name"): sequence(named_type(one)) for one in SCHEMA.findall(f"{XSD}element")}
    schema |= {name: sequence(SCHEMA.find(f"{XSD}complexType[@name='{name}']")) for name in ("Result", "ErrorInfo")}
    assert told == schema


def test_the_facts_sheet_has_the_requests_of_the_code():
    def shown(one: ElementSpec) -> str:
        return f"{one.name}?" if one.optional else one.name.value

    told = {cells[0].strip("`"): cells[1].removesuffix(", Signature").split(", ") for cells in rows(FACTS, "message")}
    for operation, fields in schema_types.REQUESTS.items():
        assert told[operation.request] == [shown(one) for one in fields]


FIELDS = {cells[0].strip("`"): cells[1:] for cells in rows(FACTS, "field")}


def test_the_facts_sheet_has_every_field():
    assert FIELDS.keys() == set(ElementName) - {ElementName.RESULT, ElementName.ERROR_INFO}


@pytest.mark.parametrize("name", FIELDS)
def test_a_field_of_the_facts_sheet_is_that_of_the_schema(name):
    restriction = named_type(SCHEMA.find(f".//{XSD}element[@name='{name}']")).find(f"{XSD}restriction")
    kind, _, words = FIELDS[name][0].partition(": ")
    assert restriction.get("base") == f"xsd:{kind}"
    assert [one.get("value") for one in restriction.findall(f"{XSD}enumeration")] == words.split(", ") * bool(words)
    longest = restriction.find(f"{XSD}maxLength")
    assert FIELDS[name][1] == ("–" if longest is None else longest.get("value"))


@pytest.mark.parametrize("name", schema_types.TEXT)
def test_a_field_of_the_facts_sheet_is_as_long_as_the_code_reads(name):
    longest = int(FIELDS[name][1])
    assert schema_types.TEXT[name]("x" * longest) is not None
    assert schema_types.TEXT[name]("x" * (longest + 1)) is None


def test_octets_of_the_facts_sheet_are_those_of_the_code():
    assert int(FIELDS["CertificateRequest"][1]) == schema_types.LARGEST_REQUEST
    assert int(FIELDS["Certificate"][1]) == algorithms.LARGEST_CERTIFICATE


def below(parser: argparse.ArgumentParser, *path: str) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Yield every command below a parser that has no subcommands, by its words."""
    groups = [one for one in parser._actions if isinstance(one, argparse._SubParsersAction)]
    if not groups:
        yield " ".join(path), parser
    for group in groups:
        for name, one in group.choices.items():
            yield from below(one, *path, name)


@cache
def commands() -> dict[str, argparse.ArgumentParser]:
    """Return every command of the client and the server side.

    The parser has the server's own commands only if one of them is requested.
    """
    every = ((), *([name] for name in LOADED_WHEN_CALLED), *(("log", name) for name in log.COMMANDS))
    found = {name: one for words in every for name, one in below(build_parser(*words))}
    both = {"log"}  # it takes a name, and has commands
    groups = {name for name in found if any(other.startswith(f"{name} ") for other in found)} - both
    return {name: one for name, one in found.items() if name not in groups}


def written(parser: argparse.ArgumentParser) -> tuple[list[str], list[str]]:
    """Return the positional arguments and the options of a command as on the page."""
    places, options = [], []
    for one in parser._actions:
        if not one.option_strings:
            places.append(f"[{one.metavar}]" if one.nargs in {"?", "*"} else str(one.metavar))
        elif one.dest not in {"help", "quiet", "verbose"}:  # the page has them once, for all commands
            options.append(one.option_strings[-1] if one.required else f"[{one.option_strings[-1]}]")
    return places, options


def test_the_interfaces_have_every_command_with_its_options_and_no_other():
    told = {" ".join(code(cells[0])): code(cells[1]) for cells in rows(INTERFACES, "command")}
    there = {}
    for name, parser in commands().items():
        places, options = written(parser)
        there[" ".join(["sinetti", name, *places])] = ["enrol"] if name == "enroll" else options
    assert {name: sorted(words) for name, words in told.items()} == {
        name: sorted(words) for name, words in there.items()
    }


@pytest.mark.parametrize("page", [DOCS / "operators" / "keys.md", DEPLOY / "README.md"], ids=lambda page: page.name)
def test_the_commands_of_a_page_take_the_options_that_it_gives_them(page):
    text = re.sub(r"\\\n *", "", page.read_text(encoding="utf-8"))
    there = {name: {word.strip("[]") for word in written(parser)[1]} for name, parser in commands().items()}
    told = re.findall(
        r"^ {4}(?:.* )?(authority (?:account |organisation |journal |notices |secrets )?[a-z-]+)((?: .*)?)$",
        text, re.MULTILINE,
    )  # fmt: skip
    assert len(told) > 3
    for name, rest in told:
        assert set(re.findall(r"(?<= )--[a-z0-9-]+", rest)) <= there[name], (name, rest)


def test_the_runbook_has_commands_and_options_that_there_are():
    there = {f"sinetti {name}": set(written(parser)[1]) for name, parser in commands().items()}
    lines = re.findall(
        r"`(sinetti (?:authority|gateway|[a-z]+) [^`…]+)`",
        (DOCS / "operators" / "runbook.md").read_text(encoding="utf-8"),
    )
    assert len(lines) > 20
    for line in lines:
        name = max((one for one in there if f"{line} ".startswith(f"{one} ")), key=len)
        options = set(re.findall(r"(?<= )--[a-z-]+", line)) - {"--help"}
        assert options <= {one.strip("[]") for one in there[name]}, line


def test_the_interfaces_have_the_exit_codes():
    assert {int(cells[0]) for cells in rows(INTERFACES, "exit code")} == set(ExitCode)


def test_the_interfaces_have_the_members_of_json():
    shown, results, checked, received = (code(cells[1]) for cells in rows(INTERFACES, "JSON of"))
    assert shown == [*status.status_of(NameSnapshot("payroll", Path("store/payroll")), facts.NOW).as_json(Language.EN)]
    assert results == ["result", "codes"]
    good = Verdict(None, "")
    assert checked == [*verify_report.checked(good, strangers=False).as_json()]
    assert received == [*receipt_check.ReceiptCheck(None, make_message(messages.DOCTOR_WELL)).as_json()]
    states, result, reason, faults = (code(cells[1]) for cells in rows(INTERFACES, "member"))
    assert (states, result, faults) == ([*NameStatus], [*Result], [*receipt_check.ReceiptError])
    everything = {verify_report.checked(Verdict(one, ""), strangers=False).fault for one in verdict.VerdictReason}
    elsewhere = {
        verdict.VerdictReason.WRONG_CHANNEL,
        verdict.VerdictReason.REVOKED,
        verdict.VerdictReason.STATUS_UNKNOWN,
    }
    assert set(reason) == everything - elsewhere


def test_the_interfaces_have_the_json_of_a_store():
    details, logged, looked, revoked, removed, deployed = (
        code(cells[1]) for cells in rows(INTERFACES, "JSON of a store")
    )
    row = status.status_of(NameSnapshot("payroll", Path("store/payroll")), facts.NOW)
    assert details == ["status", "--json", *list(status.details(row, DOCS, Language.EN))[9:]]
    assert logged == ["name", "events", "open"]
    finding = findings.passed(findings.Check.DISK, make_message(messages.DOCTOR_WELL))
    assert looked == [*finding.as_json(Language.EN)]
    ended = requests_revoke.RevocationOutcome(requests_revoke.RevocationResult.REVOKED, ExitCode.DONE, Serial("00"), ())
    assert revoked == [*revoke.revocation_json("payroll", ended)]
    assert removed == [*remove.removal_json("payroll", None, None, is_removed=True)]
    assert deployed == [*deploy.row_json(CommandResult("payroll", Result.NOT_DUE, ExitCode.DONE, ()), None)]
    todos, levels, checks, results = (code(cells[1]) for cells in rows(INTERFACES, "member of a store's"))
    assert (todos, levels) == ([*RequiredAction], [*findings.Level])
    assert (checks, results) == ([*findings.Check], [*requests_revoke.RevocationResult])


def test_the_page_of_the_agent_has_every_metric():
    row = status.status_of(NameSnapshot("payroll", Path("store/payroll")), facts.NOW)
    text = metrics.text([row], facts.NOW, facts.NOW)
    assert {cells[0].strip("`") for cells in rows(DOCS / "holders" / "agent.md", "metric")} == set(
        re.findall(r"^# TYPE (\S+) gauge$", text, re.MULTILINE)
    )


def test_the_interfaces_have_the_gateways_json():
    (members,) = (code(cells[1]) for cells in rows(INTERFACES, "JSON of the gateway"))
    assert members == [*Verdict(None, "").as_json()]
    reasons, revocation = (code(cells[1]) for cells in rows(INTERFACES, "member of the gateway's"))
    assert (reasons, revocation) == ([*verdict.VerdictReason], [*verdict.RevocationCheck])


def test_the_interfaces_have_the_bench_s_calls_and_rows():
    door = ControlEndpoint(None, None, None, None)  # type: ignore[arg-type]
    calls = {f"{method} {path}" for path, methods in door._routes().items() for method in methods}
    assert {" ".join(code(cells[0])) for cells in rows(INTERFACES, "call")} == calls
    bench = section(INTERFACES.read_text(encoding="utf-8"), "Test bench")
    shown = certificate_json(facts.certificate(datetime(2027, 5, 2, tzinfo=UTC)), facts.NOW)
    assert f"`{' '.join(shown)}`" in bench
    assert " ".join(f"`{state}`" for state in DisplayState) in bench
    assert f"`{' '.join(field.name for field in dataclasses.fields(StoredMessage))}`" in bench
    assert " ".join(f"`{kind}`" for kind in MessageKind) in bench
    assert " ".join(f"`{preset}`" for preset in PRESETS) in bench
    (fields,) = (code(cells[1]) for cells in rows(INTERFACES, "call") if cells[0] == "`POST /early`")
    assert [one.strip("{:") for one in fields if one != "true"] == ["until}", *early_replacement._WAYS]


def test_the_interfaces_have_the_addresses_of_the_machine_endpoints():
    told = {one for cells in rows(INTERFACES, "address") for one in code(cells[0]) if one.startswith("/")}
    exact = {*request_metrics._EXACT, SOAP_PATH, web_security.REPORTS, security_txt.PATH, deliveries.PATH}
    beginnings = {*request_metrics._BEGINNINGS.values(), OCSP_PATH, BRIDGE_PATH, LOG_PATH, "/crl/", "/ca/", "/status/"}
    served = (*(exact - told), *(one for one in beginnings if not any(path.startswith(one) for path in told)))
    assert not set(served) - {"/api/v1/"}
    assert [path for path in told - exact if not path.startswith((*beginnings, "/distrust"))] == []


def test_the_divergences_list_every_leniency():
    assert [code(cells[0]) for cells in rows(DIVERGENCES, "kind")] == [[kind.value] for kind in LenientBehaviour]


def test_the_divergences_have_their_parts():
    page = DIVERGENCES.read_text(encoding="utf-8")
    parts = ("Certificates", "The service", "Pages", "Messages", "XML Signature", "Client")
    assert re.findall(r"^## (.+)$", page, re.MULTILINE) == [*parts]


FROM_AN_INDEX = re.compile(r"pip3? install [^`\n#;&|]*?(?<![\w./-])sinetti(?![\w-]*[/.])")
"""Command that asks the public index for a package of our name.

That name belongs to another project.
"""


def test_a_command_that_asks_the_index_is_recognised():
    assert FROM_AN_INDEX.search("run pip install sinetti[authority] first")
    assert FROM_AN_INDEX.search("pip install --quiet 'sinetti'")
    for works in ("pip install '.[authority]'", "pip install './sinetti[authority]'", "pip install /src/sinetti[x]"):
        assert not FROM_AN_INDEX.search(works)


def test_no_text_names_the_package_on_the_public_index():
    """The changelog alone says what was said before."""
    roots = [ROOT / one for one in ("src", "docs", "deploy", "scripts", "simulate", "bench", "README.md", "Makefile")]
    found = []
    for path in (one for root in roots for one in (root.rglob("*") if root.is_dir() else [root])):
        if path.is_file() and path.suffix in {"", ".md", ".py", ".po", ".sh", ".1", ".toml", ".html", ".service"}:
            text = path.read_text(encoding="utf-8", errors="replace").replace('"\n"', "")
            found += [str(path.relative_to(ROOT)) for _ in FROM_AN_INDEX.finditer(text)]
    assert found == []


def test_the_glossary_names_classes_that_there_are():
    """The column "in code" has classes, fields and modules; classes are looked up."""
    known = {node.name for tree in modules().values() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
    cells = [row[4] for row in rows(DOCS / "glossary.md", "thing")]
    named = {name for cell in cells for name in re.findall(r"`([A-Z][a-z]\w*)", cell)}
    assert len(named) > 20
    assert named - {"PrivateKey"} <= known


def proposing(parser: argparse.ArgumentParser, words: str = "") -> Iterator[str]:
    """Yield the words of each command that an officer proposes."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, below in action.choices.items():
                yield from proposing(below, f"{words} {name}".strip())
        elif action.help and action.help.startswith("officer who proposes it"):
            yield words.removeprefix("authority ")


def test_the_page_of_officers_lists_every_act():
    """Each sentence that officers read has a row, with command, change, setting and roles of the code."""
    page = rows(DOCS / "operators" / "officers.md", "act, as officers read it")
    assert [cells[0] for cells in page] == list(ACTS.values())
    for sentence, _, change, setting, proposers, approvers in page:
        act = TwoPersonAct(setting.strip("`"))
        kind = f"{act} {change.strip('`')}".removesuffix(" –")
        assert ACTS[kind] == sentence
        if proposers != "clerk":
            assert set(proposers.split(", ")) == TABLE[act].proposers
            assert set(approvers.split(", ")) == TABLE[act].approvers
    listed = {words for cells in page for words in re.findall(r"`([a-z -]+?)(?: --[a-z]+)?`", cells[1])}
    assert listed == set(proposing(build_parser("authority")))
