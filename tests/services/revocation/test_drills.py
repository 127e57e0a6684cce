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
from tests.support.killed import KilledError
from tests.support.mailrooms import a_mailroom
from tests.support.people import named
from tests.support.scene import DAY, REQUEST, SECOND, add_organisation, enrolled, in_the_window, renewed
from tests.support.transports import Letters

MINUTE = timedelta(minutes=1)


def begin(scene, audience=DrillAudience.HOLDERS, **wanted):
    ask = DrillRequest(CertificateSelection(**(wanted or {"is_every": True})), "a17", "yearly drill", audience)
    return begin_drill(ask, scene.ctx, REQUEST)


def send(scene):
    """Plan and send all that is due, and return the messages of drills."""
    letters = Letters()
    ctx = a_mailroom(scene, dict.fromkeys(MessageChannel, letters))
    scheduler.run_once(ctx, scene.clock.now, {})
    return [one for one in letters if one.kind is MessageKind.DRILL]


def ask_hint(scene, held):
    identifier, serial = parse_ari_cert_id(ari_cert_id(load_certificate(held.der)))
    return hint_of(identified(scene.ctx)[identifier], serial, scene.ctx)


def token_of(scene, message_id, purpose=DRILL_LINK):
    return link_token(scene.ctx.keyring.current(SecretPurpose.MAIL).octets, purpose, message_id)


def holders_rows(scene):
    """Return what holders have: certificates, calls, and people."""
    using = scene.db.alias
    return [
        list(model.objects.using(using).order_by("pk").values())
        for model in (models.Certificate, models.Lineage, models.Person, EarlyReplacement, EarlyReplacementItem)
    ]


@pytest.mark.parametrize("audience", DrillAudience)
def test_a_drill_changes_nothing_that_a_holder_has(sqlite_scene, audience):
    scene, held = sqlite_scene, enrolled(sqlite_scene)
    send(scene)
    models.Person.objects.using(scene.db.alias).update(first_written_at=scene.clock.now)
    before, hint = holders_rows(scene), ask_hint(scene, held)
    begin(scene, audience)
    letters = send(scene)
    assert holders_rows(scene) == before
    assert ask_hint(scene, held) == hint
    assert [one.to for one in letters] == {
        DrillAudience.NONE: [], DrillAudience.OPERATORS: ["operator@pki.example"],
        DrillAudience.HOLDERS: ["nimi@sinisiipi.example"],
    }[audience]  # fmt: skip
    assert send(scene) == [], "a drill is not repeated"
    scene.clock.forward(2 * DAY)
    assert send(scene) == []


def test_holders_get_one_marked_message_each_with_an_answer_link(scene):
    held, other = enrolled(scene), enrolled(scene)
    named(scene, held.serial)
    models.Person.objects.using(scene.db.alias).update(language=Language.EN)
    begin(scene)
    found = {one.to: one for one in send(scene)}
    assert len(found) == 5
    signatory = found["signatory.1@customer.example"]
    assert signatory.subject.startswith("EXERCISE")
    assert "This is an exercise" in signatory.text
    assert held.serial in signatory.text
    assert other.serial in signatory.text
    assert (
        f"https://people.example/drill/{signatory.message_id}/{token_of(scene, signatory.message_id)}" in signatory.text
    )


def test_the_report_measures_messages_signed_acts_and_answers_and_hints_apart(scene):
    add_organisation(scene, "7654321-4")
    by_mail, by_key, silent = enrolled(scene), enrolled(scene), enrolled(scene, customer_id="7654321-4")
    in_the_window(scene, by_key)
    lineages = models.Lineage.objects.using(scene.db.alias)
    lineages.exclude(certificates__serial=by_mail.serial).update(contact=None)
    drill = begin(scene)
    begun = scene.clock.now
    empty = report_drill(drill, scene.ctx)
    assert (empty.certificates.reached, empty.drill.reach["unreached"], empty.messages.waiting) == (0, 2, 0)
    scene.clock.forward(MINUTE)
    (letter,) = send(scene)
    scene.clock.forward(MINUTE)
    ask_hint(scene, by_mail)
    ask_hint(scene, silent)
    ask_hint(scene, silent)
    renewed(scene, by_key)
    scene.clock.forward(MINUTE)
    answer_drill(letter.message_id, token_of(scene, letter.message_id), scene.ctx)
    report = report_drill(drill, scene.ctx)
    assert (report.drill.created, report.drill.count, report.reported_at) == (begun, 3, begun + 3 * MINUTE)
    curve = report.certificates
    assert (curve.reached, curve.percent, curve.half, curve.nine_tenths) == (2, 66.6, 2 * MINUTE, None)
    assert (report.delivered.half, report.delivered.percent) == (MINUTE, 100.0)
    assert (report.answered.nine_tenths, report.answered.reached) == (3 * MINUTE, 1)
    assert [one.serial for one in report.unreached] == [silent.serial]
    assert report.hints == 2, "anyone may request a hint, so it reaches nothing"
    assert report.problems == {}
    mark_bounced(scene.db, letter.message_id, scene.clock.now)
    report = report_drill(drill, scene.ctx)
    assert report.problems == {"returned by the mail system": 1}
    assert (report.certificates.reached, report.delivered.reached, report.messages.failed) == (1, 0, 1)
    assert [one.drill_id for one in list_drills(scene.ctx)] == [drill]
    scene.clock.forward(MEASURED_FOR)
    renewed(scene, by_mail)
    assert report_drill(drill, scene.ctx).certificates.reached == 1, "a drill is measured for a week"


def test_failed_messages_are_counted_by_their_problem(sqlite_scene):
    enrolled(sqlite_scene)
    drill = begin(sqlite_scene)
    send(sqlite_scene.but())
    row = models.OutboxMessage.objects.using(sqlite_scene.db.alias).filter(kind=MessageKind.DRILL, channel="email")
    row.update(sent=None, failed_at=sqlite_scene.clock.now, problem="550 no such mailbox")
    assert report_drill(drill, sqlite_scene.ctx).problems == {"550 no such mailbox": 1}


def test_without_messages_nothing_is_reached_but_by_signed_acts(sqlite_scene):
    scene = sqlite_scene
    held = enrolled(scene)
    in_the_window(scene, held)
    drill = begin(scene, DrillAudience.NONE)
    ask_hint(scene, held)
    report = report_drill(drill, scene.ctx)
    assert (report.drill.reach["email"], report.certificates.reached, report.hints) == (1, 0, 1)
    renewed(scene, held)
    report = report_drill(drill, scene.ctx)
    assert (report.certificates.reached, report.certificates.percent) == (1, 100.0)
    assert report.unreached == ()
    with pytest.raises(EarlyReplacementError, match="no drill"):
        report_drill("x", scene.ctx)


def test_a_drill_takes_certificates_of_a_call_and_none_that_ended(sqlite_scene):
    scene, held = sqlite_scene, enrolled(sqlite_scene)
    wanted = CertificateSelection(serials=(held.serial,))
    call_early(EarlyReplacementRequest(wanted, "a17", "x", Explanation(), DAY), scene.ctx, REQUEST)
    assert report_drill(begin(scene), scene.ctx).drill.count == 1
    in_the_window(scene, held, -SECOND)
    with pytest.raises(EarlyReplacementError, match="a call may include"):
        begin(scene)
    with pytest.raises(BulkRevocationError, match="select the certificates"):
        begin_drill(DrillRequest(CertificateSelection(), "a17", "x", DrillAudience.NONE), scene.ctx, REQUEST)


def test_a_killed_command_has_begun_a_drill_or_has_not(scene, monkeypatch):
    enrolled(scene)

    def kill(*_args, **_values):
        raise KilledError

    monkeypatch.setattr("sinetti.database.notifications.drills.audit_log.write", kill)
    with pytest.raises(KilledError):
        begin(scene)
    using = scene.db.alias
    assert not Drill.objects.using(using).exists()
    assert not DrillItem.objects.using(using).exists()
    assert not models.OutboxMessage.objects.using(using).filter(kind=MessageKind.DRILL).exists()
    assert connections[using].in_atomic_block is False


def test_a_link_answers_once_and_opens_nothing_else(scene):
    enrolled(scene)
    begin(scene)
    (letter,) = send(scene)
    message_id = letter.message_id
    token = token_of(scene, message_id)
    others = [
        (message_id, "a" * 32),
        (message_id, token_of(scene, message_id, STOP_LINK)),
        ("x", token),
        ("0" * 32, token),
    ]
    for other, wrong in others:
        assert is_answerable(other, wrong, scene.ctx) is None
        answer_drill(other, wrong, scene.ctx)
    answers = DrillAnswer.objects.using(scene.db.alias)
    assert not answers.exists()
    assert is_answerable(message_id, token, scene.ctx)
    answered_at = scene.clock.now
    answer_drill(message_id, token, scene.ctx)
    scene.clock.forward(SECOND)
    answer_drill(message_id, token, scene.ctx)
    assert [one.at for one in answers.all()] == [answered_at]
    assert is_answerable(message_id, token, scene.ctx) is False
    scene.clock.forward(LINK_LIVES)
    assert is_answerable(message_id, token, scene.ctx) is None


def test_a_link_of_another_message_answers_no_drill(sqlite_scene):
    scene = sqlite_scene
    enrolled(scene)
    rows = models.OutboxMessage.objects.using(scene.db.alias)
    other = rows.create(kind="fetched", step="x", created=scene.clock.now, due=scene.clock.now).pk
    nameless = rows.create(kind="drill", step="x", created=scene.clock.now, due=scene.clock.now).pk
    for message_id in (other, nameless, "0" * 32):
        assert is_answerable(message_id, token_of(scene, message_id), scene.ctx) is None


def test_a_text_message_of_a_drill_is_sent_to_whom_mail_does_not_reach(sqlite_scene):
    scene = sqlite_scene
    enrolled(scene)
    models.Person.objects.using(scene.db.alias).update(bounced_at=scene.clock.now)
    begin(scene)
    (one,) = send(scene)
    assert (one.channel, len(one.text) <= 160) == (MessageChannel.SMS, True)
    assert models.OutboxMessage.objects.using(scene.db.alias).get(kind="drill", channel="sms").sent is not None


def test_a_drill_whose_certificates_were_replaced_meanwhile_is_not_sent(sqlite_scene):
    scene = sqlite_scene
    enrolled(scene)
    begin(scene)
    scheduler.run_once(a_mailroom(scene), scene.clock.now, {})
    DrillItem.objects.using(scene.db.alias).all().delete()
    assert send(scene) == []
