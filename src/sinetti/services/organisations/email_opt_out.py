"""*Not your task any more?*: somebody asks, by a link without sign-in, that no more mail goes to their address.

The link's page changes nothing; its button calls `ask_to_stop`. Mail stops once others were told (docs/returns.md).
"""

import re

from sinetti.database.notifications import opt_out
from sinetti.database.notifications.opt_out import Asker
from sinetti.domain.link_tokens import STOP_LINK, link_token, same
from sinetti.domain.notifications.opt_out import Asked, AskedBefore, StopPage, Unknown, stops
from sinetti.services.context import Office

ACTOR = "recipient"
"""Who asks, in audit rows: whoever has the link of a message, which the row names."""

_MESSAGE_ID = re.compile(r"[0-9a-f]{32}")


def stop_page(message_id: str, token: str, office: Office) -> StopPage | Unknown:
    """What the page behind a link shows. Nothing changes: mail scanners follow links."""
    asker = _asker(message_id, token, office)
    if asker is None:
        return Unknown()
    told = opt_out.told_about(office.register, asker, office.now())
    asked = asker.stopped or opt_out.is_asked(office.register, asker, office.now())
    return StopPage(asker.language, told, stops(told), asked, asker.stopped)


def ask_to_stop(message_id: str, token: str, office: Office, request_id: str) -> Asked | AskedBefore | Unknown:
    """Owe whoever is to be told a message about it, once; mail goes on until then."""
    asker = _asker(message_id, token, office)
    if asker is None:
        return Unknown()
    return opt_out.ask(office.register, asker, message_id, office.deed(ACTOR, request_id))


def _asker(message_id: str, token: str, office: Office) -> Asker | None:
    """Who has this link; None for any that we did not write. The register is asked only about one that we wrote."""
    known = _MESSAGE_ID.fullmatch(message_id) is not None
    if not known or not same(token, link_token(office.transfer_key, STOP_LINK, message_id)):
        return None
    return opt_out.find_asker(office.register, message_id, office.now())
