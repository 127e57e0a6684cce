"""Programs whose standard output is closed or full."""

import os
import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.programs import program, surroundings

FULL = pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")


@contextmanager
def gone():
    """Yield a pipe whose reading end is closed."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        yield writer
    finally:
        os.close(writer)


def ran(*words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=None, is_unbuffered=False):
    """Run the command `sinetti` and return exit code and standard error."""
    # English, independent of the machine's locale.
    known = surroundings({"LC_ALL": "C.UTF-8", "PYTHONUNBUFFERED": "1" if is_unbuffered else ""})
    ended = subprocess.run(
        program(*words), stdout=stdout, stderr=stderr, cwd=cwd, text=True, timeout=120, check=False, env=known
    )
    return ended.returncode, ended.stderr
