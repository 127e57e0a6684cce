"""Execution of each kind of kill on an arena, and the recovery from it."""

import json
import os
import shutil
import signal
from collections.abc import Callable
from time import sleep
from typing import Any

from sinetti.domain.certificates.bulk_revocation import officer_of_machine
from sinetti.infra.environment import login_uid
from sinetti.infra.file_permissions import user_name
from tests.kills.arena import Arena
from tests.kills.clients import Ended, Kill
from tests.kills.outside import ages_ago, ten_revoked_by
from tests.kills.steps import APPROVED, CONTACT, EARLY, EARLY_NARROWED, EARLY_UNDONE, MANY, RETAINED
from tests.kills.table import Case, Kind
from tests.support.officers import key_of

LONGEST_WAIT = 0.15
"""Maximum of seconds until a random moment."""

LONGEST_ROLLOVER = 1.0
"""Maximum of seconds before a node is killed during a rollover."""

LONGEST_START = 0.3
"""Maximum of seconds before a server or a command is killed during its start."""

OLD_REFUSALS = 250
"""Refusals past their period: three transactions of `retention apply`."""

EARLY_OF_RANDOM = 0.25
"""Probability that a randomly killed command calls for early replacement."""

ENOUGH = 20
"""Number of orders that suffice while a disk is full."""

HOUR = 3600
STARTED_ANEW_AFTER = 3
"""Kills of workers after which their parent is restarted."""


def play(arena: Arena, case: Case) -> None:
    """Strike, let the authority recover and go on, and inspect it from outside."""
    STRIKES[case.kind](arena, case.step)
    arena.kills += 1
    arena.start()
    arena.load.answers(5)
    arena.look()


def _moment(arena: Arena) -> None:
    sleep(arena.random.uniform(0, LONGEST_WAIT))


def _server(arena: Arena, step: str | None) -> None:
    """Kill a server, parent and workers, at a step or at a random moment."""
    node = arena.random.choice(arena.nodes)
    if step is None:
        _moment(arena)
        node.process.kill()
    else:
        node.strike(step, "group")
        assert node.process.over(60), f"nobody came to {step}"
    if len(arena.nodes) > 1:
        arena.load.answers(4)


def _wave(arena: Arena, step: str) -> None:
    """Kill a server that takes several requests through a step together."""
    node = arena.nodes[0]
    node.strike(step, "group", in_wave=True)
    assert node.process.over(60), f"no wave came to {step}"


def _start(arena: Arena, _step: str | None) -> None:
    """Kill a server, and the next one while it starts."""
    node = arena.nodes[0]
    node.process.kill()
    node.begin()
    node.process.over(arena.random.uniform(0.01, LONGEST_START))
    node.process.kill()


def _worker(arena: Arena, step: str | None) -> None:
    """Kill one worker while the others go on.

    Every few kills the parent is restarted too, since its delays grow.
    """
    node = arena.nodes[0]
    children = node.process.children()
    if step is not None:
        node.strike(step, "process")
        node.wait_until_struck()
    else:
        _moment(arena)
        os.kill(arena.random.choice(children or [node.process.pid]), signal.SIGKILL)
    if not children:
        assert node.process.over(60)
        return
    arena.load.answers(4)
    if arena.kills % STARTED_ANEW_AFTER == 0:
        arena.look()
        node.process.kill()


def _parent(arena: Arena, _step: str | None) -> None:
    """Kill the parent alone, and check that its children end with it."""
    _moment(arena)
    arena.nodes[0].process.kill_alone()


def _held(arena: Arena, step: str | None, do: Callable[[], object]) -> None:
    """Call a function while a request is held at a step, or at a random moment."""
    node = arena.nodes[0]
    if step is None:
        _moment(arena)
        do()
        return
    node.strike(step, "hold")
    node.wait_until_struck()
    try:
        do()
    finally:
        node.go_on()


def _client(arena: Arena, step: str | None) -> None:
    """Kill the real client while the service runs on."""
    before = arena.client.runs
    arena.client.kills.append(Kill(step=step) if step else Kill(after=arena.random.uniform(0.02, 0.2)))
    _wait(arena, lambda: not arena.client.kills and arena.client.runs > before)


def _operator(arena: Arena, step: str | None) -> None:
    """Kill a command that revokes or erases, restart the server, and repeat it."""
    if step == RETAINED or (step is None and arena.random.random() < 0.5):
        arena.sql(ages_ago(OLD_REFUSALS))
        there, told = arena.old_refusals()
        again = _command(arena, step, "retention", "apply")
        assert again.code == 0, again.err
        assert arena.old_refusals() == (0, told + there), "what is past its period is there, or not told as erased"
        return
    _wait(arena, lambda: arena.load.to_revoke)
    if step == CONTACT:
        who = ("--name", "The contact", "--email", f"contact-{arena.kills}@customer.example")
        again = _command(arena, step, "change-contact", arena.load.to_revoke[0], *who)
        assert again.code == 0, again.err
        return
    if step in {*EARLY, *EARLY_UNDONE, EARLY_NARROWED} or (step is None and arena.random.random() < EARLY_OF_RANDOM):
        _early(arena, step, arena.load.to_revoke[0])
        return
    serial = arena.load.to_revoke.popleft()
    if step in {*MANY, APPROVED} or (step is None and arena.random.random() < 0.5):
        _many(arena, step, serial)
        return
    again = _command(arena, step, "revoke", serial, "--reason", "cessationOfOperation")
    assert again.code == 0 or "already been revoked" in again.err, again.err
    arena.history.revoked.add(serial)


def _many(arena: Arena, step: str | None, serial: str) -> None:
    """Kill a bulk revocation by one user, or by two officers."""
    folder = arena.folder / "operator"
    folder.mkdir(exist_ok=True)
    (folder / "serials").write_text(serial)
    what = ["revoke-many", "--serials", str(folder / "serials"), "--reason", "cessationOfOperation"]
    if step == APPROVED or (step is None and arena.random.random() < 0.5):
        _approved(arena, step, what)
    else:
        again = _command(arena, step, *what)
        assert again.code == 0, again.err
    arena.history.revoked.add(serial)


def _approved(arena: Arena, step: str | None, what: list[str]) -> None:
    """Kill the command that gives the last signature, and continue what it began."""
    place, folder = ("--dir", str(arena.root)), arena.folder / "operator"
    for name in ("anna", "ben"):
        key = ("--public-key", str(key_of(f"{name}-{arena.kills}").public))
        arena.zygote.does("authority", "officer", "add", name, *key, "--role", "approver", *place)
    arena.sql(ten_revoked_by(officer_of_machine(user_name(login_uid()))))
    shown = arena.zygote.run("authority", *what, "--officer", "anna", "--json", *place)
    assert shown.code == 3, shown.err
    proposal = json.loads(shown.out)["proposal"]
    octets, giving = folder / "proposal", {}
    arena.zygote.does("authority", "approval", "show", proposal, "--out", str(octets), *place)
    for name in ("anna", "ben"):
        path = folder / f"{name}.sig"
        path.write_bytes(key_of(f"{name}-{arena.kills}").sign(octets.read_bytes()))
        giving[name] = ("approval", "give", proposal, "--officer", name, "--signature", str(path))
    assert arena.zygote.run("authority", *giving["anna"], *place).code == 3
    again = _command(arena, step, *giving["ben"])
    assert again.code == 0 or "nothing left to decide" in again.err, again.err
    arena.zygote.does("authority", "revoke-many", "--resume", *place)
    # The other commands of the arena run as those of an authority without officers.
    arena.sql("UPDATE sinetti_officerrecord SET removed_at = added_at")


def _early(arena: Arena, step: str | None, serial: str) -> None:
    """Kill a call for early replacement, or the undoing of one, and repeat it.

    Checks that nothing of it is left half done.
    """
    place = ("--dir", str(arena.root))
    what = ("call-early", "--serial", serial, "--over", "10m", "--reason", "killed")
    # A certificate is in one call at most, so earlier calls are undone.
    for one in json.loads(arena.zygote.does("authority", "call-early", "status", "--json", *place)):
        arena.zygote.does("authority", "call-early", "--end", one["call"], *place)
    if step in EARLY_UNDONE or (step is None and arena.random.random() < 0.5):
        call = json.loads(arena.zygote.does("authority", *what, "--json", *place))["call"]
        again = _command(arena, step, "call-early", "--end", call)
        assert again.code == 0 or "has already been cancelled" in again.err, again.err
        assert arena.calls() == (0, 0, 0), "it is not undone, or a certificate is still in it"
        return
    if step == EARLY_NARROWED:
        both = arena.folder / "called"
        _wait(arena, lambda: len(arena.load.to_revoke) > 1)
        both.write_text("\n".join(list(arena.load.to_revoke)[:2]))
        made = arena.zygote.does("authority", "call-early", "--serials", str(both), *what[3:], "--json", *place)
        again = _command(arena, step, "call-early", "--narrow", json.loads(made)["call"], "--serial", serial)
        assert "leaves all certificates in the call" in again.err, "it is narrowed already"
        assert arena.calls() == (1, 0, 1), "a certificate that was left out is still in it"
        return
    again = _command(arena, step, *what)
    assert again.code == 0, again.err
    assert arena.calls() == (1, 0, 1), "it is not carried out, or its certificate is not in it"


def _command(arena: Arena, step: str | None, *what: str) -> Ended:
    """Kill a command at its step or at a random moment, and repeat it.

    The servers are restarted before the repetition.
    """
    words = ("authority", *what, "--dir", str(arena.root))
    strikes = arena.folder / "operator"
    strikes.mkdir(exist_ok=True)
    (strikes / "struck").unlink(missing_ok=True)
    if step is not None:
        (strikes / "strike").write_text(f'{{"step": "{step}", "how": "group"}}')
    command = arena.zygote.start(strikes, argv=list(words))
    if step is None:
        command.over(arena.random.uniform(0.01, LONGEST_START))
        command.kill()
    code = command.ended().code
    assert code in ({-9} if step else {0, -9, 2}), command.ended().err
    arena.restart()
    return arena.zygote.run(*words)


def _rollover(arena: Arena, step: str | None) -> None:
    """Kill a rollover of the issuing CA, or a node during it, and repeat the command.

    Checks that the repetition ends with one issuing CA, the next generation.
    """
    before = _issuing(arena)
    what = ("ca", "rollover", "--ca", before["name"])
    if step is None and arena.random.random() < 0.5:
        command = arena.zygote.start(arena.folder, argv=["authority", *what, "--dir", str(arena.root)])
        command.over(arena.random.uniform(0.01, LONGEST_ROLLOVER))
        arena.random.choice(arena.nodes).process.kill()
        assert command.ended().code in {0, 4}, command.ended().err
        arena.start()
        again = arena.zygote.run("authority", *what, "--dir", str(arena.root))
    else:
        again = _command(arena, step, *what)
    assert again.code == 0, again.err
    arena.history.closed[before["name"]] = arena.last_audit()
    assert _issuing(arena)["generation"] == before["generation"] + 1


def _issuing(arena: Arena) -> dict[str, Any]:
    """Return the CA that issues for the load's channel."""
    rows = json.loads(arena.zygote.does("authority", "ca", "list", "--json", "--dir", str(arena.root)))
    (one,) = [row for row in rows if (row["channel"], row["state"]) == ("WS", "issuing")]
    return one


def _cut(arena: Arena, step: str | None) -> None:
    """Cut all connections to the database."""
    database = arena.url.rpartition("/")[2]
    _held(arena, step, lambda: arena.cluster.cut(database))


def _database(arena: Arena, step: str | None) -> None:
    """Stop PostgreSQL at once, and start it again."""

    def do() -> None:
        arena.cluster.stop()
        arena.cluster.start()

    _held(arena, step, do)


def _disk(arena: Arena, step: str | None) -> None:
    """Fill the disk with journal, folder and SQLite file.

    The server is killed while the disk is full, or goes on after space is freed.
    """
    if len(arena.load.stock) < ENOUGH:
        # On a full disk no order succeeds. Holders would wait for orders, and the strike for the holders.
        arena.load.stock.extend(arena.order())
    _held(arena, step, arena.disk.fill)
    arena.load.answers(4)
    if arena.random.random() < 0.5:
        arena.nodes[0].process.kill()
        arena.disk.free()
        return
    arena.disk.free()
    arena.load.answers(8)
    arena.look()
    arena.nodes[0].process.kill()


def _clock(arena: Arena, step: str | None) -> None:
    """Move the clock forward or back, kill the server, and correct the clock."""
    _held(arena, step, lambda: arena.clock(arena.random.choice((-5 * HOUR, -HOUR, -60, 60, HOUR, 5 * HOUR))))
    arena.load.answers(4)
    arena.nodes[0].process.kill()
    arena.start()
    arena.load.answers(4)
    arena.clock(0)
    # Rows with future times from a wrong clock stop the service until an operator accepts the current time.
    arena.zygote.does("authority", "clock", "accept", "--yes", "--dir", arena.root)


def _restore(arena: Arena, _step: str | None) -> None:
    """Take a backup, go on, lose the database, and restore the backup.

    The journals are still present.
    """
    backup = arena.folder / f"backup-{arena.kills}"
    where = ("--dir", str(arena.root))
    arena.zygote.does("authority", "backup", *where, "--out", backup)
    before = len(arena.history.accepted())
    _wait(arena, lambda: len(arena.history.accepted()) >= before + 3)
    while arena.load.to_revoke:
        serial = arena.load.to_revoke.popleft()
        arena.zygote.does("authority", "revoke", serial, "--reason", "cessationOfOperation", *where)
        arena.history.revoked.add(serial)
    arena.nodes[0].process.kill()
    arena.history.restored = True
    if arena.cluster:
        name = arena.url.rpartition("/")[2]
        arena.cluster.drop(name)
        arena.cluster.make(name)
    else:
        for path in arena.root.glob("register.sqlite3*"):
            shutil.move(path, arena.folder / f"lost-{arena.kills}-{path.name}")
    arena.load.stock.clear()
    arena.zygote.does("authority", "restore", *where, "--from", backup)
    refused = arena.zygote.run("authority", "serve", *where)
    assert refused.code == 5, refused.err
    killed = arena.zygote.start(arena.folder, argv=["authority", "reconcile", *(str(word) for word in where)])
    killed.over(arena.random.uniform(0.01, LONGEST_START))
    killed.kill()
    arena.zygote.does("authority", "reconcile", *where)


def _wait(arena: Arena, done: Callable[[], object]) -> None:
    for _ in range(60_000):
        arena.load.check()
        if done():
            return
        sleep(0.002)
    sentence = "what was waited for did not come"
    raise AssertionError(sentence)


STRIKES = {
    Kind.SERVER: _server,
    Kind.WAVE: _wave,
    Kind.START: _start,
    Kind.WORKER: _worker,
    Kind.PARENT: _parent,
    Kind.NODE: _server,
    Kind.CLIENT: _client,
    Kind.OPERATOR: _operator,
    Kind.CONNECTION: _cut,
    Kind.DATABASE: _database,
    Kind.DISK: _disk,
    Kind.CLOCK: _clock,
    Kind.RESTORE: _restore,
    Kind.ROLLOVER: _rollover,
}
