"""Rows of the previews' sample data.

They are an organisation, its people, and certificates in all reported states.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from django.db.models import QuerySet

from sinetti.database import models
from sinetti.database.connection import Database
from sinetti.database.models import (
    CaDistrust,
    Drill,
    DrillItem,
    EarlyReplacement,
    EarlyReplacementItem,
    OutboxMessage,
    Pin,
    SecureMessage,
)
from sinetti.database.notifications import outbox
from sinetti.database.notifications.outbox import NewMessage
from sinetti.domain.access.roles import Role
from sinetti.domain.certificates.lifecycle import CertificateState, OrderState
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.notifications.messages import MessageKind, QueuedMessage
from sinetti.domain.secret_keys import fixed_keys
from sinetti.domain.values import RENEWAL_WINDOW, VALIDITY, Channel, Environment, IdentifierType, Language
from sinetti.notifications.context import NotificationContext, NotificationSettings, RenderedMessage
from sinetti.notifications.previews import decisions, samples
from sinetti.notifications.previews.certificates import (
    BRIDGE_UNTIL,
    CALL_ID,
    CALLED_AT,
    CALLS,
    DRILL_ID,
    INCIDENT_ID,
    SUNDAY_END,
    TUESDAY_END,
)
from sinetti.notifications.previews.certificates import FIRM_ID as _FIRM
from sinetti.notifications.previews.certificates import ORGANISATION_ID as _SINISIIPI
from sinetti.notifications.previews.reminders import SampleMessage
from sinetti.notifications.previews.samples import KEY, TERMS
from sinetti.notifications.templates.renderer import Skip, render
from tests.support import role_rows

WRITTEN_BEFORE = datetime(2025, 5, 2, 11, 3, tzinfo=UTC)
SINCE = datetime(2025, 5, 1, 8, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class SamplePeople:
    """Ids of the sample people, by their role."""

    contact: str
    deputy: str
    signatory: str
    contact_person: str
    before: str
    without_phone: str
    firm: str
    newcomer: str


@dataclass(frozen=True, slots=True)
class SampleLineage:
    """A lineage and its certificate, with order, secure message and PIN code if any."""

    lineage: str
    certificate: int | None = None
    order: str | None = None
    secure: str | None = None
    pin: str | None = None


@dataclass(frozen=True, slots=True)
class SampleData:
    """All rows of the samples."""

    db: Database
    people: SamplePeople
    sunday: SampleLineage
    tuesday: SampleLineage
    unfetched: SampleLineage
    still_used: SampleLineage
    renewal: SampleLineage
    fetched: SampleLineage
    revoked: SampleLineage
    ordered: SampleLineage
    nameless: SampleLineage
    firms: SampleLineage
    replaced: SampleLineage


@dataclass(frozen=True, slots=True)
class Maker:
    """Factory of rows for one organisation, with sequential ids for stable samples."""

    db: Database
    organisation: models.Organisation
    people: SamplePeople

    def lineage(self, number: int, description: str, contact: str, serves: int | None = None) -> models.Lineage:
        """Insert a lineage with a sequential id."""
        return models.Lineage.objects.using(self.db.alias).create(
            lineage_id=f"{number:032x}",
            organisation=self.organisation,
            type=models.CertificateType.objects.using(self.db.alias).get(channel=Channel.WS),
            subject_serial=f"{number:032X}",
            description=description,
            contact_id=contact,
            deputy_id=self.people.deputy,
            created=SINCE,
            serves=serves,
        )

    def certificate(self, lineage: models.Lineage, number: int, ends: datetime, **more: object) -> models.Certificate:
        """Insert a certificate, by default one retrieved shortly after its issue."""
        begins = ends - VALIDITY
        values = {"state": CertificateState.RETRIEVED, "first_fetched_at": begins + timedelta(minutes=9), **more}
        values.setdefault("origin", "order")
        key = models.UsedKey.objects.using(self.db.alias).create(key_id=f"{number:064x}", first_seen=begins)
        return models.Certificate.objects.using(self.db.alias).create(
            serial=f"4f{number:036x}",
            authority_id="issuing",
            lineage=lineage,
            key=key,
            sha256=f"{number:064x}",
            retrieval_id=f"{number:032x}",
            not_before=begins,
            not_after=ends,
            renewable_from=ends - RENEWAL_WINDOW,
            reserved_at=begins,
            **values,
        )

    def simple(
        self, number: int, description: str, ends: datetime, serves: int | None = None, **more: object
    ) -> SampleLineage:
        """Insert a lineage with one certificate."""
        lineage = self.lineage(number, description, self.people.contact, serves)
        return SampleLineage(lineage.lineage_id, self.certificate(lineage, number, ends, **more).pk)

    def renewed(
        self, number: int, description: str, made: datetime, fetched: datetime | None
    ) -> tuple[SampleLineage, SampleLineage]:
        """Insert a certificate that expires on the Sunday, and its renewal."""
        lineage = self.lineage(number, description, self.people.contact)
        old = self.certificate(lineage, number, SUNDAY_END)
        state = CertificateState.ISSUED if fetched is None else CertificateState.RETRIEVED
        new = self.certificate(
            lineage,
            number + 0x100,
            made + VALIDITY,
            origin="renewal",
            predecessor=old,
            state=state,
            first_fetched_at=fetched,
        )
        return SampleLineage(lineage.lineage_id, old.pk), SampleLineage(lineage.lineage_id, new.pk)

    def ordered(self, number: int, contact: str, at: datetime) -> SampleLineage:
        """Insert an order whose contact is to get transfer ids."""
        lineage = self.lineage(number, "Poissaolotiedot", contact)
        order = models.Order.objects.using(self.db.alias).create(
            order_id=f"{number:032x}", lineage=lineage, contact_id=contact, state=OrderState.OPEN, created=at
        )
        secure = SecureMessage.objects.using(self.db.alias).create(
            secure_id=f"{number:032x}",
            order=order,
            recipient_id=contact,
            token_sha256=f"{number:064x}",
            created=at,
            expires=at + timedelta(days=14),
        )
        pin = Pin.objects.using(self.db.alias).create(
            pin_id=f"{number:032x}", message=secure, created=at, expires=at + timedelta(minutes=15)
        )
        return SampleLineage(lineage.lineage_id, None, order.order_id, secure.secure_id, pin.pin_id)


def maker_of(stage: SampleData) -> Maker:
    """Return a factory of further rows for existing sample data."""
    organisation = models.Organisation.objects.using(stage.db.alias).get(customer_id="0123456-7")
    return Maker(stage.db, organisation, stage.people)


def staged(db: Database, language: Language, written: datetime | None = WRITTEN_BEFORE) -> SampleData:
    """Fill an empty database with people who read this language.

    `written` is the time of the first message to them, or None.
    """
    maker = _maker(db, language, written)
    made = datetime(2027, 4, 12, 6, 30, tzinfo=UTC)
    firms = _looked_after(maker)
    role_rows.add(db, language, maker.people.newcomer, _FIRM)
    unfetched, _ = maker.renewed(0x13, "Tulorekisteri, raportointi", made, None)
    still_used, renewal = maker.renewed(0x14, "Palkat Tampere", made, made + timedelta(minutes=2))
    sunday = maker.simple(0x11, "Palkanlaskenta", SUNDAY_END)
    tuesday = maker.simple(0x12, "Palkanlaskenta, etelä", TUESDAY_END, serves=300)
    fetched = maker.simple(0x15, "Etuudet", datetime(2029, 3, 15, 9, 20, tzinfo=UTC))
    replaced = _replaced(maker)
    _called_early(db, CALL_ID, sunday, tuesday)
    _called_early(db, INCIDENT_ID, replaced, fetched)
    _drilled(db, sunday, tuesday)
    return SampleData(
        db=db,
        people=maker.people,
        sunday=sunday,
        tuesday=tuesday,
        unfetched=unfetched,
        still_used=still_used,
        renewal=renewal,
        fetched=fetched,
        revoked=maker.simple(
            0x16,
            "Vanha järjestelmä",
            SUNDAY_END,
            serves=1,
            revoked_at=datetime(2027, 3, 16, 12, 5, tzinfo=UTC),
            revocation_reason=RevocationReason.KEY_COMPROMISE,
        ),
        ordered=maker.ordered(0x17, maker.people.contact, datetime(2027, 3, 2, 7, 40, tzinfo=UTC)),
        firms=firms,
        replaced=replaced,
        nameless=maker.ordered(0x18, maker.people.without_phone, datetime(2027, 3, 2, 7, 40, tzinfo=UTC)),
    )


def _called_early(db: Database, call_id: str, *samples: SampleLineage) -> None:
    """Insert an early replacement of these certificates."""
    details = CALLS[call_id]
    call = EarlyReplacement.objects.using(db.alias).create(
        call_id=call_id,
        officer="a17",
        reason="incident 7",
        explanation_fi=details.explanation[Language.FI],
        explanation_sv=details.explanation[Language.SV],
        explanation_en=details.explanation[Language.EN],
        serials=[],
        count=len(samples),
        created=CALLED_AT,
        ends=details.ends,
        done_at=CALLED_AT,
        kind=MessageKind.INCIDENT if call_id == INCIDENT_ID else MessageKind.EARLY,
    )
    for one in _certificates(db, samples):
        EarlyReplacementItem.objects.using(db.alias).create(certificate=one, call=call)
        if call_id == INCIDENT_ID:
            CaDistrust.objects.using(db.alias).get_or_create(
                authority=one.authority,
                defaults={"since": CALLED_AT, "declared_at": CALLED_AT, "bridge_until": BRIDGE_UNTIL},
            )


def _drilled(db: Database, *samples: SampleLineage) -> None:
    """Insert a drill with these certificates."""
    drill = Drill.objects.using(db.alias).create(
        drill_id=DRILL_ID, officer="a17", reason="drill", audience="holders", reach={}, created=CALLED_AT
    )
    for one in _certificates(db, samples):
        DrillItem.objects.using(db.alias).create(certificate=one, drill=drill)


def _certificates(db: Database, samples: Collection[SampleLineage]) -> "QuerySet[models.Certificate]":
    return models.Certificate.objects.using(db.alias).filter(pk__in=[each.certificate for each in samples])


def _replaced(maker: Maker) -> SampleLineage:
    """Insert a certificate with an open replacement order."""
    old = maker.simple(0x1B, "Palkat Turku", SUNDAY_END)
    models.Order.objects.using(maker.db.alias).create(
        order_id=f"{0x1B:032x}",
        lineage_id=old.lineage,
        contact_id=maker.people.contact,
        replaces_id=old.certificate,
        state=OrderState.OPEN,
        created=datetime(2027, 4, 14, 9, 15, tzinfo=UTC),
    )
    return old


def _looked_after(maker: Maker) -> SampleLineage:
    """Insert a service provider, and a certificate whose contact is one of its people."""
    alias = maker.db.alias
    firm = models.Organisation.objects.using(alias).create(
        organisation_id=_FIRM,
        customer_id="0123457-5",
        normalised_id="0123457-5",
        kind=IdentifierType.ARTIFICIAL,
        name="Tilitoimisto Oy",
        language=maker.organisation.language,
        created=SINCE,
        contact_id=maker.people.firm,
    )
    models.RoleAssignment.objects.using(alias).create(
        mandate_id="0" * 31 + "2",
        organisation=maker.organisation,
        agent=firm,
        role=Role.MANAGER,
        valid_from=SINCE,
    )
    kind = models.CertificateType.objects.using(alias).get(channel=Channel.WS)
    models.ApprovedChannel.objects.using(alias).create(organisation=maker.organisation, type=kind, approved_at=SINCE)
    own = maker.lineage(0x19, "Palkanlaskenta, länsi", maker.people.firm, serves=40)
    maker.certificate(maker.lineage(0x1A, "Etuudet, itä", maker.people.contact), 0x1A, TUESDAY_END, origin="renewal")
    return SampleLineage(own.lineage_id, maker.certificate(own, 0x19, TUESDAY_END).pk)


def _maker(db: Database, language: Language, written: datetime | None) -> Maker:
    people = SamplePeople(*(f"{number:032x}" for number in range(1, 9)))
    named = {
        people.contact: ("Nimi Nimetty", "nimi@sinisiipi.example", "+358 40 000 0067"),
        people.deputy: ("Sijainen Nimetty", "sijainen@sinisiipi.example", "+358 40 000 0068"),
        people.signatory: ("Edustaja Nimetty", "edustaja@sinisiipi.example", ""),
        people.contact_person: ("Yhteys Nimetty", "yhteys@sinisiipi.example", "+358 40 000 0069"),
        people.before: ("Entinen Nimetty", "entinen@sinisiipi.example", ""),
        people.firm: ("Tilitoimiston Nimetty", "nimetty@tilitoimisto.example", "+358 40 000 0070"),
        people.newcomer: ("Uusi Nimetty", "uusi@malli.example", ""),
        people.without_phone: ("Numeroton Nimetty", "numeroton@sinisiipi.example", ""),
    }
    for person_id, (name, email, phone) in named.items():
        models.Person.objects.using(db.alias).create(
            person_id=person_id,
            name=name,
            email=email,
            phone=phone,
            language=language,
            first_written_at=written,
        )
    organisation = _organisation(db, language, people)
    return Maker(db, organisation, people)


def _organisation(db: Database, language: Language, people: SamplePeople) -> models.Organisation:
    authority = models.CertificateAuthority.objects.using(db.alias).create(
        name="issuing",
        common_name="Issuing",
        role="issuing",
        certificate=b"",
        sha256="0" * 64,
        key_id="0" * 64,
        state="issuing",
        signs_from=SINCE,
        signs_until=SINCE + timedelta(days=7300),
    )
    models.CertificateType.objects.using(db.alias).create(
        type_id="data-provider-ws", purpose="data-provider", channel=Channel.WS, authority=authority
    )
    organisation = models.Organisation.objects.using(db.alias).create(
        organisation_id=_SINISIIPI,
        customer_id="0123456-7",
        normalised_id="0123456-7",
        kind=IdentifierType.ARTIFICIAL,
        name="Sinisiipi Oy",
        language=language,
        created=SINCE,
        contact_id=people.contact_person,
    )
    models.RoleAssignment.objects.using(db.alias).create(
        mandate_id="0" * 31 + "1",
        organisation=organisation,
        person_id=people.signatory,
        role=Role.SIGNATORY,
        valid_from=SINCE,
    )
    return organisation


def answered(case: SampleMessage, stage: SampleData, language: Language = Language.EN) -> RenderedMessage | Skip:
    """Render one sample from the rows, or return why it is skipped."""
    return render(owed(case, stage, language), room(case, stage))


def room(case: SampleMessage, stage: SampleData, terms: NotificationSettings = TERMS) -> NotificationContext:
    """Return the context in which a sample is rendered."""
    return NotificationContext(
        db=stage.db,
        environment=Environment.PRODUCTION if case.production else Environment.TEST,
        now=lambda: case.now,
        machine_now=lambda: case.now,
        terms=terms,
        deliverers={},
        keys=fixed_keys(KEY),
    )


def owed(case: SampleMessage, stage: SampleData, language: Language = Language.EN) -> QueuedMessage:
    """Queue the message for all its recipients, and return the row to render."""
    message = replace(samples.queued(case, language), certificate=None)
    if case.about and case.kind is not MessageKind.CONTACT_CHANGED:
        message = replace(message, certificate=getattr(stage, case.about).certificate)
    for state, application_id in decisions.APPLICATIONS.items():
        if application_id in case.facts.values():
            found = decisions.find_application(application_id, language, TERMS.service)
            role_rows.decide(stage.db, application_id, state, language, found.decision)
    OutboxMessage.objects.using(stage.db.alias).all().delete()
    to = [message.recipient, *(getattr(stage.people, one) for one in case.others)]
    outbox.enqueue(stage.db, [_new(case, message, person) for person in dict.fromkeys(to)], case.now)
    return message


def _new(case: SampleMessage, message: QueuedMessage, person: str | None) -> NewMessage:
    return NewMessage(
        kind=case.kind,
        channel=case.channel,
        about=case.title,
        step=case.step,
        due=case.now,
        recipient=person,
        address=message.address,
        lineage=message.lineage,
        certificate=message.certificate,
        order=message.order,
        facts=message.facts,
    )
