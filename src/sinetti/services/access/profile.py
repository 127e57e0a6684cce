"""Somebody changes what their own account says of them. Nobody else can: the account is whoever is signed in."""

from sinetti.database.access import profiles
from sinetti.domain.validation import LONGEST_PERSON, check_unlinked
from sinetti.domain.values import Language
from sinetti.services.access.permissions import Actor
from sinetti.services.context import ServiceContext


def change_profile(name: str, language: Language, ctx: ServiceContext, actor: Actor, request_id: str) -> bool:
    """Store name and language of whoever is signed in; False where nothing changed. Raises WordError.

    Others read the name, in mail too: it is on one line, and nothing in it is unseen.
    """
    shown = check_unlinked("name", name, LONGEST_PERSON)
    return profiles.change(ctx.db, actor.user_id, shown, language, ctx.audit_entry(actor.name, request_id))
