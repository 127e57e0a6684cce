"""`sinetti authority let-end`: let a certificate end without a successor.

No more reminders of its end are sent.
"""

from sinetti.cli.authority.common import AuthorityRun, operator_commands
from sinetti.cli.core.commands import argument, flag
from sinetti.domain.values import Serial
from sinetti.services.organisations.renewal_opt_out import opt_in_to_renewal, opt_out_of_renewal

commands = operator_commands()
register = commands.register


@commands.command("4f…c1")
def let_end(
    run: AuthorityRun,
    *,
    serial: str = argument("SERIAL", "serial number in hex, from `status --customer-id ID`"),
    undo: bool = flag("send reminders again"),
) -> str:
    """Let a certificate expire without reminders."""
    if undo:
        is_new = opt_in_to_renewal(Serial(serial.casefold()), *run.by)
        return "Reminders are sent again." if is_new else "Nothing to change: reminders are already sent."
    if opt_out_of_renewal(Serial(serial.casefold()), *run.by):
        return "No more reminders are sent. It stays valid until it expires."
    return "Nothing to change: reminders have already been stopped."
