"""Scenario of the message previews: rows of a scratch database.

They are an organisation, its people and roles, and certificates in all reported states. No row is of a real one.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from tempfile import TemporaryDirectory
from typing import Final

from sinetti.database import models
from sinetti.database.connection import Database, migrate, open_database
from sinetti.domain.access.invitations import INVITATION_LIVES
from sinetti.domain.access.pending_invitations import PENDING_LIVES, InvitationProposal
from sinetti.domain.access.roles import Role
from sinetti.domain.certificates.lifecycle import CertificateState, OrderState
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.notifications.messages import MessageKind
from sinetti.domain.organisations.applications import ApplicationDecision, ApplicationState
from sinetti.domain.values import RENEWAL_WINDOW, VALIDITY, Channel, IdentifierType, Language, normalise
from sinetti.i18n import application_decision

SINCE: Final = datetime(2025, 5, 1, 8, tzinfo=UTC)
SUNDAY_END: Final = datetime(2027, 5, 2, 11, 3, tzinfo=UTC)
"""Expiry of the glossary's certificate: a Sunday, the day after the First of May.

Daylight saving time begins before it.
"""
TUESDAY_END: Final = datetime(2027, 5, 4, 11, 3, tzinfo=UTC)
_RENEWED_AT: Final = datetime(2027, 4, 12, 6, 30, tzinfo=UTC)
_ORDERED_AT: Final = datetime(2027, 3, 2, 7, 40, tzinfo=UTC)
_CALLED_AT: Final = datetime(2027, 3, 16, 9, 30, tzinfo=UTC)
BRIDGE_UNTIL: Final = _CALLED_AT + timedelta(hours=72)
"""End of the bridge of the CA whose key was stolen."""
_MADE: Final = datetime(2027, 3, 3, 11, 3, tzinfo=UTC)
_APPLIED: Final = datetime(2027, 2, 15, 8, 12, tzinfo=UTC)
_UNTIL: Final = datetime(2029, 3, 3, 21, 59, 59, tzinfo=UTC)
_ENDS_SOON: Final = datetime(2027, 3, 16, 21, 59, 59, tzinfo=UTC)

_PEOPLE: Final = {
    "contact": ("Nimi Nimetty", "nimi@sinisiipi.example", "+358 40 000 0067"),
    "deputy": ("Sijainen Nimetty", "sijainen@sinisiipi.example", "+358 40 000 0068"),
    "signatory": ("Edustaja Nimetty", "edustaja@sinisiipi.example", ""),
    "contact_person": ("Yhteys Nimetty", "yhteys@sinisiipi.example", "+358 40 000 0069"),
    "before": ("Entinen Nimetty", "entinen@sinisiipi.example", ""),
    "without_phone": ("Numeroton Nimetty", "numeroton@sinisiipi.example", ""),
    "firm": ("Tilitoimiston Nimetty", "nimetty@tilitoimisto.example", "+358 40 000 0070"),
    "newcomer": ("Uusi Nimetty", "uusi@malli.example", ""),
}


def row_id(number: int) -> str:
    """Return the id of a row of the scenario."""
    return f"{number:032x}"


PEOPLE: Final = {role: row_id(number) for number, role in enumerate(_PEOPLE, start=1)}
"""Ids of people by their role.

`before` was the contact or deputy until now. `firm` is the firm's contact person.
"""
ORGANISATION_ID, FIRM_ID, _MALLI_ID = row_id(1), row_id(2), row_id(3)
CALL_ID, INCIDENT_ID, DRILL_ID = row_id(7), row_id(8), row_id(9)
OFFERED, OFFERED_TO_SIGN, JOINED, CHANGED = row_id(0x31), row_id(0x32), row_id(0x33), row_id(0x34)
FIRMS, WITHDRAWN, FIRMS_WITHDRAWN, NAMED = row_id(0x35), row_id(0x36), row_id(0x37), row_id(0x38)
ASKED_BY_FIRM, ASKED_BY_PERSON, GRANTED = row_id(0x41), row_id(0x42), row_id(0x43)
DECLINED, DECLINED_TO_FIRM = row_id(0x44), row_id(0x45)
ENDED, ENDS_IN_DAYS, ENDS_IN_WEEKS, PERSONS_END = row_id(0x51), row_id(0x52), row_id(0x53), row_id(0x54)
PENDING: Final = {
    state: row_id(0x61 + number)
    for number, state in enumerate(InvitationProposal)
    if state is not InvitationProposal.LAPSED
}
"""Ids of a clerk's proposals by state; the waiting one lapses by itself."""
APPLICATIONS: Final = {ApplicationState.APPROVED: row_id(0x51), ApplicationState.REFUSED: row_id(0x52)}
"""Ids of the applications, by decision."""
_CASES: Final = {ApplicationState.APPROVED: "SI-7K3M2-Q9PXW", ApplicationState.REFUSED: "SI-4D8HT-V6NRC"}
_EXPLANATIONS: Final = {
    "explanation_fi": "Ohjelmistokirjasto on tehnyt heikkoja avaimia.",
    "explanation_sv": "Ett programbibliotek har skapat svaga nycklar.",
    "explanation_en": "A software library has made weak keys.",
}
_REASONS: Final[Mapping[Language, str]] = {
    Language.FI: "Hakemuksesta ei käy ilmi, mitä tietoja organisaatio lähettäisi rajapinnan kautta.",
    Language.SV: "Av ansökan framgår inte vilka uppgifter organisationen skulle skicka via gränssnittet.",
    Language.EN: "The application does not show which data the organisation would send over the interface.",
}
_APPEAL: Final[Mapping[Language, str]] = {
    Language.FI: "muutosta haetaan kirjallisesti hallinto-oikeudelta kuukauden kuluessa tiedoksisaannista.",
    Language.SV: "ändring söks skriftligen hos förvaltningsdomstolen inom en månad från delfåendet.",
    Language.EN: "appeal in writing to the administrative court within a month of being notified.",
}


@dataclass(frozen=True)
class SampleLineage:
    """Ids of a lineage and its certificate, or its order; other ids are the order's."""

    lineage: str
    certificate: int | None = None
    order: str | None = None


_NUMBERS: Final = {
    "sunday": (0x11, 0x11), "tuesday": (0x12, 0x12), "unfetched": (0x13, 0x13), "still_used": (0x14, 0x14),
    "renewal": (0x14, 0x114), "fetched": (0x15, 0x15), "revoked": (0x16, 0x16), "firms": (0x19, 0x19),
    "replaced": (0x1B, 0x1B),
}  # fmt: skip
LINEAGES: Final[Mapping[str, SampleLineage]] = {
    **{name: SampleLineage(row_id(lineage), 1000 + number) for name, (lineage, number) in _NUMBERS.items()},
    **{
        name: SampleLineage(row_id(number), None, row_id(number))
        for name, number in (("ordered", 23), ("nameless", 24))
    },
}
"""Lineages by name. The contact of `firms` is a person of the firm."""


@contextmanager
def open_scenario(language: Language, service: str) -> Iterator[Database]:
    """Yield a scratch database with the scenario, and remove it."""
    with TemporaryDirectory(prefix="sinetti-previews-") as folder:
        db = open_database(f"sqlite:///{folder}/scenario.sqlite3", "previews")
        migrate(db)
        fill_scenario(db, language, service)
        try:
            yield db
        finally:
            db.close()


def fill_scenario(db: Database, language: Language, service: str) -> None:
    """Fill an empty database; all people read `language` and have had no message.

    `service` is the name of the authority that decides on applications.
    """
    for role, (name, email, phone) in _PEOPLE.items():
        db.rows(models.Person).create(person_id=PEOPLE[role], name=name, email=email, phone=phone, language=language)
    issuing = db.rows(models.CertificateAuthority).create(
        name="issuing", common_name="Issuing", role="issuing", certificate=b"", sha256="0" * 64, key_id="0" * 64,
        state="issuing", signs_from=SINCE, signs_until=SINCE + timedelta(days=7300),
    )  # fmt: skip
    kind = db.rows(models.CertificateType).create(
        type_id="data-provider-ws", purpose="data-provider", channel=Channel.WS, authority=issuing
    )
    contacts = {ORGANISATION_ID: PEOPLE["contact_person"], FIRM_ID: PEOPLE["firm"]}
    for organisation_id, customer_id, name in (
        (ORGANISATION_ID, "0123456-7", "Sinisiipi Oy"),
        (FIRM_ID, "0123457-5", "Tilitoimisto Oy"),
        (_MALLI_ID, "1234567-1", "Malli Oy"),
        (row_id(4), "1618033-3", "Kahvila Korhonen Oy"),
        (row_id(5), "1414213-0", "Ström Bygg Ab"),
        (row_id(6), "1732050-2", "Kukka Virtanen"),
    ):
        db.rows(models.Organisation).create(
            organisation_id=organisation_id, customer_id=customer_id, normalised_id=normalise(customer_id), name=name,
            kind=IdentifierType.ARTIFICIAL, language=language, created=SINCE, contact_id=contacts.get(organisation_id),
        )  # fmt: skip
    db.rows(models.ApprovedChannel).create(organisation_id=ORGANISATION_ID, type=kind, approved_at=SINCE)
    _fill_certificates(db)
    _fill_calls(db)
    _fill_roles(db, language)
    for state, application_id in APPLICATIONS.items():
        case = application_decision.DecisionContext(
            _CASES[state], "Malli Oy", "1234567-1", {Channel.WS}, _APPLIED, language
        )
        verdict = ApplicationDecision(state)
        if state is ApplicationState.REFUSED:
            verdict = ApplicationDecision(state, _REASONS[language], _APPEAL[language])
        db.rows(models.AccessApplication).create(
            application_id=application_id, case_number=case.number, organisation_id=_MALLI_ID, channels=[Channel.WS],
            language=language, state=state, created=_APPLIED, decided_at=_MADE,
            decision=application_decision.decision(case, verdict, service, _MADE),
        )  # fmt: skip


def insert_lineage(
    db: Database, number: int, description: str, contact: str = "contact", serves: int | None = None
) -> str:
    """Insert a lineage and return its id."""
    return db.rows(models.Lineage).create(
        lineage_id=row_id(number), organisation_id=ORGANISATION_ID, type_id="data-provider-ws",
        subject_serial=f"{number:032X}", description=description, contact_id=PEOPLE[contact],
        deputy_id=PEOPLE["deputy"], created=SINCE, serves=serves,
    ).pk  # fmt: skip


def insert_certificate(db: Database, lineage: str, number: int, ends: datetime, **more: object) -> None:
    """Insert a certificate, by default one retrieved shortly after its issue."""
    begins = ends - VALIDITY
    key = db.rows(models.UsedKey).create(key_id=f"{number:064x}", first_seen=begins)
    values = {
        "state": CertificateState.RETRIEVED,
        "first_fetched_at": begins + timedelta(minutes=9),
        "origin": "order",
        **more,
    }
    db.rows(models.Certificate).create(
        pk=1000 + number, serial=f"4f{number:036x}", authority_id="issuing", lineage_id=lineage, key=key,
        sha256=f"{number:064x}", retrieval_id=row_id(number), not_before=begins, not_after=ends,
        renewable_from=ends - RENEWAL_WINDOW, reserved_at=begins, **values,
    )  # fmt: skip


def _fill_certificates(db: Database) -> None:
    revoked = {"revoked_at": datetime(2027, 3, 16, 12, 5, tzinfo=UTC)}
    for number, description, ends, contact, serves, more in (
        (0x11, "Palkanlaskenta", SUNDAY_END, "contact", None, {}),
        (0x12, "Palkanlaskenta, etelä", TUESDAY_END, "contact", 300, {}),
        (0x13, "Tulorekisteri, raportointi", SUNDAY_END, "contact", None, {}),
        (0x14, "Palkat Tampere", SUNDAY_END, "contact", None, {}),
        (0x15, "Etuudet", datetime(2029, 3, 15, 9, 20, tzinfo=UTC), "contact", None, {}),
        (
            0x16,
            "Vanha järjestelmä",
            SUNDAY_END,
            "contact",
            1,
            {**revoked, "revocation_reason": RevocationReason.KEY_COMPROMISE},
        ),
        (0x19, "Palkanlaskenta, länsi", TUESDAY_END, "firm", 40, {}),
        (0x1A, "Etuudet, itä", TUESDAY_END, "contact", None, {"origin": "renewal"}),
        (0x1B, "Palkat Turku", SUNDAY_END, "contact", None, {}),
    ):
        insert_certificate(db, insert_lineage(db, number, description, contact, serves), number, ends, **more)
    renewal = {"origin": "renewal", "first_fetched_at": None, "state": CertificateState.ISSUED}
    insert_certificate(db, row_id(0x13), 0x113, _RENEWED_AT + VALIDITY, **renewal, predecessor_id=1000 + 0x13)
    fetched = {"first_fetched_at": _RENEWED_AT + timedelta(minutes=2), "origin": "renewal"}
    insert_certificate(db, row_id(0x14), 0x114, _RENEWED_AT + VALIDITY, **fetched, predecessor_id=1000 + 0x14)
    db.rows(models.Order).create(
        order_id=row_id(0x1B), lineage_id=row_id(0x1B), contact_id=PEOPLE["contact"], replaces_id=1000 + 0x1B,
        state=OrderState.OPEN, created=datetime(2027, 4, 14, 9, 15, tzinfo=UTC),
    )  # fmt: skip
    for number, contact in ((0x17, "contact"), (0x18, "without_phone")):
        lineage = insert_lineage(db, number, "Poissaolotiedot", contact)
        order = db.rows(models.Order).create(
            order_id=row_id(number), lineage_id=lineage, contact_id=PEOPLE[contact], state=OrderState.OPEN,
            created=_ORDERED_AT,
        )  # fmt: skip
        secure = db.rows(models.SecureMessage).create(
            secure_id=row_id(number), order=order, recipient_id=PEOPLE[contact], token_sha256=f"{number:064x}",
            created=_ORDERED_AT, expires=_ORDERED_AT + timedelta(days=14),
        )  # fmt: skip
        db.rows(models.Pin).create(
            pin_id=row_id(number), message=secure, created=_ORDERED_AT, expires=_ORDERED_AT + timedelta(minutes=15)
        )


def _fill_calls(db: Database) -> None:
    for call_id, kind, numbers, explanations in (
        (CALL_ID, MessageKind.EARLY, (0x11, 0x12), _EXPLANATIONS),
        (INCIDENT_ID, MessageKind.INCIDENT, (0x1B, 0x15), {}),
    ):
        call = db.rows(models.EarlyReplacement).create(
            call_id=call_id, officer="a17", reason="incident 7", serials=[], count=2, created=_CALLED_AT,
            ends=_CALLED_AT + timedelta(days=2), done_at=_CALLED_AT, kind=kind, **explanations,
        )  # fmt: skip
        for number in numbers:
            db.rows(models.EarlyReplacementItem).create(certificate_id=1000 + number, call=call)
    drill = db.rows(models.Drill).create(
        drill_id=DRILL_ID, officer="a17", reason="drill", audience="holders", reach={}, created=_CALLED_AT
    )
    for number in (0x11, 0x12):
        db.rows(models.DrillItem).create(certificate_id=1000 + number, drill=drill)


def _fill_roles(db: Database, language: Language) -> None:
    person: dict[str, object] = {"person_id": PEOPLE["newcomer"]}
    firm: dict[str, object] = {"agent_id": FIRM_ID}
    for mandate_id, organisation_id, role, terms in (
        (row_id(1), ORGANISATION_ID, Role.SIGNATORY, {"person_id": PEOPLE["signatory"], "valid_from": SINCE}),
        (row_id(2), ORGANISATION_ID, Role.MANAGER, {**firm, "valid_from": SINCE}),
        (OFFERED, _MALLI_ID, Role.MANAGER, {**person, "waiting": True, "valid_until": _UNTIL}),
        (OFFERED_TO_SIGN, _MALLI_ID, Role.SIGNATORY, {**person, "waiting": True}),
        (JOINED, _MALLI_ID, Role.SIGNATORY, person),
        (NAMED, _MALLI_ID, Role.SIGNATORY, {**person, "valid_from": _MADE + timedelta(days=1)}),
        (CHANGED, _MALLI_ID, Role.VIEWER, person),
        (FIRMS, _MALLI_ID, Role.MANAGER, {**firm, "valid_until": _UNTIL}),
        (WITHDRAWN, _MALLI_ID, Role.MANAGER, {**person, "withdrawn_at": _MADE}),
        (FIRMS_WITHDRAWN, _MALLI_ID, Role.MANAGER, {**firm, "withdrawn_at": _MADE}),
        (ENDED, row_id(4), Role.MANAGER, {**firm, "valid_until": datetime(2027, 3, 2, 21, 59, 59, tzinfo=UTC)}),
        (ENDS_IN_DAYS, row_id(5), Role.MANAGER, {**firm, "valid_until": _ENDS_SOON}),
        (ENDS_IN_WEEKS, row_id(6), Role.VIEWER, {**firm, "valid_until": datetime(2027, 4, 30, 20, 59, 59, tzinfo=UTC)}),
        (PERSONS_END, row_id(4), Role.MANAGER, {**person, "valid_until": _ENDS_SOON}),
    ):
        begins = _MADE if organisation_id == _MALLI_ID else SINCE
        values = {"valid_from": begins, **terms}
        db.rows(models.RoleAssignment).create(
            mandate_id=mandate_id, organisation_id=organisation_id, role=role, **values
        )
    for mandate_id in (OFFERED, OFFERED_TO_SIGN):
        db.rows(models.Invitation).create(
            invitation_id=mandate_id, mandate_id=mandate_id, token_sha256=mandate_id * 2, vouched=True, created=_MADE,
            expires=_MADE + INVITATION_LIVES,
        )  # fmt: skip
    name, email, _ = _PEOPLE["newcomer"]
    user = db.rows(models.User).create(email=email, name=name, language=language, created=_MADE - timedelta(days=1))
    answered: dict[str, object] = {"answered_at": _MADE}
    for request_id, role, terms in (
        (ASKED_BY_FIRM, Role.MANAGER, {**firm, "until": _UNTIL}),
        (ASKED_BY_PERSON, Role.VIEWER, {}),
        (GRANTED, Role.VIEWER, {**answered, "mandate_id": CHANGED}),
        (DECLINED, Role.MANAGER, answered),
        (DECLINED_TO_FIRM, Role.MANAGER, {**answered, **firm, "until": _UNTIL}),
    ):
        db.rows(models.RoleRequest).create(
            request_id=request_id, customer_id="1234567-1", normalised_id=normalise("1234567-1"), user=user, role=role,
            created=_MADE, **terms,
        )  # fmt: skip
    for state, pending_id in PENDING.items():
        db.rows(models.PendingInvitation).create(
            pending_id=pending_id, organisation_id=_MALLI_ID, person_id=PEOPLE["newcomer"], state=state, created=_MADE,
            expires=_MADE + PENDING_LIVES,
        )  # fmt: skip
