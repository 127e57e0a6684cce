"""Messages of an act before it happens, for check pages.

The act itself runs, in a transaction that is rolled back. Recipients, data and templates are therefore those of the
messages that leave later (docs/e-service/check-pages.md).
"""

import re
from collections.abc import Callable
from dataclasses import replace

from sinetti.database.notifications import delivery, events, outbox
from sinetti.domain.notifications.messages import MessageChannel
from sinetti.notifications.context import NotificationContext, RenderedMessage
from sinetti.notifications.planning.events import messages_by_event
from sinetti.notifications.templates.renderer import render

_MOST_EVENTS = 100


def rehearse(act: Callable[[], object], ctx: NotificationContext, most: int) -> tuple[RenderedMessage, ...]:
    """Return the e-mails of an act, at most `most`, without any effect.

    Links in them are masked, because the act makes them. The privacy notice is left out. Raises the errors of the act.
    """
    now = ctx.now()
    with outbox.rehearsal(ctx.db) as ids:
        act()
        waiting = events.pending(ctx.db, _MOST_EVENTS, ids)
        events.expand(ctx.db, messages_by_event(waiting, ctx, now), now)
        queued = [
            message for message in delivery.find_queued(ctx.db, ids, now) if message.channel is MessageChannel.EMAIL
        ]
        # The notice is in the first message to an address alone. It would reveal that no other organisation uses this
        # service to write to an address that the reader has typed.
        letters = (render(message, ctx, has_notice=False) for message in queued[:most])
        return tuple(_masked(letter, ctx) for letter in letters if isinstance(letter, RenderedMessage))


def _masked(letter: RenderedMessage, ctx: NotificationContext) -> RenderedMessage:
    """Replace the tokens of links: those of the rehearsal never work."""
    address = ctx.terms.people_address
    text = re.sub(rf"{re.escape(address)}/\S+", f"{address}/…", letter.text)
    return replace(letter, text=text, html="")
