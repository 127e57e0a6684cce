"""Calls for early replacement, as clerks read them."""

from sinetti.database.certificates.bulk_revocation import CertificateSelection
from sinetti.domain.certificates.renewal_info import Explanation
from sinetti.services.revocation.early_replacement import EarlyReplacementRequest, call_early
from sinetti.services.staff import early_calls
from tests.support.clerks import a_clerk, looked
from tests.support.service_context import DAY, REQUEST, enrolled


def called(desk, held):
    wanted = CertificateSelection(serials=(held.serial,))
    ask = EarlyReplacementRequest(wanted, "a17", "incident 7", Explanation(), DAY)
    return call_early(ask, desk.ctx, REQUEST).call.call_id


def test_each_view_is_in_the_audit_log_and_shows_what_was_not_reached(desk):
    held, other, clerk = enrolled(desk), enrolled(desk), a_clerk(desk)
    first, second = called(desk, held), called(desk, other)
    assert [one.call_id for one in early_calls.list_calls(clerk)] == [second, first], "the newest first"
    status, unreached = early_calls.find_call(first, 10, clerk)
    assert (status.count, status.unreached, [one.serial for one in unreached]) == (1, 1, [held.serial])
    assert early_calls.find_call(first, 0, clerk)[1] == ()
    seen = [subject for subject, _ in looked(desk)]
    assert seen == ["search:early-calls", f"early-call:{first}", f"early-call:{first}"]
    assert early_calls.find_call("x", 10, clerk) is None
    assert len(looked(desk)) == 3, "an unknown call shows nothing"
