"""Pytest plugin for other projects: sample certificates in every state.

Every installation of Sinetti has it. It imports only pytest until a test requests a sample. The fixture makes each
sample on request, and only once.
"""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from sinetti.testbench.samples.fixture import SampleFactory


@pytest.fixture(scope="session")
def sinetti_certificates(tmp_path_factory: pytest.TempPathFactory) -> "SampleFactory":
    """Return the factory of samples: `sinetti_certificates("revoked")`.

    It is described in docs/integrators/sample-certificates.md.
    """
    from sinetti.testbench.samples.fixture import SampleFactory  # noqa: PLC0415 - other projects' runs stay fast

    return SampleFactory(tmp_path_factory.mktemp)
