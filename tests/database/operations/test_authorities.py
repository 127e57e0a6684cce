"""Identity of a database, and its CAs."""

from dataclasses import replace

import pytest
from django.db import IntegrityError, connections

from sinetti.database import models
from sinetti.database.authorities import register
from sinetti.database.common.audit_log import AuditContext
from sinetti.database.connection import DATABASE_UNAVAILABLE, DatabaseSetupError, open_database
from sinetti.database.issuance import crls
from sinetti.database.operations import authorities
from sinetti.database.operations.authorities import AuthorityIdentity
from sinetti.database.organisations import organisations
from sinetti.domain.values import Channel, Environment
from tests.support.authority import CUSTOMER_ID, NOW, authority
from tests.support.registers import all_connections_closed, crowd
from tests.support.scene import DAY, REQUEST, authority_rows

DEED = AuditContext("operator", NOW, REQUEST)


def test_an_empty_register_has_no_identity(db):
    assert authorities.identity(db) is None
    assert register.issuing_names(db) == {}


def test_identity_environment_and_fingerprints(db):
    rows = authority_rows(authority())
    founded = authorities.insert_authority(db, Environment.TEST, rows, DEED)
    found = authorities.identity(db)
    assert (
        found
        == founded
        == AuthorityIdentity(founded.instance_id, Environment.TEST, {one.name: one.sha256 for one in rows})
    )
    assert register.issuing_names(db) == {
        Channel.WS: "DataProvidersTestIssuingCAv1",
        Channel.SFTP: "DataProvidersSFTPTestIssuingCAv1",
    }


def test_generations_of_cas_are_kept_with_their_spans(db):
    authorities.insert_authority(db, Environment.TEST, authority_rows(authority()), DEED)
    row = (
        models.CertificateAuthority.objects.using(db.alias)
        .select_related("issuer")
        .get(pk="DataProvidersTestIssuingCAv1")
    )
    certificate = authority().certificate(row.name)
    assert row.issuer.name == "SinettiIntermediateTestCAv1"
    assert row.signs_from == certificate.not_valid_before_utc
    assert row.signs_until == certificate.not_valid_after_utc - 730 * DAY
    assert (row.state, row.crl_number) == ("issuing", 0)
    assert models.CertificateAuthority.objects.using(db.alias).get(role="root").issuer is None


def test_a_name_is_unique_for_ever(db):
    rows = authority_rows(authority())
    first = authorities.insert_authority(db, Environment.TEST, rows, DEED)
    named = {"name": rows[0].name, "common_name": "Another", "sha256": "0" * 64}
    times = {"signs_from": NOW, "signs_until": NOW}
    with pytest.raises(IntegrityError):
        models.CertificateAuthority.objects.using(db.alias).create(**named, **times, certificate=b"", role="root")
    assert authorities.identity(db) == first


def test_who_founds_second_is_told_who_was_first(db):
    first = authorities.insert_authority(db, Environment.TEST, authority_rows(authority()), DEED)
    assert authorities.insert_authority(db, Environment.PRODUCTION, (), DEED) == first
    assert models.Instance.objects.using(db.alias).count() == 1


def test_of_many_that_found_at_once_one_does(db):
    def found(number):
        environment = tuple(Environment)[number % 2]
        return authorities.insert_authority(db, environment, (), replace(DEED, request_id=f"{number:032}"))

    assert len({one.instance_id for one in crowd(db, 4, found)}) == 1
    assert models.Instance.objects.using(db.alias).count() == 1
    assert models.AuditEvent.objects.using(db.alias).count() == 1


def test_a_database_without_our_tables_is_nobodys(tmp_path):
    with all_connections_closed():
        empty = open_database(f"sqlite:///{tmp_path}/empty.sqlite3", alias="empty")
        assert authorities.identity(empty) is None
        assert connections["empty"].introspection.table_names() == []


def test_a_table_of_ours_in_the_way_of_another_makers(db):
    with connections[db.alias].cursor() as cursor:
        cursor.execute("ALTER TABLE sinetti_instance RENAME COLUMN fingerprints TO prints")
    try:
        with pytest.raises((DatabaseSetupError, *DATABASE_UNAVAILABLE), match="fingerprints"):
            authorities.identity(db)
    finally:
        with connections[db.alias].cursor() as cursor:
            cursor.execute("ALTER TABLE sinetti_instance RENAME COLUMN prints TO fingerprints")


def test_a_shard_without_a_list(scene):
    assert crls.latest_crl(scene.db, "DataProvidersTestIssuingCAv1", 1) is None


def test_approving_what_is_approved_leaves_it_as_it_is(scene):
    """If two operators approve at once, the second changes and says nothing."""
    found = organisations.find_organisation(scene.db, CUSTOMER_ID)
    approvals = models.ApprovedChannel.objects.using(scene.db.alias).order_by("pk")
    rows = models.AuditEvent.objects.using(scene.db.alias)
    before, written = list(approvals.values_list()), rows.count()
    scene.clock.forward(DAY)
    organisations.approve_channels(scene.db, found.organisation_id, frozenset(Channel), scene.audit_entry())
    assert list(approvals.values_list()) == before
    assert rows.count() == written
