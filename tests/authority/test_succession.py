"""Successors of CAs for each place of keys: made, killed at each step, certified, installed, and in use."""

import shutil
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from sinetti.authority.bootstrap import RuntimeOptions, open_authority
from sinetti.authority.data_directory import DirectoryKind
from sinetti.authority.initialise import InitOptions, initialise
from sinetti.authority.succession import SuccessionContext, begin_successor, roll_over
from sinetti.ca.hierarchy_config import load_preset
from sinetti.ca.successors import SuccessorOptions
from sinetti.database.authorities import register
from sinetti.domain.authorities.lifecycle import CaState
from sinetti.domain.values import Channel, Environment
from sinetti.services.issuance.clock_guard import ClockGuard
from sinetti.settings.authority import AuthoritySettings
from tests.support.registers import all_connections_closed
from tests.support.service_context import Clock, Desk, add_organisation, enrolled, in_the_window, renewed

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
SETTINGS = AuthoritySettings(Environment.TEST, "http://pki.example", "https://soap.example")
FOUNDING = InitOptions(DirectoryKind.AUTHORITY, load_preset("default"), SETTINGS, NOW)
WS, SERVICES, INTERMEDIATE, ROOT = (
    "DataProvidersTestIssuingCAv1",
    "ServicesTestIssuingCAv1",
    "SinettiIntermediateTestCAv1",
    "SinettiRootTestCAv1",
)
AS_BEFORE = SuccessorOptions()


@pytest.fixture(autouse=True)
def trusted_clock(monkeypatch):
    """Trust the clock, which tests set by years."""
    monkeypatch.setattr(ClockGuard, "issuance_allowed", lambda _guard: True)


@pytest.fixture(autouse=True)
def closed():
    with all_connections_closed():
        yield


@pytest.fixture(scope="module")
def founded(tmp_path_factory):
    root = tmp_path_factory.mktemp("founded") / "authority"
    with all_connections_closed():
        initialise(root, FOUNDING)
    return root


@pytest.fixture
def root(founded, tmp_path):
    shutil.copytree(founded, tmp_path / "authority")
    return tmp_path / "authority"


@pytest.fixture
def clock():
    return Clock(NOW)


@contextmanager
def opened(root, clock, **options):
    authority = open_authority(root, DirectoryKind.AUTHORITY, RuntimeOptions(now=clock, **options))
    try:
        yield authority
    finally:
        authority.keys.close()
        authority.journal.close()
        authority.ctx.db.close()


def means_of(authority, offline=None):
    return SuccessionContext(authority, "operator", "r" * 32, offline)


def desk_of(authority, clock):
    return Desk(replace(authority.ctx, machine_now=clock), clock, clock, None, None)


def test_a_rollover_and_a_renewal(root, clock):
    with opened(root, clock) as authority:
        desk = desk_of(authority, clock)
        add_organisation(desk)
        held = enrolled(desk)
        in_the_window(desk, held)
        new = roll_over(WS, AS_BEFORE, means_of(authority))
        assert (new.common_name, new.state) == ("Data Providers Test Issuing CA v2", CaState.ISSUING)
        assert register.get_authority(desk.db, WS).state is CaState.PUBLISHING
        assert authority.ctx.issuing[Channel.WS] == new.name
        after = renewed(desk, held)
        assert desk.certificate(after.serial).authority == new.name
        assert roll_over(WS, AS_BEFORE, means_of(authority)) == new
