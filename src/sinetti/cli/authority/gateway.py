"""`sinetti authority gateway …`: gateways that may report seen certificates."""

from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sinetti.cli.authority.common import AuthorityRun, OptionError, octets_of, operator_commands
from sinetti.cli.core.commands import Listing, argument, option
from sinetti.services.status.usage_reports import add_gateway, all_gateways, withdraw_gateway
from sinetti.wire.http_signatures.profile import load_public_key

verbs = operator_commands(
    "gateway",
    "manage the gateways that report use of certificates",
    "sinetti authority gateway add edge-1 --key edge-1.pem --dir /srv/sinetti",
)
register = verbs.register

COLUMNS = ("name", "added", "withdrawn", "first_report", "last_report")
_NAME = argument("NAME", "name of the gateway and key ID of its messages; a name is used once")


@verbs.command("edge-1 --key edge-1.pem")
def add(
    run: AuthorityRun, *, key: Path = option("PEM", "public key of the gateway: Ed25519 or EC P-256"), name: str = _NAME
) -> str:
    """Accept reports from a gateway."""
    octets = octets_of("--key", key)
    if b"PRIVATE KEY" in octets:
        raise OptionError(
            f"--key: {key} is a private key: keep it secret, and give the public key that sinetti gateway key printed"
        )
    try:
        public_key = load_public_key(octets)
    except ValueError as bad:
        raise OptionError(f"--key: {key}: {bad}") from None
    pem = public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii")
    add_gateway(name, pem, *run.by)
    return f"Gateway {name} added. Reports that it signs with this key are accepted."


@verbs.command("edge-1")
def withdraw(run: AuthorityRun, *, name: str = _NAME) -> str:
    """Stop accepting reports from a gateway, permanently."""
    withdraw_gateway(name, *run.by)
    return f"Gateway {name} withdrawn. Its reports are no longer accepted; earlier ones are kept."


@verbs.command()
def list_(run: AuthorityRun) -> Listing:
    """List gateways and their latest reports."""
    nothing = "There are no gateways, so the use of certificates is not known."
    return Listing(all_gateways(run.ctx), COLUMNS, nothing, fold={"name"})
