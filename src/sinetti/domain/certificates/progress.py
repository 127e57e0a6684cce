"""Progress of a certificate: fetched, seen in use, revoked, left to end."""

from dataclasses import dataclass
from datetime import datetime

from sinetti.domain.usage import LATELY
from sinetti.domain.values import ValidityPeriod


@dataclass(frozen=True, slots=True)
class CertificateProgress:
    """What became of a certificate. `revoked` is true of one that was voided or is not issued, too.

    `fetched` is when what renewed or replaced it was first fetched, if that is not revoked. `seen` and `new_seen` are
    when gateways last saw the old one and the new one.
    """

    span: ValidityPeriod
    revoked: bool = False
    let_end: bool = False
    closed: bool = False
    fetched: datetime | None = None
    seen: datetime | None = None
    new_seen: datetime | None = None


def is_still_used(course: CertificateProgress, fetched: datetime, now: datetime) -> bool:
    """Whether the old one was seen after the new one was fetched, and no change was made since.

    Between fetching and taking into use it is seen for a while, rightly. So where the new one was seen later than the
    old one, and the old one not lately, the change is made.
    """
    if course.seen is None or course.seen <= fetched:
        return False
    changed = course.new_seen is not None and course.new_seen > course.seen
    return not changed or now - course.seen <= LATELY
