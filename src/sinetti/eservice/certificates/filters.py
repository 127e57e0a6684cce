"""What a list's address asks for: read with care, and written again into links and forms."""

from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import urlencode

from django.http import QueryDict

from sinetti.domain.access.roles import Permission
from sinetti.domain.certificates.display_status import DisplayStatus
from sinetti.domain.certificates.listing import CertificateQuery, Sort
from sinetti.domain.values import Channel
from sinetti.services.access.permissions import Permissions

EVERYTHING = "all"
"""Chosen in place of a state: what is over, too."""
LONGEST = 100
"""Characters of a search."""
MOST_PAGES = 2000
_KNOWN = frozenset({"organisation", "state", "channel", "contact", "q", "sort", "order", "page", "lang"})


@dataclass(frozen=True, slots=True)
class Filter:
    """What is asked for, as the address has it. `ignored`: something in it is nothing that is offered."""

    organisation: str = ""
    state: str = ""
    channel: str = ""
    contact: str = ""
    text: str = ""
    sort: Sort = Sort.URGENCY
    descending: bool = False
    page: int = 1
    ignored: bool = False

    def wanted(self, permissions: Permissions, now: datetime) -> CertificateQuery:
        """The same for the register, bounded by what one may see."""
        seen = permissions.organisations(Permission.SEE)
        return CertificateQuery(
            organisations=seen & {self.organisation} if self.organisation else seen,
            now=now,
            states=(DisplayStatus(self.state),) if self.state not in {"", EVERYTHING} else (),
            over=self.state == EVERYTHING,
            channel=Channel(self.channel) if self.channel else None,
            contact=self.contact,
            text=self.text,
            sort=self.sort,
            descending=self.descending,
        )

    @property
    def narrows(self) -> bool:
        """Whether it leaves anything out of what is shown by itself."""
        return any((self.organisation, self.state, self.channel, self.contact, self.text))

    def query(self, *, page: int = 1) -> str:
        """As it stands behind an address: with its question mark, or empty."""
        told = {
            "organisation": self.organisation,
            "state": self.state,
            "channel": self.channel,
            "contact": self.contact,
            "q": self.text,
            "sort": "" if self.sort is Sort.URGENCY else self.sort.value,
            "order": "descending" if self.descending else "",
            "page": str(page) if page > 1 else "",
        }
        there = {name: value for name, value in told.items() if value}
        return f"?{urlencode(there)}" if there else ""

    def sorted_by(self, sort: Sort) -> "Filter":
        """The same in the order of a column; of the one that it is sorted by already, the other way round."""
        return replace(self, sort=sort, descending=sort is self.sort and not self.descending)


def read(query: QueryDict, permissions: Permissions) -> Filter:
    """Read what an address asks for. What is not offered, or is somebody else's, is left out and told alike."""
    ignored = [name for name in query if name not in _KNOWN]

    def choice(name: str, offered: frozenset[str]) -> str:
        value = query.get(name, "")
        if value and value not in offered:
            ignored.append(name)
            return ""
        return value

    return Filter(
        organisation=choice("organisation", permissions.organisations(Permission.SEE)),
        state=choice("state", frozenset({*DisplayStatus, EVERYTHING})),
        channel=choice("channel", frozenset(Channel)),
        contact=_typed(query.get("contact", "")),
        text=_typed(query.get("q", "")),
        sort=Sort(choice("sort", frozenset(Sort)) or Sort.URGENCY),
        descending=choice("order", frozenset({"ascending", "descending"})) == "descending",
        page=_page(query.get("page", "")),
        ignored=bool(ignored),
    )


def _typed(text: str) -> str:
    """What somebody typed: characters that no text has would stop a database."""
    return "".join(one for one in text if one.isprintable()).strip()[:LONGEST]


def _page(text: str) -> int:
    return min(int(text), MOST_PAGES) if text.isascii() and text.isdigit() and len(text) < LONGEST else 1
