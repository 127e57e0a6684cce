"""`sinetti gateway key`: make the key of this gateway's reports."""

import argparse
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sinetti.cli.core import invocation, output
from sinetti.cli.core.argparse_i18n import Commands
from sinetti.cli.gateway.common import command
from sinetti.client.results import ExitCode
from sinetti.domain.values import KeyType
from sinetti.infra.atomic_files import write_new
from sinetti.infra.standard_input import STREAM
from sinetti.pki.encoding import dump_private_key, generate_key

EXAMPLE = "sinetti gateway key --out /etc/sinetti/gateway-key.pem > gateway-public.pem"


def register(commands: Commands) -> None:
    """Add the command to the parser."""
    summary = "create the key that signs reports of use, and print its public key"
    parser = command(commands, "key", summary, run, EXAMPLE)
    parser.add_argument(
        "--out", metavar="FILE", type=Path, required=True, help="new file for the private key (mode 0600)"
    )


def run(parsed: argparse.Namespace) -> ExitCode:
    """Make the key. An existing file is never replaced."""
    if parsed.out == STREAM:
        invocation.print_failure(
            "A private key is not written to standard output. Name a file with --out.", ExitCode.USAGE
        )
        return ExitCode.USAGE
    key = generate_key(KeyType.EC_P256)
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    try:
        write_new(parsed.out, dump_private_key(key, None))
    except FileExistsError:
        invocation.print_failure(f"{parsed.out} already exists and was not changed. Name a new file.", ExitCode.USAGE)
        return ExitCode.USAGE
    except OSError as bad:
        invocation.print_failure(f"{parsed.out} cannot be written: {bad.strerror}.", ExitCode.USAGE)
        return ExitCode.USAGE
    output.print_line(public.decode("ascii").strip())
    invocation.print_note(
        "Send this public key to the authority. Its operator adds it: sinetti authority gateway add NAME --key FILE"
    )
    return ExitCode.DONE
