"""Pages of the documentation that explain the pages of the portal.

The documentation site has a folder for each language (scripts/docs.py).
"""

from collections.abc import Mapping

from django.http import HttpRequest

from sinetti.eservice.core.context import language_of, portal_context
from sinetti.eservice.ui.components import Link
from sinetti.i18n.translate import _

_ACCOUNTS, _CERTIFICATES, _ORDERING, _AUTHORISATIONS, _APPLICATIONS, _CLERKS = (
    "guide/accounts",
    "guide/certificates",
    "guide/ordering",
    "guide/authorisations",
    "guide/applications",
    "guide/clerks",
)
GUIDES: Mapping[str, str] = {
    "start": "guide/index",
    "about": "about",
    "interface": "integrators/interface",
    "privacy": "guide/index",
    "accessibility": "guide/index",
    "profile": _ACCOUNTS,
    "m/<str:token>": _ORDERING,
    "stop/<str:message_id>/<str:token>": _ORDERING,
    "drill/<str:message_id>/<str:token>": _CERTIFICATES,
    "fetch": _ORDERING,
    "order": _ORDERING,
    "orders": _ORDERING,
    "contacts": _CERTIFICATES,
    "certificate": _CERTIFICATES,
    "certificates": _CERTIFICATES,
    "acting_for": _AUTHORISATIONS,
    "ask": _AUTHORISATIONS,
    "authorisation": _AUTHORISATIONS,
    "authorisations": _AUTHORISATIONS,
    "signatory_veto": _AUTHORISATIONS,
    "clients": _AUTHORISATIONS,
    "invitation": _AUTHORISATIONS,
    "application": _APPLICATIONS,
    "applications": _APPLICATIONS,
    "staff": _CLERKS,
    "account": _ACCOUNTS,
    "mfa": _ACCOUNTS,
    "usersessions": _ACCOUNTS,
    "socialaccount": _ACCOUNTS,
    "openid": _ACCOUNTS,
}
"""Page of the documentation by the name of a URL, or by its first word.

A URL without a name has its route.
"""


def guide_of(name: str) -> str:
    """Return the page of the documentation for the name or route of a URL.

    It is empty for files.
    """
    return GUIDES.get(name) or GUIDES.get(name.partition("_")[0], "")


def documentation_address(request: HttpRequest, page: str) -> str:
    """Return the address of a page of the documentation in the reader's language.

    It is empty if the operator publishes no documentation.
    """
    base = portal_context(request).eservice.documentation_url
    return f"{base.rstrip('/')}/{language_of(request)}/{page}.html" if base and page else ""


def guide_link(request: HttpRequest) -> Link | None:
    """Return the link to the guide of the page that is shown."""
    match = request.resolver_match
    address = "" if match is None else documentation_address(request, guide_of(match.url_name or match.route))
    return Link(_("Instructions for this page"), address) if address else None
