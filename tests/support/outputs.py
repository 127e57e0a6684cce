"""Programs whose output nobody reads, or that is full."""

import os
import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.programs import program, surroundings

FULL = pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")


@contextmanager
def gone():
    """Give an output whose reader has gone."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        yield writer
    finally:
        os.close(writer)


def ran(*words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=None):
    """Run the command `sinetti` to its end; gives exit code and standard error."""
    # In English whatever the machine speaks. Unbuffered, argparse would itself be told, and keep it to itself.
    known = surroundings({"LC_ALL": "C.UTF-8", "PYTHONUNBUFFERED": ""})
    ended = subprocess.run(
        program(*words), stdout=stdout, stderr=stderr, cwd=cwd, text=True, timeout=60, check=False, env=known
    )
    return ended.returncode, ended.stderr
