"""`sinetti log proof`: prove that a certificate is in its authority's log."""

import argparse
from typing import TYPE_CHECKING

from sinetti.cli.client import common
from sinetti.cli.client.log_verify import BAD_KEY
from sinetti.cli.core import output
from sinetti.client.messages import messages
from sinetti.client.messages.messages import Value, make_message, strip_control_chars
from sinetti.client.requests import log_proof
from sinetti.client.requests.log_proof import LogUnavailable
from sinetti.client.results import ExitCode, UsageError
from sinetti.client.store import files, generations
from sinetti.i18n.translate import gettext_noop
from sinetti.pki import encoding
from sinetti.wire.transparency.continuity import LogForked
from sinetti.wire.transparency.merkle import ProofError
from sinetti.wire.transparency.notes import NoteError, VerifierKey

if TYPE_CHECKING:
    from sinetti.cli.core.argparse_i18n import Commands

EXAMPLE = (
    "example:\n  sinetti log proof payroll --store /var/lib/sinetti\n\nThe proof shows that this certificate is in the "
    "log.\nThat there is only one needs a complete export of the log.\n\nexit codes: 0 proven · 2 usage error · 3 the "
    "proof does not hold · 4 no proof could be fetched"
)
PROVEN = gettext_noop(
    "{name}: certificate {serial} is entry {index} of the log of {origin}, issued at {at} (UTC). The log has {size} "
    "entries, signed by {key}."
)
CONTINUES = gettext_noop("The log continues the checkpoint of the last check.")
FIRST = gettext_noop("This was the first check. Compare the key with one from the operator of the service.")
ONLY_THIS = gettext_noop(
    "This proves that this certificate is in the log. It does not prove that there is only one: that needs a complete "
    "export of the log."
)
NO_PROOF = gettext_noop("{name}: no proof could be fetched: {why}. Run the command again later.")
NOT_PROVEN = gettext_noop(
    "{name}: the proof does not hold: {why}. Inform the operator of the service, and keep {path} as it is."
)
FORKED = gettext_noop(
    "{name}: the log has two histories: {why}. Both checkpoints are signed. Send them to the operator of the service "
    "and to its supervising authority."
)


def register(subparsers: "Commands") -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "proof",
        help="prove that a certificate is in its authority's log",
        description="Fetches the proof that the certificate of NAME is in the log of its authority, and checks it.",
        epilog=EXAMPLE,
    )
    parser.add_argument("name", metavar="NAME", help="name in the store")
    common.add_store(parser)
    parser.add_argument("--key", metavar="VERIFIERKEY", help="key of the log (default: the one of the first check)")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    common.add_common(parser)
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> ExitCode:
    """Prove the certificate of one name."""
    console, name = common.console_of(parsed), parsed.name
    folder = parsed.store / name
    if not files.is_name(name) or not files.is_kept(folder):
        raise UsageError(make_message(messages.UNKNOWN_NAME, name=name, store=str(parsed.store)))
    try:
        key = None if parsed.key is None else VerifierKey.parse(parsed.key)
    except NoteError as bad:
        raise UsageError(make_message(BAD_KEY, why=str(bad))) from bad
    try:
        certificate = encoding.load_certificate(files.read(files.live_path(folder) / generations.CERTIFICATE))
        found = log_proof.fetch_proof(folder, certificate, key)
    except (LogUnavailable, OSError, ValueError) as away:
        return console.fail(make_message(NO_PROOF, name=name, why=str(away)), ExitCode.AGAIN)
    except LogForked as forked:
        for note in (forked.kept, forked.new):
            output.print_error(strip_control_chars(note.decode("utf-8", "replace")))
        return console.fail(make_message(FORKED, name=name, why=str(forked)), ExitCode.REFUSED)
    except (ProofError, NoteError) as wrong:
        path = str(folder / log_proof.FILE)
        return console.fail(make_message(NOT_PROVEN, name=name, why=str(wrong), path=path), ExitCode.REFUSED)
    head, serial = found.checkpoint, encoding.serial_hex(certificate.serial_number)
    facts: dict[str, Value] = {
        "index": found.index,
        "size": head.size,
        "at": found.at,
        "origin": head.origin,
        "key": str(found.key),
    }
    console.tell(make_message(PROVEN, name=name, serial=serial, **facts))
    console.tell(make_message(CONTINUES if found.is_continued else FIRST))
    console.tell(make_message(ONLY_THIS))
    if parsed.json:
        common.print_json({"name": name, "serial": serial, **facts, "root": head.root.hex(), "log": found.url})
    return ExitCode.DONE
