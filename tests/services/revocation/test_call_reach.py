"""Selection, narrowing and reach of calls for early replacement: replaced, heard, unreached."""

from datetime import timedelta
from functools import partial

import pytest

from sinetti.database import models
from sinetti.database.certificates import early_replacement
from sinetti.database.certificates.bulk_revocation import CertificateSelection
from sinetti.database.models import EarlyReplacementItem
from sinetti.database.notifications.bounces import mark_bounced
from sinetti.domain.certificates.renewal_info import EarlyReplacementError, Explanation
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.notifications.messages import MessageChannel
from sinetti.domain.values import Channel
from sinetti.notifications.delivery.sender import send_due
from sinetti.notifications.planning.events import expand_events
from sinetti.pki.ari_id import ari_cert_id, parse_ari_cert_id
from sinetti.pki.encoding import load_certificate
from sinetti.services.revocation.early_replacement import (
    EarlyReplacementRequest,
    call_early,
    cancel,
    list_status,
    narrow,
    preview,
    read_status,
)
from sinetti.services.revocation.revoke import RevocationRequest, revoke
from sinetti.services.status.renewal_info import HintProgram, hint_of, identified
from tests.support import golden
from tests.support.killed import KilledError, killed_at
from tests.support.mailrooms import a_mailroom
from tests.support.scene import DAY, REQUEST, SECOND, add_organisation, enrolled, renewed
from tests.support.transports import Letters

OVER = timedelta(hours=8)


def asked(**wanted):
    return EarlyReplacementRequest(CertificateSelection(**wanted), "a17", "incident 7", Explanation(), OVER)


def run(scene, *held):
    return call_early(asked(serials=tuple(one.serial for one in held)), scene.ctx, REQUEST).call.call_id


def ask_hint(scene, held, user_agent=""):
    identifier, serial = parse_ari_cert_id(ari_cert_id(load_certificate(held.der)))
    return hint_of(identified(scene.ctx)[identifier], serial, scene.ctx, HintProgram(user_agent))


def send(scene):
    ctx = a_mailroom(scene, dict.fromkeys(MessageChannel, Letters()))
    expand_events(ctx, scene.clock.now)
    send_due(ctx, "worker", scene.clock.now)


def counts(scene, call):
    one = read_status(call, scene.ctx).status
    return (one.count, one.replaced, one.heard, one.unreached, one.ended)


def items(scene):
    return EarlyReplacementItem.objects.using(scene.db.alias)


SOFTWARE = {"product": "payroll", "product and version": "payroll/7"}


@pytest.mark.parametrize("named", SOFTWARE.values(), ids=SOFTWARE)
def test_certificates_of_a_program_are_selected_by_its_product(scene, named):
    held, newer, other, silent = (enrolled(scene) for _ in range(4))
    for one, agent in ((held, "payroll/7 (host-1)"), (newer, "payroll/8"), (other, "payrollx/7")):
        ask_hint(scene, one, agent)
    expected = {held.serial, newer.serial} if named == "payroll" else {held.serial}
    assert set(preview(asked(software=named), scene.ctx).serials) == expected
    assert models.HintRequest.objects.using(scene.db.alias).get(certificate__serial=held.serial).software == "payroll/7"
    assert silent.serial not in preview(asked(software=named), scene.ctx).serials


def test_certificates_are_selected_by_type_and_by_time_of_issue(sqlite_scene):
    scene, early = sqlite_scene, enrolled(sqlite_scene)
    begun = scene.clock.now
    scene.clock.forward(DAY)
    sftp = enrolled(scene, Channel.SFTP)
    assert preview(asked(channel=Channel.SFTP), scene.ctx).serials == (sftp.serial,)
    assert preview(asked(issued=(begun, begun + SECOND)), scene.ctx).serials == (early.serial,)
    assert set(preview(asked(is_every=True), scene.ctx).serials) == {early.serial, sftp.serial}
    assert preview(asked(channel=Channel.WS, issued=(begun + SECOND, begun + 2 * DAY)), scene.ctx).serials == ()


def test_whom_no_message_reaches_is_called_by_phone(sqlite_scene):
    scene, held = sqlite_scene, enrolled(sqlite_scene)
    models.Person.objects.using(scene.db.alias).update(bounced_at=scene.clock.now)
    wanted = asked(serials=(held.serial,))
    assert preview(wanted, scene.ctx).phone_calls == ()
    (call,) = preview(wanted, scene.ctx, has_sms=False).phone_calls
    assert (call.person.phone, call.customer_id, call.count) == ("+358 00 000", "0123456-7", 1)


def test_replaced_heard_unreached_and_ended(scene):
    replaced, by_program, by_mail, gone = (enrolled(scene) for _ in range(4))
    add_organisation(scene, "7654321-4")
    silent = enrolled(scene, customer_id="7654321-4")
    models.Lineage.objects.using(scene.db.alias).filter(certificates__serial=silent.serial).update(contact=None)
    call = run(scene, replaced, by_program, by_mail, gone, silent)
    assert counts(scene, call) == (5, 0, 0, 5, 0)
    renewed(scene, replaced)
    ask_hint(scene, by_program)
    revoke(RevocationRequest(gone.serial, RevocationReason.SUPERSEDED), scene.ctx, "operator", REQUEST)
    assert counts(scene, call) == (5, 1, 1, 2, 1)
    send(scene)
    assert counts(scene, call) == (5, 1, 2, 1, 1)
    report = read_status(call, scene.ctx)
    assert [(one.serial, one.customer_id) for one in report.unreached] == [(silent.serial, "7654321-4")]
    assert (report.messages.sent, report.messages.waiting, report.messages.failed) == (1, 0, 0)
    heard = dict(items(scene).filter(heard_at__isnull=False).values_list("certificate__serial", "heard_by"))
    assert heard[by_program.serial] == early_replacement.BY_PROGRAM
    message = models.OutboxMessage.objects.using(scene.db.alias).get(pk=heard[by_mail.serial])
    assert message.recipient is not None
    mark_bounced(scene.db, message.pk, scene.clock.now)
    assert counts(scene, call) == (5, 1, 1, 2, 1), "a message that comes back reached its reader by no means"
    assert read_status(call, scene.ctx).messages.failed == 1
    assert [one.call_id for one in list_status(scene.ctx)] == [call]
    cancel(call, "b2", scene.ctx, REQUEST)
    assert (list_status(scene.ctx), read_status(call, scene.ctx).status.undone_at) == ((), scene.clock.now)
    with pytest.raises(EarlyReplacementError, match="no call"):
        read_status("x", scene.ctx)


def test_a_program_that_asked_before_the_call_is_heard_of_by_its_next_request(sqlite_scene):
    scene, held = sqlite_scene, enrolled(sqlite_scene)
    ask_hint(scene, held)
    scene.clock.forward(SECOND)
    call = run(scene, held)
    assert counts(scene, call)[2:4] == (0, 1)
    scene.clock.forward(SECOND)
    ask_hint(scene, held)
    assert items(scene).get().heard_at == scene.clock.now
    ask_hint(scene, held)
    assert counts(scene, call)[2:4] == (1, 0)


def opens(scene, held):
    return scene.certificate(held.serial).renewable_from


def test_a_call_is_narrowed(scene):
    kept, dropped = enrolled(scene), enrolled(scene)
    usual = opens(scene, dropped)
    call = run(scene, kept, dropped)
    assert narrow(call, CertificateSelection(serials=(kept.serial,)), "b2", scene.ctx, REQUEST) == (1, 1)
    assert (opens(scene, kept), opens(scene, dropped)) == (scene.clock.now, usual)
    assert counts(scene, call)[0] == 1
    one = early_replacement.find(scene.db, call)
    assert (one.serials, one.is_narrowing) == ((kept.serial,), False)
    audited = models.AuditEvent.objects.using(scene.db.alias).filter(action="early-narrowed")
    assert audited.get().actor == "officer:b2"
    again = run(scene, dropped)
    assert again != call, "what was left out may be called anew"


NARROWED = {
    "none": 1,
    "all": 0,
}


def test_a_selection_of_none_or_all_does_not_narrow(sqlite_scene):
    held = [enrolled(sqlite_scene) for _ in range(2)]
    call = run(sqlite_scene, held[0])
    attempts = {
        case: partial(narrow, call, CertificateSelection(serials=(held[one].serial,)), "b2", sqlite_scene.ctx, REQUEST)
        for case, one in NARROWED.items()
    }
    golden.check("sentences/call-reach/narrowed", {"en.txt": golden.refusals(attempts, EarlyReplacementError)})


def test_a_call_that_was_ended_is_not_narrowed(sqlite_scene):
    held = [enrolled(sqlite_scene) for _ in range(2)]
    call = run(sqlite_scene, *held)
    early_replacement.undo(sqlite_scene.db, early_replacement.find(sqlite_scene.db, call), sqlite_scene.audit_entry())
    with pytest.raises(EarlyReplacementError, match="force"):
        narrow(call, CertificateSelection(serials=(held[0].serial,)), "b2", sqlite_scene.ctx, REQUEST)


@pytest.mark.parametrize("by", ["the same", "another call", "end"])
def test_a_narrowing_that_is_cut_short_is_gone_on_with(sqlite_scene, monkeypatch, by):
    monkeypatch.setattr(early_replacement, "AT_ONCE", 1)
    scene = sqlite_scene
    kept, *dropped = [enrolled(scene) for _ in range(4)]
    usual = opens(scene, kept)
    call, wanted = run(scene, kept, *dropped[:2]), CertificateSelection(serials=(kept.serial,))
    with pytest.raises(KilledError):
        narrow(call, wanted, "b2", scene.but(step=killed_at("early-back")).ctx, REQUEST)
    if by == "the same":
        with pytest.raises(EarlyReplacementError, match="leaves all"):
            narrow(call, wanted, "b2", scene.ctx, REQUEST)
    elif by == "another call":
        run(scene, dropped[2])
    else:
        cancel(call, "b2", scene.ctx, REQUEST)
    assert [opens(scene, one) for one in dropped[:2]] == [usual] * 2
    assert (opens(scene, kept) == usual) is (by == "end")
    assert early_replacement.unfinished(scene.db) == ()
