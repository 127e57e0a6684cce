"""Gauges that a node's keeper computes, and the folder of the counts."""

import fcntl
import os
import tempfile
from dataclasses import replace
from threading import Event

import pytest
from django.db import OperationalError

from sinetti.authority import node_metrics
from sinetti.authority.bootstrap import open_authority
from sinetti.authority.data_directory import DirectoryKind
from sinetti.authority.initialise import InitOptions
from sinetti.authority.maintenance import check_consistency
from sinetti.authority.node_metrics import NodeState, _remove_abandoned
from sinetti.ca.hierarchy_config import load_preset
from sinetti.domain.values import Environment
from sinetti.infra.metrics.catalogue import METRICS, OPTIONAL_PART_OFF, READY, MetricSource, MetricType
from sinetti.infra.metrics.exposition import load_state
from sinetti.services.monitoring.figures import refresh_figures
from sinetti.services.status.crl import publish_all
from sinetti.settings.authority import AuthoritySettings
from sinetti.settings.optional_parts import PartOff
from tests.support.foundings import STARTED_AT, copy_founded
from tests.support.registers import all_connections_closed
from tests.support.serving import tls_pair

SETTINGS = AuthoritySettings(Environment.TEST, "http://pki.example", "https://soap.example")
REQUEST = "ab" * 16
SERVED_AWAY = {READY: [((), 0.0)]}


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    folder = tmp_path_factory.mktemp("founded") / "authority"
    with all_connections_closed():
        copy_founded(folder, InitOptions(DirectoryKind.AUTHORITY, load_preset("default"), SETTINGS, STARTED_AT))
        opened = open_authority(folder, DirectoryKind.AUTHORITY)
        check_consistency(opened)
        publish_all(opened.ctx, REQUEST)
        refresh_figures(opened.ctx)
        yield opened


@pytest.fixture
def state(authority, tmp_path):
    return NodeState(authority, tmp_path, tls_pair(tmp_path)[0])


def test_every_gauge_is_computed(authority, state):
    found = state.compute()
    expected = {
        name
        for name, one in METRICS.items()
        if {MetricSource.NODE, MetricSource.DATABASE} & {*one.sources}
        and (one.type is MetricType.GAUGE or MetricSource.DATABASE in one.sources)
    }
    # The version and the age are added at the scrape. SQLite has no server, and a log begins with its keeper.
    later = {name for name in expected if name.startswith(("sinetti_build", "sinetti_state", "sinetti_log"))}
    # Nothing is shipped.
    later |= {"sinetti_database_connections", "sinetti_clock_offset_seconds", "sinetti_journal_shipping_lag_seconds"}
    assert expected - later == set(found)
    assert found[READY] == [((), 1.0)]
    assert found["sinetti_journal_ahead"] == [((), 0.0)]
    assert {count for _, count in found["sinetti_findings"]} == {0}
    for name, values in found.items():
        assert all(len(labels) == len(METRICS[name].labels) for labels, _ in values)


def test_own_certificates_are_named_by_their_purpose(authority, state):
    ends = dict(state.compute()["sinetti_own_certificate_ends_seconds"])
    names = {name for (name,) in ends}
    assert {"tls", "SinettiRootTestCAv1", "DataProvidersTestIssuingCAv1"} <= names
    serials = {path.stem.rpartition("-")[2] for path in authority.folder.certificates.glob("*-*.cer")}
    assert serials
    assert not [name for name in names if any(name.endswith(one) for one in serials)]
    assert 0 < ends["tls",] <= 86_400


def test_while_the_database_is_away_the_node_is_unready_and_nothing_else(state, monkeypatch, caplog):
    def away(_ctx):
        raise OperationalError

    assert len(state.compute()) > 10
    monkeypatch.setattr(node_metrics.alerts, "own_certificates", away)
    assert state.compute() == SERVED_AWAY
    assert "the database is unavailable" in caplog.text


def test_a_fault_leaves_the_node_unready_and_is_logged(state, monkeypatch, caplog):
    monkeypatch.setattr(node_metrics, "load_certificate", lambda _octets: 1 / 0)
    assert state.compute() == SERVED_AWAY
    assert "cannot be computed" in caplog.text


def test_the_keeper_stores_what_it_computed(state, tmp_path, monkeypatch, caplog):
    class Stop(Event):
        """Event that ends the loop after two rounds, before the second of which the folder vanishes."""

        def wait(self, timeout=None):
            assert load_state(tmp_path)[READY] == [[[], 1.0]]
            monkeypatch.setattr(state, "_folder", tmp_path / "missing")
            self.set() if rounds else rounds.append(timeout)
            return False

    rounds = []
    state.keep_current(Stop())
    assert rounds == [node_metrics.COMPUTED_EVERY]
    assert "cannot be stored" in caplog.text


def test_folders_of_killed_servers_are_removed(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    old, used, young = (tmp_path / f"sinetti-metrics-{name}" for name in ("old", "used", "young"))
    other = tmp_path / "another-program"
    for folder in (old, used, young, other):
        folder.mkdir()
        if folder is not young:
            os.utime(folder, (0, 0))
    (tmp_path / "sinetti-metrics-link").symlink_to(other)
    held = os.open(used, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    _remove_abandoned()
    os.close(held)
    assert {one.name for one in tmp_path.iterdir()} == {
        used.name, young.name, other.name, "sinetti-metrics-link",
    }  # fmt: skip


def test_each_optional_part_that_is_left_out_is_1(authority, tmp_path):
    off = (PartOff("sms", "token_file is missing"), PartOff("provider op", "issuer is wrong"))
    found = NodeState(replace(authority, left_out=off), tmp_path).compute()
    assert found[OPTIONAL_PART_OFF] == [(("sms",), 1.0), (("provider op",), 1.0)]
