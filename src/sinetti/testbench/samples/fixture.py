"""Sample certificates by state, each made once and on request, for pytest."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sinetti.domain.values import KeyType
from sinetti.infra.clock import utc_now
from sinetti.testbench.samples.files import SamplePaths, write_sample
from sinetti.testbench.samples.generator import (
    CUSTOMER_ID,
    CUSTOMER_NAME,
    SampleCertificate,
    SampleHierarchy,
    SampleRequest,
    SampleState,
)


@dataclass(frozen=True)
class StoredSample:
    """A sample in memory, with the paths of its files."""

    sample: SampleCertificate
    paths: SamplePaths


class SampleFactory:
    """Makes samples.

    Samples of one instant have the same anchors and CRLs, regardless of their state.
    """

    def __init__(self, new_folder: Callable[[str], Path]) -> None:
        """Take the function that makes a new folder whose name begins with its argument."""
        self._new_folder = new_folder
        self._begun: datetime | None = None
        self._samples: dict[datetime, SampleHierarchy] = {}
        self._made: dict[tuple[datetime, SampleRequest], StoredSample] = {}

    def __call__(
        self,
        state: SampleState | str = SampleState.VALID,
        *,
        now: datetime | None = None,
        key: KeyType | str = KeyType.EC_P256,
        customer_id: str = CUSTOMER_ID,
        name: str = CUSTOMER_NAME,
    ) -> StoredSample:
        """Return a sample that is in this state at `now`.

        `now` has its zone; None means the instant of the first request. The same arguments give the same sample.
        Raises ValueError for an unknown state or key type, or for a `now` without a zone. So it does for an id or name
        that no certificate of TEST carries.
        """
        wanted = SampleRequest(SampleState(state), KeyType(key), customer_id, name)
        at = self._instant(now)
        if (at, wanted) not in self._made:
            if at not in self._samples:
                self._samples[at] = SampleHierarchy(at)
            sample = self._samples[at].sample(wanted)
            paths = write_sample(sample, self._new_folder(f"sinetti-{sample.state.value}-"))
            self._made[at, wanted] = StoredSample(sample, paths)
        return self._made[at, wanted]

    def _instant(self, now: datetime | None) -> datetime:
        if now is None:
            self._begun = self._begun or utc_now()
            return self._begun
        if now.tzinfo is None:
            raise ValueError("now: the time needs a time zone, such as datetime.UTC")
        return now.astimezone(UTC).replace(microsecond=0)
