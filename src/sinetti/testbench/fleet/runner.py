"""One agent of a fleet: makes a pass, as `sinetti run` does, at each instant that stands on a line of its input.

A line of its output says how the pass ended. It ends with its input, and does not mind Ctrl-C: whoever started it does.
"""

import json
import signal
import sys
from datetime import datetime
from pathlib import Path
from concurrent.futures import ThreadPoolExecutor
import time
from sinetti import clock
from sinetti.domain.values import Language
from sinetti.holder import client, status, generations, when
from sinetti.holder.exchange import Run
from sinetti.holder.outcome import worst
import tomllib

def main() -> None:
    """Serve whoever started it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    config = Path(sys.argv[1])
    for line in sys.stdin:
        code, due = _pass(config, datetime.fromisoformat(line.strip()))
        told = {"exit": int(code), "due": None if due is None else due.isoformat()}
        sys.stdout.write(f"{json.dumps(told)}\n")
        sys.stdout.flush()

def _pass(config, now):
    store = config.parent / tomllib.loads(config.read_text())["store"]
    run = Run(store, now, Language.EN, lambda m: print(m, file=sys.stderr), lambda s: None, clock.ticks, wait=0.0)
    from sinetti.holder import files
    import hashlib
    from datetime import timedelta
    names = files.names(store)
    due = {}
    for n in names:
        h = generations.live(store/n)
        due[n] = when.renew_from(h.span.not_after) + timedelta(days=hashlib.sha256((h.serial+n).encode()).digest()[0]/256*10)
        if due[n] <= now and (store/n/"pending").exists() and any((store/n/"pending").iterdir()): due[n]=now
    import fcntl, os
    with open(store/".run.lock","w") as f:
        try: fcntl.flock(f, fcntl.LOCK_EX|fcntl.LOCK_NB)
        except OSError: return 5, None
        with ThreadPoolExecutor(8) as ex:
            out = list(ex.map(lambda n: client._guarded(n, lambda n: client.renew(run, n, force=False)), [n for n in names if due[n]<=now]))
    rest=[due[n] for n in names if due[n]>now]
    if any(o.exit_code for o in out): rest.append(now+timedelta(minutes=5))
    return (worst(out) if out else 0), min(rest, default=None)

if __name__ == "__main__":
    main()
