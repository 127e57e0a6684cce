"""Organisations: registration, approval for channels, and queries."""

import pytest

from sinetti.database import models
from sinetti.database.certificates.revocation import Counts
from sinetti.database.organisations import organisations
from sinetti.database.organisations.organisations import NewOrganisation
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.values import Channel, CustomerIdError, Environment, IdentifierType, Language
from sinetti.pki.encoding import load_certificate
from sinetti.services.organisations import registration
from sinetti.services.organisations.registration import ChannelError, approve, close, register_organisation, withdraw
from sinetti.services.revocation.revoke import RevocationRequest, revoke
from tests.support.authority import CUSTOMER_ID
from tests.support.scene import REQUEST, SECOND, add_organisation, enrolled, ordered

OTHER_CUSTOMER = "7654321-0"
BOTH = frozenset(Channel)


def new(customer_id: str, kind: IdentifierType = IdentifierType.ARTIFICIAL) -> NewOrganisation:
    return NewOrganisation(customer_id, kind, "FI", "Toinen Oy", Language.FI, frozenset({Channel.WS}))


def test_an_id_is_taken_whatever_its_kind_and_spelling(scene):
    add_organisation(scene, "ABC-1")
    for again in ("ABC-1", "abc-1", " Abc-1 "):
        assert register_organisation(new(again, IdentifierType.FOREIGN), scene.ctx, "operator", REQUEST) is None
    assert models.Organisation.objects.using(scene.db.alias).count() == 2


def test_a_channel_without_a_ca(scene):
    one = scene.but(issuing={Channel.WS: scene.ctx.issuing[Channel.WS]})
    sftp = frozenset({Channel.SFTP})
    add_organisation(scene, "ABC-1")
    with pytest.raises(ChannelError, match="no CA for channel SFTP; it has: WS"):
        approve("ABC-1", sftp, one.ctx, "operator", REQUEST)
    with pytest.raises(ChannelError, match="SFTP"):
        register_organisation(
            NewOrganisation("ABC-2", IdentifierType.ARTIFICIAL, "FI", "Toinen Oy", Language.FI, BOTH),
            one.ctx,
            "operator",
            REQUEST,
        )
    assert organisations.find_organisation(scene.db, "ABC-2") is None


def test_the_rules_of_ids_are_those_of_the_environment(scene):
    production = scene.but(environment=Environment.PRODUCTION)
    with pytest.raises(CustomerIdError, match="TEST environment"):
        register_organisation(new("7654321-0"), production.ctx, "operator", REQUEST)
    found = register_organisation(new(" 1234567-1", IdentifierType.BUSINESS_ID), production.ctx, "operator", REQUEST)
    assert (found.customer_id, found.open, found.channels) == ("1234567-1", True, {Channel.WS})


def test_approved_withdrawn_and_approved_again(scene):
    def channels():
        return organisations.find_organisation(scene.db, CUSTOMER_ID).channels

    assert channels() == BOTH
    assert withdraw(CUSTOMER_ID, Channel.SFTP, scene.ctx, "operator", REQUEST)
    assert channels() == {Channel.WS}
    assert withdraw(CUSTOMER_ID, Channel.SFTP, scene.ctx, "operator", REQUEST), "nothing left to withdraw"
    assert approve(CUSTOMER_ID, BOTH, scene.ctx, "operator", REQUEST)
    assert channels() == BOTH
    assert approve(CUSTOMER_ID, BOTH, scene.ctx, "operator", REQUEST)
    rows = models.ApprovedChannel.objects.using(scene.db.alias)
    assert rows.count() == 3, "the withdrawn approval is kept"
    actions = models.AuditEvent.objects.using(scene.db.alias).values_list("action", flat=True)
    assert sorted(actions).count("channel-approved") == 3
    assert sorted(actions).count("channel-withdrawn") == 1


def test_closed_once(scene):
    assert close(CUSTOMER_ID, scene.ctx, "operator", REQUEST)
    assert close(CUSTOMER_ID, scene.ctx, "operator", REQUEST)
    assert organisations.find_organisation(scene.db, CUSTOMER_ID).open is False
    assert models.AuditEvent.objects.using(scene.db.alias).filter(action="organisation-closed").count() == 1


def test_an_organisation_that_is_not_there(scene):
    assert approve("unknown-1", BOTH, scene.ctx, "operator", REQUEST) is False
    assert withdraw("unknown-1", Channel.WS, scene.ctx, "operator", REQUEST) is False
    assert close("unknown-1", scene.ctx, "operator", REQUEST) is False


def test_lists_and_counts(scene):
    add_organisation(scene, OTHER_CUSTOMER)
    first, second = enrolled(scene), enrolled(scene)
    theirs = enrolled(scene, customer_id=OTHER_CUSTOMER)
    ordered(scene)
    revoke(RevocationRequest(first.serial, RevocationReason.SUPERSEDED), scene.ctx, "operator", REQUEST)
    assert [one.serial for one in registration.certificates(scene.ctx)] == [theirs.serial, second.serial, first.serial]
    assert [one.serial for one in registration.certificates(scene.ctx, f" {CUSTOMER_ID}")] == [
        second.serial,
        first.serial,
    ]
    assert registration.certificates(scene.ctx, "unknown-1") == ()
    assert registration.counts(scene.ctx) == Counts(2, open_orders=1, certificates=3, revoked=1, reserved=0)


def test_certificates_in_force_are_those_of_the_channel_that_are_neither_revoked_nor_expired(scene):
    first, revoked, other = (enrolled(scene, channel) for channel in (Channel.SFTP, Channel.SFTP, Channel.WS))
    ask = RevocationRequest(revoked.serial, RevocationReason.SUPERSEDED)
    revoke(ask, scene.ctx, "operator", REQUEST)
    ordered(scene)
    assert dict(registration.in_force(scene.ctx, Channel.SFTP)) == {first.serial: first.der}
    assert dict(registration.in_force(scene.ctx, Channel.WS)) == {other.serial: other.der}
    scene.clock.now = load_certificate(first.der).not_valid_after_utc
    assert dict(registration.in_force(scene.ctx, Channel.SFTP)) == {first.serial: first.der}
    scene.clock.forward(SECOND)
    assert dict(registration.in_force(scene.ctx, Channel.SFTP)) == {}
