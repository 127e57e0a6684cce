"""`sinetti inspect`: show the content of a certificate file."""

import argparse
import sys
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

from sinetti.cli.client import common
from sinetti.cli.core import output
from sinetti.cli.core.argparse_i18n import Commands
from sinetti.cli.core.blocks import Block, Heading, Record, Tone
from sinetti.client.documents import inspection
from sinetti.client.documents.inspection import (
    FileKind,
    InspectedFile,
    InspectedItem,
    PasswordError,
    PrivateKeyError,
    Purpose,
)
from sinetti.client.messages import adoption_messages, error_reasons, messages
from sinetti.client.messages.messages import make_message, strip_control_chars
from sinetti.client.reporting import status
from sinetti.client.results import ExitCode, UsageError
from sinetti.domain.values import Language
from sinetti.i18n.translate import format_short, gettext_noop, number, translate
from sinetti.infra.clock import instant_or_none
from sinetti.infra.standard_input import STREAM

EXAMPLE = (
    "examples:\n  sinetti inspect certificate.pem\n  sinetti inspect payroll.p12 --password-file p12-password\n\n"
    "Signatures are not checked. “sinetti verify” checks a sealed document, “sinetti explain” a message.\n\nexit "
    "codes: 0 shown, also if it has expired · 2 file unreadable"
)

WRONG_PASSWORD = gettext_noop(
    "The password of {path} is wrong, or the file is damaged. Run the command again with the right password."
)
ONLY_KEY = gettext_noop("{path} contains only a private key ({kind}), which is not shown. Inspect its certificate.")
ENCRYPTED = gettext_noop("encrypted")

CONTENT = gettext_noop("Content")
ALIAS = gettext_noop("Name in the key store")
PRIVATE_KEY = gettext_noop("Private key")
NOT_SHOWN = gettext_noop("included, not shown")
ELEMENT = gettext_noop("Message")
SIGNATURE = gettext_noop("Signature")
UNCHECKED = gettext_noop("not checked here; use “sinetti verify” or “sinetti explain”")
UNSIGNED = gettext_noop("none")
NO_CERTIFICATE = gettext_noop("without a certificate")
SUBJECT = gettext_noop("Subject")
ISSUER = gettext_noop("Issuer")
KEY = gettext_noop("Key")
PURPOSE = gettext_noop("Purpose")
USAGE = gettext_noop("Key usage")
FINGERPRINT = gettext_noop("SHA-256 fingerprint")
CRL_NUMBER = gettext_noop("Number of the list")
ENTRIES = gettext_noop("Revoked certificates")
ISSUED = gettext_noop("Issued")
NEXT_LIST = gettext_noop("Next list by")
EXPIRED = gettext_noop("{days} (expired)")
NOT_YET = gettext_noop("{days} (not valid yet)")
OTHERS = gettext_noop("Other certificates in the file")
WITH_POLICY = gettext_noop("{purpose}, {policy}")

KINDS: Mapping[FileKind, str] = {
    FileKind.CERTIFICATE: gettext_noop("certificate"),
    FileKind.CSR: gettext_noop("certificate signing request"),
    FileKind.CRL: gettext_noop("revocation list"),
    FileKind.PKCS12: gettext_noop("PKCS#12 key store"),
    FileKind.JKS: gettext_noop("Java key store"),
    FileKind.MESSAGE: gettext_noop("XML message"),
}
PURPOSES: Mapping[Purpose, str] = {
    Purpose.HOLDER: gettext_noop("certificate of an organisation"),
    Purpose.ANSWERS: gettext_noop("signs the answers of the certificate service"),
    Purpose.OCSP: gettext_noop("signs OCSP responses"),
    Purpose.TLS_SERVER: gettext_noop("TLS server"),
    Purpose.CA: gettext_noop("CA"),
    Purpose.CA_OF_HOLDERS: gettext_noop("CA that issues certificates to organisations"),
    Purpose.CA_OF_ANSWERS: gettext_noop("CA that issues certificates to the certificate service"),
}


def register(subparsers: Commands) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "inspect",
        help="show the content of a certificate file",
        description="Shows the content of a certificate, a key store, a certificate signing request, a revocation "
        "list or a signed message. Calls no service.",
        epilog=EXAMPLE,
    )
    parser.add_argument("file", metavar="FILE", type=Path, help="file to show, - for standard input")
    parser.add_argument("--password-file", metavar="FILE", type=Path, help="file with the password of the key store")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    common.add_common(parser)
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> ExitCode:
    """Show one file."""
    console = common.console_of(parsed)
    now = common.now_of(parsed, console)
    octets = common.read_file(parsed.file, inspection.LARGEST + 1)
    password = None if parsed.password_file is None else common.read_password(parsed.password_file)
    try:
        found = _inspect(parsed.file, octets, password)
    except PrivateKeyError as bad:
        kind = make_message(ENCRYPTED) if bad.kind is None else bad.kind
        raise UsageError(ONLY_KEY, path=str(parsed.file), kind=kind) from bad
    except ValueError as bad:
        why = error_reasons.translate_reason(bad)
        raise UsageError(messages.UNREADABLE_FILE, path=str(parsed.file), why=why) from bad
    if parsed.json:
        common.print_json(as_json(found, now))
    else:
        output.show(tuple(blocks(found, now, console.language)))
    return ExitCode.DONE


def as_json(inspected_file: InspectedFile, now: datetime) -> dict[str, object]:
    """Return the content as JSON (docs/holders/inspect.md)."""
    others = [_item_as_json(inspected, now) for inspected in inspected_file.others]
    return {"kind": inspected_file.kind.value, **_item_as_json(inspected_file.first, now), "chain": others}


def blocks(inspected_file: InspectedFile, now: datetime, language: Language) -> Iterator[Block]:
    """Yield the content for people: a record for each certificate.

    The first record has the kind of the file, too.
    """
    head = [
        (CONTENT, translate(KINDS[inspected_file.kind], language)),
        (PRIVATE_KEY, translate(NOT_SHOWN, language) if inspected_file.has_key else None),
        (ELEMENT, inspected_file.element),
        (
            SIGNATURE,
            None if inspected_file.kind is not FileKind.MESSAGE else translate(_signature(inspected_file), language),
        ),
    ]
    pairs = [*head, *_pairs(inspected_file.first, now, language, is_list=inspected_file.kind is FileKind.CRL)]
    if inspected_file.kind is FileKind.CRL:
        pairs += [(CRL_NUMBER, None if inspected_file.number is None else str(inspected_file.number))]
        pairs += [(ENTRIES, None if inspected_file.entries is None else number(inspected_file.entries, language))]
    yield _record("", pairs, _tone(inspected_file.first, now), language)
    if inspected_file.others:
        yield Heading(translate(OTHERS, language))
    for inspected in inspected_file.others:
        pairs = [pair for pair in _pairs(inspected, now, language) if pair[0] != SUBJECT]
        yield _record(strip_control_chars(inspected.subject or "–"), pairs, _tone(inspected, now), language)


def _inspect(path: Path, octets: bytes, password: bytes | None) -> InspectedFile:
    """Return the content; a password that is missing is asked for on a terminal."""
    try:
        return inspection.inspect_octets(octets, password)
    except PasswordError as bad:
        if bad.given:
            raise UsageError(WRONG_PASSWORD, path=str(path)) from bad
        if path == STREAM or sys.stdin is None or not sys.stdin.isatty():
            raise UsageError(adoption_messages.ADOPT_NO_PASSWORD, path=str(path)) from bad
    return _inspect(path, octets, common.read_password(STREAM))


def _item_as_json(item: InspectedItem, now: datetime) -> dict[str, object]:
    return {
        "subject": item.subject,
        "issuer": item.issuer,
        "serial": item.serial,
        "sha256": item.sha256,
        "key": item.key,
        "not_before": instant_or_none(item.not_before),
        "not_after": instant_or_none(item.not_after),
        "days_left": item.days_left(now),
    }


def _pairs(
    item: InspectedItem, now: datetime, language: Language, *, is_list: bool = False
) -> list[tuple[str, str | None]]:
    begins, ends = (ISSUED, NEXT_LIST) if is_list else (status.VALID_FROM, status.VALID_UNTIL)
    return [
        (ALIAS, item.alias),
        (SUBJECT, item.subject),
        (ISSUER, item.issuer),
        (status.SERIAL, item.serial),
        (KEY, item.key),
        (begins, _in_finland(item.not_before, language)),
        (ends, _in_finland(item.not_after, language)),
        (status.HEAD[status.DAYS_LEFT], _days_left(item, now, language)),
        (PURPOSE, _purpose(item, language)),
        (USAGE, ", ".join(item.usages) or None),
        (FINGERPRINT, item.sha256),
    ]


def _record(title: str, pairs: list[tuple[str, str | None]], tone: Tone, language: Language) -> Record:
    shown = [(translate(name, language), strip_control_chars(text)) for name, text in pairs if text]
    return Record(title, shown, tone=tone)


def _signature(inspected_file: InspectedFile) -> str:
    if not inspected_file.is_signed:
        return UNSIGNED
    return NO_CERTIFICATE if inspected_file.first.sha256 is None else UNCHECKED


def _purpose(item: InspectedItem, language: Language) -> str | None:
    if item.purpose is None:
        return None
    text = translate(PURPOSES[item.purpose], language)
    policy = " ".join(one.value for one in (item.channel, item.environment) if one is not None)
    return translate(WITH_POLICY, language, purpose=text, policy=policy) if policy else text


def _days_left(item: InspectedItem, now: datetime, language: Language) -> str | None:
    left = item.days_left(now)
    if left is None:
        return None
    days = number(left, language)
    if item.not_after is not None and item.not_after < now:
        return translate(EXPIRED, language, days=days)
    is_early = item.not_before is not None and now < item.not_before
    return translate(NOT_YET, language, days=days) if is_early else days


def _tone(item: InspectedItem, now: datetime) -> Tone:
    return Tone.BAD if item.not_after is not None and item.not_after < now else Tone.PLAIN


def _in_finland(at: datetime | None, language: Language) -> str | None:
    return None if at is None else translate(status.FINNISH_TIME, language, instant=format_short(at))
