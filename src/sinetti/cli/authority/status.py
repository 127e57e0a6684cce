"""`sinetti authority status`: show the contents of the database."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sinetti.api.serializers import certificate_json, usage_json
from sinetti.authority.alerts import health_warnings
from sinetti.cli.authority.common import AuthorityRun, operator_commands, unknown_organisation
from sinetti.cli.core.blocks import Block, Paragraph, Record
from sinetti.cli.core.commands import Output, flag, option, table_of
from sinetti.infra.clock import format_instant
from sinetti.services.approvals.approve import list_waiting
from sinetti.services.organisations import registration
from sinetti.services.revocation.bulk_revoke import count_open_proposals
from sinetti.services.status.usage_reports import list_usage

CERTIFICATES = ("serial", "customer_id", "channel", "state", "not_after", "renewed_by", "in use")
ORDERS = ("order_id", "customer_id", "channel", "expires", "description")

commands = operator_commands()
register = commands.register


@commands.command("sinetti authority status --dir /srv/sinetti --customer-id 1234567-1")
def status(
    run: AuthorityRun,
    *,
    customer_id: str | None = option("ID", "list certificates and open orders of this organisation"),
    orders: bool = flag("list only open orders, without --customer-id those of all organisations"),
) -> Output:
    """Show certificates, orders and totals of the register."""
    if customer_id is None and not orders:
        return _summary(run)
    if customer_id is not None and registration.organisation(run.ctx, customer_id) is None:
        raise unknown_organisation(customer_id)
    # The people of an order are left out.
    order_rows = [
        {
            "order_id": order.order_id,
            "customer_id": order.customer_id,
            "channel": order.channel.value,
            "description": order.description or None,
            "replaces": order.replaces,
            "created": format_instant(order.created),
            "expires": order.expires and format_instant(order.expires),
        }
        for order in registration.open_orders(run.ctx, customer_id)
    ]
    order_table = table_of(ORDERS, order_rows, fold={"description"}, nothing="There are no open orders.")
    if orders:
        return Output(order_rows, order_table)
    now, certificates = run.ctx.now(), registration.certificates(run.ctx, customer_id)
    usage = list_usage(certificates, run.ctx)
    rows = [{**certificate_json(row, now), **usage_json(usage[row.serial])} for row in certificates]
    table = table_of(
        CERTIFICATES,
        [{**row, "in use": _in_use(row)} for row in rows],
        fold={"in use"},
        nothing="This organisation has no certificates.",
    )
    return Output(rows, (*table, Paragraph(""), *order_table))


def _in_use(row: dict[str, str | None]) -> str:
    """Return what is known about a certificate's use.

    Where no gateway reports, its use is "not known", never "not in use".
    """
    if row["last_seen"] is not None:
        return f"seen {row['last_seen']}"
    return f"not seen since {row['looked_since']}" if row["looked_since"] is not None else "not known"


def _summary(run: AuthorityRun) -> Output:
    issuers = run.ctx.issuers.values()
    summary = {
        "environment": run.authority.settings.environment.value,
        **asdict(registration.counts(run.ctx)),
        "open_proposals": count_open_proposals(run.ctx) + len(list_waiting(run.ctx)),
        "authorities": [
            {"name": issuer.file_name, "ends": format_instant(issuer.certificate.not_valid_after_utc)}
            for issuer in issuers
        ],
        "warnings": [sentence for look in health_warnings(run.authority).values() if (sentence := look()) is not None],
    }
    return Output(summary, summary_blocks(summary))


def summary_blocks(summary: Mapping[str, Any]) -> list[Block]:
    """Return the totals of the register for people."""
    counts = [(name.replace("_", " "), str(value)) for name, value in summary.items() if not isinstance(value, list)]
    ends = [(f"{ca['name']} ends", ca["ends"]) for ca in summary["authorities"]]
    return [Record("", [*counts, *ends]), *(Paragraph(f"warning: {sentence}") for sentence in summary["warnings"])]
