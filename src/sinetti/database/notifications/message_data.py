"""Present data for a message: recipient, certificate, lineage, other recipients.

The statements are hand-written, because hundreds of messages are rendered in a second. One statement reads nearly all
data.
"""

from dataclasses import dataclass, field
from datetime import datetime

from sinetti.database import sql
from sinetti.database.connection import Database
from sinetti.database.sql import Row, instant
from sinetti.domain.notifications.messages import MessageChannel, MessageKind, QueuedMessage
from sinetti.domain.values import Channel, Language, Serial

_SELECT = """
SELECT p.person_id, p.name, p.email, p.phone, p.language,
       p.erased_at, p.bounced_at, p.stopped_at, p.first_written_at,
       EXISTS (SELECT 1 FROM sinetti_roleassignment m
                WHERE m.person_id = p.person_id AND m.organisation_id = h.organisation_id AND m.role = 'signatory'
                  AND NOT m.waiting AND m.withdrawn_at IS NULL AND m.valid_from <= %(at)s
                  AND (m.valid_until IS NULL OR m.valid_until >= %(at)s)),
       h.lineage_id, COALESCE(NULLIF(h.description, ''), d.description), t.channel, o.organisation_id, o.name,
       o.customer_id, o.contact_id, h.contact_id, contact.name, h.deputy_id, h.serves,
       c.serial, c.not_before, c.not_after, c.renewable_from, c.revoked_at, c.revocation_reason, c.first_fetched_at,
       COALESCE(old.not_after, given_up.not_after),
       new.not_before, new.not_after, new.first_fetched_at,
       (SELECT MAX(r.created) FROM sinetti_order r WHERE r.replaces_id = c.id AND r.state = 'open'),
       d.created
  FROM (SELECT 1 AS one) single
  LEFT JOIN sinetti_person p ON p.person_id = %(recipient)s
  LEFT JOIN sinetti_certificate c ON c.id = %(certificate)s
  LEFT JOIN sinetti_order d ON d.order_id = %(order)s
  LEFT JOIN sinetti_lineage h ON h.lineage_id = COALESCE(%(lineage)s, c.lineage_id, d.lineage_id)
  LEFT JOIN sinetti_organisation o ON o.organisation_id = h.organisation_id
  LEFT JOIN sinetti_certificatetype t ON t.type_id = h.type_id
  LEFT JOIN sinetti_person contact ON contact.person_id = h.contact_id
  LEFT JOIN sinetti_certificate old ON old.id = c.predecessor_id
  LEFT JOIN sinetti_certificate given_up ON given_up.id = c.replaces_id
  LEFT JOIN sinetti_certificate new ON new.id =
       (SELECT s.id FROM sinetti_certificate s
         WHERE (s.predecessor_id = c.id OR s.replaces_id = c.id)
           AND s.state IN ('issued', 'fetched') AND s.revoked_at IS NULL
         ORDER BY CASE WHEN s.first_fetched_at IS NULL THEN 1 ELSE 0 END, s.id DESC LIMIT 1)
"""

_OTHERS = """
SELECT DISTINCT p.person_id, p.name
  FROM sinetti_outboxmessage w JOIN sinetti_person p ON p.person_id = w.recipient_id
 WHERE w.kind = %(kind)s AND w.{about} = %(about)s AND w.step = %(step)s
   AND w.failed_at IS NULL AND w.cancelled_at IS NULL AND p.erased_at IS NULL AND p.person_id <> %(recipient)s
 ORDER BY p.name, p.person_id
"""
_OTHERS_BY_CERTIFICATE = _OTHERS.format(about="certificate_id")
_OTHERS_BY_LINEAGE = _OTHERS.format(about="lineage_id")

_NEWEST = """
SELECT c.id FROM sinetti_certificate c
 WHERE c.lineage_id = %(lineage)s AND c.state IN ('issued', 'fetched') AND c.revoked_at IS NULL
 ORDER BY c.not_after DESC, c.id DESC LIMIT 1
"""
_ALL_REVOKED = """
SELECT 1 FROM sinetti_lineage h
 WHERE h.lineage_id = %(lineage)s
   AND EXISTS (SELECT 1 FROM sinetti_certificate c WHERE c.lineage_id = h.lineage_id AND c.revoked_at IS NOT NULL)
   AND NOT EXISTS (SELECT 1 FROM sinetti_order o WHERE o.lineage_id = h.lineage_id AND o.state = 'open')
"""
_NAMED = "SELECT p.person_id, p.name, p.language FROM sinetti_person p WHERE p.person_id = %(person)s"
_SECURE = "SELECT s.expires FROM sinetti_securemessage s WHERE s.secure_id = %(secure)s AND s.ended_at IS NULL"
_PIN = "SELECT p.expires FROM sinetti_pin p WHERE p.pin_id = %(pin)s AND p.ended_at IS NULL AND p.used_at IS NULL"


@dataclass(frozen=True)
class Addressee:
    """Recipient of a message.

    `signs` is True for a signatory of the lineage's organisation. `written_to` is True if an earlier message was sent
    to them.
    """

    person_id: str
    name: str = field(repr=False)
    email: str = field(repr=False)
    phone: str = field(repr=False)
    language: Language
    erased: bool
    bounced: bool
    stopped: bool
    written_to: bool
    signs: bool


@dataclass(frozen=True)
class PersonRef:
    """A person's id and name."""

    person_id: str
    name: str = field(repr=False)


@dataclass(frozen=True)
class LineageData:
    """A lineage and its organisation, with people by their ids.

    `description` may be empty. `serves` is as in Lineage.
    """

    lineage_id: str
    description: str
    channel: Channel
    organisation_id: str
    organisation: str
    customer_id: str
    contact_person: str | None
    contact: PersonRef | None
    deputy: str | None
    serves: int | None = None


@dataclass(frozen=True)
class ToldSuccessor:
    """Successor of a certificate, by renewal or order: validity and first retrieval."""

    not_before: datetime
    not_after: datetime
    first_fetched_at: datetime | None


@dataclass(frozen=True)
class CertificateData:
    """A certificate with its predecessor and successor.

    `older_ends` is the expiry of the certificate that it renewed or replaced. `successor` is preferably a retrieved
    one. `replacement_ordered` is the time of an open replacement order.
    """

    serial: Serial
    not_before: datetime
    not_after: datetime
    renewable_from: datetime
    revoked_at: datetime | None
    revocation_reason: str
    first_fetched_at: datetime | None
    older_ends: datetime | None
    successor: ToldSuccessor | None
    replacement_ordered: datetime | None


@dataclass(frozen=True)
class MessageData:
    """Data of a message; None for subjects that it does not have."""

    to: Addressee | None = None
    lineage: LineageData | None = None
    certificate: CertificateData | None = None
    ordered_at: datetime | None = None


def load_message_data(db: Database, queued: QueuedMessage, now: datetime) -> MessageData:
    """Read the data of this message at `now`, in one statement or two."""
    certificate = queued.certificate
    if certificate is None and queued.kind is MessageKind.CONTACT_CHANGED:
        # The event concerns the lineage. Its certificate in force is the one that the new contact is responsible for.
        newest = sql.read(db, _NEWEST, {"lineage": queued.lineage})
        certificate = newest[0][0] if newest else None
    (row,) = sql.read(
        db,
        _SELECT,
        {
            "recipient": queued.recipient,
            "certificate": certificate,
            "order": queued.order,
            "lineage": queued.lineage,
            "at": now,
        },
    )
    return MessageData(_addressee(row[:10]), _lineage(row[10:21]), _certificate(row[21:33]), instant(row[33]))


def other_recipients(db: Database, queued: QueuedMessage) -> tuple[PersonRef, ...] | None:
    """Return the other recipients of the same message by e-mail, sent or queued.

    Returns None if the row does not say which certificate or lineage it is about.
    """
    about = queued.certificate if queued.certificate is not None else queued.lineage
    if about is None or queued.recipient is None:
        return None
    statement = _OTHERS_BY_CERTIFICATE if queued.certificate is not None else _OTHERS_BY_LINEAGE
    values = {
        "kind": queued.kind.value,
        "about": about,
        "step": f"{queued.step}:{MessageChannel.EMAIL}",
        "recipient": queued.recipient,
    }
    return tuple(PersonRef(person_id, name) for person_id, name in sql.read(db, statement, values))


def named(db: Database, person_id: str | None) -> PersonRef | None:
    """Return a person's name; None without an id and for an erased person."""
    if person_id is None:
        return None
    rows = sql.read(db, _NAMED, {"person": person_id})
    return PersonRef(rows[0][0], rows[0][1]) if rows and rows[0][1] else None


def revoked_for_good(db: Database, lineage_id: str) -> bool:
    """Return True if a lineage had a revoked certificate and has no open order.

    Call it for a lineage without a certificate in force.
    """
    return bool(sql.read(db, _ALL_REVOKED, {"lineage": lineage_id}))


def secure_expires(db: Database, secure_id: str) -> datetime | None:
    """Return the expiry of a secure message's link, or None if it has ended."""
    rows = sql.read(db, _SECURE, {"secure": secure_id})
    return instant(rows[0][0]) if rows else None


def pin_expires(db: Database, pin_id: str) -> datetime | None:
    """Return the expiry of a PIN code, or None if it was used or has ended."""
    rows = sql.read(db, _PIN, {"pin": pin_id})
    return instant(rows[0][0]) if rows else None


def _addressee(row: Row) -> Addressee | None:
    person_id, name, email, phone, language, erased_at, bounced_at, stopped_at, first_written_at, signs = row
    if person_id is None:
        return None
    return Addressee(
        person_id,
        name,
        email,
        phone,
        Language(language),
        erased=erased_at is not None,
        bounced=bounced_at is not None,
        stopped=stopped_at is not None,
        written_to=first_written_at is not None,
        signs=bool(signs),
    )


def _lineage(row: Row) -> LineageData | None:
    lineage_id, description, channel, organisation_id, name, customer_id = row[:6]
    contact_person, contact, called, deputy, serves = row[6:]
    if lineage_id is None:
        return None
    return LineageData(
        lineage_id,
        description or "",
        Channel(channel),
        organisation_id,
        name,
        customer_id,
        contact_person,
        PersonRef(contact, called) if called else None,
        deputy,
        serves,
    )


def _certificate(row: Row) -> CertificateData | None:
    serial, not_before, not_after, opens, revoked_at, reason, fetched, older = row[:8]
    begins, ends, successor_fetched, ordered = row[8:]
    if serial is None:
        return None
    successor = None
    if begins is not None:
        successor = ToldSuccessor(_there(begins), _there(ends), instant(successor_fetched))
    return CertificateData(
        Serial(serial),
        _there(not_before),
        _there(not_after),
        _there(opens),
        instant(revoked_at),
        reason,
        instant(fetched),
        instant(older),
        successor,
        instant(ordered),
    )


def _there(value: datetime | str) -> datetime:
    found = instant(value)
    assert found is not None  # noqa: S101 - the column is NOT NULL
    return found
