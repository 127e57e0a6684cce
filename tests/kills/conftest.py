"""How many kills there are: a few in `make test`, every one with `--kills every`."""

import pytest

from tests.kills.scene import scene

FEW, EVERY = "few", "every"


def pytest_addoption(parser):
    """Add the option; it is known where this folder is named: scripts/pytest tests/kills --kills every."""
    parser.addoption("--kills", choices=[FEW, EVERY], default=FEW, help="how many kills to play")


@pytest.fixture(scope="session")
def every_kill(request):
    """Whether to play them all."""
    return request.config.getoption("--kills", FEW) == EVERY


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    """A bench that answers the same request again."""
    with scene(tmp_path_factory.mktemp("kind")) as one:
        yield one


@pytest.fixture(scope="module")
def strict(tmp_path_factory):
    """A bench that takes ids once and heals nothing."""
    with scene(tmp_path_factory.mktemp("strict"), strict=True) as one:
        yield one


@pytest.fixture(autouse=True)
def nothing_left_over(request):
    """Let no test see the requests of another."""
    for name in ("stage", "strict"):
        if name in request.fixturenames:
            wire = request.getfixturevalue(name).wire
            wire.passed.clear()
            wire.fates.clear()
