"""Drills: nothing that a holder has changes, each message is answered once, and the report measures the reach."""

from datetime import timedelta

import pytest
from django.db import connections

from sinetti.database import models
from sinetti.database.certificates.bulk_revocation import CertificateSelection
from sinetti.database.models import Drill, DrillAnswer, DrillItem, EarlyReplacement, EarlyReplacementItem
from sinetti.database.notifications.bounces import mark_bounced
from sinetti.domain.certificates.bulk_revocation import BulkRevocationError
from sinetti.domain.certificates.renewal_info import EarlyReplacementError, Explanation
from sinetti.domain.link_tokens import DRILL_LINK, STOP_LINK, link_token
from sinetti.domain.notifications.early_replacement import MEASURED_FOR, DrillAudience
from sinetti.domain.notifications.messages import MessageChannel, MessageKind
from sinetti.domain.secret_keys import SecretPurpose
from sinetti.domain.values import Language
from sinetti.notifications.delivery import scheduler
from sinetti.pki.ari_id import ari_cert_id, parse_ari_cert_id
from sinetti.pki.encoding import load_certificate
from sinetti.services.revocation.drills import (
    LINK_LIVES,
    DrillRequest,
    answer_drill,
    begin_drill,
    is_answerable,
    list_drills,
    report_drill,
)
from sinetti.services.revocation.early_replacement import EarlyReplacementRequest, call_early
from sinetti.services.status.renewal_info import hint_of, identified
from tests.support.mailrooms import a_mailroom
from tests.support.people import named
from tests.support.service_context import (
    DAY,
    REQUEST,
    SECOND,
    KilledError,
    add_organisation,
    enrolled,
    in_the_window,
    renewed,
)
from tests.support.transports import Letters

MINUTE = timedelta(minutes=1)


def begin(desk, audience=DrillAudience.HOLDERS, **wanted):
    ask = DrillRequest(CertificateSelection(**(wanted or {"is_every": True})), "a17", "yearly drill", audience)
    return begin_drill(ask, desk.ctx, REQUEST)


def send(desk):
    """Plan and send all that is due, and return the messages of drills."""
    letters = Letters()
    room = a_mailroom(desk, dict.fromkeys(MessageChannel, letters))
    scheduler.run_once(room, desk.clock.now, {})
    return [one for one in letters if one.kind is MessageKind.DRILL]


def ask_hint(desk, held):
    identifier, serial = parse_ari_cert_id(ari_cert_id(load_certificate(held.der)))
    return hint_of(identified(desk.ctx)[identifier], serial, desk.ctx)


def token_of(desk, message_id, purpose=DRILL_LINK):
    return link_token(desk.ctx.keyring.current(SecretPurpose.MAIL).octets, purpose, message_id)


def holders_rows(desk):
    """Return what holders have: certificates, calls, and people."""
    using = desk.db.alias
    return [
        list(model.objects.using(using).order_by("pk").values())
        for model in (models.Certificate, models.Lineage, models.Person, EarlyReplacement, EarlyReplacementItem)
    ]


@pytest.mark.parametrize("audience", DrillAudience)
def test_a_drill_changes_nothing_that_a_holder_has(sqlite_desk, audience):
    desk, held = sqlite_desk, enrolled(sqlite_desk)
    send(desk)
    models.Person.objects.using(desk.db.alias).update(first_written_at=desk.clock.now)
    before, hint = holders_rows(desk), ask_hint(desk, held)
    begin(desk, audience)
    letters = send(desk)
    assert holders_rows(desk) == before
    assert ask_hint(desk, held) == hint
    assert [one.to for one in letters] == {
        DrillAudience.NONE: [], DrillAudience.OPERATORS: ["operator@pki.example"],
        DrillAudience.HOLDERS: ["nimi@sinisiipi.example"],
    }[audience]  # fmt: skip
    assert send(desk) == [], "a drill is not repeated"
    desk.clock.forward(2 * DAY)
    assert send(desk) == []


def test_holders_get_one_marked_message_each_with_an_answer_link(desk):
    held, other = enrolled(desk), enrolled(desk)
    named(desk, held.serial)
    models.Person.objects.using(desk.db.alias).update(language=Language.EN)
    begin(desk)
    found = {one.to: one for one in send(desk)}
    assert len(found) == 5
    signatory = found["signatory.1@customer.example"]
    assert signatory.subject.startswith("EXERCISE")
    assert "This is an exercise. Nothing has happened" in signatory.text
    assert held.serial in signatory.text
    assert other.serial in signatory.text
    assert (
        f"https://people.example/drill/{signatory.message_id}/{token_of(desk, signatory.message_id)}" in signatory.text
    )


def test_the_report_measures_messages_signed_acts_and_answers_and_hints_apart(desk):
    add_organisation(desk, "7654321-4")
    by_mail, by_key, silent = enrolled(desk), enrolled(desk), enrolled(desk, customer_id="7654321-4")
    in_the_window(desk, by_key)
    lineages = models.Lineage.objects.using(desk.db.alias)
    lineages.exclude(certificates__serial=by_mail.serial).update(contact=None)
    drill = begin(desk)
    begun = desk.clock.now
    empty = report_drill(drill, desk.ctx)
    assert (empty.certificates.reached, empty.drill.reach["unreached"], empty.messages.waiting) == (0, 2, 0)
    desk.clock.forward(MINUTE)
    (letter,) = send(desk)
    desk.clock.forward(MINUTE)
    ask_hint(desk, by_mail)
    ask_hint(desk, silent)
    ask_hint(desk, silent)
    renewed(desk, by_key)
    desk.clock.forward(MINUTE)
    answer_drill(letter.message_id, token_of(desk, letter.message_id), desk.ctx)
    report = report_drill(drill, desk.ctx)
    assert (report.drill.created, report.drill.count, report.reported_at) == (begun, 3, begun + 3 * MINUTE)
    curve = report.certificates
    assert (curve.reached, curve.percent, curve.half, curve.nine_tenths) == (2, 66.6, 2 * MINUTE, None)
    assert (report.delivered.half, report.delivered.percent) == (MINUTE, 100.0)
    assert (report.answered.nine_tenths, report.answered.reached) == (3 * MINUTE, 1)
    assert [one.serial for one in report.unreached] == [silent.serial]
    assert report.hints == 2, "anyone may request a hint, so it reaches nothing"
    assert report.problems == {}
    mark_bounced(desk.db, letter.message_id, desk.clock.now)
    report = report_drill(drill, desk.ctx)
    assert report.problems == {"returned by the mail system": 1}
    assert (report.certificates.reached, report.delivered.reached, report.messages.failed) == (1, 0, 1)
    assert [one.drill_id for one in list_drills(desk.ctx)] == [drill]
    desk.clock.forward(MEASURED_FOR)
    renewed(desk, by_mail)
    assert report_drill(drill, desk.ctx).certificates.reached == 1, "a drill is measured for a week"


def test_failed_messages_are_counted_by_their_problem(sqlite_desk):
    enrolled(sqlite_desk)
    drill = begin(sqlite_desk)
    send(sqlite_desk.but())
    row = models.OutboxMessage.objects.using(sqlite_desk.db.alias).filter(kind=MessageKind.DRILL, channel="email")
    row.update(sent=None, failed_at=sqlite_desk.clock.now, problem="550 no such mailbox")
    assert report_drill(drill, sqlite_desk.ctx).problems == {"550 no such mailbox": 1}


def test_without_messages_nothing_is_reached_but_by_signed_acts(sqlite_desk):
    desk = sqlite_desk
    held = enrolled(desk)
    in_the_window(desk, held)
    drill = begin(desk, DrillAudience.NONE)
    ask_hint(desk, held)
    report = report_drill(drill, desk.ctx)
    assert (report.drill.reach["email"], report.certificates.reached, report.hints) == (1, 0, 1)
    renewed(desk, held)
    report = report_drill(drill, desk.ctx)
    assert (report.certificates.reached, report.certificates.percent) == (1, 100.0)
    assert report.unreached == ()
    with pytest.raises(EarlyReplacementError, match="no drill has this ID"):
        report_drill("x", desk.ctx)


def test_a_drill_takes_certificates_of_a_call_and_none_that_ended(sqlite_desk):
    desk, held = sqlite_desk, enrolled(sqlite_desk)
    wanted = CertificateSelection(serials=(held.serial,))
    call_early(EarlyReplacementRequest(wanted, "a17", "x", Explanation(), DAY), desk.ctx, REQUEST)
    assert report_drill(begin(desk), desk.ctx).drill.count == 1
    in_the_window(desk, held, -SECOND)
    with pytest.raises(EarlyReplacementError, match="no certificate that a call may include"):
        begin(desk)
    with pytest.raises(BulkRevocationError, match="select the certificates"):
        begin_drill(DrillRequest(CertificateSelection(), "a17", "x", DrillAudience.NONE), desk.ctx, REQUEST)


def test_a_killed_command_has_begun_a_drill_or_has_not(desk, monkeypatch):
    enrolled(desk)

    def kill(*_args, **_values):
        raise KilledError

    monkeypatch.setattr("sinetti.database.notifications.drills.audit_log.write", kill)
    with pytest.raises(KilledError):
        begin(desk)
    using = desk.db.alias
    assert not Drill.objects.using(using).exists()
    assert not DrillItem.objects.using(using).exists()
    assert not models.OutboxMessage.objects.using(using).filter(kind=MessageKind.DRILL).exists()
    assert connections[using].in_atomic_block is False


def test_a_link_answers_once_and_opens_nothing_else(desk):
    enrolled(desk)
    begin(desk)
    (letter,) = send(desk)
    message_id = letter.message_id
    token = token_of(desk, message_id)
    others = [
        (message_id, "a" * 32),
        (message_id, token_of(desk, message_id, STOP_LINK)),
        ("x", token),
        ("0" * 32, token),
    ]
    for other, wrong in others:
        assert is_answerable(other, wrong, desk.ctx) is None
        answer_drill(other, wrong, desk.ctx)
    answers = DrillAnswer.objects.using(desk.db.alias)
    assert not answers.exists()
    assert is_answerable(message_id, token, desk.ctx)
    answered_at = desk.clock.now
    answer_drill(message_id, token, desk.ctx)
    desk.clock.forward(SECOND)
    answer_drill(message_id, token, desk.ctx)
    assert [one.at for one in answers.all()] == [answered_at]
    assert is_answerable(message_id, token, desk.ctx) is False
    desk.clock.forward(LINK_LIVES)
    assert is_answerable(message_id, token, desk.ctx) is None


def test_a_link_of_another_message_answers_no_drill(sqlite_desk):
    desk = sqlite_desk
    enrolled(desk)
    rows = models.OutboxMessage.objects.using(desk.db.alias)
    other = rows.create(kind="fetched", step="x", created=desk.clock.now, due=desk.clock.now).pk
    nameless = rows.create(kind="drill", step="x", created=desk.clock.now, due=desk.clock.now).pk
    for message_id in (other, nameless, "0" * 32):
        assert is_answerable(message_id, token_of(desk, message_id), desk.ctx) is None


def test_a_text_message_of_a_drill_is_sent_to_whom_mail_does_not_reach(sqlite_desk):
    desk = sqlite_desk
    enrolled(desk)
    models.Person.objects.using(desk.db.alias).update(bounced_at=desk.clock.now)
    begin(desk)
    (one,) = send(desk)
    assert (one.channel, len(one.text) <= 160) == (MessageChannel.SMS, True)
    assert models.OutboxMessage.objects.using(desk.db.alias).get(kind="drill", channel="sms").sent is not None


def test_a_drill_whose_certificates_were_replaced_meanwhile_is_not_sent(sqlite_desk):
    desk = sqlite_desk
    enrolled(desk)
    begin(desk)
    scheduler.run_once(a_mailroom(desk), desk.clock.now, {})
    DrillItem.objects.using(desk.db.alias).all().delete()
    assert send(desk) == []
