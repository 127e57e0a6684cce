"""`sinetti log proof`: prove that a certificate is in its authority's log."""

import argparse
from dataclasses import replace
from functools import partial
from time import sleep

from sinetti.cli.client import common
from sinetti.cli.client.log_verify import BAD_KEY
from sinetti.cli.core import output
from sinetti.cli.core.argparse_i18n import Commands
from sinetti.client.messages import messages
from sinetti.client.messages.error_reasons import translate_reason
from sinetti.client.messages.messages import (
    Message,
    Value,
    make_message,
    make_plural_message,
    strip_control_chars,
)
from sinetti.client.requests import log_proof
from sinetti.client.requests.log_proof import CheckedProof
from sinetti.client.results import ExitCode, UsageError
from sinetti.client.store import files, generations, log_memory
from sinetti.client.store.log_memory import StoreLogFault
from sinetti.i18n.translate import gettext_noop, ngettext_noop
from sinetti.infra import clock
from sinetti.pki import encoding
from sinetti.wire.transparency.continuity import LogForked
from sinetti.wire.transparency.merkle import ProofError
from sinetti.wire.transparency.notes import NoteError, SignedNote, VerifierKey
from sinetti.wire.transparency.observer import (
    LogPolicy,
    LogReader,
    LogUnavailable,
    MemoryDamaged,
    TooFewCosignatures,
    origin_of,
)

EXAMPLE = (
    "example:\n  sinetti log proof payroll --store /var/lib/sinetti\n\nThe proof shows that this certificate is in the "
    "log.\nThat there is only one needs a complete export of the log.\n\nexit codes: 0 proven · 2 usage error · 3 the "
    "proof does not hold · 4 no proof could be fetched ·\n5 the memory of the log is damaged"
)
PROVEN = gettext_noop(
    "{name}: certificate {serial} is entry {index} of the log of {origin}, issued at {at} (UTC). The log has {size} "
    "entries, signed by {key}."
)
CONTINUES = gettext_noop("The log continues the checkpoint of the last check.")
FIRST = gettext_noop("This was the first check of this log.")
UNPINNED = gettext_noop(
    "The key is the first one that the service itself showed. Compare it with one from the operator of the service, "
    "and give it with --key or as log_key in sinetti.toml."
)
COSIGNED = ngettext_noop(
    "{count} of the named witnesses cosigned the checkpoint.", "{count} of the named witnesses cosigned the checkpoint."
)
ONLY_THIS = gettext_noop(
    "This proves that this certificate is in the log. It does not prove that there is only one: that needs a complete "
    "export of the log."
)
NO_PROOF = gettext_noop("{name}: no proof could be fetched: {why}. Run the command again later.")
NO_LOG = gettext_noop("the certificate names no address of its CA")
NOT_PROVEN = gettext_noop("{name}: the proof does not hold: {why}. Inform the operator of the service.")
TOO_FEW = gettext_noop(
    "{name}: the checkpoint has too few cosignatures: {why}. Run the command again. If this stays, ask the operator "
    "of the service whether the log shows others another history."
)
FORKED = gettext_noop(
    "{name}: the log has two histories: {why}. Both checkpoints are signed, and {folder} keeps them. Send them to the "
    "operator of the service and to its supervising authority."
)
BAD_POLICY = gettext_noop("--cosignatures and --witness-key cannot be used: {why}.")


def register(subparsers: Commands) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "proof",
        help="prove that a certificate is in its authority's log",
        description="Fetches the proof that the certificate of NAME is in the log of its authority, and checks it.",
        epilog=EXAMPLE,
    )
    parser.add_argument("name", metavar="NAME", help="name in the store")
    common.add_store(parser)
    parser.add_argument(
        "--key",
        metavar="VERIFIERKEY",
        help="key of the log (default: log_key of the service, else the first one shown)",
    )
    parser.add_argument(
        "--cosignatures", metavar="N", type=int, help="demand cosignatures of this many different witnesses"
    )
    parser.add_argument(
        "--witness-key", metavar="VERIFIERKEY", action="append", help="key of a witness: NAME+ID+KEY; repeatable"
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    common.add_common(parser)
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> ExitCode:
    """Prove the certificate of one name."""
    console, name = common.console_of(parsed), parsed.name
    folder = parsed.store / name
    if not files.is_name(name) or not files.is_kept(folder):
        raise UsageError(messages.UNKNOWN_NAME, name=name, store=str(parsed.store))
    policy, url = _policy(parsed), None
    try:
        certificate = encoding.load_certificate(files.read(files.live_path(folder) / generations.CERTIFICATE))
        url = log_proof.log_url(certificate)
        if url is None:
            return console.fail(make_message(NO_PROOF, name=name, why=make_message(NO_LOG)), ExitCode.AGAIN)
        serial = encoding.serial_hex(certificate.serial_number)
        log_memory.add_name(parsed.store, name, serial, url)
        fetch = partial(log_proof.fetch_part, url)
        with log_memory.opened(parsed.store, url, policy, fetch, LogForked) as reader:
            is_first = reader.memory.checkpoint is None
            reader.read_head(clock.utc_now(), sleep)
            proof = log_proof.fetch_proof(reader, certificate)
            log_proof.store_proof(folder, url, serial, proof)
    except MemoryDamaged as bad:
        origin = origin_of(url or "")
        fault = StoreLogFault(origin, log_memory.folder_of(parsed.store, origin), str(bad), ExitCode.STORE)
        return console.fail(fault.message, fault.code)
    except (LogUnavailable, OSError, ValueError) as away:
        return console.fail(make_message(NO_PROOF, name=name, why=translate_reason(away)), ExitCode.AGAIN)
    except (ProofError, NoteError) as wrong:
        return console.fail(_refusal(parsed, url or "", wrong), ExitCode.REFUSED)
    facts = _facts(reader, proof)
    console.tell(make_message(PROVEN, name=name, serial=serial, **facts))
    console.tell(make_message(FIRST if is_first else CONTINUES))
    if policy.key is None:
        console.tell(make_message(UNPINNED))
    if policy.cosignatures:
        console.tell(make_plural_message(COSIGNED, len(_cosigners(reader))))
    console.tell(make_message(ONLY_THIS))
    if parsed.json:
        more = {"root": proof.checkpoint.root.hex(), "log": url, "witnesses": list(_cosigners(reader))}
        common.print_json({"name": name, "serial": serial, **facts, **more})
    return ExitCode.DONE


def _facts(reader: LogReader, proof: CheckedProof) -> dict[str, Value]:
    return {
        "index": proof.index,
        "size": proof.checkpoint.size,
        "at": proof.at,
        "origin": proof.checkpoint.origin,
        "key": str(reader.memory.keys[0]),
    }


def _cosigners(reader: LogReader) -> tuple[str, ...]:
    """Return the named witnesses that cosigned the newest accepted head."""
    signers = SignedNote.parse(reader.memory.checkpoint or b"").signers(reader.policy.witnesses)
    return tuple(sorted({signer.name for signer in signers}))


def _policy(parsed: argparse.Namespace) -> LogPolicy:
    """Return the demands of the options over those of the service in sinetti.toml."""
    config, kept = common.config_of(parsed), LogPolicy()
    if config is not None:
        service = config.entry_of(parsed.name).service
        kept = kept if service is None else config.services[service].log
    try:
        key = kept.key if parsed.key is None else VerifierKey.parse(parsed.key)
    except NoteError as bad:
        raise UsageError(BAD_KEY, why=str(bad)) from bad
    count = kept.cosignatures if parsed.cosignatures is None else max(parsed.cosignatures, 0)
    witnesses = parsed.witness_key or [str(witness) for witness in kept.witnesses]
    try:
        return replace(LogPolicy.parse(None, count, witnesses), key=key)
    except NoteError as bad:
        raise UsageError(BAD_POLICY, why=str(bad)) from bad


def _refusal(parsed: argparse.Namespace, url: str, wrong: ProofError | NoteError) -> Message:
    """Return the message about a proof that does not hold; print both heads of a fork."""
    if isinstance(wrong, LogForked):
        for note in (wrong.kept, wrong.new):
            output.print_error(strip_control_chars(note.decode("utf-8", "replace")))
        folder = log_memory.folder_of(parsed.store, origin_of(url))
        return make_message(FORKED, name=parsed.name, why=str(wrong), folder=str(folder))
    text = TOO_FEW if isinstance(wrong, TooFewCosignatures) else NOT_PROVEN
    return make_message(text, name=parsed.name, why=translate_reason(wrong))
