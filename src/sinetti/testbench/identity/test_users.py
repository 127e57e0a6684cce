"""Test persons of the identity provider, with their roles.

The roles have the form of a national service of authorisations.
"""

import re
from dataclasses import dataclass

from sinetti.domain.values import MAXIMUM_LENGTH
from sinetti.i18n.translate import gettext_noop

MOST_ORGANISATIONS = 50
_CODE = re.compile(r"[A-Za-z0-9:_-]{1,60}")
_ID = re.compile(rf"[!-9;-~]{{1,{MAXIMUM_LENGTH}}}")

SIGNATORY_CODES = ("NIMKO", "TJ", "PJ")
"""Roles of the Finnish Trade Register.

They are the right to sign alone, the managing director and the chair of the board.
"""
MANAGER_CODES = ("tekninen-rajapinta-hallinta",)
VIEWER_CODES = ("tekninen-rajapinta-katselu",)
"""Invented authorisations: the codes of a real service are agreed with it."""


@dataclass(frozen=True)
class TestUser:
    """A person who does not exist.

    `codes` are their roles and authorisations for the organisation that is typed in.
    """

    __test__ = False  # pytest would take it for a test otherwise

    subject: str
    name: str
    what: str
    codes: tuple[str, ...]


PEOPLE = (
    TestUser("test-person-1", "Test Person One", gettext_noop("Managing director"), ("TJ",)),
    TestUser("test-person-2", "Test Person Two", gettext_noop("May sign alone for the organisation"), ("NIMKO",)),
    TestUser("test-person-3", "Test Person Three", gettext_noop("Chair of the board"), ("PJ",)),
    TestUser("test-person-4", "Test Person Four", gettext_noop("Authorised to manage certificates"), MANAGER_CODES),
    TestUser("test-person-5", "Test Person Five", gettext_noop("Authorised to see certificates"), VIEWER_CODES),
    TestUser("test-person-6", "Test Person Six", gettext_noop("Has no role and no authorisation"), ()),
)


class NotOrganisations(ValueError):
    """Error for a text that names no organisations; `line` is the first wrong line."""

    def __init__(self, line: str) -> None:
        """Keep the line."""
        super().__init__(line)
        self.line = line


def organisations(text: str, codes: tuple[str, ...]) -> list[dict[str, object]]:
    """Parse organisations, one a line, into claims.

    A line is `0123456-7` or `0123456-7: TJ NIMKO`. An id alone has the person's codes. Other codes follow a colon.
    Raises NotOrganisations for any other line.
    """
    found: dict[str, dict[str, object]] = {}
    for line in filter(None, (line.strip() for line in text.splitlines())):
        customer_id, own, given = line.partition(":")
        customer_id, roles = customer_id.strip(), given.split() if own else list(codes)
        fits = _ID.fullmatch(customer_id) and all(_CODE.fullmatch(role) for role in roles)
        if not fits or customer_id in found or len(found) == MOST_ORGANISATIONS:
            raise NotOrganisations(line)
        found[customer_id] = {
            "identifier": customer_id, "name": f"Test organisation {customer_id}", "complete": True, "roles": roles,
        }  # fmt: skip
    return list(found.values())
