"""Lists of certificates: query, rows, and the details of one certificate."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from sinetti.domain.certificates.display_status import CertificateFacts, DisplayStatus, OrderFacts
from sinetti.domain.refusals import RejectionReason
from sinetti.domain.usage import ReportingPeriod
from sinetti.domain.values import Channel, Serial


class Sort(StrEnum):
    """Sort key of a list."""

    URGENCY = "urgency"
    DESCRIPTION = "description"
    ORGANISATION = "organisation"
    CHANNEL = "channel"
    CONTACT = "contact"
    ENDS = "ends"
    STATE = "state"
    USE = "use"
    HAND = "acts"


@dataclass(frozen=True)
class CertificateQuery:
    """Filter and order of a list of certificates.

    `organisations` always limits the list. Without `states` it contains the entries that are not over. `open` limits
    certificates to those that need action.

    `contact` is a part of a contact's name or address, `organisation` one of an organisation's name or id, `text` one
    of any searched field. `ends` limits the list to certificates that are not revoked and whose notAfter lies in this
    time: the first instant, and the one after it.
    """

    organisations: Collection[str]
    now: datetime
    states: Collection[DisplayStatus] = ()
    over: bool = False
    open: bool = False
    channel: Channel | None = None
    contact: str = ""
    organisation: str = ""
    text: str = ""
    ends: tuple[datetime, datetime] | None = None
    sort: Sort = Sort.URGENCY
    descending: bool = False


@dataclass(frozen=True)
class ListKey:
    """Key of a row: the serial of a certificate or the id of an order."""

    key: str
    order: bool


@dataclass(frozen=True)
class ServiceProvider:
    """Organisation that acts for another one.

    One of its people is contact or deputy of a certificate.
    """

    organisation_id: str
    name: str


@dataclass(frozen=True)
class CertificateListItem:
    """Row of a list.

    The type of `facts` shows if it is a certificate or an order. `looking` is the reporting period of gateways.
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


@dataclass(frozen=True)
class LineageMember:
    """Earlier or later certificate of the same lineage.

    A lineage joins a certificate with its renewals and replacements.
    """

    serial: Serial
    facts: CertificateFacts


@dataclass(frozen=True)
class CertificateDetails:
    """Content of the page of one certificate, beside `listed`.

    - `der`: None until it is issued.
    - `opened_at`: the instant at which its transfer ids were shown.
    - `waiting_order`: an open order for its replacement.
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
    """Category of an actor, as shown to users: without id and name."""

    YOU = "you"
    OWN = "own"
    FIRM = "firm"
    DESK = "desk"
    CONTACT = "contact"
    PROGRAM = "program"
    SERVICE = "service"


@dataclass(frozen=True)
class HistoryEvent:
    """Event of a certificate: the action of the audit row, and its actor.

    `serial` names the certificate concerned.
    """

    at: datetime
    action: str
    who: ActorCategory
    serial: str = ""


@dataclass(frozen=True)
class RejectedRequest:
    """Request of the certificate's program that was rejected."""

    at: datetime
    reason: RejectionReason
    operation: str
