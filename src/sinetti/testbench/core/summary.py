"""Summary of a running bench: addresses, trust files and commands to paste."""

import shlex
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from textwrap import fill
from typing import Any

NARROWEST = 60
_INSTANT = "%Y-%m-%dT%H:%M:%SZ"
_CUSTOMER = '{"customer_id": "0123456-7", "customer_name": "Example Oy"}'
_MEMBER = 'python3 -c \'import json; print(json.load(open("order.json"))["{}"])\''


def format_summary(ready: Mapping[str, Any], now: datetime, width: int, *, is_stopped: bool) -> str:
    """Return the summary.

    `ready` has the members of the JSON line and `documentation_url`. `now` is the bench's time. A value that is wider
    than the terminal stays on its line, so that it can be copied.
    """
    trust = {name: path for name, path in ready["trust"].items() if path is not None}
    addresses = {
        "Certificate service": ready["soap_url"],
        "E-service": ready["people_url"],
        "CRLs and OCSP": ready["status_url"],
        "Control": ready["control_url"],
    }
    if ready["documentation_url"] is not None:
        addresses["Documentation"] = ready["documentation_url"]
    files = {_OPTIONS[name]: trust[name] for name in ("services", "holders", "server") if name in trust}
    parts = [
        fill(f"The test bench is running. {_clock(now, is_stopped=is_stopped)}", max(width, NARROWEST)),
        "\n".join(["Addresses", *_aligned(addresses, width)]),
        "\n".join(["Trust files", *_aligned(files, width)]),
        "\n".join(["Order and enrol a certificate", *_enrol(ready, trust, now if is_stopped else None, width)]),
        "\n".join(["Set the clock and renew it", *_renew(ready["control_url"], now + _AHEAD, width)]),
        "Ctrl-C stops it.",
    ]
    return "\n\n".join(parts)


_OPTIONS = {"services": "--trust-services", "holders": "--trust-holders", "server": "--tls-ca"}


_AHEAD = timedelta(days=700)
"""Time after which a certificate of two years can be renewed."""


def _clock(now: datetime, *, is_stopped: bool) -> str:
    return f"Its clock stands still at {now:%Y-%m-%d %H:%M:%S} UTC." if is_stopped else "It uses this computer's clock."


def _aligned(rows: Mapping[str, str], width: int) -> Sequence[str]:
    """Return a line for each row, or two where one is too narrow."""
    widest = max(map(len, rows))
    if all(2 + widest + 2 + len(value) <= max(width, NARROWEST) for value in rows.values()):
        return [f"  {name:{widest}}  {value}" for name, value in rows.items()]
    return [line for name, value in rows.items() for line in (f"  {name}", f"    {value}")]


def _enrol(ready: Mapping[str, Any], trust: Mapping[str, str], now: datetime | None, width: int) -> Sequence[str]:
    order = ["curl -s", "-H 'Content-Type: application/json'", f"-d {shlex.quote(_CUSTOMER)}", "-o order.json"]
    enrol = [f"{_MEMBER.format('transfer_password')} |", "sinetti enrol payroll --store ./store"]
    enrol += [f"--service {shlex.quote(ready['soap_url'])}"]
    enrol += [f"{_OPTIONS[name]} {shlex.quote(trust[name])}" for name in _OPTIONS if name in trust]
    enrol += ["--environment TEST --customer-id 0123456-7", "--transfer-password-file -"]
    enrol += [f'--transfer-id "$({_MEMBER.format("transfer_id")})"']
    return [
        *([] if now is None else [_export(now)]),
        *_command([*order, f"{ready['control_url']}/orders"], width),
        *_command(enrol, width),
        "  sinetti status --store ./store",
    ]


def _renew(control_url: str, at: datetime, width: int) -> Sequence[str]:
    body = shlex.quote(f'{{"now": "{at:{_INSTANT}}"}}')
    put = ["curl -s -X PUT", "-H 'Content-Type: application/json'", f"-d {body}", f"{control_url}/clock"]
    return [*_command(put, width), _export(at), "  sinetti renew payroll --store ./store"]


def _export(now: datetime) -> str:
    return f"  export SINETTI_NOW={now:{_INSTANT}}"


def _command(parts: Sequence[str], width: int) -> Sequence[str]:
    """Return a command in lines that fit, each but the last with a backslash.

    A part is never broken.
    """
    lines = [f"  {parts[0]}"]
    for part in parts[1:]:
        if len(lines[-1]) + 1 + len(part) + 2 <= max(width, NARROWEST):
            lines[-1] += f" {part}"
        else:
            lines.append(f"    {part}")
    return [*(f"{line} \\" for line in lines[:-1]), lines[-1]]
