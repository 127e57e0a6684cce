"""Sample messages of each kind in each of its variants, and their rendering.

The data are rows of one scenario in a scratch database, read as those of real messages are.
"""

from dataclasses import replace

from sinetti.database.connection import Database
from sinetti.database.notifications import delivery, outbox, outbox_queries
from sinetti.database.notifications.outbox import NewMessage
from sinetti.database.notifications.scenario import (
    BRIDGE_UNTIL,
    CALL_ID,
    DRILL_ID,
    FIRM_ID,
    INCIDENT_ID,
    LINEAGES,
    PEOPLE,
    open_scenario,
)
from sinetti.database.organisations.secure_messages import CANCELLED_STEP
from sinetti.domain.notifications.messages import MessageChannel, MessageKind, QueuedMessage
from sinetti.domain.secret_keys import fixed_keys
from sinetti.domain.values import Environment, Language
from sinetti.notifications.context import NotificationContext, NotificationSettings, RenderedMessage
from sinetti.notifications.previews.access import ACCOUNTS, AUTHORISATIONS, DECISIONS, PENDING
from sinetti.notifications.previews.reminders import REMINDERS, SampleMessage, at
from sinetti.notifications.templates.renderer import Skip, render

__all__ = ["SampleMessage"]

KEY = b"s" * 32
"""Key of the links in samples, used for samples only."""

TERMS = NotificationSettings(
    people_address="https://varmenteet.pki.example",
    service="Sinetti",
    help={
        Language.FI: "puhelin 00 000 0000 (kaikkina aikoina) tai tuki@pki.example",
        Language.SV: "telefon 00 000 0000 (dygnet runt) eller tuki@pki.example",
        Language.EN: "phone 00 000 0000 (at any hour) or tuki@pki.example",
    },
    operators=("paivystys@pki.example",),
)


_STOLEN = {"call": INCIDENT_ID, "stolen": {"issuing": BRIDGE_UNTIL.isoformat()}}
_ACCOUNT = "nimi.nimetty@sinisiipi.example"
_K, _SMS = MessageKind, MessageChannel.SMS
_WIDER = ("contact", "deputy", "signatory", "contact_person")
_A_WEEK = at(2027, 4, 23, 5)
_TWO_WEEKS = at(2027, 4, 16, 11, 3)
_ENDED = at(2027, 5, 3, 5)


OTHERS = (
    SampleMessage(
        _K.TRANSFER_IDS,
        "to a technical contact person with a phone",
        at(2027, 3, 2, 7, 41),
        "ordered",
        facts={"secure": "secure"},
    ),
    SampleMessage(
        _K.TRANSFER_IDS,
        "without a phone, the first message to this person",
        at(2027, 3, 2, 7, 41),
        "nameless",
        "without_phone",
        facts={"secure": "secure"},
        first=True,
    ),
    SampleMessage(_K.TRANSFER_IDS, "the order was cancelled", at(2027, 3, 5, 12, 4), "ordered", step=CANCELLED_STEP),
    SampleMessage(_K.PIN, "as a text message", at(2027, 3, 2, 7, 45), "ordered", channel=_SMS, facts={"pin": "pin"}),
    SampleMessage(
        _K.TAKE_INTO_USE, "to the technical contact person", _TWO_WEEKS, "still_used", others=_WIDER, step="14"
    ),
    SampleMessage(_K.TAKE_INTO_USE, "to a representative", _TWO_WEEKS, "still_used", "signatory", _WIDER, step="14"),
    SampleMessage(_K.TAKE_INTO_USE, "the old one has ended", _ENDED, "still_used", others=_WIDER, step="0"),
    SampleMessage(
        _K.TAKE_INTO_USE, "the old one has ended, to a representative", _ENDED, "still_used", "signatory", step="0"
    ),
    SampleMessage(
        _K.TAKE_INTO_USE, "the old one has ended, as a text message", _ENDED, "still_used", channel=_SMS, step="0"
    ),
    SampleMessage(_K.TAKE_INTO_USE, "as a text message", _A_WEEK, "still_used", channel=_SMS, step="7"),
    SampleMessage(
        _K.DIGEST,
        "on a Monday, to a firm's contact person",
        at(2027, 4, 19, 5),
        None,
        "firm",
        step="2027-04-19",
        facts={"agent": FIRM_ID},
    ),
    SampleMessage(_K.FETCHED, "the first certificate of an order", at(2027, 3, 16, 9, 29), "fetched"),
    SampleMessage(_K.FETCHED, "a renewal", at(2027, 4, 12, 6, 32), "renewal", others=("deputy",)),
    SampleMessage(
        _K.RENEWED,
        "to the technical contact person",
        at(2027, 4, 12, 6, 31),
        "renewal",
        others=("contact", "signatory"),
    ),
    SampleMessage(
        _K.RENEWED, "to a representative", at(2027, 4, 12, 6, 31), "renewal", "signatory", ("contact", "signatory")
    ),
    SampleMessage(
        _K.REFUSED,
        "requests for renewal",
        at(2027, 3, 16, 10),
        "sunday",
        others=("deputy",),
        facts={"reason": "PKI012", "reason_name": "key-reused", "operation": "renew"},
    ),
    SampleMessage(
        _K.REFUSED,
        "other requests",
        at(2027, 3, 16, 10),
        "sunday",
        facts={"reason": "PKI036", "reason_name": "not-entitled", "operation": "enrol"},
    ),
    SampleMessage(
        _K.REVOKED, "to the technical contact person", at(2027, 3, 16, 12, 6), "revoked", others=("signatory",)
    ),
    SampleMessage(_K.REVOKED, "to a representative", at(2027, 3, 16, 12, 6), "revoked", "signatory", ("contact",)),
    SampleMessage(
        _K.BOUNCED,
        "to a representative",
        at(2027, 3, 3, 12),
        "sunday",
        "signatory",
        ("contact_person",),
        facts={"person": "contact", "since": "2027-03-03"},
    ),
    SampleMessage(
        _K.BOUNCED,
        "to a representative, of an address that many certificates name",
        at(2027, 3, 3, 12),
        None,
        "signatory",
        facts={"person": "contact", "since": "2027-03-03"},
    ),
    SampleMessage(
        _K.CONTACT_GONE,
        "to a representative",
        at(2027, 3, 8, 12),
        "sunday",
        "signatory",
        facts={"person": "contact", "message": "0" * 32},
    ),
    SampleMessage(
        _K.CONTACT_CHANGED,
        "to the new one",
        at(2027, 3, 9, 12),
        "sunday",
        "contact",
        ("before",),
        facts={"old": "before", "new": "contact"},
        first=True,
    ),
    SampleMessage(
        _K.CONTACT_CHANGED,
        "to the new one, before the certificate is retrieved",
        at(2027, 3, 9, 12),
        "ordered",
        "contact",
        ("before",),
        facts={"old": "before", "new": "contact"},
    ),
    SampleMessage(
        _K.CONTACT_CHANGED,
        "to a new deputy",
        at(2027, 2, 9, 12),
        "sunday",
        "deputy",
        ("before",),
        facts={"old": "before", "new": "deputy"},
    ),
    SampleMessage(
        _K.CONTACT_CHANGED,
        "to the one before",
        at(2027, 3, 9, 12),
        "sunday",
        "before",
        ("contact",),
        facts={"old": "before", "new": "contact"},
    ),
    SampleMessage(
        _K.CONTACT_CHANGED,
        "to a deputy who was removed",
        at(2027, 2, 9, 12),
        "sunday",
        "before",
        facts={"old": "before", "place": "deputy"},
    ),
    SampleMessage(
        _K.CONTACT_CHANGED,
        "of many certificates at once, to the new one",
        at(2027, 3, 9, 12),
        "sunday",
        "contact",
        ("before",),
        facts={"old": "before", "new": "contact", "place": "contact", "holdings": ["sunday", "ordered"]},
    ),
    SampleMessage(
        _K.CONTACT_CHANGED,
        "of many certificates at once, to the one before",
        at(2027, 3, 9, 12),
        "sunday",
        "before",
        ("contact",),
        facts={"old": "before", "new": "contact", "place": "contact", "holdings": ["sunday", "ordered"]},
    ),
    SampleMessage(
        _K.EARLY, "to each person whom it concerns", at(2027, 3, 16, 9, 31), None, "contact", facts={"call": CALL_ID}
    ),
    SampleMessage(
        _K.EARLY,
        "to whom e-mail does not reach, as a text message",
        at(2027, 3, 16, 9, 31),
        None,
        "contact",
        channel=_SMS,
        facts={"call": CALL_ID},
    ),
    SampleMessage(
        _K.EARLY,
        "repeated on the next day",
        at(2027, 3, 17, 6),
        None,
        "contact",
        facts={"call": CALL_ID, "repeated": "1"},
    ),
    SampleMessage(
        _K.INCIDENT,
        "to each person whom it concerns",
        at(2027, 3, 16, 9, 31),
        None,
        "contact",
        facts=_STOLEN,
    ),
    SampleMessage(
        _K.INCIDENT,
        "as a text message",
        at(2027, 3, 16, 9, 31),
        None,
        "contact",
        channel=_SMS,
        facts=_STOLEN,
    ),
    SampleMessage(
        _K.DRILL, "to each person whom it concerns", at(2027, 3, 16, 9, 31), None, "contact", facts={"drill": DRILL_ID}
    ),
    SampleMessage(
        _K.DRILL, "as a text message", at(2027, 3, 16, 9, 31), None, "contact", channel=_SMS, facts={"drill": DRILL_ID}
    ),
    SampleMessage(_K.DRILL, "to an operator", at(2027, 3, 16, 9, 31), None, None, facts={"drill": DRILL_ID}),
    SampleMessage(
        _K.OPERATOR,
        "a finding",
        at(2027, 3, 9, 12),
        None,
        None,
        facts={
            "finding": "succession-due",
            "text": "IssuingWsv1 ends on 2030-03-01 and needs a successor: the step begin is due by 2027-07-01; "
            "sinetti authority ca plan --dir /srv/sinetti has the timetable",
        },
    ),
)

CASES = (*REMINDERS, *OTHERS, *AUTHORISATIONS, *PENDING, *DECISIONS, *ACCOUNTS)


class NoSample(ValueError):
    """No sample of a kind of message; the text says which."""


def sample(kind: MessageKind, language: Language, ctx: NotificationContext) -> RenderedMessage:
    """Render the first sample of a kind with an operator's terms.

    It is as an authority of this environment sends it. Its certificates are fictitious, and its links have invalid
    tokens. Raises NoSample if there is none.
    """
    case = next((case for case in CASES if case.kind is kind), None)
    if case is None:
        raise NoSample(f"this version does not write messages of the kind {kind}")
    is_production = ctx.environment is Environment.PRODUCTION
    with open_scenario(language, ctx.terms.service) as db:
        return render_sample(replace(case, first=False, production=is_production), db, language, ctx.terms)


def render_sample(
    case: SampleMessage, db: Database, language: Language, terms: NotificationSettings = TERMS
) -> RenderedMessage:
    """Render one sample from the scenario's rows; raise ValueError if it is skipped."""
    with outbox_queries.rolled_back(db):
        letter = render(queue_sample(case, db, language), sample_context(case, db, terms), has_notice=case.first)
    if isinstance(letter, Skip):
        raise ValueError(f"{case.kind}, {case.title}: {letter.why}")  # noqa: TRY004 - it is the case that is wrong
    return letter


def queue_sample(case: SampleMessage, db: Database, language: Language) -> QueuedMessage:
    """Queue a sample for all its recipients, and return the row of the first.

    `language` is that of an account.
    """
    lineage = LINEAGES[case.about] if case.about else None
    facts = {name: value if name == "place" else _resolve(case, value) for name, value in case.facts.items()}
    is_account = case.kind is _K.ACCOUNT
    if is_account:
        facts["language"] = language
    message = NewMessage(
        kind=case.kind,
        channel=case.channel,
        about=case.title,
        step=case.step,
        due=case.now,
        recipient=PEOPLE[case.to] if case.to else None,
        address=None if case.to else _ACCOUNT if is_account else TERMS.operators[0],
        lineage=lineage.lineage if lineage else None,
        certificate=lineage.certificate if lineage and case.kind is not _K.CONTACT_CHANGED else None,
        order=lineage.order if lineage else None,
        facts=facts,
    )
    others = [replace(message, recipient=PEOPLE[role]) for role in case.others if role != case.to]
    outbox.enqueue(db, [message, *others], case.now)
    (queued,) = delivery.find_queued(db, [message.message_id], case.now)
    return queued


def sample_context(case: SampleMessage, db: Database, terms: NotificationSettings = TERMS) -> NotificationContext:
    """Return the context in which a sample is rendered."""
    return NotificationContext(
        db=db,
        environment=Environment.PRODUCTION if case.production else Environment.TEST,
        now=lambda: case.now,
        machine_now=lambda: case.now,
        terms=terms,
        deliverers={},
        keys=fixed_keys(KEY),
    )


def _resolve(case: SampleMessage, value: object) -> object:
    """Return the id that a name stands for, or the value itself.

    A list has names of lineages.
    """
    if isinstance(value, list):
        return [LINEAGES[name].lineage if name in LINEAGES else name for name in value]
    if case.about and value in ("secure", "pin"):
        return LINEAGES[case.about].order
    return PEOPLE.get(value, value) if isinstance(value, str) else value
