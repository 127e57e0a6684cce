"""Letter to an organisation about its first representative.

A page for clerks prints it, and the command `organisation signatory letter` (docs/e-service/authorisations.md).
"""

from sinetti.domain.access.pending_invitations import NamingView
from sinetti.i18n.translate import format_datetime, gettext_noop, translate

TITLE = gettext_noop("First representative of {organisation}")
_NAMED = gettext_noop(
    "{name} ({email}) has been proposed as the first representative of {organisation} ({customer_id}) in the "
    "certificate service. A representative may order certificates for the organisation and give authorisations to "
    "other people."
)
_FROM = gettext_noop("The person can act for the organisation from {begins} on. Until then, they can do nothing.")
_HOW = gettext_noop("If this is not right, open this address and stop it there. You do not need to sign in.")
_RIGHT = gettext_noop("If it is right, you do not need to do anything.")
_WHY = gettext_noop(
    "We send this letter to the address that the trade register gives for the organisation. It does not come from the "
    "person who asked for the authorisation."
)


def letter_lines(naming: NamingView, address: str) -> list[str]:
    """Return the title and the paragraphs of the letter.

    `address` is that of the page for a veto.
    """
    language = naming.language
    names = {"organisation": naming.organisation, "customer_id": naming.customer_id}
    return [
        translate(TITLE, language, **names),
        translate(_NAMED, language, name=naming.name, email=naming.email, **names),
        translate(_FROM, language, begins=format_datetime(naming.ends_at, language)),
        translate(_HOW, language),
        address,
        translate(_RIGHT, language),
        translate(_WHY, language),
    ]
