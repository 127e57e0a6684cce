"""Isolation of the test run.

The network is limited to loopback, warnings are errors (pyproject.toml), and the order of tests is random.
"""

import gc
import ipaddress
import logging
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from zlib import crc32

import pytest
from coverage import Coverage
from hypothesis import settings

from sinetti.cli.core import invocation

pytest_plugins = ["tests.support.postgres", "tests.support.second_library"]

settings.register_profile("sinetti", deadline=None)  # machines are shared, so a slow moment is no failure
settings.load_profile("sinetti")

PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


class NetworkForbiddenError(AssertionError):
    """A test tried to reach another machine."""


def is_loopback(host: object) -> bool:
    """Return True if a socket's host is this machine, by address or as "localhost"."""
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    if not isinstance(host, str):
        return False
    try:
        return host == "localhost" or ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False


def guard(address: object, *, families_without_host: bool = False) -> None:
    """Raise NetworkForbiddenError unless the address is loopback or a Unix socket."""
    if families_without_host or (isinstance(address, tuple) and address and is_loopback(address[0])):
        return
    sentence = f"tests reach nothing but loopback: {address!r}"
    raise NetworkForbiddenError(sentence)


class LoopbackSocket(socket.socket):
    """A socket that connects, binds and sends on loopback only."""

    def _guard(self, address):
        guard(address, families_without_host=self.family == socket.AF_UNIX)

    def connect(self, address):
        """Connect, on loopback."""
        self._guard(address)
        return super().connect(address)

    def connect_ex(self, address):
        """Connect, on loopback."""
        self._guard(address)
        return super().connect_ex(address)

    def bind(self, address):
        """Bind, on loopback."""
        self._guard(address)
        return super().bind(address)

    def sendto(self, data, *rest):
        """Send, on loopback."""
        self._guard(rest[-1])
        return super().sendto(data, *rest)


DATABASES = ("sqlite", "postgresql")
SHARE_OF_POSTGRESQL = 4
"""Of the tests that run on either database, one in so many is drawn to run on PostgreSQL, which takes longer."""

MEASURED = ("domain/", "wire/", "pki/", "ca/", "services/")
"""The core, whose packages have every branch reached by their own tests."""

HERE = Path(__file__).parent


LONG = (
    "attacks/test_guessing.py",
    "attacks/test_parsers.py::test_a_signature_that_was_copied_around_what_grows",
    "attacks/test_parsers.py::test_nothing_grows",
    "attacks/test_parsers.py::test_what_takes_a_second",
    "attacks/test_state_machine.py",
    "attacks/test_stolen_copy.py::test_a_copy_without_the_pass_phrase_opens_nothing",
    "attacks/test_stolen_copy.py::test_the_same_thief",
    "attacks/test_two_people.py::test_no_command_of_the_table_acts_without_an_approval",
    "authority/test_initialise.py::test_keys_off_line_of_another_founding",
    "authority/test_initialise.py::test_killed_at_any_point",
    "authority/test_passphrase_change.py::test_killed_at_any_step",
    "authority/test_secret_wrappings.py",
    "authority/test_signer_process.py::test_a_signer_whose_keys_are_in_a_token",
    "authority/test_token_keys.py::test_offline_keys_in_a_token_of_their_own",
    "authority/test_token_keys.py::test_production_imports_no_key",
    "authority/test_token_keys.py::test_while_the_token_is_away_the_reason_is_shown",
    "cli/authority/test_audit.py::test_from_the_service_to_a_stranger",
    "cli/authority/test_ca.py::test_every_worker_takes_a_change",
    "cli/authority/test_call_early.py::test_what_is_served",
    "cli/authority/test_database_roles.py",
    "cli/authority/test_lost_officers.py",
    "cli/authority/test_metrics.py::test_a_life_is_counted",
    "cli/authority/test_metrics.py::test_counts_outlive_a_killed_worker",
    "cli/authority/test_pages.py::test_a_node_whose_pages_do_not_load",
    "cli/authority/test_processes.py",
    "cli/authority/test_reload.py",
    "cli/authority/test_serve.py::test_a_port_that_is_taken",
    "cli/authority/test_serve.py::test_renewal_revocation_and_what_is_spared",
    "cli/authority/test_serve.py::test_the_real_client_enrols_and_waits_for_its_renewal[postgresql",
    "cli/authority/test_serve.py::test_the_real_client_enrols_and_waits_for_its_renewal[sqlite-http",
    "cli/authority/test_supervising.py",
    "cli/authority/test_traffic.py",
    "cli/authority/test_watching.py",
    "cli/client/test_doctor.py::test_a_bench_is_well_over_tls",
    "cli/client/test_log_witness.py::test_heads_are_pushed",
    "cli/client/test_run.py",
    "cli/test_client.py::test_only_the_command_that_is_wanted_is_loaded",
    "cli/test_client.py::test_the_client_takes_no_server_room_along",
    "cli/test_nodes.py",
    "cli/test_restoring.py",
    "cli/test_views.py",
    "cli/test_without_database.py",
    "client/agent/test_hooks.py::test_a_program_that_is_left_behind",
    "client/agent/test_hooks.py::test_what_takes_too_long",
    "client/agent/test_lives.py::test_one_renewal_in_each_life_and_no_lapse",
    "client/agent/test_renewal_info_poll.py::test_hints_that_call",
    "client/agent/test_renewal_info_poll.py::test_who_lies_about_now",
    "client/agent/test_runner.py::test_a_service_whose_certificates_are_due_at_once",
    "client/agent/test_runner.py::test_a_short_life_is_renewed_once",
    "client/agent/test_runner.py::test_many_at_a_time",
    "client/store/test_java_keystores.py::test_keytool_writes",
    "client/store/test_removal.py::test_a_kill_at_every_point",
    "client/store/test_snapshot.py::test_one_octet_changed_anywhere",
    "eservice/test_authority.py::test_the_walk",
    "eservice/test_bad_requests.py::test_no_page_fails_at_what_is_sent",
    "eservice/test_secret_rotation.py",
    "gateway/test_log_watch.py::test_fetch_looks_at_the_log",
    "gateway/web/test_server.py::test_lists_that_come_and_go",
    "kills/test_agent.py",
    "kills/test_client.py",
    "kills/test_server.py::test_a_few_of_every_kind",
    "kills/test_server.py::test_one_of_two_nodes",
    "notifications/test_kill.py",
    "pki/test_token_pool.py",
    "server/test_listening.py::test_forty_stalled",
    "server/test_listening.py::test_what_was_asked_before_the_end",
    "services/evidence/test_verify_log.py::test_random_changes_are_all_found",
    "services/test_withdrawn_meanwhile.py::test_a_clerk_who_is_none_any_more",
    "services/test_withdrawn_meanwhile.py::test_a_firms_manager_of_whom_one_link_was_withdrawn",
    "services/test_withdrawn_meanwhile.py::test_an_act_with_nothing_in_between_is_done",
    "simulate/",
    "testbench/fleet/test_fleet.py",
    "testbench/test_demo.py",
    "testbench/test_running.py",
    "testbench/test_short_lives.py",
)
"""Tests that take long for the little that they report each day.

`make judges` runs them, `make test` leaves them out (marker `long`). An entry is a folder, a file, or the beginning of
a test's name.
"""

COVERING = ("pki/test_token_pool.py", "services/evidence/test_verify_log.py")
"""Long tests of branches that no other test of the core runs: a run that measures coverage has them."""

RARE = (
    "bench/",
    "testbench/fleet/test_fleet.py::test_nothing_lapses",
    "testbench/fleet/test_whole.py",
    "testbench/test_short_lives.py::test_some_weeks_of_seven_days_each",
)
"""Tests that `make acceptance` runs alone (marker `rare`), written as in LONG.

They simulate months of whole fleets, or check that a bench measures. Parts of them are tested one by one elsewhere.
"""

ON_EACH_DATABASE = (
    "api/test_issuing_waves.py",
    "database/certificates/test_list_query.py",
    "database/common/test_audit_log.py",
    "database/issuance/",
    "database/notifications/test_reminders.py",
    "database/test_",
    "services/evidence/test_sequence_log.py",
    "services/issuance/test_clock_guard.py",
    "services/monitoring/test_metrics.py",
    "services/test_waves.py",
)
"""Tests of statements, SQL text, locks, the query of the status feed and the sequencer, which run on both databases."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark long tests, and deselect the repetitions of tests on the other database.

    The seed of the random order draws the database of each test, and the head of the run shows it. A run that measures
    coverage has the core's tests, all of them on SQLite too: some branches are reached on one database alone.
    """
    is_measured = Coverage.current() is not None
    for item in items:
        place = f"{item.path.relative_to(HERE).as_posix()}::{item.name}"
        if place.startswith(LONG) and not (is_measured and place.startswith(COVERING)):
            item.add_marker("long")
        if place.startswith(RARE):
            item.add_marker("rare")
    seed = config.getoption("randomly_seed", None)
    pairs = [_database_of(item) for item in items]
    known, kept, left = set(pairs), [], []
    for item, (name, database) in zip(items, pairs, strict=True):
        has_choice = not name.startswith(ON_EACH_DATABASE) and {(name, one) for one in DATABASES} <= known
        wanted = (
            {DATABASES[(seed + crc32(name.encode())) % SHARE_OF_POSTGRESQL == 0]} if isinstance(seed, int) else None
        )
        if is_measured and wanted:
            wanted.add("sqlite")
        is_left = (is_measured and not name.startswith(MEASURED)) or (has_choice and wanted and database not in wanted)
        (left if is_left else kept).append(item)
    items[:] = kept
    config.hook.pytest_deselected(items=left)


def _database_of(item: pytest.Item) -> tuple[str, str | None]:
    """Return the name of a test without the database that its parameters name, and the database."""
    name = f"{item.path.relative_to(HERE).as_posix()}::{item.name}"
    values = item.callspec.params.values() if hasattr(item, "callspec") else ()
    database = next((value for value in values if isinstance(value, str) and value in DATABASES), None)
    return name.replace(database, "…") if database else name, database


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Remove log handlers whose stream was closed after the test of a command.

    Otherwise they would report errors during this test.
    """
    root = logging.getLogger()
    for one in list(root.handlers):
        if isinstance(one, logging.StreamHandler) and getattr(one.stream, "closed", False):
            root.removeHandler(one)


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item) -> None:
    """Reset the options of the last command line, and fail if a test leaves a wakeup descriptor.

    After a command with --quiet, later tests in this process would print nothing. The descriptor is closed later, and
    the interpreter would write signals of other tests into whatever has its number then.
    """
    invocation.begin([])
    left = signal.set_wakeup_fd(-1)
    assert left == -1, f"{item.nodeid} left descriptor {left} for signals"


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Iterator[object]:
    """Disable garbage collection while tests are collected.

    The collected objects, thousands of tests, stay until the end. They are exempt from later collections.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_configure(config: pytest.Config) -> None:
    """Block the network in every process of the run.

    Settings of the machine for proxies and databases are removed from the environment.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # A shell ignores SIGINT for background jobs. Programs that tests interrupt would inherit that.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    resolve = socket.getaddrinfo

    def resolve_loopback(host, *rest, **named):
        if host is not None and not is_loopback(host):
            sentence = f"tests look up nothing but loopback: {host!r}"
            raise NetworkForbiddenError(sentence)
        return resolve(host, *rest, **named)

    socket.socket = LoopbackSocket
    socket.getaddrinfo = resolve_loopback
    for name in list(os.environ):  # noqa: TID251 - tests must not depend on the machine's environment
        if name.lower() in PROXIES or name.startswith(("SINETTI_", "DATABASE_URL", "DJANGO_")):
            if name == "SINETTI_REQUIRE_EVERYTHING":
                continue
            del os.environ[name]  # noqa: TID251 - as above
