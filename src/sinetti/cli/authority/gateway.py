"""`sinetti authority gateway …`: gateways that may report seen certificates."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sinetti.api.serializers import instant
from sinetti.cli.authority.common import (
    OptionError,
    add_dir,
    command,
    group,
    machine_user,
    octets_of,
    opened_authority,
    print_result,
    table_of,
)
from sinetti.cli.core.argparse_i18n import Commands
from sinetti.cli.core.blocks import Block
from sinetti.cli.core.invocation import print_note
from sinetti.database.certificates.usage import GatewayInfo
from sinetti.server.process_exit import request_id
from sinetti.services.status.usage_reports import add_gateway, all_gateways, withdraw_gateway
from sinetti.wire.http_signatures.profile import load_public_key

_COLUMNS = ("name", "added", "withdrawn", "first_report", "last_report")


def register(commands: Commands) -> None:
    """Add the commands to the parser."""
    example = "sinetti authority gateway add edge-1 --key edge-1.pem --dir /srv/sinetti"
    verbs = group(commands, "gateway", "manage the gateways that report use of certificates", example)
    add = _verb(verbs, "add", "accept reports from a gateway", _add, "edge-1 --key edge-1.pem")
    add.add_argument(
        "--key", metavar="PEM", type=Path, required=True, help="public key of the gateway: Ed25519 or EC P-256"
    )
    out = _verb(verbs, "withdraw", "stop accepting reports from a gateway, permanently", _withdraw, "edge-1")
    for one in (add, out):
        one.add_argument(
            "name", metavar="NAME", help="name of the gateway and key ID of its messages; a name is used once"
        )
    listing = _verb(verbs, "list", "list gateways and their latest reports", _list, "")
    listing.add_argument("--json", action="store_true", help="print the result as JSON")


def _verb(
    verbs: Commands, name: str, summary: str, run: Callable[[argparse.Namespace], int], rest: str
) -> argparse.ArgumentParser:
    example = f"sinetti authority gateway {name} {rest} --dir /srv/sinetti".replace("  ", " ")
    parser = command(verbs, name, summary, run, example)
    add_dir(parser)
    return parser


def _add(parsed: argparse.Namespace) -> int:
    octets = octets_of("--key", parsed.key)
    if b"PRIVATE KEY" in octets:
        raise OptionError(
            f"--key: {parsed.key} is a private key: keep it secret, and give the public key that sinetti gateway key "
            "printed"
        )
    try:
        key = load_public_key(octets)
    except ValueError as bad:
        raise OptionError(f"--key: {parsed.key}: {bad}") from None
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii")
    with opened_authority(parsed.dir) as authority:
        add_gateway(parsed.name, pem, authority.ctx, machine_user(), request_id())
    print_note(f"Gateway {parsed.name} added. Reports that it signs with this key are accepted.")
    return 0


def _withdraw(parsed: argparse.Namespace) -> int:
    with opened_authority(parsed.dir) as authority:
        withdraw_gateway(parsed.name, authority.ctx, machine_user(), request_id())
    print_note(f"Gateway {parsed.name} withdrawn. Its reports are no longer accepted; earlier ones are kept.")
    return 0


def _list(parsed: argparse.Namespace) -> int:
    with opened_authority(parsed.dir) as authority:
        rows = [_row(one) for one in all_gateways(authority.ctx)]
    print_result(rows, as_json=parsed.json, table=lambda: _table(rows))
    return 0


def _table(rows: list[dict[str, str | None]]) -> Sequence[Block]:
    nothing = "There are no gateways, so the use of certificates is not known."
    return table_of(_COLUMNS, rows, fold={"name"}, nothing=nothing)


def _row(found: GatewayInfo) -> dict[str, str | None]:
    return {
        "name": found.name,
        "added": instant(found.added),
        "withdrawn": instant(found.withdrawn),
        "first_report": instant(found.first_report),
        "last_report": instant(found.last_report),
    }
