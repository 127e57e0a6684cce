"""Third-party web servers in tests: programs, ports, and runs as in deploy/."""

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import sleep

import pytest

from sinetti.infra.clock import monotonic_seconds
from tests.support.postgres import skip_or_fail
from tests.support.programs import started, surroundings

WITHIN = 60.0


def tool(name: str) -> str:
    """Return the path of a program from a listed Debian package.

    Skips or fails the test if it is missing.
    """
    found = shutil.which(name, path=f"{surroundings({})['PATH']}:/usr/sbin")
    if found is None:
        skip_or_fail(f"{name} is not installed (scripts/packages judges says how)")
    return found


def until_listening(port: int, process: "subprocess.Popen[str]") -> None:
    """Wait until a process accepts connections on a port."""
    deadline = monotonic_seconds() + WITHIN
    while monotonic_seconds() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            sleep(0.05)
        else:
            return
    pytest.fail(f"nothing listens on port {port}")


@contextmanager
def process(*command: str, **options: object) -> Iterator["subprocess.Popen[str]"]:
    """Run a program until the block ends."""
    with started(command, text=True, **options) as one:
        try:
            yield one
        finally:
            one.send_signal(signal.SIGTERM)
            one.wait(WITHIN)


def changed(text: str, changes: dict[str, str]) -> str:
    """Replace texts of a file of deploy/ by a test's own; each has to occur."""
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


@contextmanager
def nginx_running(folder: Path, site: str, port: int) -> Iterator["subprocess.Popen[str]"]:
    """Run nginx with one file of sites-enabled in a folder of its own.

    `port` is one of the ports that it listens on.
    """
    temporary = "".join(
        f"{name}_temp_path {folder}/{name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;\n" if os.geteuid() == 0 else ""
    main = f"{user}daemon off;\nworker_processes 1;\npid {folder}/pid;\nerror_log {folder}/error.log;\nevents {{}}\n"
    (folder / "nginx.conf").write_text(f"{main}http {{\n{temporary}{site}}}\n", encoding="utf-8")
    command = [tool("nginx"), "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf")]
    checked = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    assert "warn" not in checked.stderr
    with process(*command, stderr=subprocess.DEVNULL) as one:
        until_listening(port, one)
        yield one
