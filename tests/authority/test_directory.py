"""Live directory: every process has a change of a CA within seconds, and keeps the last state otherwise."""

from dataclasses import replace
from threading import Event, Thread
from time import monotonic

import pytest
from django.db import OperationalError
from django.db.models import F

from sinetti.api.publication import PublicationEndpoint
from sinetti.authority import directory
from sinetti.authority.bootstrap import RuntimeOptions, open_authority
from sinetti.authority.data_directory import DirectoryKind
from sinetti.authority.succession import SuccessionContext, begin_successor, certify, install_successor
from sinetti.ca.successors import SuccessorOptions
from sinetti.database.authorities import register
from sinetti.database.models import CertificateAuthority
from sinetti.domain.authorities.lifecycle import CaState
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.values import Channel
from sinetti.server.http import Request
from sinetti.services.authorities.succession import activate_ca
from tests.authority.test_succession import NOW, REQUEST, SERVICES, WS, founded, root
from tests.support.registers import all_connections_closed

__all__ = ["founded", "root"]

SECOND = "DataProvidersTestIssuingCAv2"
ABOVE = ("SinettiRootTestCAv1", "SinettiIntermediateTestCAv1")


@pytest.fixture
def authority(root):
    with all_connections_closed():
        yield open_authority(root, DirectoryKind.AUTHORITY, RuntimeOptions(lambda: NOW))


def audit(ctx):
    return ctx.audit_entry("operator", REQUEST)


def installed(authority):
    means = SuccessionContext(authority, "operator", REQUEST)
    pending = begin_successor(WS, SuccessorOptions(), means)
    return install_successor(pending.name, certify(pending, means), means)


def test_mappings_of_the_context_are_live(authority):
    ctx, held = authority.ctx, authority.ctx.responders[WS]
    assert (ctx.issuing, len(ctx.issuers), SECOND in ctx.certificates) == ({**ctx.issuing}, 5, False)
    new = installed(authority)
    assert (new.name, ctx.states[SECOND], ctx.issuing[Channel.WS]) == (SECOND, CaState.STANDBY, WS)
    assert ctx.certificates[SECOND] == new.certificate
    assert ctx.issuers[SECOND].certificate_url == f"{ctx.issuers[WS].base_url}/ca/{SECOND}.cer"
    assert ctx.responders[SECOND]().certificate.issuer == ctx.issuers[SECOND].certificate.subject
    assert ctx.responders[WS] is held, "a responder and its key stay open"
    assert [one.file_name for one in authority.hierarchy.authorities][-1] == SECOND
    activate_ca(SECOND, ctx, audit(ctx))
    assert ctx.issuing[Channel.WS] == SECOND
    assert ctx.signs_lists(WS)


def test_a_retired_ca_has_no_responder_and_signs_no_list(authority):
    ctx = authority.ctx
    register.stop(ctx.db, SERVICES, audit(ctx))
    register.retire(ctx.db, SERVICES, replace(audit(ctx), at=NOW.replace(year=NOW.year + 90)))
    ctx.refresh_authorities()
    assert SERVICES not in ctx.responders
    assert not ctx.signs_lists(SERVICES)
    assert ctx.certificates[SERVICES]


def test_a_stopped_ca_that_an_update_starts_again_issues_nothing(authority, caplog):
    """A writer of the database changes state and version; the log has no entry about it."""
    ctx = authority.ctx
    register.stop(ctx.db, WS, audit(ctx))
    rows = CertificateAuthority.objects.using(ctx.db.alias).filter(pk=WS)
    rows.update(state=CaState.ISSUING, version=F("version") + 1)
    ctx.refresh_authorities()
    assert (ctx.states[WS], Channel.WS in ctx.issuing) == (CaState.PUBLISHING, False)
    said = f"{WS} issues nothing: its row differs from the log (state, version)"
    ctx.refresh_authorities()
    assert caplog.text.count(said) == 1
    register.stop(ctx.db, WS, audit(ctx))
    register.activate(ctx.db, WS, audit(ctx))
    ctx.refresh_authorities()
    assert Channel.WS in ctx.issuing


def test_a_row_that_is_repaired_counts_without_another_change(authority):
    ctx = authority.ctx
    rows = CertificateAuthority.objects.using(ctx.db.alias).filter(pk=WS)
    key = rows.get().key_id
    rows.update(key_id="another", version=F("version") + 1)
    ctx.refresh_authorities()
    assert Channel.WS not in ctx.issuing
    rows.update(key_id=key, version=F("version") - 1)
    ctx.refresh_authorities()
    assert Channel.WS in ctx.issuing


def test_offline_cas_are_a_live_set(authority):
    ctx = authority.ctx
    assert not ctx.offline
    for name in ABOVE:
        (authority.folder.keys / f"{name}.pem").unlink()
    register.stop(ctx.db, WS, audit(ctx))
    ctx.refresh_authorities()
    assert ctx.offline == set(ABOVE)
    assert (len(ctx.offline), ABOVE[0] in ctx.offline, ctx.offline - {ABOVE[0]}) == (2, True, {ABOVE[1]})


def test_the_services_ca_that_issues(authority):
    ctx = authority.ctx
    assert authority.cas.services().file_name == SERVICES
    register.revoke(ctx.db, SERVICES, RevocationReason.SUPERSEDED, None, audit(ctx))
    ctx.refresh_authorities()
    assert authority.cas.services().file_name == SERVICES, "the newest one, if none issues"


def test_another_process_follows_within_two_seconds(root, authority, monkeypatch):
    """Two authorities share no object; each has a directory of its own."""
    other = open_authority(root, DirectoryKind.AUTHORITY, RuntimeOptions(lambda: NOW))
    stop, since = Event(), monotonic()
    monkeypatch.setattr(directory, "READ_EVERY", 0.05)
    follower = Thread(target=other.cas.follow, args=(stop,))
    follower.start()
    try:
        activate_ca(installed(authority).name, authority.ctx, audit(authority.ctx))
        while other.ctx.issuing[Channel.WS] != SECOND and monotonic() < since + 30:
            stop.wait(0.01)
        assert other.ctx.issuers[SECOND].certificate == authority.ctx.issuers[SECOND].certificate
    finally:
        stop.set()
        follower.join(60)


def test_files_of_a_new_ca_are_there_before_another_process_follows(root, authority, monkeypatch):
    others = open_authority(root, DirectoryKind.AUTHORITY, RuntimeOptions(lambda: NOW)).ctx
    activate_ca(installed(authority).name, authority.ctx, audit(authority.ctx))
    published = PublicationEndpoint(others)
    assert SECOND not in others.certificates
    with monkeypatch.context() as patched:
        patched.setattr(directory.register, "register_version", database_away)
        assert published(fetch_of(f"/crl/{SECOND}-1.crl")).status == 404, "the database is away"
    assert published(fetch_of(f"/crl/{SECOND}-1.crl")).status == 200
    assert published(fetch_of(f"/ca/{SECOND}.cer")).body == authority.ctx.certificates[SECOND]
    assert published(fetch_of("/crl/None-1.crl")).status == 404


def fetch_of(path):
    return Request("GET", path, "", {}, REQUEST, b"")


def database_away(_db):
    message = "the server closed the connection"
    raise OperationalError(message)


FAULTS = {
    "the database is away": OperationalError("gone\nwith details"),
    "a row that cannot be read": ValueError("odd"),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_the_last_state_stays_while_the_register_cannot_be_read(authority, monkeypatch, caplog, fault):
    def fail(_db):
        raise fault

    stop = Event()
    monkeypatch.setattr(directory, "READ_EVERY", 0.01)
    with monkeypatch.context() as patched:
        patched.setattr(register, "register_version", fail)
        follower = Thread(target=authority.cas.follow, args=(stop,))
        follower.start()
        while "the CAs stay as they were last read" not in caplog.text:
            stop.wait(0.01)
        stop.set()
        follower.join(60)
    assert "with details" not in caplog.text
    assert authority.ctx.issuing[Channel.WS] == WS
    register.stop(authority.ctx.db, WS, audit(authority.ctx))
    authority.cas.refresh()
    assert Channel.WS not in authority.ctx.issuing
