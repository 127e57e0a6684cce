"""What a list of certificates is asked for, what its rows say, and what the page of one certificate shows."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from sinetti.domain.certificates.display_status import CertificateFacts, DisplayStatus, OrderFacts
from sinetti.domain.refusals import RejectionReason
from sinetti.domain.usage import ReportingPeriod
from sinetti.domain.values import Channel, Serial


class Sort(StrEnum):
    """What a list is sorted by."""

    URGENCY = "urgency"
    DESCRIPTION = "description"
    ORGANISATION = "organisation"
    CHANNEL = "channel"
    CONTACT = "contact"
    ENDS = "ends"
    STATE = "state"
    USE = "use"
    HAND = "acts"


@dataclass(frozen=True, slots=True)
class CertificateQuery:
    """What is asked for.

    `organisations` bounds it, whatever else is asked; no `states` are those that are not over.

    `contact` and `text` are what a contact's name or address, or anything that is searched, begins with.
    """

    organisations: Collection[str]
    now: datetime
    states: Collection[DisplayStatus] = ()
    over: bool = False
    channel: Channel | None = None
    contact: str = ""
    text: str = ""
    sort: Sort = Sort.URGENCY
    descending: bool = False


@dataclass(frozen=True, slots=True)
class ListKey:
    """What is found: a certificate by its serial, or an order by its id."""

    key: str
    order: bool


@dataclass(frozen=True, slots=True)
class ServiceProvider:
    """An organisation that looks after another one, and one of whose people is a certificate's contact or deputy."""

    organisation_id: str
    name: str


@dataclass(frozen=True, slots=True)
class CertificateListItem:
    """A row of a list.

    `facts` tell whether it is a certificate or an order; `looking` since when gateways look.
    """

    key: str
    organisation_id: str
    customer_id: str
    organisation: str
    channel: Channel
    description: str
    contact: str
    email: str
    facts: CertificateFacts | OrderFacts
    firm: ServiceProvider | None = None
    serves: int | None = None
    looking: ReportingPeriod | None = None


@dataclass(frozen=True, slots=True)
class LineageMember:
    """A certificate of the same line, earlier or later: what its renewals and replacements have in common."""

    serial: Serial
    facts: CertificateFacts


@dataclass(frozen=True, slots=True)
class CertificateDetails:
    """Everything that the page of one certificate shows, beside `listed`.

    `der` is None until it is issued.

    `opened_at` is when its transfer ids were shown; `waiting_order` is an order that is to take its place.
    """

    listed: CertificateListItem
    facts: CertificateFacts
    serial: Serial
    sha256: str
    der: bytes | None = field(repr=False)
    authority: str
    lineage_id: str
    origin: str
    order_id: str | None
    ordered_at: datetime | None
    opened_at: datetime | None
    issued_at: datetime | None
    waiting_order: str | None
    earlier: tuple[LineageMember, ...] = ()
    later: tuple[LineageMember, ...] = ()


class ActorCategory(StrEnum):
    """Who did something, as it is told: no id and no name."""

    YOU = "you"
    OWN = "own"
    FIRM = "firm"
    DESK = "desk"
    CONTACT = "contact"
    PROGRAM = "program"
    SERVICE = "service"


@dataclass(frozen=True, slots=True)
class HistoryEvent:
    """Something that happened to a certificate: the audit row's action, and by whom.

    `serial` is of which one.
    """

    at: datetime
    action: str
    who: ActorCategory
    serial: str = ""


@dataclass(frozen=True, slots=True)
class RejectedRequest:
    """A request of its program that was refused."""

    at: datetime
    reason: RejectionReason
    operation: str
