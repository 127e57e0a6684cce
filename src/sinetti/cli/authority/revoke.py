"""`sinetti authority revoke`: revoke a certificate.

For keyCompromise, it also revokes every certificate renewed from it. With officers, what one user revokes alone within
24 hours is limited over all commands.
"""

import argparse
from dataclasses import replace

from sinetti.api.serializers import MEMBERS, certificate_json
from sinetti.authority.signer_memory import learn
from sinetti.cli.authority.common import (
    add_dir,
    command,
    machine_officer,
    machine_user,
    opened_authority,
    past_instant,
    print_result,
)
from sinetti.cli.authority.passphrase_options import add_passphrase_file, passphrase_of
from sinetti.cli.core.argparse_i18n import Commands
from sinetti.cli.core.invocation import print_note
from sinetti.database.issuance import unregistered
from sinetti.domain.approvals.acts import TwoPersonAct
from sinetti.domain.certificates.revocation import RevocationReason, RevokerRole, may_use_reason
from sinetti.domain.values import Serial
from sinetti.server.process_exit import request_id
from sinetti.services.approvals.approve import needs_approval
from sinetti.services.revocation.revoke import RevocationRequest, revoke


def register(commands: Commands) -> None:
    """Add the command to the parser."""
    example = "sinetti authority revoke 4f…c1 --reason keyCompromise --dir /srv/sinetti"
    parser = command(
        commands, "revoke", "permanently revoke a certificate, and publish the revocation list", _run, example
    )
    parser.add_argument("serial", metavar="SERIAL", help="serial number in hex, from `status --customer-id ID`")
    add_dir(parser)
    add_passphrase_file(parser)
    reasons = [reason.value for reason in RevocationReason if may_use_reason(RevokerRole.OPERATOR, reason)]
    parser.add_argument("--reason", choices=reasons, required=True, help="reason of RFC 5280")
    parser.add_argument(
        "--invalid-since", metavar="ISO", help="time since which the key may be compromised, if earlier"
    )
    parser.add_argument(
        "--spare",
        metavar="SERIAL",
        action="append",
        default=[],
        help="with keyCompromise: serial number of a renewal to keep, because its key is safe",
    )
    parser.add_argument("--json", action="store_true", help="print the revoked certificates as JSON")


def _run(parsed: argparse.Namespace) -> int:
    ask = RevocationRequest(
        serial=Serial(parsed.serial.casefold()),
        reason=RevocationReason(parsed.reason),
        revoker=RevokerRole.OPERATOR,
        invalidity_date=past_instant("--invalid-since", parsed.invalid_since) if parsed.invalid_since else None,
        excluded=tuple(Serial(serial.casefold()) for serial in parsed.spare),
    )
    with opened_authority(parsed.dir, passphrase_of(parsed)) as authority:
        ctx = authority.ctx
        if unregistered.find_revocation(ctx.db, ask.serial) is None:
            learn(ask.serial, ctx, authority.keys, authority.journal, ctx.audit_entry(machine_user(), request_id()))
        if needs_approval(TwoPersonAct.BULK_REVOCATION, ctx):
            ask = replace(ask, officer=machine_officer())
        revoked = revoke(ask, ctx, machine_user(), request_id())
        rows = [certificate_json(row, ctx.now()) for row in revoked]
    if not rows:
        rows = [{**dict.fromkeys(MEMBERS), "serial": ask.serial, "state": "revoked", "reason": ask.reason.value}]
    print_result(
        rows, as_json=parsed.json, table=lambda: "\n".join(f"revoked  {row['serial']}  {row['reason']}" for row in rows)
    )
    if rows[0]["customer_id"] is None:
        print_note("The register lacks this certificate: find out who asked the signer for it.")
        return 0
    replacing = f"sinetti authority order --customer-id {rows[0]['customer_id']} --replaces {ask.serial} …"
    print_note("It can no longer be renewed. The revocation list is published now, or by the running service if the")
    print_note(f"key of the CA is not here. The holder needs a new certificate: {replacing}")
    return 0
