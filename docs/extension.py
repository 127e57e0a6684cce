"""Sphinx extension of the documentation site.

It rewrites links that leave docs/, shows output in the language of the build, and marks pages without a translation.
"""

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from babel.messages.pofile import read_po

from sinetti.cli.completion_scripts import all_commands
from sinetti.cli.core import argparse_i18n
from sinetti.cli.main import ALIASES
from sinetti.domain.values import Language

if TYPE_CHECKING:
    from sphinx.application import Sphinx

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
LANGUAGES = {"fi": "Suomi", "sv": "Svenska", "en": "English"}
INCLUDED = re.compile(r"\A```\{include\} (\S+)\n```\n\Z")
"""Page that consists of a file outside docs/."""
GROUPS = {"authority", "gateway", "testbench"}
"""First words of the commands that are not the client's."""
LINK = re.compile(r"(?<=\]\()([^)#:\s]+)((?:#[^)\s]*)?\))")
OUTPUT = re.compile(r"(^( *)<!-- output: (\S+) -->\n *```\w*\n)(.*?)(^ *```$)", re.DOTALL | re.MULTILINE)
"""Block of a command's output, which the build shows in its language."""
HELP = re.compile(r"^<!-- help: ([a-z ]+) -->$", re.MULTILINE)
"""Place where the build shows the help of commands in its language."""
INSTEAD = {
    "README.md": "docs/about.md",
    "deploy": "docs/operators/deploy.md",
    "deploy/systemd": "docs/operators/deploy.md",
    "docs/messages": "docs/messages/README.md",
}
"""Pages of the site that links to other places of the repository lead to."""


def included(docname: str) -> Path:
    """Return the file that a page shows: the file it includes as a whole, or its own."""
    page = DOCS / f"{docname}.md"
    found = INCLUDED.fullmatch(page.read_text(encoding="utf-8"))
    return (page.parent / found[1]).resolve() if found else page


def instead_of() -> dict[Path, Path]:
    """Return the pages that links to files and folders outside docs/ lead to."""
    found = {(ROOT / place).resolve(): ROOT / page for place, page in INSTEAD.items()}
    for page in DOCS.rglob("*.md"):
        shown = included(page.relative_to(DOCS).with_suffix("").as_posix())
        if shown != page:
            found[shown] = page
    return found


def rewritten(text: str, source: Path, page: Path, instead: dict[Path, Path]) -> str:
    """Return the text of a source file with the links that it needs on a page of the site.

    Files that are no pages become downloads, which MyST does on its own.
    """

    def link(found: re.Match[str]) -> str:
        target = (source.parent / found[1]).resolve()
        if target.is_relative_to(ROOT) and target.relative_to(ROOT).as_posix() in INSTEAD:
            return os.path.relpath(instead[target], page.parent) + ")"  # another page: it has no such heading
        return os.path.relpath(instead.get(target, target), page.parent) + found[2]

    return LINK.sub(link, text)


def output_in(language: str, text: str) -> str:
    """Return the text of a page with its output blocks in a language."""

    def block(found: re.Match[str]) -> str:
        begin, indent, name, _, end = found.groups()
        lines = (DOCS / "output" / language / f"{name}.txt").read_text(encoding="utf-8").splitlines()
        return begin + "".join(f"{indent}{line}\n" if line else "\n" for line in lines) + end

    return OUTPUT.sub(block, text)


def help_in(language: str, text: str) -> str:
    """Return the text of a page with the help of the commands that it lists.

    `client` is the group of all commands of the client.
    """

    def listed(found: re.Match[str]) -> str:
        groups = found[1].split()
        parts = []
        for command in all_commands(Language(language)):
            word = command.words[0] if command.words else "client"
            if word not in ALIASES and (word if word in GROUPS else "client") in groups:
                argparse_i18n.translate_parser(command.parser, Language(language))  # placeholders of values, too
                fence = f"```\n{command.parser.format_help().rstrip()}\n```"
                parts.append(f"## {' '.join(('sinetti', *command.words))}\n\n{fence}\n")
        return "\n".join(parts)

    with argparse_i18n.argparse_language(Language(language)):
        return HELP.sub(listed, text)


def read_source(app: "Sphinx", docname: str, content: list[str]) -> None:
    """Prepare the source of one page (event `source-read`)."""
    source = included(docname)
    text = source.read_text(encoding="utf-8") if INCLUDED.fullmatch(content[0]) else content[0]
    text = rewritten(text, source, DOCS / f"{docname}.md", instead_of())
    text = output_in(app.config.language, text)
    # Names of commands need no translation.
    content[0] = HELP.sub("", text) if app.builder.name == "gettext" else help_in(app.config.language, text)


def is_translated(language: str, docname: str) -> bool:
    """Return whether every text of a page has a translation."""
    place = DOCS / "locale" / language / "LC_MESSAGES" / f"{docname}.po"
    if language == "en" or not place.is_file():
        return language == "en"
    with place.open("rb") as opened:
        return all(one.string for one in read_po(opened) if one.id)


def page_context(app: "Sphinx", page: str, _template: str, context: dict[str, Any], doctree: object) -> None:
    """Give the templates the languages of the site and the language of the page (event `html-page-context`).

    Pages without a document, such as the search, are only templates.
    """
    own = app.config.language
    context["languages"] = LANGUAGES
    context["page_language"] = own if doctree is None or is_translated(own, page) else "en"


def setup(app: "Sphinx") -> dict[str, bool]:
    """Connect the extension."""
    app.connect("source-read", read_source)
    app.connect("html-page-context", page_context)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
