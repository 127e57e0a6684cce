"""What `make demo` may be told."""

import os
import sys


def keep_running() -> bool:
    """Whether the bench is to be left running: KEEP=1, or --keep."""
    return os.environ.get("KEEP", "") not in {"", "0"} or "--keep" in sys.argv
