"""Fork server that runs the authority's commands and strikes them at a step.

It reads one order per line and forks for it. An interpreter start for each of a thousand servers would take most of
the time. So this process has everything loaded, and each server is a fork of it that runs the real command. Code that
ends the process, holds it at a step or moves its clock is here alone. The product has steps, and nothing that kills.
"""

import gc
import importlib
import json
import os
import signal
import sys
import threading
import time
import traceback
from datetime import timedelta
from functools import partial
from pathlib import Path

from sinetti.api import issuing_waves
from sinetti.api.soap import SoapEndpoint
from sinetti.authority import maintenance
from sinetti.authority.bootstrap import RuntimeOptions, open_authority
from sinetti.cli import main
from sinetti.cli.authority import common, init
from sinetti.database.organisations.organisations import ContactDetails, NewOrder
from sinetti.domain.certificates import renewal_info
from sinetti.domain.values import Channel, Language
from sinetti.infra.clock import monotonic_seconds, utc_now
from sinetti.server import process_exit
from sinetti.server.wave_lane import WaveLane
from sinetti.services.issuance.order import order
from tests.kills.steps import ARRIVED, RENDERED

HELD_AT_MOST = 20.0
"""Seconds that a process waits at a step for the driver to go on."""

GATHERED = 0.01
"""Seconds for which a wave waits for more requests here, so that kills strike waves even though the load is light."""

FOUNDED_AGO = timedelta(days=1)
"""Age of an authority when its kills begin.

With it the clock can go back and still be within the validity of the CAs.
"""

for _name in ("granian.server.embed", "psycopg", "django.db.backends.sqlite3.base",
              "django.db.backends.postgresql.base", "django.core.management.commands.migrate"):  # fmt: skip
    importlib.import_module(_name)
# The load renews its certificates at once, so in these processes the renewal window is the whole validity.
renewal_info.renewal_window = lambda span: span.not_after - span.not_before
maintenance.LOG_EVERY = 0.5  # a strike at its step should not wait long
main.build_parser("authority")  # loads every command, so that no forked process has to


class Striker:
    """Step of a process that executes the order `strike` in its folder.

    It executes the order once, at the step that the order names; within a wave if the order says so.
    """

    def __init__(self, folder):
        self.order, self.struck, self.go = (folder / name for name in ("strike", "struck", "go"))
        self.wave = threading.local()

    def __call__(self, name):
        try:
            wanted = json.loads(self.order.read_text())
            if wanted["step"] != name or (wanted.get("wave") and getattr(self.wave, "size", 1) == 1):
                return
            self.order.rename(self.struck)  # only one of many threads and processes succeeds
        except FileNotFoundError:
            return
        if wanted["how"] == "group":
            os.killpg(os.getpgrp(), signal.SIGKILL)
        elif wanted["how"] == "process":
            os.kill(os.getpid(), signal.SIGKILL)
        until = monotonic_seconds() + HELD_AT_MOST
        while not self.go.exists() and monotonic_seconds() < until:
            time.sleep(0.002)


def clock_of(path):
    """Return a clock that is off from the machine's by the seconds in a file."""

    def now():
        try:
            return utc_now() + timedelta(seconds=int(path.read_text()))
        except FileNotFoundError:
            return utc_now()

    return now


def wired(told):
    """Give every authority that this process opens the driver's steps and clock."""
    step = Striker(Path(told["strikes"]))
    manner = RuntimeOptions(now=clock_of(Path(told["clock"])), step=step)
    common.open_authority = partial(open_authority, manner=manner)
    init.utc_now = lambda: utc_now() - FOUNDED_AGO
    answer, following, run_wave = SoapEndpoint.answer, WaveLane._next, issuing_waves.run_wave

    def answered(self, request):
        step(ARRIVED)
        reply = yield from answer(self, request)
        step(RENDERED)
        return reply

    def gathered(lane):
        lane._waiting.put(lane._waiting.get())
        time.sleep(GATHERED)
        return following(lane)

    def in_a_wave(members, ctx):
        step.wave.size = len(members)
        run_wave(members, ctx)

    SoapEndpoint.answer, WaveLane._next, issuing_waves.run_wave = answered, gathered, in_a_wave


def take_orders(root, customers):
    """Order a certificate for each of these customers, and print the transfer ids."""
    contact = ContactDetails("Contact", "contact@customer.example", "", Language.EN)
    made = []
    with common.opened_authority(Path(root)) as authority:
        for customer_id in customers:
            new = NewOrder(customer_id, Channel.WS, "", contact)
            ids = order(new, authority.ctx, common.machine_user(), process_exit.request_id())
            made.append([customer_id, ids.order_id, ids.transfer_id, ids.transfer_password])
    sys.stdout.write(json.dumps(made))
    return 0


def child(told):
    """Run one process of the authority, after a fork."""
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for descriptor, path in ((0, os.devnull), (1, told["out"]), (2, told["err"])):
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC * (descriptor == 1) | os.O_APPEND, 0o600)
        os.dup2(handle, descriptor)
        os.close(handle)
    os.environ.update(told["environment"])  # noqa: TID251 - a child of the test run
    wired(told)
    code = 70
    try:
        code = take_orders(*told["orders"]) if "orders" in told else main.main(told["argv"])
    except Exception:  # noqa: BLE001 - the driver reads it
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(int(code))


def serve():
    """Execute the orders on standard input one after the other.

    An order starts a process and prints its id, or waits for one and prints its exit code.
    """
    gc.collect()
    gc.freeze()
    for line in sys.stdin:
        told = json.loads(line)
        if "wait" in told:
            said = os.waitstatus_to_exitcode(os.waitpid(told["wait"], 0)[1])
        else:
            said = os.fork()
            if said == 0:
                child(told)
        sys.stdout.write(f"{said}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    serve()
