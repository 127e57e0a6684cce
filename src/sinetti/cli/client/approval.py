"""`sinetti approval show`: show a proposal that an officer is asked to sign.

It works on the officer's own machine, without the register.
"""

import argparse
import hashlib
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.hashes import SHA256

from sinetti.cli.client import common
from sinetti.cli.core import output
from sinetti.cli.core.argparse_i18n import Commands
from sinetti.cli.core.blocks import Block, Heading, OutputTable, Paragraph, Record, Row, Tone
from sinetti.client.messages.messages import strip_control_chars
from sinetti.client.results import ExitCode, UsageError
from sinetti.domain.approvals.acts import TwoPersonAct
from sinetti.domain.approvals.proposals import LARGEST, NAMESPACE, ApprovalError, Proposal, parse_proposal
from sinetti.domain.values import Language
from sinetti.i18n.approval_labels import ACTS, FIELDS, NOT_UNDONE
from sinetti.i18n.translate import gettext_noop, number, translate
from sinetti.infra.clock import format_instant
from sinetti.pki.ssh_signatures import load_attesting_certificate, load_key

EXAMPLE = (
    "example:\n  sinetti approval show proposal.json\n\nTo approve it, sign exactly this file:\n  ssh-keygen -Y sign "
    f"-n {NAMESPACE} -f KEY proposal.json\n\nexit codes: 0 shown · 2 file unreadable, or not a proposal"
)

NO_PROPOSAL = gettext_noop(
    "{path} is not a proposal, or it was changed. Do not sign it. Get it again with “sinetti authority approval show”."
)
TOO_LONG = gettext_noop(
    "{path} would count for longer than its act allows. Do not sign it. Have the act proposed again."
)
UNKNOWN_ACT = gettext_noop(
    "This program does not know the act “{act}”. Do not sign it. Install the version that the authority has."
)
ACT = gettext_noop("Proposed act")
INSTANCE = gettext_noop("Authority")
PROPOSER = gettext_noop("Proposed by")
PEOPLE = gettext_noop("People that it takes")
CREATED = gettext_noop("Proposed at")
EXPIRES = gettext_noop("Ends at")
NUMBER = gettext_noop("Number of the proposal")
DIGEST = gettext_noop("SHA-256 of the file")
DONE_WITH = gettext_noop("What is done")
FROM_KEY = gettext_noop("Computed from the key on this machine")
BAD_KEY = gettext_noop("The key in this proposal cannot be read ({why}). Do not sign it.")
BESIDES = gettext_noop("What you need to know")
HOW = gettext_noop("If you agree, sign this file. The signature counts for this proposal alone: {command}")
YES, NO = gettext_noop("yes"), gettext_noop("no")

_COLUMNS = ("name", "organisation", "customer_id", "serial", "description", "before", "after")
"""Columns that come first in a table, in their order."""


def register(subparsers: Commands) -> None:
    """Add the command to the parser."""
    group = subparsers.add_parser(
        "approval",
        help="show a proposal that takes two people",
        description="Shows what officers of an authority are asked to approve.",
        epilog=EXAMPLE,
    )
    parser = group.add_subparsers(title="commands", metavar="COMMAND", required=True).add_parser(
        "show",
        help="show a proposal that takes two people",
        description="Shows a proposal from the file that is signed, without the register of the authority.",
        epilog=EXAMPLE,
    )
    parser.add_argument("file", metavar="FILE", type=Path, help="file of the proposal, - for standard input")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    common.add_common(parser)
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> ExitCode:
    """Show one proposal."""
    console = common.console_of(parsed)
    octets = common.read_file(parsed.file, LARGEST + 1)
    try:
        proposal = parse_proposal(octets)
    except ValueError as bad:
        text = TOO_LONG if isinstance(bad, ApprovalError) else NO_PROPOSAL
        raise UsageError(text, path=str(parsed.file)) from bad
    if parsed.json:
        common.print_json(as_json(proposal))
    else:
        output.show(tuple(blocks(proposal, console.language)))
    return ExitCode.DONE


def as_json(proposal: Proposal) -> dict[str, object]:
    """Return a proposal as JSON (docs/operators/officers.md)."""
    return {
        "id": proposal.proposal_id,
        "act": proposal.act.value,
        "sentence": _act(proposal, Language.EN),
        "environment": proposal.environment.value,
        "instance": proposal.instance_id,
        "proposer": proposal.proposer,
        "proposer_key": proposal.proposer_key,
        "people": proposal.people,
        "created": _instant(proposal, "created"),
        "expires": _instant(proposal, "expires"),
        "sha256": hashlib.sha256(proposal.octets).hexdigest(),
        "parameters": dict(proposal.parameters),
        "context": dict(proposal.context),
        "computed": _from_key(proposal),
    }


def blocks(proposal: Proposal, language: Language) -> Iterator[Block]:
    """Yield a proposal for people: the act, what is done, and what cannot be undone."""
    head = [
        (ACT, _act(proposal, language)),
        (INSTANCE, f"{proposal.environment.value}  {proposal.instance_id}"),
        (PROPOSER, f"{proposal.proposer}  {proposal.proposer_key}"),
        (PEOPLE, number(proposal.people, language)),
        (CREATED, _instant(proposal, "created")),
        (EXPIRES, _instant(proposal, "expires")),
        (NUMBER, proposal.proposal_id),
        (DIGEST, proposal.sha256),
    ]
    yield Record("", [(translate(name, language), strip_control_chars(text)) for name, text in head])
    parts = ((DONE_WITH, proposal.parameters), (FROM_KEY, _from_key(proposal)), (BESIDES, proposal.context))
    for title, fields in parts:
        if fields:
            yield Heading(translate(title, language))
            yield from _fields(fields, language)
    yield Paragraph(translate(NOT_UNDONE[proposal.kind], language), is_apart=True)
    command = f"ssh-keygen -Y sign -n {NAMESPACE} -f KEY FILE"
    yield Paragraph(translate(HOW, language, command=command), is_apart=True)


def _act(proposal: Proposal, language: Language) -> str:
    """Return the sentence of the act. Raises UsageError for one without a sentence."""
    if proposal.kind not in ACTS:
        raise UsageError(UNKNOWN_ACT, act=proposal.kind)
    return translate(ACTS[proposal.kind], language)


def _from_key(proposal: Proposal) -> dict[str, Any]:
    """Return what this machine computes from the key of a new officer.

    The proposal itself cannot state it: the proposer could name the fingerprint of another key.
    """
    given = proposal.parameters
    if proposal.act is not TwoPersonAct.OFFICERS or not isinstance(given.get("public_key"), str):
        return {}
    try:
        found = {"fingerprint": load_key(given["public_key"].encode("ascii", "replace")).fingerprint}
        if given.get("attestation"):
            maker = load_attesting_certificate(b64decode(given["attestation"]))
            found |= {
                "attested_by": maker.subject.rfc4514_string(),
                "attested_issuer": maker.issuer.rfc4514_string(),
                "attested_sha256": maker.fingerprint(SHA256()).hex(),
            }
    except (ValueError, TypeError) as bad:
        raise UsageError(BAD_KEY, why=str(bad)) from bad
    return found


def _fields(fields: Mapping[str, Any], language: Language) -> Iterator[Block]:
    """Yield every field: single values first, then lists of rows as tables."""
    tables = {
        name: value
        for name, value in fields.items()
        if isinstance(value, list) and (bool(value) and all(isinstance(one, dict) for one in value))
    }
    single = [(_label(name, language), _text(value, language)) for name, value in fields.items() if name not in tables]
    if single:
        yield Record("", single, tone=Tone.PLAIN)
    for name, rows in tables.items():
        columns = sorted(dict.fromkeys(column for row in rows for column in row), key=_place)
        yield Heading(f"{_label(name, language)}: {number(len(rows), language)}")
        if name == "letters":
            yield from _letters(rows, language)
            continue
        lines = [Row(tuple(_text(row.get(column), language) for column in columns)) for row in rows]
        yield OutputTable(
            tuple(_label(column, language) for column in columns), lines, fold=frozenset(range(len(columns)))
        )


def _letters(rows: Sequence[Mapping[str, Any]], language: Language) -> Iterator[Block]:
    for row in rows:
        head = [(_label(name, language), _text(value, language)) for name, value in row.items() if name != "text"]
        yield Record("", head, tone=Tone.PLAIN)
        for part in str(row.get("text", "")).split("\n\n"):
            yield Paragraph(" ".join(strip_control_chars(line) for line in part.splitlines()), indent=2)


def _place(column: str) -> int:
    """Return the place of a column.

    Signed octets have the names in the order of the alphabet.
    """
    return _COLUMNS.index(column) if column in _COLUMNS else len(_COLUMNS)


def _label(name: str, language: Language) -> str:
    return translate(FIELDS[name], language) if name in FIELDS else strip_control_chars(name)


def _text(value: object, language: Language) -> str:
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return translate(YES if value else NO, language)
    if isinstance(value, list):
        return ", ".join(_text(one, language) for one in value) or "–"
    return strip_control_chars(str(value))


def _instant(proposal: Proposal, name: str) -> str:
    return format_instant(getattr(proposal, name))
