"""File lists of docs/contributors/walkthroughs.md.

They name the files that a renewal, a reminder, a list page and a run of the agent pass through.
"""

import threading
from datetime import timedelta

import pytest

from sinetti.ca import issuance
from sinetti.client.agent import runner
from sinetti.client.agent.programs import ConfiguredHooks
from sinetti.client.agent.worker import AgentContext
from sinetti.client.model import AgentSettings, CertificateEntry, Config
from sinetti.domain.access.roles import Role
from sinetti.domain.notifications.messages import MessageChannel
from sinetti.notifications.delivery.sender import send_due
from sinetti.notifications.planning.reminders import plan
from tests.api.counter import opened_counter
from tests.api.drafts import renew_draft
from tests.client.conftest import double, holder
from tests.eservice.conftest import browser, post, sqlite_db
from tests.support import authority, tools
from tests.support.mailrooms import a_mailroom
from tests.support.scene import collected, enrolled, sqlite_scene
from tests.support.users import account, mandate, signed_in

__all__ = ["browser", "double", "holder", "post", "sqlite_db", "sqlite_scene"]

TRIPS = tools.script("trips")
MARKS = {"renewal": 32, "reminder": 20, "list": 20, "agent": 40}
"""Limits on the number of files that a reader should have to open.

The page says what stands in the way.
"""


class Sink:
    """Transport of messages that keeps what is sent."""

    def __init__(self):
        self.messages = []

    def deliver(self, message):
        self.messages.append(message)

    def close(self):
        """Close nothing."""


class Listener:
    """Listener of a run that keeps nothing."""

    def begin(self, _total):
        """Ignore the number of names."""

    def done(self, _row):
        """Ignore a row."""


def compared(request, name, call):
    """Profile a call and compare its files with the page.

    With the plugin of the script, it records the files for the script instead. What earlier tests left in a cache is
    made again, so that its files are seen.
    """
    issuance._constant_parts.cache_clear()
    trip = TRIPS.traced(call)
    writer = next((one for one in request.config.pluginmanager.get_plugins() if type(one).__name__ == "Writer"), None)
    if writer is not None:
        writer.trips[name] = trip
        return
    assert set(trip) == TRIPS.files_of(TRIPS.PAGE.read_text(encoding="utf-8"), name), "run `python scripts/trips.py`"


def test_a_renewal(request, sqlite_scene):
    counter = opened_counter(sqlite_scene)
    drafts = [renew_draft(counter) for _ in range(2)]
    assert drafts[0].reply().status == 200, "the first call loads what is loaded once"
    body, headers = drafts[1].body(), drafts[1].headers()
    compared(request, "renewal", lambda: counter.post(body, headers))


def test_a_reminder(request, sqlite_scene):
    for _ in range(2):
        held = enrolled(sqlite_scene)
        collected(sqlite_scene, held.retrieval_id) if isinstance(held.retrieval_id, str) else None
    sink = Sink()
    ctx = a_mailroom(sqlite_scene, {MessageChannel.EMAIL: sink})

    def remind():
        plan(ctx, sqlite_scene.clock.now)
        send_due(ctx, "worker", sqlite_scene.clock.now)

    sqlite_scene.clock.now = sqlite_scene.machine.now = authority.NOW + timedelta(days=730 - 60)
    remind()
    sqlite_scene.clock.now = sqlite_scene.machine.now = authority.NOW + timedelta(days=730 - 29)
    before = len(sink.messages)
    compared(request, "reminder", remind)
    assert len(sink.messages) > before


def test_the_list_of_certificates(request, browser, sqlite_scene):
    enrolled(sqlite_scene)
    user = account(sqlite_scene, "maija")
    mandate(sqlite_scene, user, authority.CUSTOMER_ID, Role.SIGNATORY)
    page = signed_in(browser, user)
    assert page.get("/settings/certificates").reply.status == 200
    compared(request, "list", lambda: page.get("/settings/certificates"))


def test_a_run_of_the_agent(request, holder):
    holder.enrol()
    agent_settings = AgentSettings(spread=timedelta(), at_once=1)
    place = holder.store / "x.toml"
    config = Config(place, holder.store, None, {}, agent_settings, CertificateEntry("", None), {})

    def run(days):
        holder.at(authority.NOW + timedelta(days=days))
        agent = AgentContext(holder.run, config, ConfiguredHooks(), lambda *_given: None, False)
        return runner.run_once(agent, threading.Event(), Listener())

    assert run(730 - 60).rows[0].outcome is not None
    ended = []
    compared(request, "agent", lambda: ended.append(run(2 * (730 - 60))))
    assert ended[0].rows[0].outcome is not None


@pytest.mark.parametrize("name", MARKS)
def test_the_page_says_how_many_files_a_trip_has(name):
    page = TRIPS.PAGE.read_text(encoding="utf-8")
    found = len(TRIPS.files_of(page, name))
    assert found
    assert f"| {name} | {found} | {MARKS[name]} |" in page
