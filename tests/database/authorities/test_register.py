"""States of CAs in the register, and the moves between them."""

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest

from sinetti.database import models
from sinetti.database.authorities import register
from sinetti.database.authorities.register import (
    Activation,
    CaChangeRefused,
    CaUnknown,
    Distrust,
    NewPendingAuthority,
)
from sinetti.database.common.audit_log import AuditContext
from sinetti.database.operations import authorities
from sinetti.domain.authorities.lifecycle import CaState
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.values import Channel, Environment
from tests.support import golden
from tests.support.authority import NOW, authority
from tests.support.registers import crowd
from tests.support.scene import DAY, REQUEST, authority_rows

DEED = AuditContext("operator", NOW, REQUEST)
ROOT, ISSUING, SFTP = "SinettiRootTestCAv1", "DataProvidersTestIssuingCAv1", "DataProvidersSFTPTestIssuingCAv1"
SERVICES = "ServicesTestIssuingCAv1"
COMPROMISED = RevocationReason.CA_COMPROMISE


@pytest.fixture
def founded(db):
    rows = {one.name: one for one in authority_rows(authority())}
    authorities.insert_authority(db, Environment.TEST, tuple(rows.values()), DEED)
    return SimpleNamespace(db=db, rows=rows)


def successor(founded, name="DataProvidersTestIssuingCAv2", of=ISSUING, **changes):
    """Return the next generation of a CA; its octets are of no CA."""
    row = founded.rows[of]
    common = f"{row.common_name[:-1]}{name[-1]}"
    return replace(
        row, name=name, common_name=common, sha256=name.ljust(64, "0")[:64], state=CaState.STANDBY, **changes
    )


def pending(founded, name="DataProvidersTestIssuingCAv2", of=ISSUING, **changes):
    new = NewPendingAuthority(
        name=name,
        common_name=successor(founded, name, of).common_name,
        role=founded.rows[of].role,
        channel=founded.rows[of].channel,
        issuer=founded.rows[of].issuer,
        replaces=of,
        key_type="ec-p256",
        lifetime_days=3650,
        request=b"request",
    )
    return replace(new, **changes)


def states(db):
    return {one.name: one.state for one in register.list_authorities(db) if one.state is not CaState.ISSUING}


def actions(db):
    rows = models.AuditEvent.objects.using(db.alias).filter(action__startswith="ca-").order_by("sequence")
    return list(rows.values_list("action", "object"))


def test_founding_cas_are_listed_parents_first(founded):
    found = register.list_authorities(founded.db)
    names = [one.name for one in found]
    assert names[0] == ROOT
    assert {one.state for one in found} == {CaState.ISSUING}
    assert all(one.issuer is None or names.index(one.issuer) < names.index(one.name) for one in found)
    ws = register.get_authority(founded.db, founded.rows[ISSUING].common_name)
    assert (ws.name, ws.channel, ws.generation, ws.version) == (ISSUING, Channel.WS, 1, 0)
    assert ws.certificate == founded.rows[ISSUING].certificate
    with pytest.raises(CaUnknown, match=f"no CA v9 .*{ROOT}"):
        register.get_authority(founded.db, "v9")


def test_from_begin_to_retirement(founded):
    db, new = founded.db, successor(founded)
    seen = [register.register_version(db)]

    def changed():
        seen.append(register.register_version(db))
        return seen[-1] > seen[-2]

    begun = register.insert_pending(db, pending(founded), DEED)
    assert changed()
    assert begun.generation == 2
    assert register.insert_pending(db, pending(founded), DEED) == begun
    assert not changed()
    assert register.list_pending(db) == (begun,)
    installed = register.install(db, new, DEED)
    assert changed()
    assert (installed.state, installed.replaces, installed.version) == (CaState.STANDBY, ISSUING, 1)
    assert register.install(db, new, DEED) == installed
    assert not changed()
    assert register.list_pending(db) == ()
    with golden.refused("sentences/ca-register/no-lists", CaChangeRefused):
        register.activate(db, new.name, DEED)
    register.finish_installation(db, new.name, NOW)
    assert changed()
    register.finish_installation(db, new.name, NOW + DAY)
    assert register.find_pending(db, new.common_name).installed_at == NOW
    assert register.activate(db, new.name, DEED) == Activation(ISSUING, is_new=True)
    assert changed()
    assert register.issuing_names(db) == {Channel.WS: new.name, Channel.SFTP: SFTP}
    assert register.activate(db, new.name, DEED) == Activation(None, is_new=False)
    assert not changed()
    assert states(db) == {ISSUING: CaState.PUBLISHING}
    assert register.retire(db, ISSUING, DEED)
    assert changed()
    assert not register.retire(db, ISSUING, DEED)
    assert not changed()
    assert [action for action, _ in actions(db)] == [
        *["ca-founded"] * len(founded.rows), "ca-begun", "ca-installed", "ca-replaced", "ca-activated", "ca-retired",
    ]  # fmt: skip


def test_a_stopped_channel_has_no_issuing_ca_until_one_is_activated(founded):
    db = founded.db
    assert register.stop(db, ISSUING, DEED)
    assert not register.stop(db, ISSUING, DEED)
    assert register.issuing_names(db) == {Channel.SFTP: SFTP}
    assert register.activate(db, ISSUING, DEED) == Activation(None, is_new=True)
    assert register.issuing_names(db)[Channel.WS] == ISSUING


def test_names_are_unique_for_ever(founded):
    db = founded.db
    common_name = founded.rows[ISSUING].common_name

    def insert(**changes):
        return register.insert_pending(db, pending(founded, **changes), DEED)

    attempts = {"name": lambda: insert(name=ISSUING), "common name": lambda: insert(common_name=common_name)}
    said = [golden.refusals(attempts, CaChangeRefused)]
    insert()
    said.append(golden.refusals({"another request": lambda: insert(request=b"another")}, CaChangeRefused))
    register.install(db, successor(founded), DEED)
    other = replace(successor(founded), sha256="f" * 64)
    said.append(golden.refusals({"another certificate": lambda: register.install(db, other, DEED)}, CaChangeRefused))
    golden.check("sentences/ca-register/names", {"en.txt": "\n".join(said)})


REFUSED = {
    "retire a CA that issues": ("retire", ISSUING, "is issuing and cannot become retired"),
    "activate before its time": ("activate", "DataProvidersTestIssuingCAv2", "issues from .* only"),
}


@pytest.mark.parametrize(("change", "name", "sentence"), REFUSED.values(), ids=REFUSED)
def test_changes_that_are_refused(founded, change, name, sentence):
    register.install(founded.db, successor(founded, signs_from=NOW + DAY), DEED)
    before = register.register_version(founded.db)
    with pytest.raises(CaChangeRefused, match=sentence):
        getattr(register, change)(founded.db, name, DEED)
    assert register.register_version(founded.db) == before


def test_a_ca_under_a_revoked_one_is_not_activated(founded):
    register.install(founded.db, successor(founded), DEED)
    register.revoke(founded.db, founded.rows[ISSUING].issuer, COMPROMISED, None, DEED)
    with pytest.raises(CaChangeRefused, match="is revoked: activate"):
        register.activate(founded.db, "DataProvidersTestIssuingCAv2", DEED)


def test_a_ca_retires_after_the_end_of_its_last_certificate(founded):
    db, ends = founded.db, NOW + timedelta(days=3000)
    models.ServiceCertificate.objects.using(db.alias).create(
        authority=SERVICES, serial="01", sha256="0" * 64, not_after=ends
    )
    register.stop(db, SERVICES, DEED)
    with pytest.raises(CaChangeRefused, match=f"must publish until {ends:%Y-%m-%d}"):
        register.retire(db, SERVICES, replace(DEED, at=ends))
    assert register.retire(db, SERVICES, replace(DEED, at=ends + timedelta(seconds=1)))
    # A CA above others publishes until all of these have ended.
    register.stop(db, ROOT, DEED)
    with pytest.raises(CaChangeRefused, match="must publish until"):
        register.retire(db, ROOT, DEED)


def test_a_revocation_and_a_declaration_stay_as_they_were_first(founded):
    db, later = founded.db, replace(DEED, at=NOW + DAY)
    declared = Distrust(NOW - DAY, NOW, NOW + 3 * DAY, checkpoint="log\n7\n")
    first = register.revoke(db, ISSUING, RevocationReason.SUPERSEDED, None, DEED)
    assert (first.state, first.revoked_at, first.distrust) == (CaState.REVOKED, NOW, None)
    second = register.revoke(db, ISSUING, COMPROMISED, declared, later)
    assert (second.revoked_at, second.revocation_reason) == (NOW, RevocationReason.SUPERSEDED)
    assert second.distrust == declared
    assert second.version == 2
    third = register.revoke(db, ISSUING, COMPROMISED, replace(declared, since=NOW), later)
    assert third == second
    assert Channel.WS not in register.issuing_names(db)
    with pytest.raises(CaChangeRefused, match="revoked and cannot become"):
        register.activate(db, ISSUING, DEED)


def test_of_two_activations_at_once_each_channel_keeps_one_issuing_ca(founded):
    names = ["DataProvidersTestIssuingCAv2", "DataProvidersTestIssuingCAv3"]
    for name in names:
        register.install(founded.db, successor(founded, name), DEED)
    found = crowd(founded.db, 2, lambda number: register.activate(founded.db, names[number], DEED))
    last = register.issuing_names(founded.db)[Channel.WS]
    now_issuing = [one.name for one in register.list_authorities(founded.db) if one.channel is Channel.WS]
    now_issuing = [name for name in now_issuing if name not in states(founded.db)]
    assert now_issuing == [last]
    # The second one took over from the first, and the first from the founding CA.
    assert sorted(one.predecessor for one in found) == sorted([ISSUING, *(set(names) - {last})])


def test_the_successor_of_an_intermediate_takes_over_from_the_one_it_replaces(founded):
    parent = founded.rows[ISSUING].issuer
    name = f"{parent[:-1]}2"
    register.insert_pending(founded.db, pending(founded, name, parent), DEED)
    register.install(founded.db, successor(founded, name, parent), DEED)
    register.finish_installation(founded.db, name, NOW)
    assert register.activate(founded.db, name, DEED) == Activation(parent, is_new=True)
    other = f"{parent[:-1]}3"
    register.install(founded.db, successor(founded, other, parent), DEED)
    assert register.activate(founded.db, other, DEED).predecessor == name


def test_cas_of_an_earlier_version_get_their_channels(founded):
    rows = models.CertificateAuthority.objects.using(founded.db.alias)
    rows.update(channel=None, generation=1)
    register.fill_channels(founded.db)
    assert register.get_authority(founded.db, SFTP).channel is Channel.SFTP
    assert register.get_authority(founded.db, ROOT).channel is None
