"""Reader of the authority's status feed (docs/relying/feed.md).

An event only wakes this process: it then fetches the list that the event names, or asks the OCSP responder again. So a
feed that is silent, wrong or behind makes no certificate acceptable. The age of lists and answers stays the limit.
"""

import logging
import os
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from secrets import SystemRandom
from typing import Final, Protocol
from urllib.parse import urlsplit

from sinetti.gateway.revocation.crl_fetch import CrlDownload, fetch
from sinetti.gateway.trust_lists.lists import TrustLists
from sinetti.infra.clock import monotonic_seconds
from sinetti.infra.http_client import HttpError, HttpRequest, stream_body
from sinetti.pki.trust_lists.lists import TrustListKind
from sinetti.wire.json_api.status_events import CONTENT_TYPE, FeedParser, InvalidFeed, StatusEvent, StatusEventKind

SILENT_AFTER: Final = 30.0
"""Seconds without a sign of life after which the feed counts as silent.

A heartbeat comes every ten.
"""

FETCH_WITHIN: Final = 10.0
"""Seconds for the download of one list; a download by the timer has more."""

SPREAD, RESET_SPREAD = 0.3, 2.0
"""Longest random delays of a download in seconds: after an event, and after RESET.

All gateways get RESET at once.
"""

LIST_FOLLOWS: Final = 0.8
"""Seconds that a revocation waits for the event of its list.

A list that is fetched before is made for the first caller, while the authority may be making it already.
"""

GIVEN_UP_AFTER: Final = 6
"""Downloads after which a list with the named number is given up.

An event can name any number.
"""

_PAUSE, _LONGEST_PAUSE = 0.5, 60.0
_RECONNECT, _LONGEST_RECONNECT = 0.5, 30.0
_PART = 8192
_log = logging.getLogger(__name__)
_random = SystemRandom()


class FetchJob(Protocol):
    """Download that an event can make due."""

    @property
    def name(self) -> str:
        """Name for the log."""

    def is_due(self, event: StatusEvent) -> bool:
        """Return whether the event is about this download."""

    def wanted_number(self, event: StatusEvent) -> int:
        """Return the lowest number that the download has to bring; 0 for any."""

    def run(self) -> tuple[int, str | None]:
        """Download, and return the number of what is there now, and the trouble or None."""


@dataclass(frozen=True)
class CrlFetchJob:
    """Download of one revocation list."""

    download: CrlDownload

    @property
    def name(self) -> str:
        """Address of the list."""
        return self.download.url

    @property
    def _place(self) -> str | None:
        """Name of the CA in the address, perhaps with a shard.

        None for an address of another kind.
        """
        folder, _, last = urlsplit(self.download.url).path.rpartition("/")
        return last.removesuffix(".crl") if folder.endswith("/crl") and last.endswith(".crl") else None

    def is_due(self, event: StatusEvent) -> bool:
        """Return whether the event is about the CA in the address.

        The address of a mirror names none, so each event counts.
        """
        if event.kind is StatusEventKind.TRUST:
            return False
        place, name = self._place, event.subject
        if event.kind is StatusEventKind.RESET or place is None or place == name:
            return True
        return place.startswith(f"{name}-") and place.removeprefix(f"{name}-").isdecimal()

    def wanted_number(self, event: StatusEvent) -> int:
        """Return the number of a new list, if the address names its CA."""
        return event.number if event.kind is StatusEventKind.LIST and self._place is not None else 0

    def run(self) -> tuple[int, str | None]:
        """Download the list and store it, as `sinetti gateway fetch` does."""
        done = fetch(self.download, FETCH_WITHIN)
        return done.number or 0, done.trouble


@dataclass(frozen=True)
class TrustListFetchJob:
    """Request for one trust list."""

    lists: TrustLists
    kind: TrustListKind

    @property
    def name(self) -> str:
        """Address of the list."""
        return f"{self.lists.settings.url}/trust/{self.kind.value}"

    def is_due(self, event: StatusEvent) -> bool:
        """Return whether the event is about this list."""
        is_named = event.kind is StatusEventKind.TRUST and event.subject == self.kind.value
        return is_named or event.kind is StatusEventKind.RESET

    def wanted_number(self, event: StatusEvent) -> int:
        """Return the number of a new list."""
        return event.number if event.kind is StatusEventKind.TRUST else 0

    def run(self) -> tuple[int, str | None]:
        """Ask for the list, and store it if it counts."""
        (check,) = self.lists.fetch(self.kind)
        return check.number, check.trouble


@dataclass
class DueJob:
    """A download that is due, and since when.

    `tries` counts those that did not bring what was named.
    """

    job: FetchJob
    at: float
    since: float
    number: int = 0
    tries: int = 0
    trouble: str | None = None


class FetchSchedule:
    """Downloads that are due, by the events so far.

    Instants are seconds of the monotonic clock.
    """

    def __init__(self) -> None:
        """Begin with nothing due."""
        self._due: dict[str, DueJob] = {}
        self._held: dict[str, int] = {}
        self._free_at: dict[str, float] = {}

    def add(self, event: StatusEvent, jobs: Iterable[FetchJob], now: float) -> None:
        """Make the downloads due that the event is about, unless they are here already."""
        follows = LIST_FOLLOWS if event.kind is StatusEventKind.REVOCATION else 0.0
        spread = RESET_SPREAD if event.kind is StatusEventKind.RESET else SPREAD
        for job in jobs:
            number = job.wanted_number(event)
            if not job.is_due(event) or 0 < number <= self._held.get(job.name, 0):
                continue
            known = self._due.get(job.name)
            due_job = known or DueJob(job, now + _LONGEST_PAUSE, now)
            at = max(now + follows + spread * _random.random(), self._free_at.get(job.name, now))
            # A new number is a new reason to try: the failures before say nothing about it.
            tries = 0 if number > due_job.number else due_job.tries
            self._due[job.name] = replace(
                due_job, at=min(due_job.at, at), number=max(number, due_job.number), tries=tries
            )

    def next(self, now: float) -> DueJob | None:
        """Return a download that is due now."""
        return next((due_job for due_job in self._due.values() if due_job.at <= now), None)

    def pause(self, now: float) -> float:
        """Return the seconds until a download is due."""
        return min((max(0.0, due_job.at - now) for due_job in self._due.values()), default=_LONGEST_PAUSE)

    def done(self, due_job: DueJob, result: tuple[int, str | None], begun: float, now: float) -> None:
        """Record the result of a download.

        Plans the next try if it did not bring what was named.
        """
        number, trouble = result
        name = due_job.job.name
        self._held[name] = max(number, self._held.get(name, 0))
        # A download of a long list takes seconds, and a flood of events must not become one of downloads.
        self._free_at[name] = now + max(_PAUSE, 4 * (now - begun))
        current = self._due[name]
        is_missing = number < current.number
        if trouble is None and is_missing:
            trouble = f"{name} has not the list with number {current.number} yet"
        is_given_up = is_missing and current.tries >= GIVEN_UP_AFTER
        if is_given_up:
            _log.warning("feed", extra={"facts": {"given_up": trouble}})
        if is_given_up or (trouble is None and current is due_job):
            del self._due[name]
            return
        if trouble is None:  # the download may be older than an event that came during it
            self._due[name] = replace(current, at=max(current.at, self._free_at[name]), since=begun, trouble=None)
            return
        pause = min(_LONGEST_PAUSE, _PAUSE * 2**current.tries) * (0.5 + _random.random() / 2)
        self._due[name] = replace(current, at=now + pause, tries=current.tries + 1, trouble=trouble)

    def lag(self, now: float) -> float:
        """Return the seconds for which the oldest due job has waited; 0 if none waits."""
        return max((now - due_job.since for due_job in self._due.values()), default=0.0)

    def troubles(self) -> list[str]:
        """Return the sentences of failed downloads that are tried again."""
        return [due_job.trouble for due_job in self._due.values() if due_job.trouble is not None]


@dataclass(frozen=True)
class FeedActions:
    """Functions that the reader calls for an event.

    `jobs` returns the downloads. `ask_anew` gets a serial number whose OCSP responses are no longer used, or None for
    all. `refresh` makes a stored list count at once.
    """

    jobs: Callable[[], Sequence[FetchJob]]
    ask_anew: Callable[[int | None], None]
    refresh: Callable[[], object] = list


@dataclass
class FeedReader:
    """Threads that read the feed and fetch what it names."""

    url: str
    actions: FeedActions
    _schedule: FetchSchedule = field(default_factory=FetchSchedule, init=False)
    _changed: threading.Condition = field(default_factory=threading.Condition, init=False)
    _is_stopped: bool = field(default=False, init=False)
    _started_in: int | None = field(default=None, init=False)
    _heard_at: float = field(default_factory=monotonic_seconds, init=False)
    _trouble: str | None = field(default=None, init=False)

    def start(self) -> None:
        """Start both threads, once in each process: a fork has no threads of its parent."""
        with self._changed:
            if self._started_in == os.getpid():
                return
            self._started_in = os.getpid()
        for name, run in (("feed", self._read), ("feed-lists", self._fetch)):
            threading.Thread(target=run, name=name, daemon=True).start()

    def stop(self) -> None:
        """Fetch nothing any more; the threads end with the next sign of life."""
        with self._changed:
            self._is_stopped = True
            self._changed.notify_all()

    def silence(self) -> float:
        """Return the seconds since the last sign of life."""
        return monotonic_seconds() - self._heard_at

    def lag(self) -> float:
        """Return the seconds for which the oldest due job has waited for its download."""
        with self._changed:
            return self._schedule.lag(monotonic_seconds())

    def sentence(self) -> str:
        """Return the state of the feed for an operator."""
        silence, lag = self.silence(), self.lag()
        with self._changed:
            troubles = self._schedule.troubles()
        state = f"feed: last sign of life {silence:.0f} s ago"
        if silence > SILENT_AFTER:
            why = f" ({self._trouble})" if self._trouble else ""
            state = f"feed: silent for {silence:.0f} s{why}, so lists come by sinetti gateway fetch alone"
        return "; ".join([state, *([f"a list has been waited for since {lag:.0f} s"] if lag >= 1 else []), *troubles])

    def _read(self) -> None:
        parser, failures = FeedParser(), 0
        while not self._is_stopped:
            begun = monotonic_seconds()
            try:
                self._read_once(parser)
                trouble = None
            except (HttpError, InvalidFeed) as bad:
                trouble, parser = str(bad), FeedParser()  # a broken feed is read from its beginning
            failures = 0 if trouble is None or self._heard_at > begun else failures + 1
            self._note(trouble)
            pause = min(_LONGEST_RECONNECT, _RECONNECT * 2**failures) * (0.5 + _random.random() / 2)
            with self._changed:
                self._changed.wait_for(lambda: self._is_stopped, pause)

    def _read_once(self, parser: FeedParser) -> None:
        headers = {"Accept": CONTENT_TYPE} | ({"Last-Event-ID": parser.last_id} if parser.last_id else {})
        parts = stream_body(HttpRequest(self.url, headers=headers, limit=_PART, within=SILENT_AFTER))
        begun = monotonic_seconds()
        parser.begin()
        try:
            for part in parts:
                for event in parser.feed(part):
                    self._heard_at = monotonic_seconds()
                    self._note(None)
                    if event is not None:
                        self._take(event)
                if self._is_stopped:
                    return
                if monotonic_seconds() - max(begun, self._heard_at) > SILENT_AFTER:
                    raise InvalidFeed("it sent no event and no heartbeat for half a minute")
        finally:
            parts.close()

    def _take(self, event: StatusEvent) -> None:
        match event.kind:
            case StatusEventKind.REVOCATION:
                self.actions.ask_anew(_serial(event.serial))
            case StatusEventKind.RESET:
                self.actions.ask_anew(None)
            case StatusEventKind.LIST | StatusEventKind.TRUST:
                pass
        jobs = self.actions.jobs()
        with self._changed:
            self._schedule.add(event, jobs, monotonic_seconds())
            self._changed.notify_all()

    def _note(self, trouble: str | None) -> None:
        """Log a change of the feed's state."""
        if trouble != self._trouble:
            level = logging.INFO if trouble is None else logging.WARNING
            _log.log(level, "feed", extra={"facts": {"trouble": trouble or "none"}})
        self._trouble = trouble

    def _fetch(self) -> None:
        while (due_job := self._next()) is not None:
            begun = monotonic_seconds()
            try:
                result = due_job.job.run()
                self.actions.refresh()
            except Exception as bad:  # noqa: BLE001 - the thread goes on after any error
                result = 0, f"{due_job.job.name}: {type(bad).__name__}"
            with self._changed:
                self._schedule.done(due_job, result, begun, monotonic_seconds())

    def _next(self) -> DueJob | None:
        """Wait for the next download; None after the end."""
        with self._changed:
            while not self._is_stopped:
                now = monotonic_seconds()
                if (due_job := self._schedule.next(now)) is not None:
                    return due_job
                self._changed.wait(self._schedule.pause(now))
        return None


def _serial(text: str) -> int | None:
    try:
        return int(text, 16)
    except ValueError:
        return None
