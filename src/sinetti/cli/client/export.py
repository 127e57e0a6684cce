"""`sinetti export`: copy a certificate for a program elsewhere.

The key is included only on request.
"""

import argparse
import sys
from pathlib import Path

from sinetti.cli.client import common
from sinetti.cli.core import output
from sinetti.cli.core.argparse_i18n import Commands
from sinetti.client.messages import error_reasons, messages
from sinetti.client.messages.messages import make_message
from sinetti.client.results import ExitCode, UsageError
from sinetti.client.store import export
from sinetti.client.store.export import ExportedFile, ExportFormat, ExportOptions
from sinetti.i18n.translate import gettext_noop
from sinetti.infra.standard_input import STREAM
from sinetti.pki import encoding

EXAMPLE = (
    "example, key and certificate in one file:\n  sinetti export payroll --store /var/lib/sinetti "
    "--format pkcs12 --with-key --password-file p12-password \\\n    --out payroll.p12\n\nOnly you can "
    "read FILE. An existing FILE is kept unless --force is given.\n\nFormats: pem has the certificate and "
    "its chain, with --with-key the key first. der has the certificate alone. pkcs12 is\nfor OpenSSL 3, "
    "Java 11 and newer, pkcs12-legacy for older programs. jks is for old Java programs and needs keytool."
)

KEY_TO_TERMINAL = gettext_noop("A private key is never printed on a terminal. Name a file with --out.")


def register(subparsers: Commands) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "export",
        help="copy a certificate to a file for another program",
        description="Writes the certificate in use, or the one with --serial, to a file outside the store.",
        epilog=EXAMPLE,
    )
    parser.add_argument("name", metavar="NAME", help="name of the certificate in the store")
    common.add_store(parser)
    parser.add_argument("--format", required=True, choices=common.choices(ExportFormat), help="format of the file")
    parser.add_argument(
        "--out",
        metavar="FILE",
        type=Path,
        required=True,
        help="file to write, outside the store, - for standard output",
    )
    parser.add_argument("--force", action="store_true", help="replace FILE if it exists")
    parser.add_argument("--serial", metavar="HEX", help="serial number of another certificate of NAME")
    parser.add_argument(
        "--password-file",
        metavar="FILE",
        type=Path,
        help="file with a password for the copy (pkcs12, jks, or a PEM key)",
    )
    key = parser.add_mutually_exclusive_group()
    key.add_argument("--with-key", action="store_true", help="include the private key")
    key.add_argument("--without-key", action="store_true", help="leave out the private key (default)")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    common.add_common(parser)
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> ExitCode:
    """Export one certificate."""
    console = common.console_of(parsed)
    common.reject_two_outputs(parsed, parsed.out, "--out")
    if common.is_in_store(parsed.out, parsed.store, parsed.name):
        raise UsageError(messages.OUT_IN_STORE, path=str(parsed.out), store=str(parsed.store))
    common.reject_now(parsed, parsed.name)
    now = common.now_of(parsed, console)
    form = ExportFormat(parsed.format)
    wanted = ExportOptions(form, parsed.with_key, _password(parsed.password_file, form), parsed.serial)
    copy = export.copy_of(parsed.store, parsed.name, wanted)
    _check_target(parsed, copy)
    # Logged first: no key leaves the store without a log entry.
    export.note(parsed.store / parsed.name, now, copy, parsed.out)
    _write(parsed, copy)
    word = messages.EXPORTED_WITH_KEY if copy.with_key else messages.EXPORTED
    console.tell(make_message(word, name=parsed.name, serial=copy.serial, path=str(parsed.out)))
    if parsed.json:
        made = {"name": parsed.name, "serial": copy.serial, "format": parsed.format, "with_key": copy.with_key}
        common.print_json({**made, "path": str(parsed.out)})
    return ExitCode.DONE


def _check_target(parsed: argparse.Namespace, copy: ExportedFile) -> None:
    """Check where the copy goes.

    Raises UsageError if a key would go to a terminal, or if the file exists and --force is missing.
    """
    if parsed.out == STREAM:
        if copy.with_key and sys.stdout is not None and sys.stdout.isatty():
            raise UsageError(KEY_TO_TERMINAL)
    elif parsed.out.is_file() and not parsed.force:
        raise UsageError(common.FILE_EXISTS, path=str(parsed.out))


def _write(parsed: argparse.Namespace, copy: ExportedFile) -> None:
    if parsed.out == STREAM:
        output.print_bytes(copy.octets)
        return
    try:
        output.write_private(parsed.out, copy.octets, replaces=parsed.force)
    except FileExistsError as bad:
        if not parsed.out.is_file():
            raise _unwritable(parsed.out, bad) from bad
        raise UsageError(common.FILE_EXISTS, path=str(parsed.out)) from bad
    except OSError as bad:
        raise _unwritable(parsed.out, bad) from bad


def _unwritable(path: Path, bad: OSError) -> UsageError:
    why = (
        make_message(error_reasons.NO_FOLDER)
        if isinstance(bad, FileNotFoundError)
        else error_reasons.translate_reason(bad)
    )
    return UsageError(messages.UNWRITABLE_FILE, path=str(path), why=why)


def _password(path: Path | None, form: ExportFormat) -> bytes | None:
    if path is None:
        return None
    password = common.read_secret(path).rstrip(b"\r\n")
    if not password:
        raise UsageError(messages.SECRET_EMPTY, path=str(path))
    if form in export.PACKED and not encoding.is_password(password):
        raise UsageError(messages.NO_PKCS12_PASSWORD, path=str(path))
    if len(password) > encoding.LONGEST_PASSPHRASE:
        raise UsageError(messages.SECRET_TOO_LONG, path=str(path), most=encoding.LONGEST_PASSPHRASE)
    return password
