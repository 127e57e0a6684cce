"""Kills of the client at every step and at random moments, and lost answers.

The same command, run again, goes on.
"""

import json
import random
import shutil
import subprocess
from collections import Counter
from dataclasses import replace

import pytest

from sinetti.infra.clock import monotonic_seconds
from tests.kills.clients import NEVER, Kill
from tests.kills.scene import GET, NEW, RENEW, dress, is_dressed, is_whole, same_octets, set_in_use
from tests.kills.table import DELIVERY_STEPS
from tests.kills.wire import Fate
from tests.support.programs import program, started, surroundings

STEPS = ["prepared", "request-leaves", "answered", "accepted", "collected", "in-place"]
FEW_APART = 5
"""Distance between the changes before which a short run kills.

The first one is random.
"""


def played(stage, site, command, operation, kill):
    """Kill a run, repeat the command, and check the outcome from outside.

    Returns True if the kill came in time.
    """
    run = getattr(stage, command)
    stage.wire.passed.clear()
    first = run(site, kill)
    assert first.killed or first.code == 0, first.err
    if first.killed and site.folder.exists():
        state = stage.status(site)
        assert state.code == 0, state.err
    again = run(site) if first.killed else first
    assert again.code == 0, again.err
    is_whole(stage, site, {"enrol": 1, "renew": 2}[command])
    same_octets(stage.wire.sent(operation, site.customer_id))
    return first.killed


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_a_step_of_the_journal(stage, step):
    (site,) = stage.enrolled(1)
    assert played(stage, stage.site(), "enrol", NEW, Kill(step=step))
    assert played(stage, site, "renew", RENEW, Kill(step=step))


def changes(every_kill):
    """Return the numbers of changes before which runs are killed: all, or some."""
    apart = 1 if every_kill else FEW_APART
    return range(random.randrange(apart), 1000, apart)  # noqa: S311 - which ones is no secret


@pytest.mark.long
def test_enrol_killed_before_every_change_to_the_disk(stage, every_kill):
    kills = 0
    for number in changes(every_kill):
        if not played(stage, stage.site(), "enrol", NEW, Kill(change=number)):
            break
        kills += 1
    assert kills > 50 / (1 if every_kill else FEW_APART) - 1


def test_renew_killed_before_every_change_to_the_disk(stage, every_kill):
    numbers = list(changes(every_kill))[: 80 if every_kill else 80 // FEW_APART]
    kills = [
        played(stage, site, "renew", RENEW, Kill(change=number))
        for number, site in zip(numbers, stage.enrolled(len(numbers)), strict=True)
    ]
    assert not kills[-1], "the last number lies beyond the end of the run"
    assert sum(kills) > 40 / (1 if every_kill else FEW_APART) - 1


def adopted(stage, source, store, kill=NEVER):
    """Run `sinetti adopt` on the set of another store, always with the same arguments."""
    trust = stage.bench.ready["trust"]
    words = {"--key": source.live / "key.pem", "--certificate": source.live / "certificate.pem", "--store": store}
    words |= {"--service": stage.wire.url, "--environment": "TEST", "--trust-services": trust["services"]}
    words |= {"--trust-holders": trust["holders"], "--now": stage.bench.control("GET", "/clock")[1]["now"]}
    return stage.clients.run("adopt", "payroll", *(str(one) for pair in words.items() for one in pair), kill=kill)


@pytest.mark.long
def test_adopt_killed_before_every_change_to_the_disk(stage, tmp_path):
    """Kill an adoption before each change, since there are few of them.

    The adopted files stay, so that nothing can be lost. A partial set is never in use.
    """
    (source,) = stage.enrolled(1)
    before = {path.name: path.read_bytes() for path in source.live.iterdir()}
    kills = 0
    for number in range(1000):
        site = replace(source, store=tmp_path / f"store-{number}")
        killed = adopted(stage, source, site.store, Kill(change=number)).killed
        if site.live.exists():
            set_in_use(site)
        if killed and site.folder.exists():
            assert stage.status(site).code == 0
        again = adopted(stage, source, site.store)
        assert again.code == 0, again.err
        assert {path.name: path.read_bytes() for path in site.live.iterdir()} == before
        if not killed:
            break
        kills += 1
    assert kills > 10
    assert not stage.wire.passed


@pytest.mark.long
def test_revoke_killed_before_every_change_to_the_disk(stage, tmp_path):
    """Kill a revocation before each change.

    The same command, run again, reports the revocation, no matter how much of the answer arrived.
    """
    (source,) = stage.enrolled(1)
    before = {path.name: path.read_bytes() for path in source.live.iterdir()}
    words = ("revoke", "payroll", "--reason", "superseded", "--yes")
    kills = 0
    for number in range(1000):
        site = replace(source, store=tmp_path / f"store-{number}")
        shutil.copytree(source.store, site.store, symlinks=True)
        path = site.folder / "settings.toml"
        path.write_text(
            path.read_text().replace(stage.wire.url, stage.bench.ready["soap_url"])
        )  # the proxy forwards SOAP only
        killed = stage.clients.run(*words, "--store", str(site.store), kill=Kill(change=number)).killed
        set_in_use(site)
        again = stage.clients.run(*words, "--store", str(site.store))
        assert again.code == 0, again.err
        assert json.loads((site.folder / "notes.json").read_bytes())["revoked"] == site.live.resolve().name
        assert {path.name: path.read_bytes() for path in site.live.iterdir()} == before
        if not killed:
            break
        kills += 1
    assert kills > 3


@pytest.mark.long
def test_remove_killed_before_every_change_to_the_disk(stage, tmp_path, every_kill):
    """Kill a removal before changes to the disk.

    It leaves the whole name, or a removal that the same command or `sinetti run` completes.
    """
    (source,) = stage.enrolled(1)
    kills = 0
    for number in changes(every_kill):
        site = replace(source, store=tmp_path / f"store-{number}")
        shutil.copytree(source.store, site.store, symlinks=True)
        words = ("--store", site.store)
        killed = stage.clients.run("remove", "payroll", "--yes", *words, kill=Kill(change=number)).killed
        is_whole = site.folder.exists()
        if is_whole:
            set_in_use(site)
        assert stage.status(site).code == 0
        again = ("run",) if number % 2 and not is_whole else ("remove", "payroll", "--yes")
        ended = stage.clients.run(*again, *words)
        assert ended.code == (0 if killed or again == ("run",) else 2), ended.err
        assert {path.name for path in site.store.iterdir()} <= {".run.lock"}
        if not killed:
            break
        kills += 1
    assert kills > 15 / (1 if every_kill else FEW_APART) - 1


def test_renew_with_every_format_killed_before_every_change_to_the_disk(stage, every_kill):
    numbers = list(changes(every_kill))[: 90 if every_kill else 90 // FEW_APART]
    kills = []
    for number, site in zip(numbers, stage.enrolled(len(numbers)), strict=True):
        dress(site)
        kills.append(played(stage, site, "renew", RENEW, Kill(change=number)))
        is_dressed(site)
    assert not kills[-1], "the last number lies beyond the end of the run"
    assert sum(kills) > 50 / (1 if every_kill else FEW_APART) - 1


@pytest.mark.long
def test_killed_at_random_moments_and_again_while_going_on(stage, every_kill):
    begun = monotonic_seconds()
    sites = stage.enrolled(200 if every_kill else 5)
    lasts = (monotonic_seconds() - begun) / len(sites)
    kills = Counter()
    for renewing in sites:
        for command, operation, site in (("enrol", NEW, stage.site()), ("renew", RENEW, renewing)):
            stage.wire.passed.clear()
            for _ in range(3):
                moment = random.uniform(0, lasts)  # noqa: S311 - as above
                killed = getattr(stage, command)(site, Kill(after=moment)).killed
                lasts *= 1 if killed else 0.9  # the machine may be quicker now than at the start
                kills[killed] += 1
            assert getattr(stage, command)(site).code == 0
            is_whole(stage, site, {"enrol": 1, "renew": 2}[command])
            same_octets(stage.wire.sent(operation, site.customer_id))
    assert kills[True] > 0


LOST = [Fate.ANSWER_LOST, Fate.ANSWER_CUT, Fate.REQUEST_LOST]


@pytest.mark.parametrize("fate", LOST, ids=lambda fate: fate.name)
@pytest.mark.parametrize("command", ["enrol", "renew"])
def test_a_lost_answer_is_asked_for_again_with_the_same_octets(stage, command, fate):
    site, operation = (stage.site(), NEW) if command == "enrol" else (stage.enrolled(1)[0], RENEW)
    run = getattr(stage, command)
    stage.wire.fates.append(fate)
    first = run(site)
    assert (first.code, first.row["state"], first.row["result"]) == (6, "uncertain", "uncertain")
    assert "Run the same command again" in first.err
    key = (site.folder / "pending" / command / "key.pem").read_bytes()
    assert run(site).code == 0
    assert (site.live / "key.pem").read_bytes() == key
    is_whole(stage, site, 1 if command == "enrol" else 2)
    same_octets(stage.wire.sent(operation, site.customer_id))
    assert len(stage.wire.sent(operation, site.customer_id)) == 2


def test_a_lost_fetch_is_fetched_again(stage):
    site = stage.site()
    stage.wire.fates.extend([Fate.PASSES, Fate.ANSWER_LOST])
    assert stage.enrol(site).code == 0
    is_whole(stage, site, 1)
    assert [name for name, _ in stage.wire.passed] == [NEW, GET, GET]


def test_the_program_itself_killed_while_the_answer_is_on_its_way(stage):
    site = stage.site()
    stage.wire.fates.append(Fate.ANSWER_HELD)
    command, known = program(*stage.words_to_enrol(site)), surroundings({})
    with started(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=known) as process:
        assert stage.wire.lineage.wait(30)
        process.kill()
    stage.wire.gone.set()
    assert site.state("enrol") == "sent"
    again = subprocess.run(command, capture_output=True, check=False, timeout=60, env=known)
    assert again.returncode == 0, again.stderr
    is_whole(stage, site, 1)
    same_octets(stage.wire.sent(NEW, site.customer_id))


@pytest.fixture
def sender(stage):
    """Return an enrolled holder for deliveries.

    Each test has a new one, since tests of renewals advance the bench's clock.
    """
    site = stage.site()
    assert stage.enrol(site).code == 0
    return site


def delivered(stage, site, kill):
    """Kill a delivery and repeat the command.

    Checks that the service accepted it once, and that both sides have the same receipt. Returns True if the kill came
    in time.
    """
    number = next(stage.numbers)
    document, kept = stage.folder / f"report-{number}.xml", stage.bench.root / "deliveries"
    document.write_text(f"<report>{number}</report>")
    before = set(kept.iterdir()) if kept.exists() else set()
    first = stage.deliver(site, document, kill)
    assert first.killed or first.code == 0, first.err
    again = stage.deliver(site, document)
    assert again.code == 0, again.err
    (taken,) = set(kept.iterdir()) - before
    receipt = document.with_name(f"{document.name}.receipt.xml")
    assert receipt.read_bytes() == (taken / "receipt.xml").read_bytes()
    assert not [path for path in site.folder.rglob("*") if path.suffix in {".new", ".gone", ".old"}]
    return first.killed


@pytest.mark.parametrize("step", DELIVERY_STEPS)
def test_a_delivery_killed_at_a_step(stage, sender, step):
    assert delivered(stage, sender, Kill(step=step))


def test_a_delivery_killed_before_every_change_to_the_disk(stage, sender, every_kill):
    kills = 0
    for number in changes(every_kill):
        if not delivered(stage, sender, Kill(change=number)):
            break
        kills += 1
    assert kills > 10 / (1 if every_kill else FEW_APART) - 1


# Tests with a service that accepts transfer ids once and repairs nothing.


def said(ended):
    """Return the lines with the service's answers that the client printed."""
    return [line for line in ended.err.splitlines() if line.startswith("The service answered ")]


CUTS = {"an answer lost": (Fate.ANSWER_LOST, {}), "killed with the answer in hand": (None, {"step": "answered"})}


@pytest.mark.parametrize(("fate", "kill"), CUTS.values(), ids=CUTS)
def test_ids_that_may_be_spent_are_never_spent_with_another_key(strict, fate, kill):
    site = strict.site()
    if fate:
        strict.wire.fates.append(fate)
    first = strict.enrol(site, Kill(**kill))
    assert first.killed or first.code == 6
    keys = site.private_keys()
    assert len(keys) == 1
    ends = [strict.enrol(site) for _ in range(3)]
    assert {(one.code, one.row["result"], one.row["state"]) for one in ends} == {(6, "uncertain", "uncertain")}
    assert [one.row["codes"] for one in ends] == [["PKI006"]] * 3
    (words,) = {tuple(said(one)) for one in ends}
    assert words[0].startswith("The service answered PKI006: ")
    assert all("contact the service's support or order a new certificate" in one.err for one in ends)
    assert (strict.renew(site).code, strict.retrieve(site).code) == (6, 6)
    assert strict.status(site).row["state"] == site.state("enrol") == "uncertain"
    assert site.private_keys() == keys
    same_octets(strict.wire.sent(NEW, site.customer_id))
    assert len(strict.rows(site)) == 1


@pytest.mark.long
def test_the_way_out_is_a_new_order_and_the_doubtful_key_is_kept(strict):
    site = strict.site()
    strict.wire.fates.append(Fate.ANSWER_LOST)
    strict.enrol(site)
    (doubtful,) = site.private_keys()
    ids = strict.bench.order(customer_id=site.customer_id, customer_name="Organisation")
    assert strict.enrol(site, ids=ids).code == 0
    set_in_use(site)
    assert doubtful in site.private_keys()
    live = (site.live / "key.pem").read_bytes()
    strict.wire.passed.clear()
    first_ids_again = strict.enrol(site)
    assert (first_ids_again.code, first_ids_again.row["codes"]) == (6, ["PKI006"])
    assert site.private_keys() == {doubtful, live}, "the ids went with the key that they went with before"
    assert (site.live / "key.pem").read_bytes() == live


@pytest.mark.long
def test_a_renewal_that_may_be_done_stays_uncertain_and_the_old_set_works(strict):
    (site,) = strict.enrolled(1)
    before = set_in_use(site)
    strict.wire.fates.append(Fate.ANSWER_LOST)
    assert strict.renew(site).code == 6
    ends = [strict.renew(site) for _ in range(2)]
    assert [(one.code, one.row["codes"], one.row["state"]) for one in ends] == [(6, ["PKI035"], "uncertain")] * 2
    same_octets(strict.wire.sent(RENEW, site.customer_id))
    assert set_in_use(site) == before
    assert site.state("renew") == "uncertain"


@pytest.mark.long
@pytest.mark.parametrize("step", ["accepted", "collected", "in-place"])
def test_what_was_accepted_is_fetched_and_never_asked_for_again(strict, step):
    site = strict.site()
    assert strict.enrol(site, Kill(step=step)).killed
    assert strict.enrol(site).code == 0
    is_whole(strict, site, 1)
    assert len(strict.wire.sent(NEW, site.customer_id)) == 1
