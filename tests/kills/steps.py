"""Points at which the authority may be ended.

They are all steps named in `services/`, and both ends of the SOAP endpoint.
"""

import ast
from functools import cache
from pathlib import Path

SERVICES = Path(__file__).resolve().parents[2] / "src" / "sinetti" / "services"
ARRIVED, RENDERED = "1-arrived", "12-rendered"
"""Steps 1 and 12 of docs/contributors/issuance.md.

The endpoint has received the request, and its response is rendered but not sent.
"""

REVOKED, RETAINED = "revoked", "retained"
MANY, APPROVED = ("many-stored", "many-revoked", "many-noted", "many-published"), "many-approved"
CONTACT = "contact-changed"
EARLY, EARLY_UNDONE = ("early-stored", "early-opened"), ("early-undone", "early-back")
EARLY_NARROWED = "early-narrowed"
REPLACED, HANDED_OVER, LET_END = "replacement-ordered", "contacts-handed-over", "let-end"
LOAD_COMPARED, LOADED = "load-compared", "load-part"
OF_WAVES = ("4-read", "8-prepared", "9-reserved", "10-signed", "11-recorded", "11-noted")
"""Steps at which a wave of several requests is killed."""
OF_JOURNALS = ("journal-compressed", "journals-compared", "journal-entered")
"""Steps of `authority journal close`; tests/services/issuance/test_close_journals.py ends it there."""
ROLLOVER = (
    *("ca key made", "ca begun", "ca intended", "ca certified", "ca certificate", "ca admitted", "ca stored"),
    *("ca lists", "ca bundles", "ca anchors", "ca installed"),
)
"""Steps of `authority ca rollover` (authority/succession.py)."""
OF_CAS = ("ca-activated", "ca-stopped", "ca-last-lists", "ca-retired", "ca-revoked", "ca-noted", "distrust-signed")
"""Steps of moves of CAs; tests/services/authorities/test_succession.py ends them there."""
OF_COMMANDS = (REVOKED, RETAINED, *MANY, APPROVED, CONTACT, *EARLY, *EARLY_UNDONE, EARLY_NARROWED)
"""Steps of an operator's commands, not of the server."""
OF_PAGES = (REPLACED, HANDED_OVER, LET_END, LOAD_COMPARED, LOADED)
"""Steps of user-facing pages.

tests/services/self_service and tests/services/staff end them there.
"""


@cache
def named() -> tuple[str, ...]:
    """Return every name that the code of an action passes to `ctx.step`.

    A new step is found automatically.
    """
    found = {
        node.args[0].value
        for path in SERVICES.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "step"
        if node.args and isinstance(node.args[0], ast.Constant)
    }
    assert found, "no action takes a step"
    return tuple(sorted(found, key=lambda name: (int(name.partition("-")[0]) if name[0].isdigit() else 99, name)))


def of_the_server() -> tuple[str, ...]:
    """Return the steps that a server takes while it answers."""
    others = {*OF_COMMANDS, *OF_CAS, *OF_PAGES, *OF_JOURNALS}
    return (ARRIVED, *(name for name in named() if name not in others), RENDERED)
