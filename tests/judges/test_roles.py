"""People of seven roles finish their three main tasks in Chromium.

Each task is walked in one combination of width, mode and language; the seed of the random order chooses it, so that
all come by turns. `make acceptance` walks all of them (`--all-walks`).
"""

from contextlib import ExitStack

import pytest
from django.test import override_settings

from tests.eservice.conftest import opened_register
from tests.judges.roles import TASKS, RoleWalk
from tests.judges.walker import combinations
from tests.support.firms import a_certificate, rows
from tests.support.scene import opened_scene
from tests.support.walking import walked_pages

WALKS = [(role, task) for role, tasks in TASKS.items() for task in tasks]


def pytest_generate_tests(metafunc):
    """Choose the combinations of each task: all of them, or one by the seed."""
    every, seed = combinations(), metafunc.config.getoption("randomly_seed", 0)
    start = seed if isinstance(seed, int) else 0
    walks = [
        pytest.param(task, one, id=f"{role}-{task.__name__}-{one}")
        for number, (role, task) in enumerate(WALKS, start)
        for one in (every if metafunc.config.getoption("--all-walks") else [every[number % len(every)]])
    ]
    metafunc.parametrize(("task", "chosen"), walks)


@pytest.fixture(scope="module")
def served(request, tmp_path_factory):
    """Yield a scene and the address of its pages."""
    with pytest.MonkeyPatch.context() as patch, override_settings(
        PASSWORD_HASHERS=["tests.support.cheap_hashing.CheapArgon2"]
    ):  # fmt: skip
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")  # Playwright has an event loop in this thread
        with opened_register("sqlite", request, tmp_path_factory.mktemp("roles"), alias="default") as db:
            scene = opened_scene(db)
            a_certificate(scene, rows(scene, "Organisation").get(), scene.ctx.now())  # its serial number is 0
            with walked_pages(scene) as address:
                yield scene, address


def test_a_task(served, chromium, task, chosen):
    with ExitStack() as windows:
        task(RoleWalk(*served, chromium, chosen, windows))
