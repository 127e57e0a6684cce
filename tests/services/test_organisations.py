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
from tests.support.service_context import REQUEST, SECOND, add_organisation, enrolled, ordered

OTHER_CUSTOMER = "7654321-0"
BOTH = frozenset(Channel)


def new(customer_id: str, kind: IdentifierType = IdentifierType.ARTIFICIAL) -> NewOrganisation:
    return NewOrganisation(customer_id, kind, "FI", "Toinen Oy", Language.FI, frozenset({Channel.WS}))


def test_an_id_is_taken_whatever_its_kind_and_spelling(desk):
    add_organisation(desk, "ABC-1")
    for again in ("ABC-1", "abc-1", " Abc-1 "):
        assert register_organisation(new(again, IdentifierType.FOREIGN), desk.ctx, "operator", REQUEST) is None
    assert models.Organisation.objects.using(desk.db.alias).count() == 2


def test_a_channel_without_a_ca(desk):
    one = desk.but(issuing={Channel.WS: desk.ctx.issuing[Channel.WS]})
    sftp = frozenset({Channel.SFTP})
    add_organisation(desk, "ABC-1")
    with pytest.raises(ChannelError, match="no CA for channel SFTP; it has: WS"):
        approve("ABC-1", sftp, one.ctx, "operator", REQUEST)
    with pytest.raises(ChannelError, match="SFTP"):
        register_organisation(
            NewOrganisation("ABC-2", IdentifierType.ARTIFICIAL, "FI", "Toinen Oy", Language.FI, BOTH),
            one.ctx,
            "operator",
            REQUEST,
        )
    assert organisations.find_organisation(desk.db, "ABC-2") is None


def test_the_rules_of_ids_are_those_of_the_environment(desk):
    production = desk.but(environment=Environment.PRODUCTION)
    with pytest.raises(CustomerIdError, match="TEST environment"):
        register_organisation(new("7654321-0"), production.ctx, "operator", REQUEST)
    found = register_organisation(new(" 1234567-1", IdentifierType.BUSINESS_ID), production.ctx, "operator", REQUEST)
    assert (found.customer_id, found.open, found.channels) == ("1234567-1", True, {Channel.WS})


def test_approved_withdrawn_and_approved_again(desk):
    def channels():
        return organisations.find_organisation(desk.db, CUSTOMER_ID).channels

    assert channels() == BOTH
    assert withdraw(CUSTOMER_ID, Channel.SFTP, desk.ctx, "operator", REQUEST)
    assert channels() == {Channel.WS}
    assert withdraw(CUSTOMER_ID, Channel.SFTP, desk.ctx, "operator", REQUEST), "nothing left to withdraw"
    assert approve(CUSTOMER_ID, BOTH, desk.ctx, "operator", REQUEST)
    assert channels() == BOTH
    assert approve(CUSTOMER_ID, BOTH, desk.ctx, "operator", REQUEST)
    rows = models.ApprovedChannel.objects.using(desk.db.alias)
    assert rows.count() == 3, "the withdrawn approval is kept"
    actions = models.AuditEvent.objects.using(desk.db.alias).values_list("action", flat=True)
    assert sorted(actions).count("channel-approved") == 3
    assert sorted(actions).count("channel-withdrawn") == 1


def test_closed_once(desk):
    assert close(CUSTOMER_ID, desk.ctx, "operator", REQUEST)
    assert close(CUSTOMER_ID, desk.ctx, "operator", REQUEST)
    assert organisations.find_organisation(desk.db, CUSTOMER_ID).open is False
    assert models.AuditEvent.objects.using(desk.db.alias).filter(action="organisation-closed").count() == 1


def test_an_organisation_that_is_not_there(desk):
    assert approve("unknown-1", BOTH, desk.ctx, "operator", REQUEST) is False
    assert withdraw("unknown-1", Channel.WS, desk.ctx, "operator", REQUEST) is False
    assert close("unknown-1", desk.ctx, "operator", REQUEST) is False


def test_lists_and_counts(desk):
    add_organisation(desk, OTHER_CUSTOMER)
    first, second = enrolled(desk), enrolled(desk)
    theirs = enrolled(desk, customer_id=OTHER_CUSTOMER)
    ordered(desk)
    revoke(RevocationRequest(first.serial, RevocationReason.SUPERSEDED), desk.ctx, "operator", REQUEST)
    assert [one.serial for one in registration.certificates(desk.ctx)] == [theirs.serial, second.serial, first.serial]
    assert [one.serial for one in registration.certificates(desk.ctx, f" {CUSTOMER_ID}")] == [
        second.serial,
        first.serial,
    ]
    assert registration.certificates(desk.ctx, "unknown-1") == ()
    assert registration.counts(desk.ctx) == Counts(2, open_orders=1, certificates=3, revoked=1, reserved=0)


def test_certificates_in_force_are_those_of_the_channel_that_are_neither_revoked_nor_expired(desk):
    first, revoked, other = (enrolled(desk, channel) for channel in (Channel.SFTP, Channel.SFTP, Channel.WS))
    ask = RevocationRequest(revoked.serial, RevocationReason.SUPERSEDED)
    revoke(ask, desk.ctx, "operator", REQUEST)
    ordered(desk)
    assert dict(registration.in_force(desk.ctx, Channel.SFTP)) == {first.serial: first.der}
    assert dict(registration.in_force(desk.ctx, Channel.WS)) == {other.serial: other.der}
    desk.clock.now = load_certificate(first.der).not_valid_after_utc
    assert dict(registration.in_force(desk.ctx, Channel.SFTP)) == {first.serial: first.der}
    desk.clock.forward(SECOND)
    assert dict(registration.in_force(desk.ctx, Channel.SFTP)) == {}
