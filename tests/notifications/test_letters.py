"""Text of a message, by its instant, its recipient and the state of the database."""

import shutil
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from django.db import transaction
from lxml import html as reader

from sinetti.database import models
from sinetti.database.connection import open_database
from sinetti.database.models import (
    Certificate,
    Lineage,
    Organisation,
    OutboxMessage,
    Person,
    Pin,
    RoleAssignment,
    SecureMessage,
)
from sinetti.database.notifications import scenario
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.link_tokens import OPEN_LINK, STOP_LINK, link_token, pin_code
from sinetti.domain.notifications.messages import MessageChannel, MessageKind
from sinetti.domain.refusals import RejectionReason
from sinetti.domain.values import Language
from sinetti.notifications.previews.reminders import SampleMessage
from sinetti.notifications.previews.samples import CASES, KEY, TERMS
from sinetti.notifications.templates import markup
from sinetti.notifications.templates.renderer import Skip, render
from tests.support import golden, message_rows
from tests.support.registers import ALIAS, all_connections_closed, copied_file

BEFORE = datetime(2026, 1, 1, tzinfo=UTC)


def at(month, day, hour, minute=0, second=0):
    return datetime(2027, month, day, hour, minute, second, tzinfo=UTC)


ENDS = at(5, 2, 11, 3)
OPENED = at(3, 3, 11, 3)
REMINDER = SampleMessage(MessageKind.REMINDER, "a reminder", OPENED, "sunday", step="60")


@cache
def staged_file():
    """Return an SQLite file with the rows of the samples, and its content.

    It is made once per process.
    """
    _kept.append(TemporaryDirectory(prefix="sinetti-samples-"))
    path = Path(_kept[-1].name) / "staged.sqlite3"
    with copied_file(path) as url:
        db = open_database(url, alias=ALIAS)
        made = message_rows.staged(db, Language.EN)
        db.close()
    return path, made


_kept = []


@pytest.fixture
def stage(tmp_path):
    path, made = staged_file()
    shutil.copyfile(path, tmp_path / "register.sqlite3")
    with all_connections_closed():
        yield replace(made, db=open_database(f"sqlite:///{tmp_path}/register.sqlite3", alias=ALIAS))


@pytest.fixture
def both(db):
    """Return the rows of the samples on each database in turn.

    Tests use it for behaviour that SQL statements decide.
    """
    with transaction.atomic(using=db.alias):
        return message_rows.staged(db, Language.EN)


def answered(stage, case, **changes):
    return message_rows.answered(replace(case, **changes), stage)


def letter(stage, case, **changes):
    found = answered(stage, case, **changes)
    assert not isinstance(found, Skip), found.why
    return found


def in_languages(stage, letters):
    """Return a golden file for each language, with the message that each function makes."""
    made = {}
    for language in Language:
        Person.objects.using(stage.db.alias).update(language=language)
        written = {name: make() for name, make in letters.items()}
        made |= in_english(written, f"{language}.txt")
    return made


def in_english(written, file_name="en.txt"):
    """Return a golden file with these messages by their names."""
    texts = {name: f"Subject: {one.subject}\n\n{one.text.rstrip()}" for name, one in written.items()}
    return {file_name: golden.sections(texts)}


@contextmanager
def undone(stage):
    """Undo what the block changes in the database."""
    with transaction.atomic(using=stage.db.alias):
        yield
        transaction.set_rollback(True, using=stage.db.alias)


def row(stage, model, key):
    return model.objects.using(stage.db.alias).filter(pk=key)


WHEN = {
    "at its opening the whole time for renewing is told": (ENDS, OPENED),
    "with more than 31 days left still": (ENDS, at(4, 1, 11, 2, 59)),
    "with 31 days left its last day alone": (ENDS, at(4, 1, 11, 3)),
    "an end within office hours is its own last moment": (at(5, 4, 11, 3), at(4, 27, 5)),
    "an end before 8:00 leaves the working day before": (at(5, 4, 4, 59), at(4, 27, 5)),
    "midsummer eve is a day off": (at(6, 25, 9), at(6, 18, 5)),
    "a second before its last it has not ended": (ENDS, ENDS - timedelta(seconds=1)),
    "in its last second it has, for whoever reads that": (ENDS, ENDS),
}


def test_a_reminder_says_what_holds_when_it_is_written(stage):
    def reminder(ends, now):
        certificate = row(stage, Certificate, stage.sunday.certificate)
        certificate.update(not_after=ends, renewable_from=ends - timedelta(days=60))
        return letter(stage, REMINDER, now=now)

    made = in_languages(stage, {name: partial(reminder, *case) for name, case in WHEN.items()})
    golden.check("letters/reminder-by-time", made)


WHO = {
    "the contact": "contact",
    "the deputy": "deputy",
    "a signatory": "signatory",
    "the contact person": "contact_person",
    "somebody of before": "before",
}


def test_everybody_reads_what_they_can_do(both):
    made = in_languages(both, {name: partial(letter, both, REMINDER, to=to) for name, to in WHO.items()})
    golden.check("letters/reminder-by-recipient", made)


STATES = {
    "a signatory who is the contact too": (
        RoleAssignment,
        lambda stage: {"person_id": stage.people.contact},
        "contact",
    ),
    "a mandate that was withdrawn": (RoleAssignment, lambda _: {"withdrawn_at": BEFORE}, "signatory"),
    "no contact": (Lineage, lambda _: {"contact": None}, "signatory"),
    "a deputy who was erased": (Person, lambda stage: {"erased_at": BEFORE, "name": ""}, "contact"),
}


def test_what_the_register_says_of_people(both):
    made = {}
    for name, (model, values, to) in STATES.items():
        with undone(both):
            rows = model.objects.using(both.db.alias)
            if model is Person:
                rows = rows.filter(pk=both.people.deputy)
            rows.update(**values(both))
            made[name] = letter(both, REMINDER, to=to, others=("deputy",) if model is Person else ())
            if model is Lineage:
                made[f"{name}, by SMS"] = letter(both, REMINDER, to="contact_person", channel=MessageChannel.SMS)
    golden.check("letters/what-the-register-says-of-people", in_english(made))


NOBODY = {
    "not retrieved": {"about": "unfetched"},
    "not retrieved, and it has ended": {"about": "unfetched", "now": at(5, 3, 5)},
    "ordered": {"about": "replaced"},
    "ordered, and it has ended": {"about": "replaced", "now": at(5, 3, 5)},
    "still used": {"about": "still_used", "kind": MessageKind.TAKE_INTO_USE},
    "still used, and it has ended": {"about": "still_used", "kind": MessageKind.TAKE_INTO_USE, "now": at(5, 3, 5)},
}


def test_without_a_contact_nobody_is_asked_for_anything_but_one(stage):
    Lineage.objects.using(stage.db.alias).update(contact=None)
    first = {"to": "signatory", "now": at(4, 23, 5)}
    made = in_languages(
        stage, {name: partial(letter, stage, REMINDER, **first | changes) for name, changes in NOBODY.items()}
    )
    golden.check("letters/without-contact", made)


ORDERS = {
    "of a certificate that ends": {"now": at(4, 23, 5)},
    "of one that has ended": {"now": at(5, 3, 5)},
    "of one that was revoked": {"kind": MessageKind.REVOKED, "about": "revoked", "now": at(3, 16, 12, 6)},
}


def test_only_who_may_order_is_told_to(stage):
    made = in_languages(
        stage,
        {
            f"{name}, to the {to}": partial(letter, stage, REMINDER, to=to, **changes)
            for name, changes in ORDERS.items()
            for to in ("signatory", "contact_person")
        },
    )
    golden.check("letters/orders", made)


DAYS = {MessageKind.REVOKED: "revoked", MessageKind.RENEWED: "renewal", MessageKind.FETCHED: "renewal"}


def test_the_subject_has_the_day_on_which_it_happened(stage):
    """The subject does not have the day on which the messages were made.

    That may be after midnight, or after a week of standing still.
    """
    made = {kind.value: letter(stage, REMINDER, kind=kind, about=DAYS[kind], now=at(4, 20, 5)) for kind in DAYS}
    golden.check("letters/the-day-on-which-it-happened", in_english(made))


OTHERS = {
    "by name and role": ({}, True),
    "without a recipient of a cancelled message": ({"cancelled_at": BEFORE}, False),
    "nor whose letter was given up": ({"failed_at": BEFORE}, False),
    "nor at another step": ({"step": "30:email"}, False),
}


@pytest.mark.parametrize(("change", "is_named"), OTHERS.values(), ids=OTHERS)
def test_who_else_gets_it(both, change, is_named):
    case = replace(REMINDER, others=("deputy", "signatory"))
    one = message_rows.queued(case, both)
    waiting = OutboxMessage.objects.using(both.db.alias).exclude(recipient_id=both.people.contact)
    waiting.update(**change)
    text = render(one, message_rows.context_of(case, both.db)).text
    assert ["Edustaja Nimetty (" in text, "Sijainen Nimetty (" in text] == [is_named] * 2


def test_others_of_before(both):
    """A representative was replaced. A recipient of an earlier link for the same lineage did not get this one."""
    refused = replace(by_title(MessageKind.REFUSED, "requests for renewal"), others=("before",))
    link = replace(next(one for one in CASES if one.kind is MessageKind.TRANSFER_IDS), others=("before",))
    golden.check(
        "letters/others-of-before",
        in_english({"replaced meanwhile": letter(both, refused), "an earlier link": letter(both, link)}),
    )


RENEWED = SampleMessage(MessageKind.REMINDER, "renewed", at(4, 23, 5), "unfetched", step="7")


def test_what_renews_a_certificate(both):
    made = {}
    with undone(both):
        made["a renewal that is not retrieved"] = letter(both, RENEWED)
        Certificate.objects.using(both.db.alias).filter(predecessor=both.unfetched.certificate).update(
            revoked_at=BEFORE
        )
        made["that was revoked"] = letter(both, RENEWED)
    case = replace(RENEWED, about="replaced")
    made["an order"] = letter(both, case)
    models.Order.objects.using(both.db.alias).filter(replaces=both.replaced.certificate).update(state="spent")
    made["that is spent"] = letter(both, case)
    new = row(both, Certificate, both.fetched.certificate)
    new.update(replaces=both.replaced.certificate, first_fetched_at=None)
    made["whose certificate is not retrieved"] = letter(both, case)
    new.update(first_fetched_at=at(4, 20, 9))
    made["whose certificate is retrieved"] = letter(both, case, kind=MessageKind.TAKE_INTO_USE)
    new.update(replaces=None)
    made["that is another's"] = letter(both, case, kind=MessageKind.TAKE_INTO_USE)
    golden.check("letters/what-renews-a-certificate", in_english(made))


ACCOUNT_LINK = {"kind": MessageKind.ACCOUNT}
NOT_OWED = {
    "erased": ({"erased_at": BEFORE}, {}),
    "bounced": ({"bounced_at": BEFORE}, {}),
    "stopped": ({"stopped_at": BEFORE}, {}),
    "no address": ({"email": ""}, {}),
    "no phone": ({"phone": ""}, {"channel": MessageChannel.SMS}),
    "erased, by phone": ({"erased_at": BEFORE}, {"channel": MessageChannel.SMS}),
    "an account's link without its end": ({}, {**ACCOUNT_LINK, "facts": {"letter": "reset"}}),
    "an account's link without its way": (
        {},
        {**ACCOUNT_LINK, "facts": {"letter": "reset", "until": "2999-01-01T00:00:00+00:00"}},
    ),
    "an account's link that has lapsed": (
        {},
        {**ACCOUNT_LINK, "facts": {"letter": "reset", "until": "2000-01-01T00:00:00+00:00"}},
    ),
    "a PIN code by e-mail": ({}, {"kind": MessageKind.PIN}),
    "a kind without text message": ({}, {"kind": MessageKind.RENEWED, "channel": MessageChannel.SMS}),
    "no certificate": ({}, {"about": None}),
    "not revoked": ({}, {"kind": MessageKind.REVOKED}),
    "an unknown reason": ({}, {"kind": MessageKind.REFUSED, "facts": {"reason": "PKI000", "reason_name": "no-such"}}),
    "whom it is about is gone": (
        {},
        {"kind": MessageKind.BOUNCED, "facts": {"person": "f" * 32, "since": "2027-03-03"}},
    ),
    "since nobody knows when": ({}, {"kind": MessageKind.BOUNCED, "facts": {"person": "deputy"}}),
    "no person was named": (
        {},
        {"kind": MessageKind.CONTACT_CHANGED, "to": "signatory", "facts": {"old": "before", "new": "f" * 32}},
    ),
    "a digest without a subject": ({}, {"kind": MessageKind.DIGEST}),
    "a digest of nothing": ({}, {"kind": MessageKind.DIGEST, "facts": {"agent": "f" * 32}}),
    "no secure message": ({}, {"kind": MessageKind.TRANSFER_IDS}),
    "a link that ended": (
        {},
        {
            "kind": MessageKind.TRANSFER_IDS,
            "about": "ordered",
            "facts": {"secure": "secure"},
            "now": at(3, 16, 7, 40, 1),
        },
    ),
    "a link that is not there": (
        {},
        {"kind": MessageKind.TRANSFER_IDS, "about": "ordered", "facts": {"secure": "f" * 32}, "now": at(3, 3, 8)},
    ),
    "a PIN code that ended": (
        {},
        {
            "kind": MessageKind.PIN,
            "channel": MessageChannel.SMS,
            "about": "ordered",
            "facts": {"pin": "pin"},
            "now": at(3, 2, 7, 55, 1),
        },
    ),
    "no PIN code": ({}, {"kind": MessageKind.PIN, "channel": MessageChannel.SMS}),
    "no finding": ({}, {"kind": MessageKind.OPERATOR, "to": None, "about": None}),
    "nobody": ({}, {"kind": MessageKind.OPERATOR, "to": None, "about": None, "channel": MessageChannel.SMS}),
}


def test_no_letter_is_written(stage):
    made = {}
    for name, (person, changes) in NOT_OWED.items():
        with undone(stage):
            if person:
                row(stage, Person, stage.people.contact).update(**person)
            made[name] = answered(stage, REMINDER, **changes)
    facts = {"old": "signatory", "new": "before"}
    made["replaced before it left"] = answered(stage, CHANGED, to="before", facts=facts)
    Lineage.objects.using(stage.db.alias).update(contact=None)
    made["named for none of many any more"] = answered(stage, ALL_OF_THEIRS)
    assert [name for name, one in made.items() if not isinstance(one, Skip)] == []
    golden.check("letters/not-written", {"en.txt": golden.sections({name: one.why for name, one in made.items()})})


ENDED_LINKS = {
    "link": (SecureMessage, "ended_at", MessageKind.TRANSFER_IDS),
    "PIN code": (Pin, "ended_at", MessageKind.PIN),
    "PIN code that was used": (Pin, "used_at", MessageKind.PIN),
}


@pytest.mark.parametrize(("model", "mark", "kind"), ENDED_LINKS.values(), ids=ENDED_LINKS)
def test_what_was_ended_is_not_sent(both, model, mark, kind):
    """Another was sent in its place, or it is used already."""
    case = next(one for one in CASES if one.kind is kind and one.about == "ordered")
    letter(both, case)
    model.objects.using(both.db.alias).update(**{mark: BEFORE})
    assert isinstance(answered(both, case), Skip)


def test_a_text_message_sends_nobody_to_mail_that_does_not_come(stage):
    made = {}
    for name, person in {"well": {}, "bounced": {"bounced_at": BEFORE}, "no address": {"email": ""}}.items():
        with undone(stage):
            if person:
                row(stage, Person, stage.people.contact).update(**person)
            made[name] = letter(stage, REMINDER, now=at(4, 23, 5), channel=MessageChannel.SMS)
    golden.check("letters/text-messages", in_english(made))


@pytest.mark.parametrize("mark", ["bounced_at", "stopped_at"])
def test_marks_of_the_address_do_not_hold_text_messages_back(stage, mark):
    row(stage, Person, stage.people.contact).update(**{mark: BEFORE})
    assert letter(stage, REMINDER, channel=MessageChannel.SMS).to == "+358 40 000 0067"


def by_title(kind, title):
    (case,) = (one for one in CASES if one.kind is kind and one.title == title)
    return case


def test_links_and_codes_are_those_that_pages_take(stage):
    stop = letter(stage, REMINDER)
    token = link_token(KEY, STOP_LINK, stop.message_id)
    assert f"\n\n{TERMS.people_address}/stop/{stop.message_id}/{token}\n\n" in stop.text
    link = letter(stage, by_title(MessageKind.TRANSFER_IDS, "to a technical contact person with a phone"))
    assert f"\n\n{TERMS.people_address}/m/{link_token(KEY, OPEN_LINK, stage.ordered.order)}\n\n" in link.text
    pin = letter(stage, by_title(MessageKind.PIN, "as a text message"))
    assert pin_code(KEY, stage.ordered.order) in pin.text
    assert pin_code(KEY, stage.ordered.order) not in link.text


def test_of_a_phone_number_two_digits_are_told(stage):
    case = by_title(MessageKind.TRANSFER_IDS, "to a technical contact person with a phone")
    row(stage, Person, stage.people.contact).update(phone="+358 (40) 765 43-21")
    text = letter(stage, case).text
    assert " 21." in text
    assert "43" not in text.partition("https://")[0]


def test_the_first_letter_says_what_is_done_with_peoples_data(stage):
    assert "controller" not in letter(stage, REMINDER).text
    row(stage, Person, stage.people.contact).update(first_written_at=None)
    assert "controller" in letter(stage, REMINDER).text
    assert "controller" not in letter(stage, REMINDER, channel=MessageChannel.SMS).text


KEPT = {730: "2 years", 1095: "3 years", 365: "365 days", 100: "100 days", 731: "731 days"}


@pytest.mark.parametrize(("days", "said"), KEPT.items())
def test_how_long_data_is_kept(stage, days, said):
    row(stage, Person, stage.people.contact).update(first_written_at=None)
    terms = replace(TERMS, people_kept=timedelta(days=days))
    assert said in render(message_rows.queued(REMINDER, stage), message_rows.context_of(REMINDER, stage.db, terms)).text


def test_only_the_test_environment_is_said_to_be_one(stage):
    assert "environment" in letter(stage, REMINDER).text
    assert "environment" not in letter(stage, REMINDER, production=True).text
    sms = letter(stage, REMINDER, channel=MessageChannel.SMS)
    assert sms.text.startswith("TEST: ")
    assert letter(stage, REMINDER, channel=MessageChannel.SMS, production=True).text == sms.text.removeprefix("TEST: ")


HOSTILE = "Nimi\r\nBcc: x@evil.example\r\n\r\n<script>alert(1)</script> \u202e& ”"


def test_names_end_no_header_and_open_no_element(stage):
    row(stage, Person, stage.people.contact).update(name=HOSTILE)
    row(stage, Person, stage.people.deputy).update(name=HOSTILE)
    Organisation.objects.using(stage.db.alias).update(name=HOSTILE)
    Lineage.objects.using(stage.db.alias).update(description=HOSTILE)
    for case in CASES:
        one = letter(stage, case)
        assert one.subject.isprintable() or not one.subject, case.title
        assert len(one.subject) <= markup.LONGEST_SUBJECT
        assert all(line.isprintable() for line in one.text.split("\n")), case.title
        if one.html:
            assert not list(reader.document_fromstring(one.html).iter("script")), case.title


@pytest.mark.parametrize("language", Language)
def test_long_names_cost_the_subject_no_fact_and_the_text_message_no_second_part(stage, language):
    Person.objects.using(stage.db.alias).update(language=language)
    Organisation.objects.using(stage.db.alias).update(name="Ääkköset " * 22)
    Lineage.objects.using(stage.db.alias).update(description="p" * 200)
    # The longest date that there is.
    for one in (stage.sunday, stage.unfetched, stage.still_used):
        row(stage, Certificate, one.certificate).update(not_after=at(9, 22, 9, 30))
    Person.objects.using(stage.db.alias).update(name="Ö" * 200)
    for case in CASES:
        one = letter(stage, case)
        if one.channel is MessageChannel.SMS:
            assert len(one.text) <= markup.LONGEST_SMS, case.title
            assert "Ääkköset" in one.text
        elif case.kind not in {MessageKind.OPERATOR, MessageKind.DIGEST, MessageKind.ACCOUNT}:
            assert "2027" in one.subject or {"mandates", "drill"} & set(case.facts), case.title
            assert len(one.subject) <= markup.LONGEST_SUBJECT


def test_a_name_that_text_messages_cannot_write_gives_way_to_the_id(stage):
    Organisation.objects.using(stage.db.alias).update(name="Фирма")
    assert " 0123456-7 " in letter(stage, REMINDER, channel=MessageChannel.SMS).text
    Person.objects.using(stage.db.alias).update(name="Фамилия")
    sms = letter(stage, REMINDER, to="contact_person", channel=MessageChannel.SMS).text
    assert (markup.is_texted(sms), " 0123456-7 " in sms) == (True, True)


def test_without_a_description_type_and_serial_number_stand_for_it(stage):
    Lineage.objects.using(stage.db.alias).update(description="")
    assert "“WS 4f000000" in letter(stage, REMINDER).text


@pytest.mark.parametrize("reason", RejectionReason)
def test_every_refusal_can_be_told(stage, reason):
    facts = {"reason": "PKI000", "reason_name": reason.value, "operation": "renew"}
    text = letter(stage, REMINDER, kind=MessageKind.REFUSED, facts=facts).text
    assert "(PKI000)" in text


@pytest.mark.parametrize("reason", RevocationReason)
def test_every_reason_of_revocation_has_words(stage, reason):
    row(stage, Certificate, stage.revoked.certificate).update(revocation_reason=reason)
    text = letter(stage, by_title(MessageKind.REVOKED, "to a representative")).text
    assert "Reason: " in text
    assert reason.value not in text.partition("Reason: ")[2].partition(".")[0]


CHANGED = SampleMessage(
    MessageKind.CONTACT_CHANGED, "changed", OPENED, "sunday", facts={"old": "before", "new": "contact"}
)
CHANGES = {
    "before its opening": {"now": OPENED - timedelta(seconds=1)},
    "once it is open": {},
    "once it has ended": {"now": ENDS + timedelta(seconds=1)},
    "before it is retrieved": {"about": "ordered"},
    "before it is retrieved, to a deputy": {"about": "ordered", "to": "deputy", "facts": {"new": "deputy"}},
    "the one before": {},
    "nobody before": {"facts": {"new": "contact"}},
    "a deputy": {"to": "deputy", "facts": {"old": "before", "new": "deputy"}},
    "to the deputy of before": {"to": "before", "facts": {"old": "before", "new": "deputy"}},
    "to the one before, where the new one was erased": {"to": "before", "facts": {"old": "before", "new": "f" * 32}},
    "to another person": {"to": "signatory"},
    "to a deputy who was removed": {"to": "before", "facts": {"old": "before", "place": "deputy"}},
}


def test_who_looks_after_a_certificate_now(stage):
    letters = {name: partial(letter, stage, CHANGED, **changes) for name, changes in CHANGES.items()}
    case = replace(CHANGED, to="before", facts={"old": "before", "new": "signatory"})
    one = message_rows.queued(case, stage)
    one = replace(one, facts={**one.facts, "place": "deputy"})
    letters["to a deputy whose successor was replaced meanwhile"] = lambda: render(
        one, message_rows.context_of(case, stage.db)
    )
    golden.check("letters/contact-changed", in_languages(stage, letters))


def test_whoever_was_only_corrected_did_not_take_over_from_themselves(stage):
    row(stage, Person, stage.people.before).update(name="Nimi Nimetty")
    golden.check("letters/corrected", in_english({"corrected": letter(stage, CHANGED)}))


def test_what_is_about_a_person_needs_no_certificate(stage):
    about = partial(letter, stage, REMINDER, about=None)
    facts = {"person": "contact", "since": "2027-03-03"}
    made = {
        f"{kind}, to {to or 'the operator'}": about(kind=kind, to=to, facts=facts)
        for kind in (MessageKind.BOUNCED, MessageKind.CONTACT_GONE)
        for to in ("signatory", None)
    }
    facts = {"person": "contact", "message": "0" * 32}
    made |= {
        f"by a link, to {to or 'the operator'}": about(kind=MessageKind.CONTACT_GONE, to=to, facts=facts)
        for to in ("signatory", None)
    }
    golden.check("letters/about-a-person", in_english(made))


def test_a_digest_leaves_out_what_goes_by_itself_past_fifty(stage):
    case = by_title(MessageKind.DIGEST, "on a Monday, to a firm's contact person")
    for number in range(0x200, 0x200 + 60):
        lineage = scenario.insert_lineage(stage.db, number, "Etuudet")
        scenario.insert_certificate(stage.db, lineage, number, ENDS + timedelta(days=3), origin="renewal")
    golden.check("letters/digest-of-many", in_english({"past fifty": letter(stage, case)}))


def test_the_newest_certificate_is_what_a_new_contact_hears_of(both):
    """The line has three certificates.

    The message names neither the one before, nor one that was revoked, nor one that is only reserved.
    """
    case = replace(CHANGED, about="still_used", now=at(5, 1, 5))
    made = {"the newest": letter(both, case)}
    row(both, Certificate, both.renewal.certificate).update(revoked_at=BEFORE)
    made["the one before, as the newest was revoked"] = letter(both, case)
    row(both, Certificate, both.still_used.certificate).update(state="reserved")
    made["the revoked one, as the one before is only reserved"] = letter(both, case)
    order = models.Order.objects.using(both.db.alias).filter(state="open").first()
    models.Order.objects.using(both.db.alias).filter(pk=order.pk).update(lineage=both.still_used.lineage)
    made["an order"] = letter(both, case)
    golden.check("letters/the-newest-certificate", in_english(made))


ALL_OF_THEIRS = replace(
    CHANGED, facts={"old": "before", "new": "contact", "place": "contact", "holdings": ["sunday", "ordered"]}
)


def test_of_many_at_once_one_message_lists_all(stage):
    facts = {"old": "before", "new": "deputy", "place": "deputy", "holdings": ["sunday", "ordered"]}
    made = {
        "to the contact": letter(stage, ALL_OF_THEIRS),
        "to a deputy": letter(stage, CHANGED, to="deputy", facts=facts),
        "to the deputy of before": letter(stage, CHANGED, to="before", facts=facts),
    }
    assert made["to the contact"].text.count("Sinisiipi Oy, 0123456-7") == 2
    assert "Serial number" not in made["to the contact"].text, "it is about no single one"
    golden.check("letters/of-many-at-once", in_english(made))


SERVED = {
    "it ends": (REMINDER, {"step": "60"}),
    "it has ended": (REMINDER, {"now": at(5, 3, 5), "step": "0"}),
    "it was revoked": (
        replace(REMINDER, kind=MessageKind.REVOKED, about="revoked", step="once"),
        {"now": at(3, 16, 13)},
    ),
    "the old one is still used": (
        replace(REMINDER, kind=MessageKind.TAKE_INTO_USE, about="still_used"),
        {"now": at(4, 23, 5), "step": "7"},
    ),
}


def test_what_stops_for_others_is_told_where_there_are_others(stage):
    rows = Lineage.objects.using(stage.db.alias)

    def served(serves, case, changes):
        rows.update(serves=serves)
        return letter(stage, case, **changes)

    for case in SERVED.values():
        assert served(None, *case).text == served(0, *case).text
    made = in_languages(
        stage,
        {
            f"{name}, {serves} others": partial(served, serves, *case)
            for name, case in SERVED.items()
            for serves in (0, 1, 300)
        },
    )
    golden.check("letters/served-others", made)
