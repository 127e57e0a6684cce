"""JSON of the operator's commands: members and words that programs rely on (docs/interfaces.md)."""

import json

from tests.support import golden

CUSTOMER = ("--customer-id", "0123456-7")
COMMANDS = {
    "organisation-show": (0, ["organisation", "show", *CUSTOMER]),
    "status": (0, ["status"]),
    "status-orders": (0, ["status", "--orders"]),
    "status-certificates": (0, ["status", *CUSTOMER]),
    "check": (0, ["check", "--offline"]),
    "keys-list": (0, ["keys", "list"]),
    "keys-check": (0, ["keys", "check"]),
    "secrets-status": (0, ["secrets", "status"]),
    "ca-list": (0, ["ca", "list"]),
    "ca-plan": (0, ["ca", "plan"]),
    "ca-readiness": (0, ["ca", "readiness"]),
    "account-list": (0, ["account", "list"]),
    "gateway-list": (0, ["gateway", "list"]),
    "officer-list": (0, ["officer", "list"]),
    "approval-list": (0, ["approval", "list"]),
    "approval-settings": (0, ["approval", "settings"]),
    "watch": (0, ["watch"]),
    "reconcile": (0, ["reconcile"]),
    "clock-show": (0, ["clock", "show"]),
    "retention-plan": (0, ["retention", "plan"]),
    "retention-apply": (0, ["retention", "apply"]),
    "notices-bounces-without-settings": (5, ["notices", "bounces"]),
    "call-early-status": (0, ["call-early", "status"]),
    "drill-list": (0, ["drill", "list"]),
    "audit-verify": (0, ["audit", "verify"]),
    "revoke-unknown-serial": (2, ["revoke", "12", "--reason", "superseded"]),
}


def test_json_of_the_operator(sqlite_operator, tmp_path):
    sqlite_operator.found()
    sqlite_operator.add()
    order = sqlite_operator.order()
    made = {"order.json": json.dumps(order)}
    codes = {}
    for name, (_code, words) in COMMANDS.items():
        codes[name], made[f"{name}.json"], _ = sqlite_operator.run(*words, "--json")
    assert codes == {name: code for name, (code, _words) in COMMANDS.items()}
    varying = {"FOLDER": tmp_path, "PASSWORD": order["transfer_password"]}
    golden.check("json/authority", {name: golden.stable_json(text, **varying) for name, text in made.items()})
