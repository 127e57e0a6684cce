"""Stand-in for the service on loopback, and a holder for running the client.

The holder has a store, a clock, and a record of what the client reports.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import pytest

from sinetti.client.messages import messages
from sinetti.client.requests import operations
from sinetti.client.requests.exchange import ClientContext
from sinetti.client.requests.operations import TransferIdCredentials
from sinetti.client.store.settings import NameSettings
from sinetti.domain.values import Environment, KeyType, Language
from tests.client.double import PASSWORD, TRANSFER_ID, Double, anchors, served
from tests.support import authority

IDS = TransferIdCredentials(TRANSFER_ID, PASSWORD)
NAME = "payroll"


@dataclass
class Holder:
    """Runs the client against the stand-in. Time passes only in its sleeps."""

    double: Double
    store: Path
    settings: NameSettings
    now: datetime = authority.NOW
    told: list = field(default_factory=list)
    slept: list = field(default_factory=list)
    wait: float = 300.0
    step: object = lambda _name: None

    @property
    def folder(self):
        return self.store / NAME

    @property
    def live(self):
        return self.folder / "live"

    @property
    def run(self) -> ClientContext:
        return ClientContext(
            store=self.store,
            now=self.now,
            language=Language.EN,
            tell=self.told.append,
            sleep=self.slept.append,
            ticks=lambda: sum(self.slept),
            wait=self.wait,
            step=self.step,
        )

    def enrol(self, ids=IDS, name=NAME, **changes):
        wanted = replace(self.settings, **changes)
        return operations.run_for_all(self.run, name, lambda one: operations.enrol(self.run, one, wanted, ids))[0]

    def renew(self, name=NAME, *, force=False):
        return operations.run_for_all(self.run, name, lambda one: operations.renew(self.run, one, force=force))[0]

    def retrieve(self, name=NAME):
        return operations.run_for_all(self.run, name, lambda one: operations.retrieve(self.run, one))[0]

    def at(self, now):
        """Move both sides to another instant."""
        self.now = self.double.now = now
        return self


def texts(outcome):
    """Return the message ids of an outcome."""
    return [message.text for message in outcome.messages]


def words(outcome, language=Language.EN):
    """Return the messages of an outcome as a person reads them."""
    return "\n".join(messages.render(message, language) for message in outcome.messages)


@pytest.fixture
def double():
    with served(Double()) as one:
        yield one


@pytest.fixture
def holder(double, tmp_path):
    settings = NameSettings(
        service=double.url,
        environment=Environment.TEST,
        customer_id=authority.CUSTOMER_ID,
        customer_name=authority.CUSTOMER_NAME,
        key=KeyType.EC_P256,
        trust_services=anchors("services"),
        trust_holders=anchors("holders"),
        tls_ca=None,
    )
    return Holder(double, tmp_path / "store", settings)
