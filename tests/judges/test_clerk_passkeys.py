"""A clerk confirms another clerk's proposal in Chromium, with its own authenticator, checked by axe.

What the browser signed is then verified from the log alone.
"""

import pytest
from playwright.sync_api import expect

from sinetti.database import models
from sinetti.wire.transparency.approvals import ApprovalRecord
from sinetti.wire.transparency.entries import parse_entry
from tests.eservice.conftest import post, sqlite_db, sqlite_scene
from tests.judges.test_accounts import EMAIL, address, at, page, security_key, sign_in, somebody
from tests.support.scene import DAY, enrolled

__all__ = ["address", "page", "post", "somebody", "sqlite_db", "sqlite_scene"]


@pytest.fixture
def proposal(sqlite_scene, somebody):
    """Make the person a clerk, and return another clerk's proposal to revoke a certificate."""
    models.User.objects.filter(email=EMAIL).update(is_staff=True)
    now = sqlite_scene.ctx.now()
    other = models.User.objects.create(email="other@authority.example", name="Oona Other", is_staff=True, created=now)
    serials = [enrolled(sqlite_scene).serial]
    return models.BulkRevocation.objects.create(
        officer=f"user.{other.pk}", reason="superseded", serials=serials, count=1, created=now, expires=now + DAY
    )


def revoked():
    return models.Certificate.objects.filter(revoked_at__isnull=False).count()


def test_a_clerk_confirms_with_a_passkey(page, proposal):
    security_key(page)
    sign_in(page)
    page.get_by_role("link", name="Add a passkey").click()
    page.get_by_label("Passkey name").fill("This window")
    page.get_by_role("button", name="Add a passkey").click()
    page.wait_for_url("**/recovery-codes")
    place = f"/staff/revocations/{proposal.proposal_id}"
    page.goto(place)
    page.get_by_label("What do you need the information for?").select_option("support")
    with page.expect_navigation():
        page.get_by_role("button", name="Continue").click()
    page.goto(place)
    page.get_by_role("button", name="Confirm and revoke permanently").click()
    at(page, place)
    expect(page.get_by_text("Oona Other")).to_be_visible()
    assert revoked() == 0
    page.get_by_role("button", name="Confirm with the passkey").click()
    expect(page.get_by_text("All these certificates have been revoked")).to_be_visible()
    assert revoked() == 1
    record = ApprovalRecord()
    record.take(parse_entry(bytes(models.AuditEvent.objects.get(action="act-asserted").octets)))
    assert record.verified == 1
