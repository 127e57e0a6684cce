"""`sinetti gateway key`: make the key of this gateway's reports."""

from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sinetti.cli.core import invocation, output
from sinetti.cli.core.commands import option
from sinetti.cli.gateway.common import gateway_commands
from sinetti.client.results import ExitCode
from sinetti.domain.values import KeyType
from sinetti.infra.atomic_files import write_new
from sinetti.infra.standard_input import STREAM
from sinetti.pki.encoding import dump_private_key, generate_key

commands = gateway_commands()
register = commands.register


@commands.command("sinetti gateway key --out /etc/sinetti/gateway-key.pem > gateway-public.pem")
def key(*, out: Path = option("FILE", "new file for the private key (mode 0600)")) -> ExitCode:
    """Create the key that signs reports of use, and print its public key."""
    if out == STREAM:
        return _fail("A private key is not written to standard output. Name a file with --out.")
    private = generate_key(KeyType.EC_P256)
    try:
        write_new(out, dump_private_key(private, None))
    except FileExistsError:
        return _fail(f"{out} already exists and was not changed. Name a new file.")
    except OSError as bad:
        return _fail(f"{out} cannot be written: {bad.strerror}.")
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    output.print_line(public.decode("ascii").strip())
    invocation.print_note(
        "Send this public key to the authority. Its operator adds it: sinetti authority gateway add NAME --key FILE"
    )
    return ExitCode.DONE


def _fail(sentence: str) -> ExitCode:
    invocation.print_failure(sentence, ExitCode.USAGE)
    return ExitCode.USAGE
