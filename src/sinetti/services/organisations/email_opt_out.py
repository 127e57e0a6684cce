"""E-mail opt-out by a link without sign-in (docs/operators/bounces.md).

The page of the link ("Not your task any more?") changes nothing; its button calls `request_opt_out`. E-mails stop once
the other people concerned have been informed.
"""

import re

from sinetti.database.notifications import opt_out
from sinetti.database.notifications.opt_out import OptOutSender
from sinetti.domain.link_tokens import STOP_LINK, constant_time_equal, link_token
from sinetti.domain.notifications.opt_out import AlreadyRequested, OptOutPage, OptOutRequested, UnknownLink, stops
from sinetti.domain.secret_keys import SecretPurpose
from sinetti.services.context import ServiceContext

ACTOR = "recipient"
"""Actor in audit rows: the holder of the link of a message, which the row names."""

_MESSAGE_ID = re.compile(r"[0-9a-f]{32}")


def opt_out_page(message_id: str, token: str, ctx: ServiceContext) -> OptOutPage | UnknownLink:
    """Return the page behind a link.

    Changes nothing, because mail scanners follow links.
    """
    asker = _asker(message_id, token, ctx)
    if asker is None:
        return UnknownLink()
    notified = opt_out.notified_roles(ctx.db, asker, ctx.now())
    asked = asker.stopped or opt_out.is_asked(ctx.db, asker, ctx.now())
    return OptOutPage(asker.language, notified, stops(notified), asked, asker.stopped)


def request_opt_out(
    message_id: str, token: str, ctx: ServiceContext, request_id: str
) -> OptOutRequested | AlreadyRequested | UnknownLink:
    """Queue a message about the opt-out, once, to the people to be informed.

    E-mails continue until then.
    """
    asker = _asker(message_id, token, ctx)
    if asker is None:
        return UnknownLink()
    return opt_out.ask(ctx.db, asker, message_id, ctx.audit_entry(ACTOR, request_id))


def _asker(message_id: str, token: str, ctx: ServiceContext) -> OptOutSender | None:
    """Return the requester behind a link, or None if we did not make the link.

    The database is queried only for links that we made.
    """
    keys = ctx.keyring.every(SecretPurpose.MAIL) if _MESSAGE_ID.fullmatch(message_id) else ()
    if not any(constant_time_equal(token, link_token(key.octets, STOP_LINK, message_id)) for key in keys):
        return None
    return opt_out.find_asker(ctx.db, message_id, ctx.now())
