"""The bench's mailroom: what its messages say of the service, and a mailbox in place of mail and SMS."""

from collections.abc import Callable
from datetime import datetime
from functools import partial

from sinetti.database.notifications import outbox
from sinetti.domain.notifications.messages import MessageChannel
from sinetti.domain.values import Language
from sinetti.notifications.context import NotificationContext, NotificationSettings
from sinetti.services.context import ServiceContext
from sinetti.services.token_encryption import LINK, decrypt_token
from sinetti.testbench.mail.mailbox import Mailbox, MessageStore

OPERATOR = "operator@bench.example"
_HELP = {
    Language.FI: "apu@bench.example (testipenkki: kukaan ei vastaa sieltä)",
    Language.SV: "hjalp@bench.example (en testbänk: ingen svarar där)",
    Language.EN: "help@bench.example (a test bench: nobody answers there)",
}


def terms(people_address: str) -> NotificationSettings:
    """What the bench's messages say of it. `people_address` is that of its pages, without a slash at the end."""
    return NotificationSettings(people_address, "Sinetti test bench", _HELP, (OPERATOR,))


def context(
    ctx: ServiceContext, letters: MessageStore, people_address: str, now: Callable[[], datetime] | None = None
) -> NotificationContext:
    """Make a mailroom that delivers into these letters, on the office's clock or another."""
    now = now or ctx.now
    mailbox = Mailbox(letters, now, lambda message_id: outbox.owed_since(ctx.db, message_id))
    return NotificationContext(
        db=ctx.db,
        environment=ctx.environment,
        now=now,
        machine_now=ctx.machine_now,
        terms=terms(people_address),
        deliverers=dict.fromkeys(MessageChannel, mailbox),
        key=ctx.transfer_key,
        unseal=partial(decrypt_token, ctx.transfer_key, LINK),
    )
