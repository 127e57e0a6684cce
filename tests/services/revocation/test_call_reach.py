"""Selection, narrowing and reach of calls for early replacement: replaced, heard, unreached."""

from datetime import timedelta

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
from tests.support.mailrooms import a_mailroom
from tests.support.service_context import (
    DAY,
    REQUEST,
    SECOND,
    KilledError,
    add_organisation,
    enrolled,
    killed_at,
    renewed,
)
from tests.support.transports import Letters

OVER = timedelta(hours=8)


def asked(**wanted):
    return EarlyReplacementRequest(CertificateSelection(**wanted), "a17", "incident 7", Explanation(), OVER)


def run(desk, *held):
    return call_early(asked(serials=tuple(one.serial for one in held)), desk.ctx, REQUEST).call.call_id


def ask_hint(desk, held, user_agent=""):
    identifier, serial = parse_ari_cert_id(ari_cert_id(load_certificate(held.der)))
    return hint_of(identified(desk.ctx)[identifier], serial, desk.ctx, HintProgram(user_agent))


def send(desk):
    room = a_mailroom(desk, dict.fromkeys(MessageChannel, Letters()))
    expand_events(room, desk.clock.now)
    send_due(room, "worker", desk.clock.now)


def counts(desk, call):
    one = read_status(call, desk.ctx).status
    return (one.count, one.replaced, one.heard, one.unreached, one.ended)


def items(desk):
    return EarlyReplacementItem.objects.using(desk.db.alias)


SOFTWARE = {"product": "payroll", "product and version": "payroll/7"}


@pytest.mark.parametrize("named", SOFTWARE.values(), ids=SOFTWARE)
def test_certificates_of_a_program_are_selected_by_its_product(desk, named):
    held, newer, other, silent = (enrolled(desk) for _ in range(4))
    for one, agent in ((held, "payroll/7 (host-1)"), (newer, "payroll/8"), (other, "payrollx/7")):
        ask_hint(desk, one, agent)
    expected = {held.serial, newer.serial} if named == "payroll" else {held.serial}
    assert set(preview(asked(software=named), desk.ctx).serials) == expected
    assert models.HintRequest.objects.using(desk.db.alias).get(certificate__serial=held.serial).software == "payroll/7"
    assert silent.serial not in preview(asked(software=named), desk.ctx).serials


def test_certificates_are_selected_by_type_and_by_time_of_issue(sqlite_desk):
    desk, early = sqlite_desk, enrolled(sqlite_desk)
    begun = desk.clock.now
    desk.clock.forward(DAY)
    sftp = enrolled(desk, Channel.SFTP)
    assert preview(asked(channel=Channel.SFTP), desk.ctx).serials == (sftp.serial,)
    assert preview(asked(issued=(begun, begun + SECOND)), desk.ctx).serials == (early.serial,)
    assert set(preview(asked(is_every=True), desk.ctx).serials) == {early.serial, sftp.serial}
    assert preview(asked(channel=Channel.WS, issued=(begun + SECOND, begun + 2 * DAY)), desk.ctx).serials == ()


def test_whom_no_message_reaches_is_called_by_phone(sqlite_desk):
    desk, held = sqlite_desk, enrolled(sqlite_desk)
    models.Person.objects.using(desk.db.alias).update(bounced_at=desk.clock.now)
    wanted = asked(serials=(held.serial,))
    assert preview(wanted, desk.ctx).phone_calls == ()
    (call,) = preview(wanted, desk.ctx, has_sms=False).phone_calls
    assert (call.person.phone, call.customer_id, call.count) == ("+358 00 000", "0123456-7", 1)


def test_replaced_heard_unreached_and_ended(desk):
    replaced, by_program, by_mail, gone = (enrolled(desk) for _ in range(4))
    add_organisation(desk, "7654321-4")
    silent = enrolled(desk, customer_id="7654321-4")
    models.Lineage.objects.using(desk.db.alias).filter(certificates__serial=silent.serial).update(contact=None)
    call = run(desk, replaced, by_program, by_mail, gone, silent)
    assert counts(desk, call) == (5, 0, 0, 5, 0)
    renewed(desk, replaced)
    ask_hint(desk, by_program)
    revoke(RevocationRequest(gone.serial, RevocationReason.SUPERSEDED), desk.ctx, "operator", REQUEST)
    assert counts(desk, call) == (5, 1, 1, 2, 1)
    send(desk)
    assert counts(desk, call) == (5, 1, 2, 1, 1)
    report = read_status(call, desk.ctx)
    assert [(one.serial, one.customer_id) for one in report.unreached] == [(silent.serial, "7654321-4")]
    assert (report.messages.sent, report.messages.waiting, report.messages.failed) == (1, 0, 0)
    heard = dict(items(desk).filter(heard_at__isnull=False).values_list("certificate__serial", "heard_by"))
    assert heard[by_program.serial] == early_replacement.BY_PROGRAM
    message = models.OutboxMessage.objects.using(desk.db.alias).get(pk=heard[by_mail.serial])
    assert message.recipient is not None
    mark_bounced(desk.db, message.pk, desk.clock.now)
    assert counts(desk, call) == (5, 1, 1, 2, 1), "a message that comes back reached its reader by no means"
    assert read_status(call, desk.ctx).messages.failed == 1
    assert [one.call_id for one in list_status(desk.ctx)] == [call]
    cancel(call, "b2", desk.ctx, REQUEST)
    assert (list_status(desk.ctx), read_status(call, desk.ctx).status.undone_at) == ((), desk.clock.now)
    with pytest.raises(EarlyReplacementError, match="no call has this ID"):
        read_status("x", desk.ctx)


def test_a_program_that_asked_before_the_call_is_heard_of_by_its_next_request(sqlite_desk):
    desk, held = sqlite_desk, enrolled(sqlite_desk)
    ask_hint(desk, held)
    desk.clock.forward(SECOND)
    call = run(desk, held)
    assert counts(desk, call)[2:4] == (0, 1)
    desk.clock.forward(SECOND)
    ask_hint(desk, held)
    assert items(desk).get().heard_at == desk.clock.now
    ask_hint(desk, held)
    assert counts(desk, call)[2:4] == (1, 0)


def opens(desk, held):
    return desk.certificate(held.serial).renewable_from


def test_a_call_is_narrowed(desk):
    kept, dropped = enrolled(desk), enrolled(desk)
    usual = opens(desk, dropped)
    call = run(desk, kept, dropped)
    assert narrow(call, CertificateSelection(serials=(kept.serial,)), "b2", desk.ctx, REQUEST) == (1, 1)
    assert (opens(desk, kept), opens(desk, dropped)) == (desk.clock.now, usual)
    assert counts(desk, call)[0] == 1
    one = early_replacement.find(desk.db, call)
    assert (one.serials, one.is_narrowing) == ((kept.serial,), False)
    audited = models.AuditEvent.objects.using(desk.db.alias).filter(action="early-narrowed")
    assert audited.get().actor == "officer:b2"
    again = run(desk, dropped)
    assert again != call, "what was left out may be called anew"


NARROWED = {
    "none": ((1,), "leaves no certificate in the call: end it"),
    "all": ((0,), "leaves all certificates in the call"),
}


@pytest.mark.parametrize(("which", "sentence"), NARROWED.values(), ids=NARROWED)
def test_a_selection_of_none_or_all_does_not_narrow(sqlite_desk, which, sentence):
    held = [enrolled(sqlite_desk) for _ in range(2)]
    call = run(sqlite_desk, held[0])
    wanted = CertificateSelection(serials=tuple(held[one].serial for one in which))
    with pytest.raises(EarlyReplacementError, match=sentence):
        narrow(call, wanted, "b2", sqlite_desk.ctx, REQUEST)


def test_a_call_that_was_ended_is_not_narrowed(sqlite_desk):
    held = [enrolled(sqlite_desk) for _ in range(2)]
    call = run(sqlite_desk, *held)
    early_replacement.undo(sqlite_desk.db, early_replacement.find(sqlite_desk.db, call), sqlite_desk.audit_entry())
    with pytest.raises(EarlyReplacementError, match="is not in force, or is not complete"):
        narrow(call, CertificateSelection(serials=(held[0].serial,)), "b2", sqlite_desk.ctx, REQUEST)


@pytest.mark.parametrize("by", ["the same", "another call", "end"])
def test_a_narrowing_that_is_cut_short_is_gone_on_with(sqlite_desk, monkeypatch, by):
    monkeypatch.setattr(early_replacement, "AT_ONCE", 1)
    desk = sqlite_desk
    kept, *dropped = [enrolled(desk) for _ in range(4)]
    usual = opens(desk, kept)
    call, wanted = run(desk, kept, *dropped[:2]), CertificateSelection(serials=(kept.serial,))
    with pytest.raises(KilledError):
        narrow(call, wanted, "b2", desk.but(step=killed_at("early-back")).ctx, REQUEST)
    if by == "the same":
        with pytest.raises(EarlyReplacementError, match="leaves all"):
            narrow(call, wanted, "b2", desk.ctx, REQUEST)
    elif by == "another call":
        run(desk, dropped[2])
    else:
        cancel(call, "b2", desk.ctx, REQUEST)
    assert [opens(desk, one) for one in dropped[:2]] == [usual] * 2
    assert (opens(desk, kept) == usual) is (by == "end")
    assert early_replacement.unfinished(desk.db) == ()
