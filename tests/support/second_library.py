"""Fixture for tests that run with and without AWS-LC, the second library (sinetti[fast])."""

import pytest

from tests.support.postgres import skip_or_fail


@pytest.fixture(params=["AWS-LC", "cryptography"])
def library(request, monkeypatch):
    """Check EC signatures by this library."""
    from sinetti.pki import second_library  # noqa: PLC0415 - few tests load it

    if request.param == "cryptography":
        monkeypatch.setattr(second_library, "_load", None)
    elif second_library.library() != request.param:
        skip_or_fail("awscrt is not installed: sinetti[fast]")
    return request.param
