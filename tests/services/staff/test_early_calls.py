"""Calls for early replacement, as clerks read them."""

from sinetti.database.certificates.bulk_revocation import CertificateSelection
from sinetti.domain.certificates.renewal_info import Explanation
from sinetti.services.revocation.early_replacement import EarlyReplacementRequest, call_early
from sinetti.services.staff import early_calls
from tests.support.clerks import a_clerk, looked
from tests.support.scene import DAY, REQUEST, enrolled


def called(scene, held):
    wanted = CertificateSelection(serials=(held.serial,))
    ask = EarlyReplacementRequest(wanted, "a17", "incident 7", Explanation(), DAY)
    return call_early(ask, scene.ctx, REQUEST).call.call_id


def test_each_view_is_in_the_audit_log_and_shows_what_was_not_reached(scene):
    held, other, clerk = enrolled(scene), enrolled(scene), a_clerk(scene)
    first, second = called(scene, held), called(scene, other)
    assert [one.call_id for one in early_calls.list_calls(clerk)] == [second, first], "the newest first"
    status, unreached = early_calls.find_call(first, 10, clerk)
    assert (status.count, status.unreached, [one.serial for one in unreached]) == (1, 1, [held.serial])
    assert early_calls.find_call(first, 0, clerk)[1] == ()
    seen = [subject for subject, _ in looked(scene)]
    assert seen == ["search:early-calls", f"early-call:{first}", f"early-call:{first}"]
    assert early_calls.find_call("x", 10, clerk) is None
    assert len(looked(scene)) == 3, "an unknown call shows nothing"
