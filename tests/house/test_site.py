"""Sources of the documentation site: catalogues, links out of docs/, and output in three languages.

`make docs` builds the site, and tests/judges/test_site.py walks it.
"""

import importlib.util
import json
import re

import pytest

from tests.house.tree import DOCS, ROOT
from tests.support import golden, transcripts
from tests.support.tools import script

TOOL = script("docs")
TARGET = re.compile(r"\]\(([^)\s]+)\)")
CATALOGUES = [(language, page) for language in TOOL.TRANSLATIONS for page in TOOL.TRANSLATED]


def loaded():
    """Load the extension, which only Sphinx imports otherwise."""
    spec = importlib.util.spec_from_file_location("site_extension", DOCS / "extension.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SITE = loaded()


@pytest.mark.parametrize(("language", "page"), CATALOGUES, ids=[" ".join(one) for one in CATALOGUES])
def test_a_page_is_translated_as_a_whole(language, page):
    catalogue = TOOL.read(TOOL.po_file(language, page))
    assert len(catalogue), "run `python scripts/docs.py update`"
    assert [one.id for one in catalogue if one.id and (not one.string or one.fuzzy)] == []
    assert [one.id for one in catalogue if sorted(TARGET.findall(one.id)) != sorted(TARGET.findall(one.string))] == []
    # Sphinx reads "1. Term" as a list and then shows the English heading: the number's full stop is escaped.
    assert [one.string for one in catalogue if one.id and re.match(r"\d+\. ", one.string)] == []


@pytest.mark.parametrize("language", TOOL.TRANSLATIONS)
def test_no_other_page_has_a_catalogue(language):
    folder = TOOL.LOCALE / language / "LC_MESSAGES"
    found = {path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.po")}
    assert found <= {*TOOL.TRANSLATED, "sphinx"}


@pytest.mark.parametrize("language", TOOL.TRANSLATIONS)
def test_the_texts_of_the_templates_are_translated(language):
    catalogue = TOOL.read(TOOL.po_file(language, "sphinx"))
    wanted = {one for path in (DOCS / "_templates").rglob("*.html") for one in used(path.read_text(encoding="utf-8"))}
    assert {one for one in wanted if not (catalogue.get(one) and catalogue.get(one).string)} == set()
    text = TOOL.po_file(language, "sphinx").with_suffix(".js").read_text(encoding="utf-8")
    translations = json.loads(text.removeprefix("Documentation.addTranslations(").rstrip().removesuffix(");"))
    assert translations["locale"] == language
    assert all(translations["messages"].values())


def used(template: str) -> set[str]:
    return {one[1] for one in re.findall(r"""_\((["'])(.+?)\1\)""", template)}


LINKS = {
    "another page": ("docs/relying/gateway.md", "[a](../glossary.md#words)", "[a](../glossary.md#words)"),
    "a page that shows a file": ("docs/operators/keys.md", "[a](../../deploy/README.md)", "[a](deploy.md)"),
    "a heading of a shown file": ("docs/operators/keys.md", "[a](../../deploy/README.md#x)", "[a](deploy.md#x)"),
    "a folder": ("docs/holders/agent.md", "[a](../../deploy/systemd)", "[a](../operators/deploy.md)"),
    "a download": ("docs/e-service/pages.md", "[a](../../deploy/nginx.conf)", "[a](../../deploy/nginx.conf)"),
    "in a shown file": ("deploy/README.md", "[a](nginx.conf)", "[a](../../deploy/nginx.conf)"),
    "from a shown file to a page": ("deploy/README.md", "[a](../docs/relying/sftp.md)", "[a](../relying/sftp.md)"),
    "outside": ("docs/index.md", "[a](https://example.org/)", "[a](https://example.org/)"),
    "on the page": ("docs/index.md", "[a](#b)", "[a](#b)"),
}


@pytest.mark.parametrize(("source", "text", "wanted"), LINKS.values(), ids=LINKS)
def test_a_link_of_the_repository_becomes_one_of_the_site(source, text, wanted):
    instead = SITE.instead_of()
    page = instead.get(ROOT / source, ROOT / source)
    assert SITE.rewritten(text, ROOT / source, page, instead) == wanted


def test_a_heading_of_the_readme_leads_to_the_page_that_stands_for_it():
    page = DOCS / "holders" / "client.md"
    home = SITE.rewritten("[a](../../README.md)", page, page, SITE.instead_of())
    assert SITE.rewritten("[a](../../README.md#installing)", page, page, SITE.instead_of()) == home


def test_help_is_in_the_language_of_the_site():
    english, finnish = (SITE.help_in(language, "# C\n\n<!-- help: client -->\n") for language in ("en", "fi"))
    assert "usage: sinetti enrol" in english
    assert "käyttö: sinetti enrol" in finnish
    assert "sinetti authority" not in english.replace("sinetti authority init", "")


def output(language: str) -> dict[str, str]:
    return {name.removesuffix(".txt"): text for name, text in golden.read(f"transcripts/{language}").items()}


def test_the_output_on_a_page_is_that_of_its_file():
    english = output("en")
    shown = {path: path.read_text(encoding="utf-8") for path in DOCS.rglob("*.md")}
    assert [path for path, text in shown.items() if transcripts.with_output(text, english) != text] == []
    assert sum(len(transcripts.BLOCK.findall(text)) for text in shown.values())


def test_output_is_in_the_language_of_the_site():
    page = (DOCS / "index.md").read_text(encoding="utf-8")
    assert SITE.output_in("en", page) == page
    finnish = SITE.output_in("fi", page)
    assert output("fi")["status"] in finnish
    assert output("en")["status"] not in finnish


@pytest.mark.long
@pytest.mark.parametrize("language", transcripts.LANGUAGES)
def test_the_output_is_what_the_commands_print(language):
    golden.check(
        f"transcripts/{language}", {f"{name}.txt": text for name, text in transcripts.outputs(language).items()}
    )
