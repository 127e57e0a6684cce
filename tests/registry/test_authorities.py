"""What a register knows of itself and its CAs."""

import pytest
from django.db import IntegrityError

from sinetti.domain.values import Channel, Environment
from sinetti.registry import authorities, models, parties
from sinetti.registry.audit import Deed
from sinetti.registry.authorities import Identity
from tests.support.authority import CUSTOMER_ID, NOW, authority
from tests.support.office import DAY, REQUEST, authority_rows

DEED = Deed("operator", NOW, REQUEST)


def test_an_empty_register_has_no_identity(register):
    assert authorities.identity(register) is None
    assert authorities.issuing_names(register) == {}


def test_identity_environment_and_fingerprints(register):
    rows = authority_rows(authority())
    founded = authorities.found(register, Environment.TEST, rows, DEED)
    found = authorities.identity(register)
    assert found == founded == Identity(founded.instance_id, Environment.TEST, {one.name: one.sha256 for one in rows})
    assert authorities.issuing_names(register) == {
        Channel.WS: "DataProvidersTestIssuingCAv1",
        Channel.SFTP: "DataProvidersSFTPTestIssuingCAv1",
    }


def test_generations_of_cas_are_kept_with_their_spans(register):
    authorities.found(register, Environment.TEST, authority_rows(authority()), DEED)
    row = models.Authority.objects.using(register.alias).select_related("issuer").get(pk="DataProvidersTestIssuingCAv1")
    certificate = authority().certificate(row.name)
    assert row.issuer.name == "SinettiIntermediateTestCAv1"
    assert row.signs_from == certificate.not_valid_before_utc
    assert row.signs_until == certificate.not_valid_after_utc - 730 * DAY
    assert (row.state, row.crl_number) == ("issuing", 0)
    assert models.Authority.objects.using(register.alias).get(role="root").issuer is None


def test_a_name_is_unique_for_ever(register):
    rows = authority_rows(authority())
    authorities.found(register, Environment.TEST, rows, DEED)
    with pytest.raises(IntegrityError):
        authorities.found(register, Environment.TEST, rows, DEED)
    assert models.Instance.objects.using(register.alias).count() == 1


def test_a_shard_without_a_list(desk):
    assert authorities.published_list(desk.register, "DataProvidersTestIssuingCAv1", 1) is None


def test_approving_what_is_approved_leaves_it_as_it_is(desk):
    """Where two operators approve at once, the second changes nothing and says nothing."""
    found = parties.find_organisation(desk.register, CUSTOMER_ID)
    approvals = models.ApprovedType.objects.using(desk.register.alias)
    rows = models.AuditRow.objects.using(desk.register.alias)
    before, written = list(approvals.values_list()), rows.count()
    desk.clock.forward(DAY)
    parties.approve_channels(desk.register, found.organisation_id, frozenset(Channel), desk.deed())
    assert list(approvals.values_list()) == before
    assert rows.count() == written
