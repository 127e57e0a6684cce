"""Number of kills: a few in `make test`, all of them with `--kills every`."""

import secrets
from contextlib import ExitStack

import pytest

from tests.kills import report
from tests.kills.scene import scene
from tests.kills.table import SERIES

FEW, EVERY = "few", "every"
SHORT, FULL = {"test_a_few_of_every_kind", "test_one_of_two_nodes"}, {"test_every_kill"}


def pytest_addoption(parser):
    """Add the options of this folder.

    They exist if the command line names the folder: scripts/pytest tests/kills --kills every.
    """
    parser.addoption("--kills", choices=[FEW, EVERY], default=FEW, help="how many kills to play")
    parser.addoption("--seed", type=int, help="what the authority's kills are drawn from (default: another each time)")
    parser.addoption(
        "--chaos-command", default="", help="the command that docs/contributors/chaos.md names; none: it is not written"
    )


@pytest.fixture(scope="session")
def every_kill(request):
    """Return True if all kills are to be played."""
    return request.config.getoption("--kills", FEW) == EVERY


@pytest.fixture(scope="session")
def seed(request):
    """Return the seed of the authority's kills."""
    given = request.config.getoption("--seed", None)
    return secrets.randbelow(1_000_000) if given is None else given


def pytest_collection_modifyitems(config, items):
    """Select either the short series of the authority's kills or all of them."""
    left_out = SHORT if config.getoption("--kills", FEW) == EVERY else FULL
    config.hook.pytest_deselected(items=[item for item in items if item.originalname in left_out])
    # Long tests come first, so that at the end no process of the run is left alone with one.
    long = [item for item in items if item.originalname in SHORT - left_out]
    items[:] = long + [item for item in items if item.originalname not in SHORT | left_out]


def pytest_sessionstart(session):
    """Delete the results of earlier runs."""
    if session.config.getoption("--chaos-command", "") and not hasattr(session.config, "workerinput"):
        for path in session.config.cache.mkdir("chaos").glob("*.json"):
            path.unlink()


def pytest_sessionfinish(session, exitstatus):
    """Write the page once all kills were played without a fault."""
    command = session.config.getoption("--chaos-command", "")
    if not command or hasattr(session.config, "workerinput") or exitstatus:
        return
    results = report.kept(session.config.cache.mkdir("chaos"))
    if len(results) == len(SERIES):
        report.write(results, command)


@pytest.fixture(scope="module")
def stages(tmp_path_factory):
    """Yield a function that returns the module's bench, or a new one before the old one's CAs expire."""
    with ExitStack() as stack:
        open_scenes = []

        def current():
            if not open_scenes or open_scenes[-1].is_near_its_end():
                stack.close()
                open_scenes.append(stack.enter_context(scene(tmp_path_factory.mktemp("kind"))))
            return open_scenes[-1]

        yield current


@pytest.fixture
def stage(stages):
    """Return a bench that answers a repeated request again."""
    return stages()


@pytest.fixture(scope="module")
def strict(tmp_path_factory):
    """Yield a bench that accepts transfer ids once and repairs nothing."""
    with scene(tmp_path_factory.mktemp("strict"), strict=True) as one:
        yield one


@pytest.fixture(autouse=True)
def nothing_left_over(request):
    """Clear the requests, fates and hint of earlier tests."""
    for name in ("stage", "strict"):
        if name in request.fixturenames:
            wire = request.getfixturevalue(name).wire
            wire.passed.clear()
            wire.fates.clear()
            wire.hint = None
