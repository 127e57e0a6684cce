"""Tool for the message catalogues.

    python scripts/texts.py compile|update

`compile` makes the .mo files. `update` brings the .po files up to date with the messages in the code. The build hook
and the tests call the same functions. Needs Babel.
"""

import ast
import io
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "sinetti"
LOCALE = PACKAGE / "i18n" / "locale"
LANGUAGES = ("fi", "sv")
"""Languages with a catalogue: message ids are the English texts."""
CALLS = frozenset({"translate", "_", "gettext_noop", "make_message", "say"})
"""Calls whose first argument is a message id, if it is a literal."""
COUNTS = frozenset({"translate_plural", "ngettext", "ngettext_noop"})
"""Calls whose first two arguments are the singular and the plural of a message id."""
MessageId = str | tuple[str, str]
"""Message id of a catalogue: a text, or its singular and plural."""
IN_ENGLISH = frozenset({"authority", "ceremony", "testbench", "gateway", "enroll"})
"""Commands whose help is only in English.

They are the commands of people who run servers, and a second name of a command.
"""
SHARED = "sinetti/cli/client/common.py"
"""Module that is recorded for texts of several commands."""
NO_DATE = datetime(1970, 1, 1, tzinfo=UTC)
HEADER = """\
# Sinetti: what people read, in this language. Terms and tone: docs/glossary.md.
msgid ""
msgstr ""
"Language: {language}\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\\n"

"""


def po_file(language: str) -> Path:
    """Return the path of a language's hand-written catalogue."""
    return LOCALE / language / "LC_MESSAGES" / "sinetti.po"


def read(language: str) -> Catalog:
    """Read a hand-written catalogue; broken lines are errors."""
    with po_file(language).open("rb") as opened:
        return read_po(opened, locale=language, abort_invalid=True)


def compiled(language: str) -> bytes:
    """Return the octets of the .mo file for the current catalogue.

    The same texts give the same octets.
    """
    catalogue = read(language)
    catalogue.creation_date = catalogue.revision_date = NO_DATE
    octets = io.BytesIO()
    write_mo(octets, catalogue)
    return octets.getvalue()


def compile_all() -> list[Path]:
    """Write the .mo files beside the .po files and return their paths."""
    places = []
    for language in LANGUAGES:
        place = po_file(language).with_suffix(".mo")
        octets = compiled(language)
        if not place.is_file() or place.read_bytes() != octets:
            place.write_bytes(octets)
        places.append(place)
    return places


def messages(package: Path = PACKAGE) -> dict[MessageId, list[str]]:
    """Return every message id in the code, with the modules that it stands in.

    The ids come from the syntax trees, in order.
    """
    found: dict[MessageId, list[str]] = {}
    for module in sorted(package.rglob("*.py")):
        name = module.relative_to(package.parent).as_posix()
        tree = ast.parse(module.read_text(encoding="utf-8"))
        ids: Iterator[MessageId] = table_ids(tree) if name == "sinetti/i18n/refusals.py" else called_ids(tree)
        for message_id in ids:
            places = found.setdefault(message_id, [])
            if name not in places:
                places.append(name)
    if package == PACKAGE:
        for message_id, places in helps().items():
            found.setdefault(message_id, places)
    return found


def helps() -> dict[str, list[str]]:
    """Return the help texts of every translated command, with their modules.

    The texts come from the parsers.
    """
    # Imported here: the build hook, which only compiles, cannot import the package yet.
    from sinetti.cli.completion_scripts import all_commands  # noqa: PLC0415
    from sinetti.cli.core import argparse_i18n  # noqa: PLC0415
    from sinetti.cli.main import place_of  # noqa: PLC0415

    found: dict[str, list[str]] = {}
    for command in all_commands():
        word = command.words[0] if command.words else "main"
        if word not in IN_ENGLISH:
            for message_id in argparse_i18n.texts_of(command.parser):
                place = f"{place_of(word).replace('.', '/')}.py"
                found[message_id] = [SHARED if found.get(message_id, [place]) != [place] else place]
    return found


def called_ids(tree: ast.AST) -> Iterator[MessageId]:
    """Yield the message ids that are literals in calls of `CALLS` and `COUNTS`.

    For messages about a count they are pairs. A message id that is only a placeholder has no words in it, so it is
    left out.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args and _name(node.func) in CALLS:
            yield from (one for one in _strings(node.args[0]) if not re.fullmatch(r"\{\w+\}", one))
        elif isinstance(node, ast.Call) and _name(node.func) in COUNTS:
            yield from zip(*(list(_strings(one)) for one in node.args[:2]), strict=True)


def table_ids(tree: ast.AST) -> Iterator[str]:
    """Yield the message ids of the table of refusals: every string in its tuples."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Tuple):
            yield from (one for element in node.elts for one in _strings(element))


def _name(function: ast.expr) -> str | None:
    return function.id if isinstance(function, ast.Name) else None


def _strings(argument: ast.expr) -> Iterator[str]:
    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
        yield argument.value
    elif isinstance(argument, ast.IfExp):
        yield from _strings(argument.body)
        yield from _strings(argument.orelse)


def update() -> None:
    """Add new messages to the catalogues, and remove those no longer in the code."""
    wanted = messages()
    for language in LANGUAGES:
        old = read(language) if po_file(language).is_file() else Catalog(locale=language)
        new = Catalog(locale=language, fuzzy=False)
        for message_id, places in wanted.items():
            kept = old.get(message_id)
            empty = ("", "") if isinstance(message_id, tuple) else ""
            string = kept.string if kept and kept.id == message_id else empty
            new.add(message_id, string, auto_comments=places)
        body = io.BytesIO()
        write_po(body, new, width=110, omit_header=True)
        po_file(language).write_bytes(HEADER.format(language=language).encode() + body.getvalue())


def main(arguments: list[str]) -> int:
    """Run one of the two commands."""
    match arguments:
        case ["compile"]:
            compile_all()
        case ["update"]:
            update()
        case _:
            sys.stderr.write(f"{__doc__}\n")
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
