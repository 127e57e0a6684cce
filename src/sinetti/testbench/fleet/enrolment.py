"""Organisations of a fleet, and the enrolment of their certificates.

The organisations have names in the store, and ids that no real organisation has. Control calls order the certificates.
The client enrols them, repeatedly until each is done.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from sinetti.client.requests import operations
from sinetti.client.requests.exchange import ClientContext
from sinetti.client.requests.operations import TransferIdCredentials
from sinetti.client.results import ExitCode
from sinetti.client.store.settings import NameSettings
from sinetti.domain.values import Environment, KeyType, Language, is_business_id
from sinetti.infra import clock
from sinetti.testbench.fleet.story_runner import StoryBroken, StoryRunner

MOST = 2_000
"""Most organisations of a fleet; more take too long for an audience."""

_FIRST = 9_000_000


@dataclass(frozen=True)
class FleetOrganisation:
    """One organisation: `name` is that of its certificate in the store."""

    name: str
    customer_id: str
    customer_name: str


def organisations(count: int) -> tuple[FleetOrganisation, ...]:
    """Return so many organisations, 1 to MOST.

    Their ids look like Business IDs, but their check digits are wrong.
    """
    return tuple(
        FleetOrganisation(f"org-{number:04}", _unassigned_customer_id(number), f"Malliyritys {number} Oy")
        for number in range(1, count + 1)
    )


def _unassigned_customer_id(number: int) -> str:
    candidates = (f"{_FIRST + number}-{digit}" for digit in range(10))
    return next(candidate for candidate in candidates if not is_business_id(candidate))


AT_ONCE = 8
_MOST_TRIES = 40
"""Tries before enrolment gives up.

With one answer in seven lost or wrong, one try in two succeeds. So many failures in a row do not occur.
"""

_Given = TypeVar("_Given")
_Made = TypeVar("_Made")


@dataclass(frozen=True)
class EnrolmentClient:
    """Address, anchors (PEM) and store with which a fleet enrols."""

    address: str
    trust_services: str
    trust_holders: str
    tls_ca: str | None
    store: Path

    def settings(self, of: FleetOrganisation) -> NameSettings:
        """Return the settings with which an organisation enrols.

        Its keys are of a type that is generated in a moment.
        """
        return NameSettings(
            service=self.address,
            environment=Environment.TEST,
            customer_id=of.customer_id,
            customer_name=of.customer_name,
            key=KeyType.EC_P256,
            trust_services=self.trust_services,
            trust_holders=self.trust_holders,
            tls_ca=self.tls_ca,
        )


def desk_of(stage: StoryRunner, store: Path) -> EnrolmentClient:
    """Return the enrolment client of a bench, with the bench's own address."""
    trust = {name: Path(path).read_text(encoding="ascii") for name, path in stage.ready["trust"].items() if path}
    return EnrolmentClient(stage.ready["soap_url"], trust["services"], trust["holders"], trust.get("server"), store)


def at(desk: EnrolmentClient, address: str) -> EnrolmentClient:
    """Return the same enrolment client with another address."""
    return replace(desk, address=address)


def order(
    stage: StoryRunner, fleet: Sequence[FleetOrganisation], replaced: Mapping[str, str]
) -> list[TransferIdCredentials]:
    """Order a certificate for each organisation.

    `replaced` maps names to the serial number of the certificate to be replaced. Returns the transfer ids and
    passwords.
    """

    def ordered(organisation: FleetOrganisation) -> TransferIdCredentials:
        asked = {
            "customer_id": organisation.customer_id,
            "customer_name": organisation.customer_name,
            "description": organisation.name,
        }
        if organisation.name in replaced:
            asked["replaces"] = replaced[organisation.name]
        ids = stage.quietly_called("POST", "/orders", asked)
        return TransferIdCredentials(ids["transfer_id"], ids["transfer_password"])

    return at_once(ordered, fleet)


def enrol(
    desk: EnrolmentClient, fleet: Sequence[FleetOrganisation], ids: Sequence[TransferIdCredentials], now: datetime
) -> None:
    """Enrol each organisation with its transfer ids.

    The same call is repeated until it succeeds. Raises StoryBroken if it never does.
    """
    run = ClientContext(
        desk.store, now, Language.EN, lambda _message: None, time.sleep, clock.monotonic_seconds, wait=0.0
    )

    def enrolled(pair: tuple[FleetOrganisation, TransferIdCredentials]) -> None:
        of, given = pair
        for _ in range(_MOST_TRIES):
            ended = operations.enrol(run, of.name, desk.settings(of), given)
            if ended.exit_code is ExitCode.DONE:
                return
            if ended.exit_code is ExitCode.REFUSED:
                break
        raise StoryBroken(f"{of.name} was not enrolled: {ended.result}, {', '.join(ended.codes) or 'no code'}")

    at_once(enrolled, list(zip(fleet, ids, strict=True)))


def at_once(do: Callable[[_Given], _Made], given: Sequence[_Given]) -> list[_Made]:
    """Call `do` for each value, with several threads, and return the results in order.

    The first failure, or an interruption, ends all.
    """
    pool = ThreadPoolExecutor(AT_ONCE)
    try:
        return list(pool.map(do, given))
    finally:
        pool.shutdown(cancel_futures=True)
