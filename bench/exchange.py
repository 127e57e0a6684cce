"""`python -m bench.exchange`: replace a server's TLS key pair under load.

It is replaced again and again. The refused calls are counted.
"""

import argparse
import signal
import ssl
import sys
import tempfile
from collections import Counter
from contextlib import closing
from http.client import HTTPException, HTTPSConnection
from pathlib import Path
from threading import Event, Thread
from time import sleep

from bench.scene import KINDS, SOAP_PATH, founded
from bench.server import Served, served
from sinetti.testbench.core.server_certificate import ServerFiles, make_server_certificate

_CALLERS = 3
"""Number of callers on new connections, and of callers on kept ones."""

_WITHIN = 30.0
_PAUSE = 1.0


class _Callers:
    """Threads that send calls as fast as answers arrive, until `stop` is called."""

    def __init__(self, port: int) -> None:
        self._context = ssl.create_default_context()
        self._context.check_hostname, self._context.verify_mode = False, ssl.CERT_NONE
        self._port, self._over, self.counted = port, Event(), Counter[str]()
        self._threads = [Thread(target=self._call, args=(kept,)) for kept in (False, True) * _CALLERS]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _call(self, kept: bool) -> None:  # noqa: FBT001 - a thread's argument
        while not self._over.is_set():
            with closing(HTTPSConnection("127.0.0.1", self._port, timeout=_WITHIN, context=self._context)) as line:
                self._ask("kept" if kept else "new", line)
                while kept and line.sock and not self._over.is_set():
                    self._ask("kept", line)

    def _ask(self, name: str, line: HTTPSConnection) -> None:
        """Send one call and count its result.

        An answer that closes its connection leaves no socket.
        """
        try:
            line.request("GET", f"{SOAP_PATH}?wsdl")
            line.getresponse().read()
        except (OSError, HTTPException):
            name = f"{name}, turned away"
            line.close()
        self.counted[name] += 1


def main() -> int:
    """Print the counts; return 1 if any call was turned away."""
    parser = argparse.ArgumentParser(prog="python -m bench.exchange", description=__doc__)
    parser.add_argument("--times", type=int, default=10, help="exchanges, a second apart (default: %(default)s)")
    times: int = parser.parse_args().times
    with tempfile.TemporaryDirectory(prefix="sinetti-bench-") as folder:
        root = Path(folder) / "authority"
        founded(root, KINDS["P-384"], "")
        names = ("certificate.pem", "key.pem", "trust.pem")
        files = ServerFiles(*(Path(folder) / name for name in names))
        make_server_certificate(files)
        pair = ("--tls-certificate", str(files.certificate), "--tls-key", str(files.key))
        with served(root, 2, *pair) as one:
            callers = _Callers(one.port)
            try:
                _exchange(one, times)
            finally:
                callers.stop()
    print(f"{times} exchanges: " + ", ".join(f"{name} {count:,}" for name, count in sorted(callers.counted.items())))
    return int(any("turned away" in name for name in callers.counted))


def _exchange(one: Served, times: int) -> None:
    sleep(_PAUSE)
    for number in range(times):
        one.process.send_signal(signal.SIGHUP)
        while one.log.count("have taken over") <= number:
            if one.process.poll() is not None:
                raise RuntimeError(one.log[-2000:])
            sleep(0.01)
        sleep(_PAUSE)


if __name__ == "__main__":
    sys.exit(main())
