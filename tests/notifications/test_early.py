"""Call for early replacement: one message to each person concerned."""

from dataclasses import replace
from datetime import timedelta

import pytest

from sinetti.database import models
from sinetti.database.certificates import early_replacement
from sinetti.database.certificates.bulk_revocation import CertificateSelection
from sinetti.database.models import CaDistrust
from sinetti.database.notifications import delivery, outbox
from sinetti.database.notifications.delivery import SenderLease, to_queued_message
from sinetti.database.notifications.outbox import NewMessage
from sinetti.domain.certificates.renewal_info import Explanation
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.notifications.early_replacement import CallReach
from sinetti.domain.notifications.messages import CALLS, MessageChannel, MessageKind
from sinetti.domain.values import Channel, Language
from sinetti.notifications.delivery import scheduler
from sinetti.notifications.delivery.sender import send_due
from sinetti.notifications.planning.early_replacement import next_call_time
from sinetti.notifications.planning.events import expand_events
from sinetti.notifications.templates.renderer import render
from sinetti.pki.ari_id import ari_cert_id, parse_ari_cert_id
from sinetti.pki.encoding import load_certificate
from sinetti.services.revocation.early_replacement import (
    EarlyReplacementRequest,
    call_early,
    cancel,
    list_status,
    preview,
)
from sinetti.services.revocation.revoke import RevocationRequest, revoke
from sinetti.services.status.renewal_info import hint_of, identified
from tests.support import golden
from tests.support.killed import KilledError, killed_at
from tests.support.mailrooms import a_mailroom
from tests.support.people import named
from tests.support.scene import CONTACT, DAY, REQUEST, add_organisation, enrolled, renewed
from tests.support.transports import Letters

TOLD = Explanation({Language.FI: "syy", Language.SV: "orsak", Language.EN: "why"}, None)
OVER = timedelta(hours=8)


def asked(*held, told=TOLD):
    return EarlyReplacementRequest(
        CertificateSelection(serials=tuple(one.serial for one in held)), "a17", "incident 7", told, OVER
    )


def run(scene, *held, told=TOLD):
    return call_early(asked(*held, told=told), scene.ctx, REQUEST)


def sent(scene):
    letters = Letters()
    ctx = a_mailroom(scene, dict.fromkeys(MessageChannel, letters))
    expand_events(ctx, scene.clock.now)
    send_due(ctx, "worker", scene.clock.now)
    return [one for one in letters if one.kind is MessageKind.EARLY]


def rows(scene):
    return models.OutboxMessage.objects.using(scene.db.alias).filter(kind=MessageKind.EARLY)


def people(scene):
    return models.Person.objects.using(scene.db.alias)


def test_contact_deputy_and_signatories_hear_once_each_of_all_that_is_theirs(scene):
    held, other = enrolled(scene), enrolled(scene)
    named(scene, held.serial)
    run(scene, held, other)
    found = {one.to: one for one in sent(scene)}
    assert set(found) == {
        "contact@customer.example",
        "deputy@customer.example",
        "signatory.1@customer.example",
        "signatory.2@customer.example",
        CONTACT.email,
    }
    signatory, mine = found["signatory.1@customer.example"], found[CONTACT.email]
    assert held.serial in signatory.text
    assert other.serial in signatory.text
    assert (held.serial in mine.text, other.serial in mine.text) == (False, True)
    assert (signatory.language, mine.language) == (Language.FI, Language.SV)
    assert "Syy: syy" in signatory.text
    assert "Orsak: orsak" in mine.text
    assert sent(scene) == []


def test_one_person_of_hundreds_gets_one_message_with_some_of_them(sqlite_scene, monkeypatch):
    monkeypatch.setattr("sinetti.notifications.templates.early_replacement._ROWS", 2)
    held = [enrolled(sqlite_scene) for _ in range(4)]
    run(sqlite_scene, *held, told=Explanation())
    (one,) = sent(sqlite_scene)
    assert sum(each.serial in one.text for each in held) == 2
    assert "2 till" in one.text
    assert "Orsak" not in one.text


def test_whom_mail_does_not_reach_gets_a_text_message_and_who_stopped_mail_none(sqlite_scene):
    held = enrolled(sqlite_scene)
    named(sqlite_scene, held.serial)
    people(sqlite_scene).filter(email="contact@customer.example").update(
        bounced_at=sqlite_scene.clock.now, phone="0401"
    )
    people(sqlite_scene).filter(email="deputy@customer.example").update(stopped_at=sqlite_scene.clock.now, phone="0402")
    reached = preview(asked(held), sqlite_scene.ctx).reached
    assert reached == CallReach(email=1, sms=1, emails=2, texts=1, people_unreached=1)
    run(sqlite_scene, held)
    found = sent(sqlite_scene)
    assert sorted(one.channel for one in found) == [MessageChannel.EMAIL] * 2 + [MessageChannel.SMS]
    (text,) = (one for one in found if one.channel is MessageChannel.SMS)
    assert (text.to, len(text.text) <= 160) == ("0401", True)


TEXTS = {"one": (1, "Byt ut certifikatet ("), "several of one organisation": (2, "Byt ut 2 certifikat (Sinisiipi Oy)")}


@pytest.mark.parametrize(("count", "begins"), TEXTS.values(), ids=TEXTS)
def test_a_text_message_says_how_many(sqlite_scene, count, begins):
    held = [enrolled(sqlite_scene) for _ in range(count)]
    people(sqlite_scene).update(bounced_at=sqlite_scene.clock.now)
    run(sqlite_scene, *held)
    (one,) = sent(sqlite_scene)
    assert begins in one.text


def test_a_text_message_about_several_organisations(sqlite_scene):
    add_organisation(sqlite_scene, "7654321-4")
    held = [enrolled(sqlite_scene), enrolled(sqlite_scene, customer_id="7654321-4")]
    people(sqlite_scene).update(bounced_at=sqlite_scene.clock.now)
    models.Organisation.objects.using(sqlite_scene.db.alias).update(name="株式会社")
    run(sqlite_scene, *held)
    (one,) = sent(sqlite_scene)
    assert "2 certifikat (- m.fl.)" in one.text


def test_programs_that_ask_for_hints_hear_by_themselves(scene):
    held, other = enrolled(scene), enrolled(scene)
    identifier, serial = parse_ari_cert_id(ari_cert_id(load_certificate(held.der)))
    people(scene).update(bounced_at=scene.clock.now, phone="")
    assert preview(asked(held, other), scene.ctx).reached == CallReach(unreached=2, people_unreached=1)
    for _ in range(2):
        hint_of(identified(scene.ctx)[identifier], serial, scene.ctx)
    assert preview(asked(held, other), scene.ctx).reached == CallReach(program=1, unreached=1, people_unreached=1)
    scene.clock.forward(2 * DAY)
    assert preview(asked(held, other), scene.ctx).reached.program == 0


def test_what_is_undone_is_not_told_of_any_more(sqlite_scene):
    held, other = enrolled(sqlite_scene), enrolled(sqlite_scene)
    call = run(sqlite_scene, held).call
    cancel(call.call_id, "b2", sqlite_scene.ctx, REQUEST)
    assert sent(sqlite_scene) == [], "undone before it became messages"
    call = run(sqlite_scene, other).call
    expand_events(a_mailroom(sqlite_scene), sqlite_scene.clock.now)
    cancel(call.call_id, "b2", sqlite_scene.ctx, REQUEST)
    assert sent(sqlite_scene) == []
    problem = rows(sqlite_scene).get(channel__isnull=False).problem
    golden.check("sentences/early-messages/cancelled", {"en.txt": f"{problem}\n"})


def test_what_is_replaced_or_revoked_by_then_is_not_told_of(sqlite_scene):
    held, other = enrolled(sqlite_scene), enrolled(sqlite_scene)
    run(sqlite_scene, held, other)
    renewed(sqlite_scene, held)
    (one,) = sent(sqlite_scene.but())
    assert (held.serial in one.text, other.serial in one.text) == (False, True)
    third = enrolled(sqlite_scene)
    run(sqlite_scene, third)
    expand_events(a_mailroom(sqlite_scene), sqlite_scene.clock.now)
    revoke(RevocationRequest(third.serial, RevocationReason.SUPERSEDED), sqlite_scene.ctx, "operator", REQUEST)
    assert sent(sqlite_scene) == []
    dropped = rows(sqlite_scene).filter(cancelled_at__isnull=False)
    golden.check("sentences/early-messages/replaced", {"en.txt": f"{dropped.get().problem}\n"})


@pytest.mark.parametrize("step", ["early-stored", "early-opened"])
def test_a_call_that_is_cut_short_is_told_of_once_by_the_run_that_ends_it(scene, monkeypatch, step):
    monkeypatch.setattr(early_replacement, "AT_ONCE", 1)
    held = [enrolled(scene) for _ in range(2)]
    with pytest.raises(KilledError):
        run(scene.but(step=killed_at(step)), *held)
    assert sent(scene) == [], "not before all of it is open"
    run(scene, *held)
    (one,) = sent(scene)
    assert all(each.serial in one.text for each in held)
    assert rows(scene).filter(channel__isnull=True).count() == 1


@pytest.mark.parametrize("step", ["claimed"])
def test_a_kill_while_messages_are_made_loses_none_and_makes_none_twice(scene, step):
    held = enrolled(scene)
    run(scene, held)
    with pytest.raises(KilledError):
        expand_events(a_mailroom(scene, step=killed_at(step)), scene.clock.now)
    assert len(sent(scene)) == 1


def test_of_a_call_that_is_not_there_nothing_is_said(sqlite_scene):
    held = enrolled(sqlite_scene)
    run(sqlite_scene, held)
    rows(sqlite_scene).update(facts={"call": "x"})
    assert sent(sqlite_scene) == []


def plan(scene):
    """Plan and send all that is due, and return the messages about calls."""
    letters = Letters()
    ctx = a_mailroom(scene, dict.fromkeys(MessageChannel, letters))
    scheduler.run_once(ctx, scene.clock.now, {})
    return [one for one in letters if one.kind in CALLS]


def test_messages_are_repeated_daily_and_escalated_until_all_is_replaced(sqlite_scene):
    scene = sqlite_scene
    held = enrolled(scene)
    named(scene, held.serial)
    ask = replace(asked(held), over=timedelta(days=3))
    call_early(ask, scene.ctx, REQUEST)
    begun, first = scene.clock.now, plan(scene)
    assert len({one.to for one in first}) == len(first) == 4, "contact, deputy and signatories"
    assert plan(scene) == [], "not again on the same day"
    days = {}
    for day in range(1, 6):
        scene.clock.now = next_call_time(a_mailroom(scene), scene.clock.now)
        letters = plan(scene)
        days[day] = ({one.to for one in letters}, {one.channel.value for one in letters}, len(letters))
        assert plan(scene) == []
    assert days[1] == ({one.to for one in first}, {"email"}, 4)
    assert days[2] == ({*days[1][0], "contact.person@customer.example"}, {"email"}, 5), "the second half"
    numbers = {to for to in days[3][0] if "@" not in to}
    assert (days[3][1], len(numbers), days[3][2]) == ({"email", "sms"}, 1, 6), "all have one number: one text message"
    assert scene.clock.now > begun + ask.over, "and after its end"
    assert days[5] == days[4] == days[3]
    assert "asked you before" in render_text_of(scene, "signatory.1@customer.example")
    renewed(scene, held)
    assert next_call_time(a_mailroom(scene), scene.clock.now) is None
    scene.clock.forward(2 * DAY)
    assert plan(scene) == []


def render_text_of(scene, address):
    """Return the newest e-mail to an address, in English."""
    people(scene).update(language=Language.EN)
    row = rows(scene).filter(recipient__email=address, channel="email").order_by("created").last()
    return render(to_queued_message(row), a_mailroom(scene)).text


def test_two_nodes_repeat_once_and_an_ended_call_is_not_repeated(sqlite_scene):
    scene = sqlite_scene
    held, other = enrolled(scene), enrolled(scene)
    call = run(scene, held).call
    scene.clock.forward(DAY)
    ((call_id, last),) = early_replacement.list_repeatable(scene.db)
    assert early_replacement.record_repetition(scene.db, call_id, last, scene.clock.now)
    assert not early_replacement.record_repetition(scene.db, call_id, last, scene.clock.now)
    cancel(call.call_id, "b2", scene.ctx, REQUEST)
    assert not early_replacement.record_repetition(scene.db, call_id, scene.clock.now, scene.clock.now)
    assert (plan(scene), early_replacement.list_repeatable(scene.db)) == ([], ())
    run(scene, other)
    assert next_call_time(a_mailroom(scene), scene.clock.now + 9 * DAY) is None, "it is due already"


def test_after_the_theft_of_a_cas_key_the_message_says_until_when_certificates_are_accepted(scene):
    held = enrolled(scene)
    declared = CaDistrust.objects.using(scene.db.alias)
    declared.create(
        authority_id=scene.certificate(held.serial).authority,
        since=scene.clock.now, declared_at=scene.clock.now, bridge_until=scene.clock.now + 3 * DAY,
    )  # fmt: skip
    people(scene).update(language=Language.EN)
    assert run(scene, held).call.kind is MessageKind.INCIDENT
    (one,) = plan(scene)
    assert one.kind is MessageKind.INCIDENT
    assert one.subject.startswith("Security incident: replace 1")
    assert "not been replaced" in one.text
    assert "not been stolen" in one.text
    people(scene).update(bounced_at=scene.clock.now)
    scene.clock.forward(DAY)
    (one,) = plan(scene)
    assert (one.channel, "1" in one.text, len(one.text) <= 160) == (MessageChannel.SMS, True, True)


def test_of_two_cas_only_the_holders_of_the_stolen_one_hear_of_a_theft(scene):
    sound, stolen = enrolled(scene, Channel.SFTP), enrolled(scene)
    named(scene, sound.serial)
    people(scene).update(language=Language.EN)
    CaDistrust.objects.using(scene.db.alias).create(
        authority_id=scene.certificate(stolen.serial).authority,
        since=scene.clock.now, declared_at=scene.clock.now, bridge_until=scene.clock.now + 3 * DAY,
    )  # fmt: skip
    call = run(scene, sound, stolen).call
    letters = plan(scene)
    found = {(one.to, one.kind): one.text for one in letters}
    assert len(found) == len(letters) == 7
    for (_, kind), text in found.items():
        assert (sound.serial in text) is (kind is MessageKind.EARLY)
        assert (stolen.serial in text) is (kind is MessageKind.INCIDENT)
        assert ("accept a certificate" in text) is (kind is MessageKind.INCIDENT)
    assert ("contact@customer.example", MessageKind.INCIDENT) not in found
    assert ("signatory.1@customer.example", MessageKind.EARLY) in found
    assert ("signatory.1@customer.example", MessageKind.INCIDENT) in found, "both kinds for both CAs"
    assert [(one.heard, one.unreached) for one in list_status(scene.ctx)] == [(2, 0)]
    assert call.kind is MessageKind.INCIDENT


def test_a_ca_below_a_stolen_one_counts_as_stolen(scene):
    held = enrolled(scene)
    issuing = models.CertificateAuthority.objects.using(scene.db.alias).get(pk=scene.certificate(held.serial).authority)
    CaDistrust.objects.using(scene.db.alias).create(
        authority_id=issuing.issuer_id,
        since=scene.clock.now, declared_at=scene.clock.now, bridge_until=scene.clock.now + 3 * DAY,
    )  # fmt: skip
    run(scene, held)
    assert [one.kind for one in plan(scene)] == [MessageKind.INCIDENT]


def test_an_incident_goes_before_all_that_waits(scene):
    urgent = enrolled(scene)
    waiting = [
        NewMessage(
            MessageKind.RENEWED, MessageChannel.EMAIL, f"{number:032x}", "old", scene.clock.now - DAY,
            recipient=people(scene).first().pk,
        )
        for number in range(3)
    ]  # fmt: skip
    outbox.enqueue(scene.db, waiting, scene.clock.now - DAY)
    run(scene, urgent)
    ctx = a_mailroom(scene)
    expand_events(ctx, scene.clock.now)
    lease = SenderLease("w", scene.clock.now, scene.machine.now, frozenset({MessageKind.DIGEST}))
    claimed = [delivery.claim_due(scene.db, lease, MessageChannel.EMAIL, 10) for _ in range(3)]
    assert [MessageKind.EARLY in {one.kind for one in part} for part in claimed] == [True, False, False]
    assert [len(part) for part in claimed] == [1, 4, 0], "those that waited for a day come afterwards"
