"""Kills of `sinetti run` under adverse conditions.

No key is lost, no certificate is issued twice, and each run reports the work that is left.
"""

import json
import random
import shutil
import threading
from datetime import timedelta
from itertools import count

import pytest

from tests.kills.clients import Kill, clients
from tests.kills.herd import MOODS, NO_HINT, PATIENCE, herd, window
from tests.kills.scene import scene
from tests.kills.wire import Fate
from tests.support.small_disk import may_mount, mounted

STEPS = ["prepared", "request-leaves", "answered", "accepted", "collected", "in-place"]
APART = 12
"""Distance between the changes before which a short run kills.

The first one is random.
"""

FATES = [Fate.PASSES, Fate.ANSWER_LOST, Fate.ANSWER_CUT, Fate.REQUEST_LOST]
KILLS, NAMES = {False: 6, True: 890}, {False: 28, True: 250}
"""Number of random kills, and of names ready for all other kills.

The clock is advanced once for all names.
"""

STORES = {False: 6, True: 40}
"""Number of stores, of two names each, that are played on one bench.

Its clock advances with each store, and its CAs expire at some time.
"""

LONGEST = 1.5
"""Maximum of seconds before a random kill of a run with a few names."""


@pytest.fixture(scope="module", autouse=True)
def names(stages, every_kill):
    """Stock enough names whose renewal window is open."""
    stages().stock_up(NAMES[every_kill])


def played(flock, kill):
    """Kill a run, and run it again until all work is done.

    Returns True if the kill came in time.
    """
    first = flock.run(kill)
    flock.sound()
    flock.tells(first)
    flock.settle()
    return first.killed


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_a_step_of_the_journal(stage, step):
    assert played(herd(stage, 1), Kill(step=step))


@pytest.mark.long
def test_killed_before_every_change_to_the_disk_and_every_program(stage, every_kill, record_property):
    apart = 1 if every_kill else APART
    kills = 0
    for number in range(random.randrange(apart), 1000, apart):  # noqa: S311 - which ones is no secret
        if not played(herd(stage, 1), Kill(change=number)):
            break
        kills += 1
    record_property("kills", kills)
    assert kills > 80 / apart - 1


@pytest.mark.long
def test_deploy_killed_before_every_change_to_the_disk_and_every_program(stage, every_kill):
    """Kill a deployment by hand; the same command or a later run completes it.

    Once it has begun, the set counts as not deployed until the hook has succeeded.
    """
    flock, kills = herd(stage, 1), 0
    flock.settle()
    (site,), apart = flock.sites, 1 if every_kill else APART // 2
    deployed = json.loads((site.folder / "deploy.json").read_text())
    done = flock.program.with_name(f"{flock.program.name}.done") / site.name
    for number in range(random.randrange(apart), 1000, apart):  # noqa: S311 - as above
        done.unlink(missing_ok=True)
        killed = flock.deploy(Kill(change=number)).killed
        flock.sound()
        has_begun = json.loads((site.folder / "deploy.json").read_text())["trying"] is not None
        ended = flock.deploy() if number % 2 else flock.run(hours=25 * (PATIENCE + 1))
        assert ended.code == 0, ended.err
        assert json.loads((site.folder / "deploy.json").read_text()) == deployed
        assert flock.left() == [] or not (has_begun or number % 2)
        if not killed:
            break
        kills += 1
    assert kills > 12 / apart - 1


DAMAGE = [b"", b"{", b"\0" * 20, b'{"serial": 1, "tries": 1e999, "next": "9999-12-31T23:59:59-14:00"}', b"[" * 5000]


def hurt(flock, drawn):
    """Damage a file that decides nothing.

    It is the state of the agent or of its deployment, the log, or the cache of services' hints.
    """
    site = drawn.choice(flock.sites)
    path = drawn.choice(
        [site.folder / name for name in ("agent.json", "deploy.json", "log.jsonl")] + [flock.store / ".hints.json"]
    )
    if drawn.random() < 0.3:
        path.unlink(missing_ok=True)
    else:
        path.write_bytes(drawn.choice(DAMAGE))


def lies(flock, drawn):
    """Let the service give false hints.

    They are long past, far in the future, immediate, or malformed. New certificates have no hint. Otherwise a renewal
    that is requested too early and whose answer is lost stays uncertain until its window opens
    (docs/holders/store.md, "When it stays uncertain").
    """
    now, day = flock.now, timedelta(days=1)
    later = window(now + 300 * day, now + 301 * day)
    chosen = drawn.choice(
        [
            None,
            window(now - 9999 * day, now - 9998 * day),
            later,
            window(now, now, **{"Retry-After": "-1"}),
            window(now - 3 * day, now - 2 * day, **{"Retry-After": "31536000"}),
            (200, {"Content-Type": "application/json"}, b'{"suggestedWindow": ' * 3000),
            (302, {"Location": "http://127.0.0.1:1/"}, b""),
            (503, {"Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT"}, b""),
        ]
    )
    flock.stage.wire.hint = None if chosen is None else lambda path: chosen if flock.is_old(path) else NO_HINT
    flock.says_later |= chosen is later


def struck(drawn):
    """Draw the point at which a run is killed."""
    how = drawn.random()
    if how < 0.15:
        return Kill(step=drawn.choice(STEPS))
    return Kill(change=drawn.randrange(300)) if how < 0.6 else Kill(after=drawn.uniform(0, LONGEST))


def adversity(flock, drawn):
    """Draw further faults during a run, and return the error of its clock in hours."""
    flock.mood(drawn.choice(MOODS) if drawn.random() < 0.4 else "well")
    flock.stage.wire.fates.extend(drawn.choices(FATES, k=drawn.randrange(4)))
    if drawn.random() < 0.3:
        hurt(flock, drawn)
    if drawn.random() < 0.3:
        lies(flock, drawn)
    return drawn.choice([0, 0, -24, 24])


def both(flock, other, drawn, hours):
    """Run two agents at once, kill either, and return their results."""
    kills, ended = (struck(drawn), struck(drawn)), []
    second = threading.Thread(target=lambda: ended.append(flock.run(kills[0], hours, by=other)))
    second.start()
    first = flock.run(kills[1], hours)
    second.join()
    return [first, *ended]


def test_killed_again_and_again_while_everything_else_goes_wrong_too(tmp_path, every_kill, seed, record_property):
    """Combine lost answers, two agents, bad programs, damage, false hints and clock.

    The programs hang or fail, and the clock is off by a day.
    """
    drawn, wanted, kills, runs = random.Random(f"{seed}-agent"), KILLS[every_kill], 0, 0  # noqa: S311 - played again
    for bench in count():
        if kills >= wanted:
            break
        folder = tmp_path / f"bench-{bench}"
        folder.mkdir()
        with scene(folder) as stage, clients(stage.folder / "others") as other:
            stage.stock_up(2 * STORES[every_kill])
            more, ran = endured(stage, other, drawn, wanted - kills, STORES[every_kill])
        kills, runs = kills + more, runs + ran
    record_property("kills", f"{kills} of {runs} runs, seed {seed}")


def endured(stage, other, drawn, wanted, stores):
    """Play stores on one bench and return the numbers of kills and runs.

    The CAs of a bench expire after some years of its clock.
    """
    kills = runs = 0
    for _ in range(stores):
        if kills >= wanted:
            break
        flock = herd(stage, 2)
        for later in range(drawn.randrange(3, 9)):
            hours = 2 * later + adversity(flock, drawn)  # by then the delay after a few failures may be over
            ended = both(flock, other, drawn, hours) if drawn.random() < 0.25 else [flock.run(struck(drawn), hours)]
            flock.sound()
            if len(ended) == 1:
                flock.tells(ended[0])
            kills, runs = kills + sum(one.killed for one in ended), runs + len(ended)
        flock.settle()
    return kills, runs


@pytest.mark.long
@pytest.mark.skipif(may_mount() is not None, reason=str(may_mount()))
def test_killed_on_a_disk_that_is_full(stage, every_kill, seed, tmp_path, record_property):
    drawn, kills = random.Random(f"{seed}-full"), 0  # noqa: S311 - as above
    with mounted(tmp_path / "disk", "4m") as disk:
        for _ in range(30 if every_kill else 2):
            flock = herd(stage, 2, disk.root)
            disk.fill(drawn.randrange(60))
            for kill in (Kill(), struck(drawn), struck(drawn)):
                ended = flock.run(kill)
                flock.sound()
                flock.tells(ended)
                kills += ended.killed
            disk.free()
            flock.settle()
            shutil.rmtree(flock.store)
    record_property("kills", f"{kills}, seed {seed}")
    assert kills or not every_kill
