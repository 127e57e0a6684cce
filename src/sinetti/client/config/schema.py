"""Keys and tables of a sinetti.toml, with examples, and suggestions for typos."""

import difflib
import json
import re
from collections.abc import Sequence

from sinetti.client.config import messages
from sinetti.client.config.line_numbers import Path
from sinetti.client.messages.messages import Message, make_message, strip_control_chars

ROOT = ("store", "language", "services", "agent", "defaults", "certificates")
TOP = ("store", "language")
SERVICE = (
    *("address", "environment", "trust_services", "trust_holders", "tls_ca"),
    *("log_key", "log_cosignatures", "log_witnesses"),
)
AGENT = ("at_once", "spread", "urgent", "maintenance", "zone", "prometheus")
FILES = ("formats", "owner", "group", "mode", "password_file", "key_password_file", "token")
HOOKS = ("before", "deploy", "after", "timeout")
TOKEN = ("module", "label", "pin_file")
DEFAULTS = ("service", "key", *FILES, "hooks")
CERTIFICATE = ("customer_id", "customer_name", "enrolled", *DEFAULTS)

_LOG_KEY = "pki.example/log+df592e63+AZyZtuXRGVoOVgPjTusnbD99l5dUy/Sn2HG688o9QXic"
_WITNESS_KEY = "witness.example+54a2603c+BJyZtuXRGVoOVgPjTusnbD99l5dUy/Sn2HG688o9QXic"

EXAMPLES = {
    "store": 'store = "store"',
    "language": 'language = "fi"',
    "address": 'address = "https://certificates.example/2017/10/CertificateServices"',
    "environment": 'environment = "PRODUCTION"',
    "trust_services": 'trust_services = "services.pem"',
    "trust_holders": 'trust_holders = "holders.pem"',
    "tls_ca": 'tls_ca = "server.pem"',
    "log_key": f'log_key = "{_LOG_KEY}"',
    "log_cosignatures": "log_cosignatures = 1",
    "log_witnesses": f'log_witnesses = ["{_WITNESS_KEY}"]',
    "at_once": "at_once = 8",
    "maintenance": 'maintenance = ["Mon-Fri 18:00-06:00", "Sat-Sun"]',
    "spread": 'spread = "10d"',
    "urgent": 'urgent = "14d"',
    "zone": 'zone = "Europe/Helsinki"',
    "prometheus": 'prometheus = "sinetti.prom"',
    "service": 'service = "register"',
    "key": 'key = "rsa-2048"',
    "formats": 'formats = ["pem", "pkcs12"]',
    "owner": 'owner = "payroll"',
    "group": 'group = "payroll"',
    "mode": 'mode = "0600"',
    "password_file": 'password_file = "p12-password"',
    "key_password_file": 'key_password_file = "key-password"',
    "module": 'module = "/usr/lib/softhsm/libsofthsm2.so"',
    "label": 'label = "sinetti"',
    "pin_file": 'pin_file = "pin"',
    "before": 'before = ["/usr/local/bin/tell", "soon"]',
    "deploy": 'deploy = ["systemctl", "reload", "payroll"]',
    "after": 'after = ["/usr/local/bin/tell", "done"]',
    "timeout": 'timeout = "60s"',
    "customer_id": 'customer_id = "0123456-7"',
    "customer_name": 'customer_name = "Example Oy"',
    "enrolled": "enrolled = false",
}
"""An example line for each key that is no table; a test reads them all."""

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_ALIKE = 0.8
_HARDLY_ALIKE = 0.5


def unknown_key_error(place: Path, key: str, known: Sequence[str]) -> Message:
    """Return the message on an unknown key, with the key that was probably meant."""
    wanted = key.casefold().replace("-", "_")
    close = difflib.get_close_matches(wanted, known, 1, _ALIKE)
    if close:
        return make_message(messages.MEANT, key=strip_control_chars(key), nearest=close[0])
    if wanted in TOP:
        return make_message(messages.ABOVE, key=wanted)
    home = _home(place, wanted)
    if home is not None:
        return make_message(messages.ELSEWHERE, key=wanted, table=header(home))
    close = difflib.get_close_matches(wanted, known, 1, _HARDLY_ALIKE)
    if close:
        return make_message(messages.MEANT, key=strip_control_chars(key), nearest=close[0])
    return make_message(messages.UNKNOWN, key=strip_control_chars(key), known=", ".join(known))


def invalid_choice_error(key: str, value: str, choices: Sequence[str]) -> Message:
    """Return the message on a value outside the choices, with the choices."""
    close = difflib.get_close_matches(value.casefold(), [choice.casefold() for choice in choices], 1, _ALIKE)
    first = [choice for choice in choices if choice.casefold() in close]
    return make_message(
        messages.NO_SUCH_CHOICE,
        value=value,
        key=key,
        choices=", ".join([*first, *(choice for choice in choices if choice not in first)]),
    )


def header(place: Path) -> str:
    """Return the path of a table as its header has it, without the brackets."""
    return ".".join(part if _BARE.fullmatch(part) else json.dumps(part, ensure_ascii=False) for part in map(str, place))


def _home(place: Path, key: str) -> Path | None:
    of_an_entry = place[:2] if place[:1] == ("certificates",) else ("defaults",)
    homes: tuple[tuple[Sequence[str], Path], ...] = (
        (HOOKS, (*of_an_entry, "hooks")),
        (TOKEN, (*of_an_entry, "token")),
        (AGENT, ("agent",)),
        (SERVICE, ("services", "NAME")),
        (DEFAULTS, ("defaults",)),
        (CERTIFICATE, ("certificates", "NAME")),
    )
    return next((home for keys, home in homes if key in keys), None)
