"""Named cases of the display status of certificates, and matching database rows.

One table serves the rule (tests/domain/certificates/test_display_status.py) and the same rule in SQL
(tests/database/certificates/test_list_query.py).
"""

from dataclasses import replace
from datetime import datetime, timedelta

from sinetti.database import models
from sinetti.database.models import CertificateObservation, Gateway
from sinetti.domain.certificates.display_status import CertificateFacts, DisplayStatus, NextActor, Urgency
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.values import ValidityPeriod
from tests.support.authority import CUSTOMER_ID, NOW
from tests.support.scene import Scene

DAY, HOUR, SECOND = timedelta(days=1), timedelta(hours=1), timedelta(seconds=1)


def ending(after: timedelta, **more: object) -> CertificateFacts:
    """Return a retrieved certificate that expires this long after NOW."""
    span = ValidityPeriod(NOW + after - 730 * DAY, NOW + after)
    facts = CertificateFacts(span, span.not_after - 60 * DAY, fetched_at=span.not_before)
    return replace(facts, **more)  # type: ignore[arg-type] # a case's own values


def of_a_week(after: timedelta) -> CertificateFacts:
    """Return a certificate of one week that expires this long after NOW."""
    span = ValidityPeriod(NOW + after - 7 * DAY, NOW + after)
    return CertificateFacts(span, span.not_after - timedelta(hours=84), fetched_at=span.not_before)


def taken(after: timedelta, seen: timedelta | None = None, new_seen: timedelta | None = None) -> CertificateFacts:
    """Return a certificate whose renewal was retrieved ten days ago.

    Gateways saw the old one `seen` ago and the new one `new_seen` ago.
    """
    when = [None if one is None else NOW - one for one in (seen, new_seen)]
    return ending(after, succeeded=True, taken_at=NOW - 10 * DAY, seen=when[0], new_seen=when[1])


CASES: dict[str, tuple[CertificateFacts, DisplayStatus, Urgency, NextActor]] = {
    "a second before renewal opens": (ending(60 * DAY + SECOND), DisplayStatus.VALID, Urgency.OPEN, NextActor.NONE),
    "the second it opens": (ending(60 * DAY), DisplayStatus.RENEWAL_OPEN, Urgency.OPEN, NextActor.CONTACT),
    "open, and a program has renewed before": (
        ending(60 * DAY, by_renewal=True),
        DisplayStatus.RENEWAL_OPEN,
        Urgency.OPEN,
        NextActor.PROGRAM,
    ),
    "open, and the channel is not approved any more": (
        ending(60 * DAY, by_renewal=True, approved=False),
        DisplayStatus.RENEWAL_OPEN,
        Urgency.OPEN,
        NextActor.REPRESENTATIVE,
    ),
    "a second more than 14 days": (
        ending(14 * DAY + SECOND),
        DisplayStatus.RENEWAL_OPEN,
        Urgency.OPEN,
        NextActor.CONTACT,
    ),
    "14 days": (ending(14 * DAY, by_renewal=True), DisplayStatus.ENDS_SOON, Urgency.OPEN, NextActor.CONTACT),
    "14 days and no channel": (
        ending(14 * DAY, approved=False),
        DisplayStatus.ENDS_SOON,
        Urgency.OPEN,
        NextActor.REPRESENTATIVE,
    ),
    "of a week, on its first day": (of_a_week(7 * DAY), DisplayStatus.VALID, Urgency.OPEN, NextActor.NONE),
    "of a week, and its renewal is open": (
        of_a_week(42 * HOUR + SECOND),
        DisplayStatus.RENEWAL_OPEN,
        Urgency.OPEN,
        NextActor.CONTACT,
    ),
    "of a week, in the second half of that": (
        of_a_week(42 * HOUR),
        DisplayStatus.ENDS_SOON,
        Urgency.OPEN,
        NextActor.CONTACT,
    ),
    "its last second": (ending(0 * DAY), DisplayStatus.ENDS_SOON, Urgency.OPEN, NextActor.CONTACT),
    "the second after it": (ending(-SECOND), DisplayStatus.EXPIRED, Urgency.OPEN, NextActor.REPRESENTATIVE),
    "over for two years, and nothing in its place": (
        ending(-730 * DAY),
        DisplayStatus.EXPIRED,
        Urgency.OPEN,
        NextActor.REPRESENTATIVE,
    ),
    "over, and let end before its end": (
        ending(-20 * DAY, renewal_opt_out_at=NOW - 30 * DAY),
        DisplayStatus.EXPIRED,
        Urgency.OVER,
        NextActor.NONE,
    ),
    "over, and let end after its end": (
        ending(-20 * DAY, renewal_opt_out_at=NOW),
        DisplayStatus.EXPIRED,
        Urgency.OVER,
        NextActor.NONE,
    ),
    "over, and the one before it was let end": (
        ending(-20 * DAY, renewal_opt_out_at=NOW - 751 * DAY),
        DisplayStatus.EXPIRED,
        Urgency.OPEN,
        NextActor.REPRESENTATIVE,
    ),
    "over, and the one that followed was revoked: that one is shown": (
        ending(-20 * DAY, followed=True),
        DisplayStatus.EXPIRED,
        Urgency.OVER,
        NextActor.NONE,
    ),
    "valid, and the one that followed was revoked": (
        ending(5 * DAY, followed=True),
        DisplayStatus.ENDS_SOON,
        Urgency.OPEN,
        NextActor.CONTACT,
    ),
    "over, and renewed": (replace(taken(-SECOND)), DisplayStatus.EXPIRED, Urgency.OVER, NextActor.NONE),
    "revoked, and nothing in its place": (
        ending(90 * DAY, revoked_at=NOW - 700 * DAY, reason=RevocationReason.KEY_COMPROMISE),
        DisplayStatus.REVOKED,
        Urgency.OPEN,
        NextActor.REPRESENTATIVE,
    ),
    "revoked, and let end after that": (
        ending(90 * DAY, revoked_at=NOW - DAY, reason=RevocationReason.KEY_COMPROMISE, renewal_opt_out_at=NOW),
        DisplayStatus.REVOKED,
        Urgency.OVER,
        NextActor.NONE,
    ),
    "revoked because it is not needed": (
        ending(90 * DAY, revoked_at=NOW, reason=RevocationReason.CESSATION_OF_OPERATION),
        DisplayStatus.REVOKED,
        Urgency.OVER,
        NextActor.NONE,
    ),
    "revoked and past its end: revoked": (
        ending(-SECOND, revoked_at=NOW - DAY, reason=RevocationReason.UNSPECIFIED),
        DisplayStatus.REVOKED,
        Urgency.OPEN,
        NextActor.REPRESENTATIVE,
    ),
    "being issued": (
        ending(730 * DAY, issued=False, fetched_at=None),
        DisplayStatus.ISSUING,
        Urgency.SEEN_TO,
        NextActor.NONE,
    ),
    "issued, and not fetched": (
        ending(729 * DAY, fetched_at=None),
        DisplayStatus.NOT_FETCHED,
        Urgency.OPEN,
        NextActor.CONTACT,
    ),
    "a new one waits": (ending(30 * DAY, succeeded=True), DisplayStatus.NEW_WAITS, Urgency.OPEN, NextActor.CONTACT),
    "renewed, and never seen": (taken(30 * DAY), DisplayStatus.RENEWED, Urgency.SEEN_TO, NextActor.NONE),
    "renewed, and last seen when it was": (
        taken(30 * DAY, 10 * DAY),
        DisplayStatus.RENEWED,
        Urgency.SEEN_TO,
        NextActor.NONE,
    ),
    "seen a second later": (
        taken(30 * DAY, 10 * DAY - SECOND),
        DisplayStatus.OLD_IN_USE,
        Urgency.OPEN,
        NextActor.CONTACT,
    ),
    "the new one was seen later, the old one lately": (
        taken(30 * DAY, 7 * DAY, 6 * DAY),
        DisplayStatus.OLD_IN_USE,
        Urgency.OPEN,
        NextActor.CONTACT,
    ),
    "the new one was seen later, the old one not lately": (
        taken(30 * DAY, 7 * DAY + SECOND, 6 * DAY),
        DisplayStatus.RENEWED,
        Urgency.SEEN_TO,
        NextActor.NONE,
    ),
    "let end": (ending(5 * DAY, renewal_opt_out_at=NOW), DisplayStatus.LET_END, Urgency.SEEN_TO, NextActor.NONE),
    "renewed since it was let end": (
        ending(700 * DAY, renewal_opt_out_at=NOW - 31 * DAY),
        DisplayStatus.VALID,
        Urgency.OPEN,
        NextActor.NONE,
    ),
}


def put(scene: Scene, facts: CertificateFacts, number: int, description: str = "", **lineage: object) -> str:
    """Insert a certificate with these facts and its successor, and return its serial."""
    using = scene.db.alias
    row = _certificate(scene, facts, f"{number:038x}", _lineage(scene, facts, description, lineage))
    if facts.seen is not None:
        CertificateObservation.objects.using(using).create(
            certificate=row, gateway=gateway(scene), last_seen=facts.seen
        )
    if facts.succeeded or facts.followed:
        span = ValidityPeriod(facts.span.not_before, NOW + 700 * DAY)
        gone = (None, None) if facts.succeeded else (NOW, RevocationReason.CESSATION_OF_OPERATION)
        new = replace(facts, span=span, revoked_at=gone[0], reason=gone[1], fetched_at=facts.taken_at)
        by = _certificate(scene, new, f"ff{number:036x}", row.lineage, predecessor=row)
        if facts.new_seen is not None:
            CertificateObservation.objects.using(using).create(
                certificate=by, gateway=gateway(scene), last_seen=facts.new_seen
            )
    return row.serial


def gateway(scene: Scene, last: datetime = NOW) -> Gateway:
    """Return a gateway that has reported for a hundred days."""
    values = {"public_key": "", "added": NOW, "first_report": NOW - 100 * DAY, "last_report": last}
    return Gateway.objects.using(scene.db.alias).get_or_create(name="gate", defaults=values)[0]


def _lineage(scene: Scene, facts: CertificateFacts, description: str, more: dict[str, object]) -> models.Lineage:
    using = scene.db.alias
    organisation = more.pop("organisation", None) or models.Organisation.objects.using(using).get(
        customer_id=CUSTOMER_ID
    )
    kind = models.CertificateType.objects.using(using).get(channel="WS" if facts.approved else "SFTP")
    count = models.Lineage.objects.using(using).count()
    values = {"subject_serial": f"{count:032X}", "description": description, "created": NOW} | more
    return models.Lineage.objects.using(using).create(
        organisation=organisation, type=kind, renewal_opt_out_at=facts.renewal_opt_out_at, **values
    )


def _certificate(
    scene: Scene,
    facts: CertificateFacts,
    serial: str,
    lineage: models.Lineage,
    predecessor: models.Certificate | None = None,
) -> models.Certificate:
    using = scene.db.alias
    state = "reserved" if not facts.issued else "issued" if facts.fetched_at is None else "fetched"
    renewed = facts.by_renewal or predecessor is not None
    return models.Certificate.objects.using(using).create(
        serial=serial, authority_id=lineage.type.authority_id, lineage=lineage, state=state,
        origin="renewal" if renewed else "import", predecessor=predecessor,
        key=models.UsedKey.objects.using(using).create(key_id=f"{serial}-key", first_seen=NOW),
        sha256=serial.rjust(64, "0") if facts.issued else None, retrieval_id=f"{serial[:2]}{serial[-30:]}",
        not_before=facts.span.not_before, not_after=facts.span.not_after, renewable_from=facts.renewable_from,
        reserved_at=NOW, first_fetched_at=facts.fetched_at, revoked_at=facts.revoked_at,
        revocation_reason=facts.reason or "",
    )  # fmt: skip
