"""Text of a message, by its instant, its recipient and the state of the database."""

import shutil
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
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.link_tokens import OPEN_LINK, STOP_LINK, link_token, pin_code
from sinetti.domain.notifications.messages import MessageChannel, MessageKind
from sinetti.domain.refusals import RejectionReason
from sinetti.domain.values import Language
from sinetti.notifications.previews.reminders import SampleMessage
from sinetti.notifications.previews.samples import CASES, KEY, TERMS
from sinetti.notifications.templates import markup
from sinetti.notifications.templates.layout import NOT_THERE
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
        texts = {name: f"Subject: {one.subject}\n\n{one.text.rstrip()}" for name, one in written.items()}
        made[f"{language}.txt"] = golden.sections(texts)
    return made


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


def test_who_is_contact_and_signatory_at_once_reads_what_the_contact_does(stage):
    RoleAssignment.objects.using(stage.db.alias).update(person_id=stage.people.contact)
    assert "you are the technical contact person" in letter(stage, REMINDER).text


def test_a_mandate_that_was_withdrawn_counts_no_more(both):
    RoleAssignment.objects.using(both.db.alias).update(withdrawn_at=BEFORE)
    assert "you have looked after this certificate" in letter(both, REMINDER, to="signatory").text


def test_without_a_contact_one_is_asked_for(stage):
    row(stage, Lineage, stage.sunday.lineage).update(contact=None)
    text = letter(stage, REMINDER, to="signatory").text
    assert "It has no technical contact person now, so one must be named." in text
    sms = letter(stage, REMINDER, to="contact_person", channel=MessageChannel.SMS).text
    assert "Renew it in the program by 30 April 2027" in sms


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


DAYS = {
    MessageKind.REVOKED: ("revoked", "Certificate revoked on 16 March 2027"),
    MessageKind.RENEWED: ("renewal", "Certificate renewed on 12 April 2027"),
    MessageKind.FETCHED: ("renewal", "Certificate retrieved on 12 April 2027"),
}


@pytest.mark.parametrize("kind", DAYS)
def test_the_subject_has_the_day_on_which_it_happened(stage, kind):
    """The subject does not have the day on which the messages were made.

    That may be after midnight, or after a week of standing still.
    """
    about, subject = DAYS[kind]
    assert letter(stage, REMINDER, kind=kind, about=about, now=at(4, 20, 5)).subject.startswith(subject)


OTHERS = {
    "by name and role": ({}, "recipients: Edustaja Nimetty (representative), Sijainen Nimetty (deputy of the"),
    "without a recipient of a cancelled message": ({"cancelled_at": BEFORE}, "There are no other recipients."),
    "nor whose letter was given up": ({"failed_at": BEFORE}, "There are no other recipients."),
    "nor at another step": ({"step": "30:email"}, "There are no other recipients."),
}


@pytest.mark.parametrize(("change", "there"), OTHERS.values(), ids=OTHERS)
def test_who_else_gets_it(both, change, there):
    case = replace(REMINDER, others=("deputy", "signatory"))
    one = message_rows.owed(case, both)
    waiting = OutboxMessage.objects.using(both.db.alias).exclude(recipient_id=both.people.contact)
    waiting.update(**change)
    assert there in render(one, message_rows.room(case, both)).text


def test_whoever_was_replaced_meanwhile_is_no_representative(both):
    case = replace(by_title(MessageKind.REFUSED, "requests for renewal"), others=("before",))
    assert "recipients: Entinen Nimetty (until now)." in letter(both, case).text


def test_a_link_to_transfer_ids_is_one_persons(both):
    """The recipient of an earlier link for the same lineage did not get this one."""
    case = replace(next(one for one in CASES if one.kind is MessageKind.TRANSFER_IDS), others=("before",))
    assert "There are no other recipients." in letter(both, case).text


def test_who_was_erased_is_named_no_more(both):
    row(both, Person, both.people.deputy).update(erased_at=BEFORE, name="")
    assert "There are no other recipients." in letter(both, REMINDER, others=("deputy",)).text


RENEWED = SampleMessage(MessageKind.REMINDER, "renewed", at(4, 23, 5), "unfetched", step="7")


def test_a_renewal_that_was_revoked_is_none(both):
    renewals = Certificate.objects.using(both.db.alias).filter(predecessor=both.unfetched.certificate)
    assert "has not been retrieved yet" in letter(both, RENEWED).text
    renewals.update(revoked_at=BEFORE)
    assert "Renew it in your program by Friday 30 April 2027" in letter(both, RENEWED).text


def test_what_was_ordered_and_retrieved_takes_a_place_as_a_renewal_does(both):
    case = replace(RENEWED, about="replaced")
    assert "A replacement was ordered on 14 April 2027 at 12:15" in letter(both, case).text
    orders = models.Order.objects.using(both.db.alias).filter(replaces=both.replaced.certificate)
    orders.update(state="spent")
    assert "Renew it in your program by Friday 30 April 2027" in letter(both, case).text
    new = row(both, Certificate, both.fetched.certificate)
    new.update(replaces=both.replaced.certificate, first_fetched_at=None)
    assert "The new certificate was issued on" in letter(both, case).text
    new.update(first_fetched_at=at(4, 20, 9))
    used = letter(both, case, kind=MessageKind.TAKE_INTO_USE)
    assert "retrieved on 20 April 2027 at 12:00" in used.text
    new.update(replaces=None)
    assert "The new certificate has been retrieved, but" in letter(both, case, kind=MessageKind.TAKE_INTO_USE).text


ACCOUNT_LINK = {"kind": MessageKind.ACCOUNT}
NOT_OWED = {
    "erased": ({"erased_at": BEFORE}, {}, "the recipient was erased"),
    "bounced": ({"bounced_at": BEFORE}, {}, "the recipient's e-mail address does not work"),
    "stopped": ({"stopped_at": BEFORE}, {}, "the recipient has opted out of mail"),
    "no address": ({"email": ""}, {}, "the recipient has no e-mail address"),
    "no phone": ({"phone": ""}, {"channel": MessageChannel.SMS}, "the recipient has no phone number"),
    "erased, by phone": ({"erased_at": BEFORE}, {"channel": MessageChannel.SMS}, "the recipient was erased"),
    "an account's link without its end": ({}, {**ACCOUNT_LINK, "facts": {"letter": "reset"}}, NOT_THERE),
    "an account's link without its way": (
        {},
        {**ACCOUNT_LINK, "facts": {"letter": "reset", "until": "2999-01-01T00:00:00+00:00"}},
        NOT_THERE,
    ),
    "an account's link that has lapsed": (
        {},
        {**ACCOUNT_LINK, "facts": {"letter": "reset", "until": "2000-01-01T00:00:00+00:00"}},
        "its link is no longer valid",
    ),
    "a PIN code by e-mail": ({}, {"kind": MessageKind.PIN}, "messages of the kind pin are not sent by e-mail"),
    "a kind without text message": (
        {},
        {"kind": MessageKind.RENEWED, "channel": MessageChannel.SMS},
        "messages of the kind renewed are not sent as text messages",
    ),
    "no certificate": ({}, {"about": None}, "the subject of the message is not in the register"),
    "not revoked": ({}, {"kind": MessageKind.REVOKED}, "the subject of the message is not in the register"),
    "an unknown reason": (
        {},
        {"kind": MessageKind.REFUSED, "facts": {"reason": "PKI000", "reason_name": "no-such"}},
        "the subject of the message is not in the register",
    ),
    "whom it is about is gone": (
        {},
        {"kind": MessageKind.BOUNCED, "facts": {"person": "f" * 32, "since": "2027-03-03"}},
        "the person that the message is about was erased",
    ),
    "since nobody knows when": (
        {},
        {"kind": MessageKind.BOUNCED, "facts": {"person": "deputy"}},
        "the subject of the message is not in the register",
    ),
    "no person was named": (
        {},
        {"kind": MessageKind.CONTACT_CHANGED, "to": "signatory", "facts": {"old": "before", "new": "f" * 32}},
        "the subject of the message is not in the register",
    ),
    "a digest without a subject": (
        {},
        {"kind": MessageKind.DIGEST},
        "the subject of the message is not in the register",
    ),
    "a digest of nothing": (
        {},
        {"kind": MessageKind.DIGEST, "facts": {"agent": "f" * 32}},
        "the digest has no certificates left to list",
    ),
    "no secure message": ({}, {"kind": MessageKind.TRANSFER_IDS}, "the subject of the message is not in the register"),
    "a link that ended": (
        {},
        {
            "kind": MessageKind.TRANSFER_IDS,
            "about": "ordered",
            "facts": {"secure": "secure"},
            "now": at(3, 16, 7, 40, 1),
        },
        "the link is no longer valid",
    ),
    "a link that is not there": (
        {},
        {"kind": MessageKind.TRANSFER_IDS, "about": "ordered", "facts": {"secure": "f" * 32}, "now": at(3, 3, 8)},
        "the link is no longer valid",
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
        "the PIN code is no longer valid",
    ),
    "no PIN code": (
        {},
        {"kind": MessageKind.PIN, "channel": MessageChannel.SMS},
        "the subject of the message is not in the register",
    ),
    "no finding": (
        {},
        {"kind": MessageKind.OPERATOR, "to": None, "about": None},
        "the subject of the message is not in the register",
    ),
    "nobody": (
        {},
        {"kind": MessageKind.OPERATOR, "to": None, "about": None, "channel": MessageChannel.SMS},
        "there is no recipient",
    ),
}


@pytest.mark.parametrize(("person", "changes", "why"), NOT_OWED.values(), ids=NOT_OWED)
def test_no_letter_is_written(stage, person, changes, why):
    if person:
        row(stage, Person, stage.people.contact).update(**person)
    assert answered(stage, REMINDER, **changes) == Skip(why)


ENDED_LINKS = {
    "link": (SecureMessage, "ended_at", MessageKind.TRANSFER_IDS, "the link is no longer valid"),
    "PIN code": (Pin, "ended_at", MessageKind.PIN, "the PIN code is no longer valid"),
    "PIN code that was used": (Pin, "used_at", MessageKind.PIN, "the PIN code is no longer valid"),
}


@pytest.mark.parametrize(("model", "mark", "kind", "why"), ENDED_LINKS.values(), ids=ENDED_LINKS)
def test_what_was_ended_is_not_sent(both, model, mark, kind, why):
    """Another was sent in its place, or it is used already."""
    case = next(one for one in CASES if one.kind is kind and one.about == "ordered")
    letter(both, case)
    model.objects.using(both.db.alias).update(**{mark: BEFORE})
    assert answered(both, case) == Skip(why)


SMS_ENDS = {"See e-mail.": {}, "Our e-mail to you bounces.": {"bounced_at": BEFORE}, "30 April 2027.": {"email": ""}}


@pytest.mark.parametrize(("end", "person"), SMS_ENDS.items(), ids=SMS_ENDS)
def test_a_text_message_sends_nobody_to_mail_that_does_not_come(stage, end, person):
    if person:
        row(stage, Person, stage.people.contact).update(**person)
    assert letter(stage, REMINDER, now=at(4, 23, 5), channel=MessageChannel.SMS).text.endswith(end)


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
    assert f"\n\n{TERMS.people_address}/m/{link_token(KEY, OPEN_LINK, stage.ordered.secure)}\n\n" in link.text
    pin = letter(stage, by_title(MessageKind.PIN, "as a text message"))
    assert pin_code(KEY, stage.ordered.pin) in pin.text
    assert pin_code(KEY, stage.ordered.pin) not in link.text


def test_of_a_phone_number_two_digits_are_told(stage):
    case = by_title(MessageKind.TRANSFER_IDS, "to a technical contact person with a phone")
    row(stage, Person, stage.people.contact).update(phone="+358 (40) 765 43-21")
    text = letter(stage, case).text
    assert "your number ending in 21." in text
    assert "43" not in text.partition("https://")[0]


def test_the_first_letter_says_what_is_done_with_peoples_data(stage):
    notice = "The controller is Sinetti. Sinisiipi Oy gave us your name"
    assert notice not in letter(stage, REMINDER).text
    row(stage, Person, stage.people.contact).update(first_written_at=None)
    assert notice in letter(stage, REMINDER).text
    assert "controller" not in letter(stage, REMINDER, channel=MessageChannel.SMS).text


KEPT = {730: "for 2 years", 1095: "for 3 years", 365: "for 365 days", 100: "for 100 days", 731: "for 731 days"}


@pytest.mark.parametrize(("days", "said"), KEPT.items())
def test_how_long_data_is_kept(stage, days, said):
    row(stage, Person, stage.people.contact).update(first_written_at=None)
    terms = replace(TERMS, people_kept=timedelta(days=days))
    assert said in render(message_rows.owed(REMINDER, stage), message_rows.room(REMINDER, stage, terms)).text


def test_only_the_test_environment_is_said_to_be_one(stage):
    assert "test environment" in letter(stage, REMINDER).text
    assert "test environment" not in letter(stage, REMINDER, production=True).text
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
    assert "Certificate of 0123456-7 expires" in letter(stage, REMINDER, channel=MessageChannel.SMS).text
    Person.objects.using(stage.db.alias).update(name="Фамилия")
    sms = letter(stage, REMINDER, to="contact_person", channel=MessageChannel.SMS).text
    assert markup.is_texted(sms)
    assert "Renew it in the program by" in sms


def test_without_a_description_type_and_serial_number_stand_for_it(stage):
    Lineage.objects.using(stage.db.alias).update(description="")
    assert "The certificate “WS 4f000000" in letter(stage, REMINDER).text


@pytest.mark.parametrize("reason", RejectionReason)
def test_every_refusal_can_be_told(stage, reason):
    facts = {"reason": "PKI000", "reason_name": reason.value, "operation": "renew"}
    text = letter(stage, REMINDER, kind=MessageKind.REFUSED, facts=facts).text
    assert "The service answered (PKI000):" in text


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
    made = in_languages(stage, {name: partial(letter, stage, CHANGED, **changes) for name, changes in CHANGES.items()})
    golden.check("letters/contact-changed", made)


def test_whose_place_it_was_is_told_though_the_new_deputy_was_replaced_meanwhile(stage):
    case = replace(CHANGED, to="before", facts={"old": "before", "new": "signatory"})
    one = message_rows.owed(case, stage)
    one = replace(one, facts={**one.facts, "place": "deputy"})
    assert (
        "The deputy of the technical contact person for the certificate “Palkanlaskenta”"
        in render(one, message_rows.room(case, stage)).text
    )


def test_who_was_replaced_before_it_left_is_not_told_to_be_it(stage):
    found = answered(stage, CHANGED, to="before", facts={"old": "signatory", "new": "before"})
    assert isinstance(found, Skip)
    assert found.why == "the recipient is no longer named for the certificate"


def test_whoever_was_only_corrected_did_not_take_over_from_themselves(stage):
    row(stage, Person, stage.people.before).update(name="Nimi Nimetty")
    text = letter(stage, CHANGED).text
    assert "You are now the technical contact person of the certificate" in text
    assert "take over" not in text


ALONE = {
    MessageKind.BOUNCED: ("E-mail address not working since 3 March 2027", "that we have for Nimi Nimetty"),
    MessageKind.CONTACT_GONE: ("Contact person stepped down on 3 March 2027", "Nimi Nimetty informed us"),
}


@pytest.mark.parametrize("kind", ALONE)
@pytest.mark.parametrize("to", ["signatory", None])
def test_what_is_about_a_person_needs_no_certificate(stage, kind, to):
    facts = {"person": "contact", "since": "2027-03-03"}
    one = letter(stage, REMINDER, kind=kind, about=None, to=to, facts=facts)
    subject, said = ALONE[kind]
    assert one.subject == subject
    assert said in one.text
    assert ("an operator's address" if to is None else "you act for an organisation") in one.text
    assert ("sinetti authority change-contact" if to is None else "in the e-service") in one.text


@pytest.mark.parametrize(("to", "there"), {"signatory": "We will stop", None: "We continue"}.items())
def test_mail_goes_on_where_nobody_at_the_organisation_can_be_told(stage, to, there):
    facts = {"person": "contact", "message": "0" * 32}
    text = letter(stage, REMINDER, kind=MessageKind.CONTACT_GONE, to=to, facts=facts).text
    assert f"no longer look after the certificates of Sinisiipi Oy. {there}" in text


def test_a_digest_leaves_out_what_goes_by_itself_past_fifty(stage):
    case = by_title(MessageKind.DIGEST, "on a Monday, to a firm's contact person")
    maker = message_rows.maker_of(stage)
    for number in range(60):
        lineage = maker.lineage(0x200 + number, "Etuudet", stage.people.contact)
        maker.certificate(lineage, 0x200 + number, ENDS + timedelta(days=3), origin="renewal")
    text = letter(stage, case).text
    assert "No action needed (62):" in text
    assert "And 12 more that need no action." in text
    assert text.count("expected to renew this one") + text.count("has been retrieved.") == 50


def test_the_newest_certificate_is_what_a_new_contact_hears_of(both):
    """The line has three certificates.

    The message names neither the one before, nor one that was revoked, nor one that is only reserved.
    """
    case = replace(CHANGED, about="still_used", now=at(5, 1, 5))
    assert "Valid until: 11 April 2029" in letter(both, case).text
    row(both, Certificate, both.renewal.certificate).update(revoked_at=BEFORE)
    assert "Valid until: 2 May 2027" in letter(both, case).text
    row(both, Certificate, both.still_used.certificate).update(state="reserved")
    assert "The certificate has been revoked. If the program still needs one" in letter(both, case).text
    order = models.Order.objects.using(both.db.alias).filter(state="open").first()
    models.Order.objects.using(both.db.alias).filter(pk=order.pk).update(lineage=both.still_used.lineage)
    assert "has not been retrieved yet" in letter(both, case).text


ALL_OF_THEIRS = replace(
    CHANGED, facts={"old": "before", "new": "contact", "place": "contact", "holdings": ["sunday", "ordered"]}
)


def test_of_many_at_once_one_message_lists_all(stage):
    said = letter(stage, ALL_OF_THEIRS).text
    assert said.count("Sinisiipi Oy, 0123456-7") == 2
    assert "of these certificates. You take over from Entinen Nimetty." in said
    assert "Serial number" not in said, "it is about no single one"


def test_a_deputy_of_many_is_told_so_and_the_one_before_too(stage):
    facts = {"old": "before", "new": "deputy", "place": "deputy", "holdings": ["sunday", "ordered"]}
    assert "You are now the deputy" in letter(stage, CHANGED, to="deputy", facts=facts).text
    assert (
        "The deputy of the technical contact person for these certificates is now"
        in letter(stage, CHANGED, to="before", facts=facts).text
    )


def test_whoever_is_named_for_none_of_many_any_more_gets_no_message(stage):
    Lineage.objects.using(stage.db.alias).update(contact=None)
    assert "no longer named" in answered(stage, ALL_OF_THEIRS).why


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
