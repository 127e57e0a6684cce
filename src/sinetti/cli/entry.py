"""Entry point of the command `sinetti`.

Its imports take a moment, in which a person may already interrupt it.
"""

import gc
import sys

INTERRUPTED = 130
"""Exit code that a shell expects after Ctrl-C.

client/results.py has all codes, but is not imported yet at this point.
"""


def main() -> int:
    """Run one command and return its exit code."""
    try:
        # Modules stay in memory to the end, and a garbage collection among them takes a sixth of the start. main.py
        # enables it again; the short way below ends too soon to need it.
        gc.disable()
        if sys.argv[1:3] == ["gateway", "ssh-keys"]:
            # A user waits at sshd for this command, so it takes the short way: half the time.
            from sinetti.cli.gateway import ssh_keys  # noqa: PLC0415 - as below

            return ssh_keys.main(sys.argv[3:])
        from sinetti.cli.main import main as run  # noqa: PLC0415 - this import takes most of the start

        return run()
    except KeyboardInterrupt:
        sentence = "Interrupted. Run the same command again."
        sys.stderr.write(f"{sentence}\n")
        if "--json" in sys.argv:  # nothing has been printed yet
            sys.stdout.write(f'{{"error": {{"code": "interrupted", "message": "{sentence}"}}}}\n')
        return INTERRUPTED
