"""A pytest plugin for other people's tests: sample certificates in every state, as a fixture.

Whoever has Sinetti installed has it. Nothing but pytest is imported until a test asks for a sample.
"""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from sinetti.testbench.samples.fixture import SampleFactory


@pytest.fixture(scope="session")
def sinetti_certificates(tmp_path_factory: pytest.TempPathFactory) -> "SampleFactory":
    """Give what makes sample certificates: `sinetti_certificates("revoked")` (docs/sample-certificates.md)."""
    from sinetti.testbench.samples.fixture import SampleFactory  # noqa: PLC0415 - other people's test runs are not slowed

    return SampleFactory(tmp_path_factory.mktemp)
