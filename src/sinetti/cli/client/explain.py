"""`sinetti explain`: find out why the signature of a message does not fit."""

import argparse
import errno
import os
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from cryptography import x509

from sinetti.cli.client import common
from sinetti.cli.core import output
from sinetti.cli.core.argparse_i18n import Commands
from sinetti.cli.core.blocks import Block, Literal, Paragraph
from sinetti.client.messages import error_reasons, messages
from sinetti.client.messages.messages import make_message
from sinetti.client.results import ExitCode, UsageError
from sinetti.diagnostics.causes import Cause
from sinetti.diagnostics.explain import DiagnosisResult, diagnose
from sinetti.diagnostics.report import BY_THIS_CLOCK, Report
from sinetti.diagnostics.search import DiagnosisContext
from sinetti.domain.values import Language
from sinetti.infra import clock
from sinetti.pki import chain, encoding

EXAMPLE = (
    "example:\n  sinetti explain request.xml --anchors holders.pem\n\nFILE is the exact body of the HTTP "
    "request, or a signed document. Calls no service.\ndocs/integrators/explain.md describes each "
    "possible cause.\n\nexit codes: 0 signature valid, with --anchors by a certificate of the service · 2 "
    "file unreadable or not signed ·\n3 signature rejected"
)

_PATIENCE = 10.0
"""Longest search in seconds, for large documents.

A message is explained in a few hundredths of a second.
"""

_EXIT_CODES = {
    DiagnosisResult.FITS: ExitCode.DONE,
    DiagnosisResult.REFUSED: ExitCode.REFUSED,
    DiagnosisResult.NOTHING_SIGNED: ExitCode.USAGE,
    DiagnosisResult.UNREADABLE: ExitCode.USAGE,
}

_BY_THE_CLOCK = frozenset({Cause.EXPIRED, Cause.NOT_YET_VALID})
"""Causes that are also reported of a valid message.

The message may be for a test bench whose clock is years ahead of the machine's.
"""


def register(subparsers: Commands) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "explain",
        help="find out why the signature of a message is rejected",
        description="Explains the signature of a message or a document: which element is signed, where the signed and "
        "the received form begin to differ, whose certificate it is, and what probably went wrong.",
        epilog=EXAMPLE,
    )
    parser.add_argument("file", metavar="FILE", type=Path, help="message exactly as it was sent, - for standard input")
    parser.add_argument("--anchors", metavar="PEM", type=Path, help="CAs that issue the service's certificates")
    parser.add_argument(
        "--certificate",
        metavar="FILE",
        type=Path,
        action="append",
        default=[],
        help="another certificate whose key may have signed, DER or PEM (repeatable)",
    )
    parser.add_argument("--signed", metavar="FILE", type=Path, help="what the sending program signed, from its log")
    parser.add_argument(
        "--octets", metavar="DIR", type=Path, help="write the signed and the received canonical form into this folder"
    )
    parser.add_argument("--json", action="store_true", help="print the explanation as JSON")
    common.add_common(parser)
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> ExitCode:
    """Explain one message."""
    console = common.console_of(parsed)
    now = common.now_of(parsed, console)
    octets = common.read_file(parsed.file)
    anchors = _anchors(parsed.anchors)
    ends = clock.monotonic_seconds() + _PATIENCE
    question = DiagnosisContext(
        anchors=anchors,
        services=anchors,
        now=now,
        others=[_certificate(path) for path in parsed.certificate],
        signed=None if parsed.signed is None else common.read_file(parsed.signed),
        enough=lambda: clock.monotonic_seconds() > ends,
    )
    report = Report(diagnose(octets, question))
    if parsed.octets is not None:
        _write(parsed.octets, report)
    if parsed.json:
        common.print_json(report.as_json())
        for sentence in report.sentences():
            console.tell(sentence)
    else:
        output.show(blocks(report, console.language))
    if parsed.now is None and _BY_THE_CLOCK.intersection(report.found.guesses):
        console.tell(make_message(BY_THIS_CLOCK, now=now))
    return _EXIT_CODES[report.found.verdict]


def blocks(report: Report, language: Language) -> Sequence[Block]:
    """Return the explanation: paragraphs, and the comparison of both sides."""
    written: list[Block] = []
    for is_comparison, group in groupby(report.lines(language), key=lambda line: line.startswith("  ")):
        lines = tuple(group)
        written += [Literal(lines)] if is_comparison else [Paragraph(line, is_apart=True) for line in lines]
    return written


def _anchors(path: Path | None) -> Sequence[x509.Certificate] | None:
    if path is None:
        return None
    try:
        return chain.load_bundle(common.read_file(path))
    except ValueError as bad:
        raise _unreadable(path, bad) from bad


def _certificate(path: Path) -> x509.Certificate:
    try:
        return encoding.load_certificate(common.read_file(path))
    except ValueError as bad:
        raise _unreadable(path, bad) from bad


def _write(folder: Path, report: Report) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as bad:
        raise UsageError(messages.UNWRITABLE_FILE, path=str(folder), why=error_reasons.translate_reason(bad)) from bad
    for name, octets in report.files().items():
        # The names are predictable: in a folder that many users may write, another user may have put links there.
        if (folder / name).is_symlink():
            why = error_reasons.translate_reason(OSError(errno.ELOOP, os.strerror(errno.ELOOP)))
            raise UsageError(messages.UNWRITABLE_FILE, path=str(folder / name), why=why)
        common.write_file(folder / name, octets)


def _unreadable(path: Path, bad: ValueError) -> UsageError:
    return UsageError(messages.UNREADABLE_FILE, path=str(path), why=error_reasons.translate_reason(bad))
