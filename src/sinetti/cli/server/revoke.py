"""`sinetti authority revoke`: revoke a certificate, and on keyCompromise everything renewed from it."""

import argparse
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sinetti.actions.revoke import NotRevocable, NotRevocableKind, RevokeAsk, revoke
from sinetti.cli.server.common import OPERATOR, add_dir, command, opened, put, request_id
from sinetti.domain.revocation import RevocationReason, Revoker
from sinetti.domain.values import Serial
from sinetti.protocols.rows import certificate_row

if TYPE_CHECKING:
    from sinetti.cli.common import Commands


def register(commands: "Commands") -> None:
    """Add the command to the parser."""
    example = "sinetti authority revoke 4f…c1 --reason keyCompromise --dir /srv/sinetti"
    parser = command(commands, "revoke", "revoke a certificate for good; the CRL is published at once", _run, example)
    parser.add_argument("serial", metavar="SERIAL", help="lower-case hex, as `status` prints it")
    add_dir(parser)
    parser.add_argument("--reason", choices=[one.value for one in RevocationReason], required=True, help="RFC 5280's names")
    parser.add_argument("--invalid-since", metavar="ISO", help="when the key may have been lost, if earlier")
    parser.add_argument(
        "--spare", metavar="SERIAL", action="append", default=[],
        help="with keyCompromise: a renewal that is not revoked (its key is known to be safe)",
    )
    parser.add_argument("--json", action="store_true", help="print the revoked certificates for programs")


def _run(parsed: argparse.Namespace) -> int:
    ask = RevokeAsk(
        serial=Serial(parsed.serial.casefold()),
        reason=RevocationReason(parsed.reason),
        revoker=Revoker.OPERATOR,
        invalidity_date=_instant(parsed.invalid_since),
        spared=tuple(Serial(serial.casefold()) for serial in parsed.spare),
    )
    with opened(parsed.dir) as authority:
        revoked = revoke(ask, authority.office, OPERATOR, request_id())
        rows = [certificate_row(row, authority.office.now()) for row in revoked]
    put(rows, as_json=parsed.json, table=lambda: "\n".join(f"revoked  {row['serial']}  {row['reason']}" for row in rows))
    return 0


def _instant(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text).astimezone(UTC).replace(microsecond=0)
    except ValueError:
        sentence = f"--invalid-since: write a time like 2027-03-01T12:00:00Z, not {text!r}"
        raise NotRevocable(NotRevocableKind.REASON, sentence) from None
