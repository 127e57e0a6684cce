"""`sinetti authority status`: show the contents of the database."""

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sinetti.api.serializers import certificate_json, instant, usage_json
from sinetti.authority.alerts import health_warnings
from sinetti.authority.bootstrap import Authority
from sinetti.cli.authority.common import (
    add_dir,
    command,
    opened_authority,
    print_result,
    table_of,
    unknown_organisation,
)
from sinetti.cli.core.argparse_i18n import Commands
from sinetti.cli.core.blocks import Block, Paragraph, Record
from sinetti.database.organisations.organisations import OpenOrder
from sinetti.services.approvals.approve import list_waiting
from sinetti.services.organisations import registration
from sinetti.services.revocation.bulk_revoke import count_open_proposals
from sinetti.services.status.usage_reports import list_usage

_CERTIFICATES = ("serial", "customer_id", "channel", "state", "not_after", "renewed_by", "in use")
_ORDERS = ("order_id", "customer_id", "channel", "expires", "description")


def register(commands: Commands) -> None:
    """Add the command to the parser."""
    example = "sinetti authority status --dir /srv/sinetti --customer-id 1234567-1"
    parser = command(commands, "status", "show certificates, orders and totals of the register", _run, example)
    add_dir(parser)
    parser.add_argument("--customer-id", metavar="ID", help="list certificates and open orders of this organisation")
    parser.add_argument(
        "--orders", action="store_true", help="list only open orders, without --customer-id those of all organisations"
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def _run(parsed: argparse.Namespace) -> int:
    with opened_authority(parsed.dir) as authority:
        if parsed.customer_id is None and not parsed.orders:
            summary = _summary(authority)
            print_result(summary, as_json=parsed.json, table=lambda: _blocks(summary))
            return 0
        if parsed.customer_id is not None and registration.organisation(authority.ctx, parsed.customer_id) is None:
            raise unknown_organisation(parsed.customer_id)
        now = authority.ctx.now()
        orders = [_order_row(one) for one in registration.open_orders(authority.ctx, parsed.customer_id)]
        found = () if parsed.orders else registration.certificates(authority.ctx, parsed.customer_id)
        known = list_usage(found, authority.ctx)
        rows = [{**certificate_json(row, now), **usage_json(known[row.serial])} for row in found]
    table_rows = [{**row, "in use": _in_use(row)} for row in rows]
    blocks = table_of(_ORDERS, orders, fold={"description"}, nothing="There are no open orders.")
    if not parsed.orders:
        nothing = "This organisation has no certificates."
        certificates = table_of(_CERTIFICATES, table_rows, fold={"in use"}, nothing=nothing)
        blocks = (*certificates, Paragraph(""), *blocks)
    print_result(orders if parsed.orders else rows, as_json=parsed.json, table=lambda: blocks)
    return 0


def _in_use(row: dict[str, str | None]) -> str:
    """Return what is known about a certificate's use.

    Where no gateway reports, its use is "not known", never "not in use".
    """
    if row["last_seen"] is not None:
        return f"seen {row['last_seen']}"
    return f"not seen since {row['looked_since']}" if row["looked_since"] is not None else "not known"


def _order_row(order: OpenOrder) -> dict[str, str | None]:
    """Return an order as a row of the contracts; the people of an order are left out."""
    return {
        "order_id": order.order_id,
        "customer_id": order.customer_id,
        "channel": order.channel.value,
        "description": order.description or None,
        "replaces": order.replaces,
        "created": instant(order.created),
        "expires": instant(order.expires),
    }


def _summary(authority: Authority) -> dict[str, Any]:
    issuers = authority.ctx.issuers.values()
    return {
        "environment": authority.settings.environment.value,
        **asdict(registration.counts(authority.ctx)),
        "open_proposals": count_open_proposals(authority.ctx) + len(list_waiting(authority.ctx)),
        "authorities": [
            {"name": issuer.file_name, "ends": instant(issuer.certificate.not_valid_after_utc)} for issuer in issuers
        ],
        "warnings": [sentence for look in health_warnings(authority).values() if (sentence := look()) is not None],
    }


def _blocks(summary: dict[str, Any]) -> Sequence[Block]:
    lists = {"authorities", "warnings"}
    counted = {name.replace("_", " "): str(value) for name, value in summary.items() if name not in lists}
    ends = {f"{one['name']} ends": one["ends"] for one in summary["authorities"]}
    return (
        Record("", list({**counted, **ends}.items())),
        *(Paragraph(f"warning: {sentence}") for sentence in summary["warnings"]),
    )
