"""Clerks' pages of calls for early replacement."""

import pytest

from sinetti.database.certificates.bulk_revocation import CertificateSelection
from sinetti.domain.certificates.renewal_info import Explanation
from sinetti.services.revocation.early_replacement import EarlyReplacementRequest, call_early, cancel
from tests.eservice.test_staff import anna, at_work, door, table, text_of
from tests.support.scene import DAY, REQUEST, enrolled, renewed

__all__ = ["anna", "at_work", "door"]

LIST = "/staff/early-replacements"


@pytest.fixture
def call(sqlite_scene):
    """Return the id of a call of two certificates, one of which was replaced."""
    held, other = enrolled(sqlite_scene), enrolled(sqlite_scene)
    wanted = CertificateSelection(serials=(held.serial, other.serial))
    ask = EarlyReplacementRequest(wanted, "a17", "incident 7", Explanation(), DAY)
    made = call_early(ask, sqlite_scene.ctx, REQUEST).call
    renewed(sqlite_scene, held)
    return made.call_id, other.serial


def test_calls_in_force_are_listed_with_their_counts(sqlite_scene, call, anna):
    anna.get("/staff")
    assert LIST in anna.page.xpath("//a/@href")
    anna.get(LIST)
    ((_, _, *counts),) = table(anna)
    assert counts == ["2", "1", "0", "1"]
    cancel(call[0], "b2", sqlite_scene.ctx, REQUEST)
    assert table(anna.get(LIST)) == []


def test_one_call_lists_what_was_not_reached(sqlite_scene, call, anna):
    call_id, serial = call
    anna.get(f"{LIST}/{call_id}")
    ((_, shown, _),) = table(anna)
    assert shown == serial
    assert f"/staff/certificates/{serial}" in anna.page.xpath("//a/@href")
    cancel(call_id, "b2", sqlite_scene.ctx, REQUEST)
    assert "Ended" in text_of(anna.get(f"{LIST}/{call_id}"))
    anna.get(f"{LIST}/x")
    assert anna.reply.status == 404
