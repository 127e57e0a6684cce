"""Health check without a shell: health.py ADDRESS PATH.

ADDRESS is HOST:PORT or unix:/SOCKET. The exit code is 0 for HTTP 200, otherwise 1. It loads the standard library
alone, and stands in a file because podman splits the words of a health check at spaces.
"""

import http.client
import socket
import sys

WITHIN = 5.0
OK = 200


def status_of(address: str, path: str) -> int:
    """Return the HTTP status of a request.

    Raises OSError or HTTPException if there is no response.
    """
    if address.startswith("unix:"):
        connection = http.client.HTTPConnection("localhost", timeout=WITHIN)
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(WITHIN)
        connection.sock.connect(address.removeprefix("unix:"))
    else:
        connection = http.client.HTTPConnection(address, timeout=WITHIN)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


def main() -> int:
    """Return the exit code, with a line about a failure on standard error."""
    address, path = sys.argv[1:]
    try:
        status = status_of(address, path)
    except (OSError, http.client.HTTPException) as away:
        print(f"{address}{path}: no response ({away})", file=sys.stderr)
        return 1
    print(f"{address}{path}: {status}")
    return int(status != OK)


if __name__ == "__main__":
    sys.exit(main())
