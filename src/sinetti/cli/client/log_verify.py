"""`sinetti log verify`: verify an exported range of an authority's log."""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

from sinetti.cli.client import common
from sinetti.cli.core import output
from sinetti.cli.core.argparse_i18n import Commands
from sinetti.cli.core.blocks import Block, Paragraph, Record
from sinetti.client.messages import messages
from sinetti.client.messages.messages import make_message, strip_control_chars
from sinetti.client.results import ExitCode, UsageError
from sinetti.domain.values import Language
from sinetti.i18n.translate import gettext_noop, number, translate
from sinetti.infra.standard_input import STREAM
from sinetti.wire.transparency.export import ExportError, ExportReport, KnownCheckpointError, verify_export
from sinetti.wire.transparency.merkle import ProofError
from sinetti.wire.transparency.notes import NoteError, VerifierKey

EXAMPLE = (
    "example:\n  sinetti log verify log.jsonl --checkpoint kept.txt \\\n    --key pki.example/log+1a2b3c4d+AVJ…\n\nThe "
    "operator of the authority exports FILE. Get the key from a source that you trust,\nand keep a checkpoint "
    "(/log/checkpoint) of your own.\n\nexit codes: 0 the file is as the log was signed · 2 it cannot be checked · "
    "3 it is not"
)

BAD_KEY = gettext_noop("--key is not a verifier key ({why}). Copy the line that the service shows at /log/key.")
VERIFIED = gettext_noop("The entries from {first} to {last} are in the log of {origin} as it was signed.")
NONE_VERIFIED = gettext_noop("The file has no entries. The checkpoint of {origin} is signed.")
COMPARED = gettext_noop("The log continues the checkpoint in {path}.")
NOT_COMPARED = gettext_noop(
    "A log that shows others another history is found only with a checkpoint from elsewhere (--checkpoint)."
)
ABSENT = gettext_noop("{count} of them have only a hash: their content was lost or erased.")
WRONG = gettext_noop("The file does not match the signed log: {why}. Keep it, and ask the operator for the reason.")
BAD_CHECKPOINT = gettext_noop(
    "{path} is no checkpoint that this log signed ({why}). Give one that you fetched from its /log/checkpoint."
)
UNCHECKED = gettext_noop("{path} cannot be checked: {why}. Ask for another export.")
NOT_OFFICERS = gettext_noop(
    "Signatures of approvals were verified, but not whether officers made them: earlier entries are not in the file."
)
ORIGIN, SIZE, KINDS, APPROVALS, PASSKEYS, ROOTS, SIGNED_BY = (
    gettext_noop("Log"),
    gettext_noop("Entries of the log"),
    gettext_noop("Entries in the file"),
    gettext_noop("Signatures of approvals, verified again"),
    gettext_noop("Sites of the passkeys"),
    gettext_noop("Officers replaced by the root CA with the SHA-256"),
    gettext_noop("Signed by"),
)


def register(subparsers: Commands) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "verify",
        help="verify exported entries of an authority's log",
        description="Verifies that every entry of FILE is in the log that the checkpoint in it signs. Needs no "
        "database and calls no service.",
        epilog=EXAMPLE,
    )
    parser.add_argument("file", metavar="FILE", type=Path, help="exported entries, - for standard input")
    parser.add_argument("--key", metavar="VERIFIERKEY", required=True, help="key of the log: NAME+ID+KEY")
    parser.add_argument("--checkpoint", metavar="FILE", type=Path, help="earlier checkpoint that the log must continue")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    common.add_common(parser)
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> ExitCode:
    """Verify one file."""
    console = common.console_of(parsed)
    try:
        key = VerifierKey.parse(parsed.key)
    except NoteError as bad:
        raise UsageError(BAD_KEY, why=str(bad)) from bad
    known = None if parsed.checkpoint is None else common.read_file(parsed.checkpoint)
    try:
        export = verify_export(_lines(parsed.file), key, known)
    except KnownCheckpointError as bad:
        raise UsageError(BAD_CHECKPOINT, path=str(parsed.checkpoint), why=str(bad)) from bad
    except (ExportError, NoteError) as bad:
        raise UsageError(UNCHECKED, path=str(parsed.file), why=str(bad)) from bad
    except ProofError as wrong:
        console.tell(make_message(WRONG, why=str(wrong)))
        if parsed.json:
            common.print_json(_as_json(None, str(wrong)))
        return ExitCode.REFUSED
    if parsed.json:
        common.print_json(_as_json(export, None))
    else:
        output.show(tuple(_blocks(export, parsed.checkpoint, console.language)))
    return ExitCode.DONE


def _lines(path: Path) -> Iterator[bytes]:
    """Yield the lines of a file, which may be larger than the memory."""
    if path == STREAM:
        yield from common.read_file(path).splitlines(keepends=True)
        return
    common.read_file(path, 0)  # its errors
    with path.open("rb") as file:
        yield from file


def _as_json(export: ExportReport | None, why: str | None) -> dict[str, object]:
    head = None if export is None else export.checkpoint
    return {
        "verified": export is not None,
        "origin": None if head is None else head.origin,
        "size": None if head is None else head.size,
        "root": None if head is None else head.root.hex(),
        "from": None if export is None else export.start,
        "to": None if export is None else export.end,
        "kinds": None if export is None else dict(sorted(export.kinds.items())),
        "absent": None if export is None else list(export.absent),
        "approvals": None if export is None else export.approvals,
        "checks_officers": None if export is None else export.checks_officers,
        "passkey_sites": None if export is None else list(export.origins),
        "recovered_by": None if export is None else list(export.roots),
        "signers": None if export is None else [str(signer) for signer in export.signers],
        "why": why,
    }


def _blocks(export: ExportReport, kept: Path | None, language: Language) -> Iterator[Block]:
    head = export.checkpoint
    kinds = ", ".join(f"{kind} {number(count, language)}" for kind, count in sorted(export.kinds.items()))
    pairs: Sequence[tuple[str, str | None]] = (
        (ORIGIN, head.origin),
        (SIZE, number(head.size, language)),
        (KINDS, kinds or None),
        (APPROVALS, number(export.approvals, language) if export.approvals else None),
        (PASSKEYS, "\n".join(export.origins) or None),
        (ROOTS, "\n".join(export.roots) or None),
        (SIGNED_BY, "\n".join(str(signer) for signer in export.signers)),
    )
    sentences = [
        make_message(VERIFIED, first=export.start, last=export.end - 1, origin=head.origin)
        if export.end > export.start
        else make_message(NONE_VERIFIED, origin=head.origin),
        *([make_message(ABSENT, count=len(export.absent))] if export.absent else []),
        *([] if export.checks_officers or not export.approvals else [make_message(NOT_OFFICERS)]),
        make_message(NOT_COMPARED) if kept is None else make_message(COMPARED, path=str(kept)),
    ]
    yield Paragraph(" ".join(messages.render(sentence, language) for sentence in sentences))
    yield Record("", [(translate(name, language), strip_control_chars(value)) for name, value in pairs if value])
