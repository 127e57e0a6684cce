"""`sinetti gateway check`, `verify` and `check-settings`."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sinetti.cli.client import common
from sinetti.cli.core import invocation, output
from sinetti.cli.core.check_output import check_blocks, exit_code
from sinetti.cli.core.commands import DEBUG, JSON, Options, argument, flag, option
from sinetti.cli.core.console import language_of_locale
from sinetti.cli.gateway.group import SETTINGS, gateway_commands
from sinetti.client.messages import error_reasons, messages
from sinetti.client.results import ExitCode, UsageError
from sinetti.domain.values import Channel, Environment, Language
from sinetti.gateway.gateway import Gateway
from sinetti.gateway.revocation.crl import CrlSource
from sinetti.gateway.revocation.source import FRESHNESS
from sinetti.gateway.settings import duration
from sinetti.gateway.verdicts.verdict import Verdict
from sinetti.gateway.web import settings_check
from sinetti.gateway.x509 import trust_file
from sinetti.infra import clock
from sinetti.infra.standard_input import STREAM
from sinetti.pki import chain

CHECK = """\
sinetti gateway check --anchors holders.pem --crl issuing.crl --channel WS --json certificate.pem

A PEM file may contain the certificate's chain after it. These certificates are not trusted.

exit codes: 0 accepted · 2 file unreadable · 3 rejected"""

VERIFY = """\
sinetti gateway verify --anchors holders.pem --crl issuing.crl --out report.xml --json report-sealed.xml

--out writes exactly what the signature covers, and nothing if the document is rejected.

exit codes: 0 accepted · 2 file unreadable · 3 rejected"""

commands = gateway_commands()
register = commands.register


def _duration(text: str) -> timedelta:
    try:
        return duration(text)
    except ValueError as bad:
        raise argparse.ArgumentTypeError(str(bad)) from None


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Raise an error of a file's content as UsageError with its name."""
    try:
        yield
    except (OSError, ValueError) as bad:
        why = error_reasons.translate_reason(bad)
        raise UsageError(messages.UNREADABLE_FILE, path=str(path), why=why) from bad


@dataclass(frozen=True)
class GatewayOptions(Options):
    """Options for trust anchors, revocation, the time of the check, and output."""

    anchors: Path = option("PEM", "trusted CAs; self-signed ones, and those whose issuer is missing, are anchors")
    crl: list[Path] = option("FILE", "revocation list, DER or PEM (repeatable); without one, revocation is not checked")
    channel: Channel | None = option(None, "reject certificates of another channel")
    environment: Environment | None = option(None, "reject certificates of the other environment")
    trust: Path | None = option("FILE", "trust file (TOML) with the purpose of CAs whose certificates do not state it")
    freshness: timedelta = option(
        "DURATION",
        "greatest age of a revocation list of the issuing CA (default: PT1H)",
        type=_duration,
        default=FRESHNESS,
    )
    at: str | None = option("ISO", "time of the check (default: now)")
    json: bool = JSON
    lang: Language | None = option(None, "language of messages")
    debug: bool = DEBUG

    def gateway(self) -> Gateway:
        """Make the gateway that the options describe.

        Raises UsageError if a file cannot be read.
        """
        with _naming(self.anchors):
            anchors = chain.load_bundle(common.read_file(self.anchors))
        ders: list[bytes] = []
        for path in self.crl:
            with _naming(path):
                ders.append(common.read_file(path))
                CrlSource(ders[-1:])
        trust = None
        if self.trust is not None:
            with _naming(self.trust):
                trust = trust_file.load(self.trust)
        with _naming(self.anchors):
            return Gateway(
                anchors,
                source=CrlSource(ders) if ders else None,
                trust=trust,
                channel=self.channel,
                environment=self.environment,
                freshness=self.freshness,
            )

    def now(self) -> datetime:
        """Return the time of the check. Raises UsageError if --at is wrong."""
        return clock.utc_now() if self.at is None else common.parse_instant(self.at).astimezone(UTC)

    def print_verdict(self, verdict: Verdict) -> ExitCode:
        """Print a verdict: JSON for programs, a sentence on standard error for people."""
        if self.json:
            common.print_json(verdict.as_json())
        elif not verdict.accepted or not invocation.CURRENT.is_quiet:
            output.print_error(verdict.text(self.lang or language_of_locale()))
        return ExitCode.DONE if verdict.accepted else ExitCode.REFUSED


@commands.command(CHECK, description="Shows whose certificate it is and whether it is valid. Works offline.")
def check(
    options: GatewayOptions,
    *,
    certificate: Path = argument("CERT", "certificate, PEM or DER, - for standard input"),
) -> ExitCode:
    """Check a certificate."""
    octets = common.read_file(certificate)
    gateway, now = options.gateway(), options.now()
    try:
        behind = chain.load_bundle(octets)[1:]
    except ValueError:  # DER, or no certificate: `identify` reports it
        behind = ()
    return options.print_verdict(gateway.identify(octets, now, behind))


@commands.command(
    VERIFY, description="Checks the enveloped signature of an XML document and the certificate of its signer."
)
def verify(
    options: GatewayOptions,
    *,
    out: Path | None = option("FILE", "write what the signature covers to this file, - for standard output"),
    file: Path = argument("FILE", "signed XML document, - for standard input"),
) -> ExitCode:
    """Check a signed document."""
    if options.json and out == STREAM:
        raise UsageError(common.OUTPUT_TWICE, option="--out")
    document = common.read_file(file)
    verified = options.gateway().verify(document, options.now())
    if verified.octets is not None and out is not None:
        common.write_file(out, verified.octets)
    return options.print_verdict(verified.verdict)


@commands.command("sinetti gateway check-settings --settings /etc/sinetti/gateway.toml")
def check_settings(
    *,
    settings: Path = SETTINGS,
    offline: bool = flag("use no network"),
    start: bool = flag("before a start: end with 0 if there are only warnings"),
    json: bool = flag("print the results as JSON"),
) -> ExitCode:
    """Check the settings and all that they name, with all findings at once."""
    findings = settings_check.check_settings(settings, clock.utc_now(), is_offline=offline or start)
    if json:
        common.print_json([finding.as_json() for finding in findings])
    else:
        output.show(check_blocks(findings))
    return exit_code(findings, is_start=start)
