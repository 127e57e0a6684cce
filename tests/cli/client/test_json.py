"""JSON of the client's commands: members and words that programs rely on (docs/interfaces.md).

The findings of `doctor` depend on the machine; test_doctor.py has them.
"""

from tests.support import golden

AT = "2026-03-02T12:00:00Z"
COMMANDS = {
    "status": (0, "status --store {store}"),
    "status-details": (0, "status payroll --details --store {store}"),
    "renew-not-due": (0, "renew payroll --store {store}"),
    "renew-unknown-name": (2, "renew unknown --store {store}"),
    "retrieve-all": (0, "retrieve --all --store {store}"),
    "run": (0, "run --store {store}"),
    "log": (0, "log payroll --store {store}"),
    "inspect-certificate": (0, "inspect {store}/payroll/live/certificate.pem"),
    "inspect-nothing": (2, "inspect {folder}/empty"),
    "sign": (0, "sign {folder}/report.xml --store {store} --name payroll --out {folder}/sealed.xml"),
    "sign-usage": (2, "sign {folder}/report.xml --store {store} --name payroll"),
    "verify": (0, "verify {folder}/sealed.xml --trust-holders {folder}/holders.pem"),
    "verify-expired": (
        3,
        "verify {folder}/sealed.xml --trust-holders {folder}/holders.pem --now 2028-03-01T12:00:01Z",
    ),
    "verify-no-seal": (3, "verify {folder}/report.xml --trust-holders {folder}/holders.pem"),
    "inspect-message": (0, "inspect {folder}/sealed.xml"),
    "explain": (0, "explain {folder}/sealed.xml --anchors {folder}/holders.pem"),
    "gateway-check": (
        0,
        f"gateway check --anchors {{folder}}/holders.pem --at {AT} {{store}}/payroll/live/certificate.pem",
    ),
    "gateway-verify": (0, f"gateway verify --anchors {{folder}}/holders.pem --at {AT} {{folder}}/sealed.xml"),
    "export": (0, "export payroll --store {store} --format pem --out {folder}/exported"),
    "deploy-without-hooks": (2, "deploy payroll --store {store}"),
    "renew": (0, "renew payroll --force --store {store}"),
    "remove": (0, "remove payroll --store {store} --yes"),
    "status-after-removal": (0, "status --store {store}"),
}
"""Commands by the names of their golden files, with their exit codes, in the order in which they run."""


def test_json_of_the_client(shell):
    (shell.folder / "report.xml").write_text("<report><pay>100</pay></report>")
    (shell.folder / "empty").write_text("")
    shell.enrol()
    made, codes = {"enrol.json": shell.enrol("--json", name="second")[1]}, {}
    for name, (_code, words) in COMMANDS.items():
        arguments = words.format(store=shell.store, folder=shell.folder).split()
        codes[name], made[f"{name}.json"], _ = shell.run(*arguments, "--json")
    assert codes == {name: code for name, (code, _words) in COMMANDS.items()}
    golden.check("json/client", {name: golden.stable_json(text, FOLDER=shell.folder) for name, text in made.items()})
