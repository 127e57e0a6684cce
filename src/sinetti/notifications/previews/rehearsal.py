"""Messages of an act before it happens, for check pages.

The act itself runs, in a transaction that is rolled back. Recipients, data and templates are therefore those of the
messages that leave later (docs/e-service/check-pages.md).
"""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from sinetti.database.notifications import delivery, events, outbox
from sinetti.database.notifications.message_data import MessageData
from sinetti.domain.notifications.messages import MessageChannel, QueuedMessage
from sinetti.notifications.context import NotificationContext, RenderedMessage
from sinetti.notifications.loader import DatabaseLoader
from sinetti.notifications.planning.events import messages_by_event
from sinetti.notifications.templates.renderer import render

_MOST_EVENTS = 100


class _LoaderWithoutNotice(DatabaseLoader):
    """Loader for previews, which have no privacy notice.

    Only the first message to an address has one. In a preview it would reveal that no other organisation uses this
    service to write to an address that the reader has typed.
    """

    def load_message_data(self, queued: QueuedMessage, now: datetime) -> MessageData:
        """Return the data of a message to a recipient who has had one before."""
        found = DatabaseLoader.load_message_data(self, queued, now)
        return found if found.to is None else replace(found, to=replace(found.to, written_to=True))


def rehearse(act: Callable[[], object], ctx: NotificationContext, most: int) -> tuple[RenderedMessage, ...]:
    """Return the e-mails of an act, at most `most`, without any effect.

    Links in them are masked, because the act makes them. The privacy notice is left out. Raises the errors of the act.
    """
    now, loader = ctx.now(), _LoaderWithoutNotice(ctx.db)
    with outbox.rehearsal(ctx.db) as ids:
        act()
        waiting = events.pending(ctx.db, _MOST_EVENTS, ids)
        events.expand(ctx.db, messages_by_event(waiting, ctx, now), now)
        queued = [one for one in delivery.find_queued(ctx.db, ids, now) if one.channel is MessageChannel.EMAIL]
        letters = (render(one, ctx, loader) for one in queued[:most])
        return tuple(_masked(one, ctx) for one in letters if isinstance(one, RenderedMessage))


def _masked(letter: RenderedMessage, ctx: NotificationContext) -> RenderedMessage:
    """Replace the tokens of links: those of the rehearsal never work."""
    address = ctx.terms.people_address
    text = re.sub(rf"{re.escape(address)}/\S+", f"{address}/…", letter.text)
    return replace(letter, text=text, html="")
