"""A manual page (section 1) for each command, as docs/man/ has them.

The pages are made from the parsers, and the wheel contains them. There is one page for each word after `sinetti`.
Pages of groups (authority, gateway, testbench) have all of their commands. argparse-manpage does something similar, in
one page for everything.
"""

import argparse
import re
from collections.abc import Iterator, Sequence
from itertools import groupby

from sinetti import __version__
from sinetti.cli import main
from sinetti.cli.completion_scripts import CommandInfo, all_commands

DATE = "2026-11-28"
"""Date of the last visible change of the commands, which every page must have."""

EXAMPLE = re.compile(r"^examples?[,:]", re.MULTILINE)
CODES = re.compile(r"^exit codes([^:]*): (?=[0-9])")

CLIENT_VARIABLES = {
    "SINETTI_STORE": ("--store", "The store, unless --store names it, or --config a file that does."),
    "SINETTI_CONFIG": ("--config", "The settings file, unless --config names it."),
    "SINETTI_NOW": (
        "--now",
        "The time, unless --now gives it. For TEST only: the command prints a warning, and refuses it with PRODUCTION.",
    ),
    "LC_ALL, LC_MESSAGES, LANG": ("--lang", "The language, unless --lang gives it."),
}
"""Variables of the client, each with the option that overrides it."""

AUTHORITY_VARIABLES = {
    "DATABASE_URL": "The database, in place of the one that init was given.",
    "CREDENTIALS_DIRECTORY": "Set by systemd: the folder with the credential sinetti-passphrase.",
}


def pages() -> dict[str, str]:
    """Return every page by the name of its file."""
    found = [one for one in all_commands() if one.words != ("enroll",)]
    root, rest = found[0], found[1:]
    by_word = {word: list(commands) for word, commands in groupby(rest, key=lambda one: one.words[0])}
    names = ["sinetti", *(f"sinetti-{word}" for word in by_word)]
    written = {"sinetti.1": _page("sinetti", "certificates for organisations", [root], names)}
    for word, commands in by_word.items():
        name, summary = f"sinetti-{word}", root.below.get(word, "").partition(" (needs")[0]
        written[f"{name}.1"] = _page(name, summary, commands, names)
    return written


def _page(name: str, summary: str, commands: Sequence[CommandInfo], names: Sequence[str]) -> str:
    first, *others = commands
    lines = [f'.TH {name.upper().replace("-", chr(92) + "-")} 1 {DATE} "sinetti {__version__}" "Sinetti"']
    lines += [".SH NAME", f"{_text(name)} \\- {_text(summary)}", ".SH SYNOPSIS", *_synopsis(first)]
    lines += [".SH DESCRIPTION", _text(first.parser.description or summary)]
    options = list(_options(first))
    if options:
        lines += [".SH OPTIONS", *options]
    lines += list(_commands(first, others))
    lines += list(_epilog(first.parser.epilog or ""))
    if not any(CODES.match(part) for one in commands for part in _parts(one.parser.epilog)):
        lines += list(_exit_status(next(part for part in _parts(main.EPILOG) if CODES.match(part)), ".SH"))
    lines += list(_environment(name, commands))
    # Only the first page lists all others: a list on each page would change with every new command.
    others_named = [f".BR {_text(one)} (1)" for one in names if (name == "sinetti") is not (one == "sinetti")]
    lines += [".SH SEE ALSO", ",\n".join(others_named)]
    return "\n".join(lines) + "\n"


def _commands(first: CommandInfo, others: Sequence[CommandInfo]) -> Iterator[str]:
    if first.below and not others:
        yield ".SH COMMANDS"
        for word, summary in first.below.items():
            if word not in main.ALIASES:
                yield from (".TP", f".BR sinetti\\-{_text(word)} (1)", _text(summary))
    leaves = [one for one in others if not one.below]
    if leaves:
        yield ".SH COMMANDS"
    for one in leaves:
        yield f".SS {_text(' '.join(one.words))}"
        yield _text(one.parser.description or "")
        yield ".PP"
        yield from _synopsis(one)
        yield from _options(one)
        yield from _epilog(one.parser.epilog or "", ".PP")


def _synopsis(command: CommandInfo) -> Iterator[str]:
    """Yield the synopsis as argparse has it, options first, then arguments.

    Line ends are left out, because they differ between Python versions.
    """
    yield f".B {_text(' '.join(('sinetti', *command.words)))}"
    for one in sorted(command.actions, key=lambda one: not one.option_strings):
        value = "" if one.nargs == 0 else f"\\fI{_text(_metavar(one))}\\fR"
        named = f"\\fB{_text(one.option_strings[-1])}\\fR" if one.option_strings else ""
        shown = "\\ ".join(part for part in (named, value) if part)
        may_miss = not one.required if one.option_strings else one.nargs == "?"
        yield f"[{shown}]" if may_miss else shown
    if command.below:
        yield "\\fICOMMAND\\fR ..."


def _options(command: CommandInfo) -> Iterator[str]:
    for one in command.actions:
        named = ", ".join(f"\\fB{_text(option)}\\fR" for option in one.option_strings)
        value = "" if one.nargs == 0 else f"\\fI{_text(_metavar(one))}\\fR"
        yield ".TP"
        yield " ".join(part for part in (named, value) if part)
        choices = "" if one.choices is None else f" ({', '.join(map(str, one.choices))})"
        yield _text(f"{(one.help or '').replace('%%', '%')}{choices}".strip() or "–")


def _metavar(one: argparse.Action) -> str:
    if one.metavar is None:
        return "VALUE" if one.choices is not None else one.dest.upper()
    return one.metavar if isinstance(one.metavar, str) else " ".join(one.metavar)


def _epilog(epilog: str, heading: str | None = None) -> Iterator[str]:
    """Yield the text below the options.

    Most often an example comes first, then notes about exit codes and the like.
    """
    for part in _parts(epilog):
        if CODES.match(part):
            yield from _exit_status(part, ".SH" if heading is None else ".PP")
            continue
        if part.startswith("environment: "):
            continue
        is_example = EXAMPLE.match(part) is not None
        yield heading or (".SH EXAMPLES" if is_example else ".SH NOTES")
        yield from (".nf", *(_text(line) for line in part.splitlines()), ".fi")


def _parts(epilog: str | None) -> list[str]:
    return [part for part in re.split(r"\n\n", epilog or "") if part]


def _exit_status(part: str, heading: str) -> Iterator[str]:
    """Yield the exit codes of a paragraph as a list."""
    found = CODES.match(part)
    if found is None:
        raise ValueError(part)
    if heading == ".SH":
        yield ".SH EXIT STATUS"
        if found[1]:
            yield _text(f"{found[1].strip().capitalize()}:")
    else:
        yield from (heading, _text(f"Exit status{found[1]}:"))
    for one in " ".join(part[found.end() :].split()).split(" · "):
        code, _, meaning = one.partition(" ")
        yield from (".TP", f"\\fB{code}\\fR", _text(meaning))


def _environment(name: str, commands: Sequence[CommandInfo]) -> Iterator[str]:
    """Yield the variables that one of the commands reads."""
    options = {option for one in commands for action in one.actions for option in action.option_strings}
    found = {variable: text for variable, (option, text) in CLIENT_VARIABLES.items() if option in options}
    if name == "sinetti-testbench":
        found = {}
    if name == "sinetti-authority":
        found = AUTHORITY_VARIABLES
    if found:
        yield ".SH ENVIRONMENT"
    for variable, text in found.items():
        yield from (".TP", ", ".join(f"\\fB{_text(one)}\\fR" for one in variable.split(", ")), _text(text))


def _text(text: str) -> str:
    """Escape a text so that nothing in it is a request (groff(7), "Escape sequences")."""
    plain = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{plain}" if plain.startswith((".", "'")) else plain
