"""`sinetti trust fetch`: write the CA certificates that a service publishes."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509

from sinetti.cli.client import common
from sinetti.cli.client.service_options import read_bundle
from sinetti.cli.core.argparse_i18n import Commands
from sinetti.cli.core.console import Console
from sinetti.client import service_address
from sinetti.client.messages import error_reasons, messages
from sinetti.client.messages.messages import make_message
from sinetti.client.requests import operations, trust_anchors, trust_lists
from sinetti.client.requests.transport import ServiceError
from sinetti.client.requests.trust_anchors import TrustAnchors
from sinetti.client.requests.trust_lists import ServiceTrust
from sinetti.client.results import ExitCode, UsageError
from sinetti.client.store import files
from sinetti.domain.values import Environment
from sinetti.i18n.translate import gettext_noop
from sinetti.infra.clock import instant_or_none
from sinetti.infra.standard_input import STREAM
from sinetti.pki import encoding

EXAMPLE = (
    "example:\n  sinetti trust fetch --service https://certificates.example/2017/10/CertificateServices \\\n"
    "    --fingerprint 5F:0C:…\n\nGet the SHA-256 fingerprint of the root certificate from the operator of the "
    "service, by telephone for example.\n\nexit codes: 0 written · 2 usage error, or a file exists · 4 service not "
    "reached, or its CAs not trusted"
)

BAD_FINGERPRINT = gettext_noop(
    "“{text}” is not a SHA-256 fingerprint. It has 64 digits from 0 to f. Colons and spaces do not matter."
)
BOTH_FILES = gettext_noop(
    "Give --trust-services and --trust-holders together, with two different files and without --out-dir."
)
BOTH_OR_STORE = gettext_noop("Give --service and --fingerprint together, or --store alone.")
STORE_ALONE = gettext_noop("--store stands alone: leave the other options out.")
TAKEN = gettext_noop("{service}: the newest lists of CAs are taken; {count} names changed.")
NO_LISTS = gettext_noop("{service}: the service has no lists of CAs.")
NOT_TAKEN = gettext_noop("{service}: a list of CAs was not taken ({why}). Run “sinetti doctor” for the next step.")
FETCHED = gettext_noop("{environment}: the CAs of the service were written to {services} and {holders}.")
NOW_NOT_IN_PRODUCTION = gettext_noop("The service is in PRODUCTION, where --now is not allowed. Leave it out.")


def register(subparsers: Commands) -> None:
    """Add the command to the parser."""
    group = subparsers.add_parser(
        "trust",
        help="fetch the CA certificates of a service",
        description="Fetches the CA certificates that the client trusts.",
        epilog=EXAMPLE,
    )
    parser = group.add_subparsers(title="commands", metavar="COMMAND", required=True).add_parser(
        "fetch",
        help="fetch the CA certificates of a service and check them",
        description="Writes the CA certificates that a service publishes, only if its root certificate has the given "
        "fingerprint and all others lead to it.",
        epilog=EXAMPLE,
    )
    parser.add_argument("--service", metavar="URL", help="address of the certificate service")
    parser.add_argument("--fingerprint", metavar="SHA256", help="SHA-256 fingerprint of the service's root certificate")
    parser.add_argument(
        "--store",
        metavar="DIR",
        type=Path,
        help="take the signed lists of CAs for all names of this store, without --service and --fingerprint",
    )
    parser.add_argument(
        "--out-dir", metavar="DIR", type=Path, help="folder for services.pem and holders.pem (default: this folder)"
    )
    parser.add_argument(
        "--trust-services", metavar="FILE", type=Path, help="file for the CAs that issue certificates to services"
    )
    parser.add_argument(
        "--trust-holders", metavar="FILE", type=Path, help="file for the CAs that issue certificates to holders"
    )
    parser.add_argument(
        "--tls-ca",
        metavar="PEM",
        type=Path,
        help="CAs to trust for the server's TLS certificate (default: the system's)",
    )
    parser.add_argument("--force", action="store_true", help="replace existing files")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    common.add_common(parser)
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> ExitCode:
    """Fetch the CAs of one service, or the trust lists of a store."""
    console = common.console_of(parsed)
    given = (parsed.service, parsed.fingerprint, parsed.out_dir, parsed.trust_services, parsed.trust_holders)
    if parsed.store is not None:
        if any(one is not None for one in given):
            raise UsageError(STORE_ALONE)
        return _refresh(parsed, console)
    if parsed.service is None or parsed.fingerprint is None:
        raise UsageError(BOTH_OR_STORE)
    fingerprint = trust_anchors.parse_fingerprint(parsed.fingerprint)
    if fingerprint is None:
        raise UsageError(BAD_FINGERPRINT, text=parsed.fingerprint)
    services, holders = _targets(parsed)
    tls_ca = read_bundle(parsed.tls_ca)
    now = common.now_of(parsed, console)
    try:
        anchors = trust_anchors.fetch_anchors(parsed.service, tls_ca, fingerprint, now, console.language)
    except service_address.InvalidServiceUrl as bad:
        why = error_reasons.translate_reason(f"service: {bad}")
        raise UsageError(messages.BAD_SETTING, why=why) from bad
    except ServiceError as bad:
        return console.fail(bad.message, ExitCode.AGAIN)
    if parsed.now is not None and anchors.environment is Environment.PRODUCTION:
        raise UsageError(NOW_NOT_IN_PRODUCTION)
    _write(((services, anchors.services), (holders, anchors.holders)), replaces=parsed.force)
    where = {"services": str(services), "holders": str(holders)}
    console.tell(make_message(FETCHED, environment=anchors.environment.value, **where))
    if parsed.json:
        common.print_json(_as_json(anchors, services, holders))
    return ExitCode.DONE


def _refresh(parsed: argparse.Namespace, console: Console) -> ExitCode:
    """Take the trust lists of all services of a store."""
    common.require_store(parsed)
    now, names = common.now_of(parsed, console), files.list_names(parsed.store)
    if parsed.now is not None and any(operations.in_production(parsed.store, name) for name in names):
        raise UsageError(NOW_NOT_IN_PRODUCTION)
    service_trusts = trust_lists.refresh_store(parsed.store, names, now, console.language)
    for service_trust in service_trusts:
        if service_trust.fetched.trouble is not None:
            console.tell(
                make_message(NOT_TAKEN, service=service_trust.origin, why=service_trust.fetched.trouble.rstrip("."))
            )
        elif service_trust.fetched.memory.numbers is None:
            console.tell(make_message(NO_LISTS, service=service_trust.origin))
        else:
            console.tell(make_message(TAKEN, service=service_trust.origin, count=len(service_trust.names)))
    if parsed.json:
        common.print_json([_trust_json(service_trust) for service_trust in service_trusts])
    return (
        ExitCode.AGAIN
        if any(service_trust.fetched.trouble is not None for service_trust in service_trusts)
        else ExitCode.DONE
    )


def _trust_json(service_trust: ServiceTrust) -> dict[str, object]:
    numbers = service_trust.fetched.memory.numbers
    return {
        "service": service_trust.origin,
        "anchors": None if numbers is None else numbers.anchors,
        "distrust": None if numbers is None else numbers.distrust,
        "names": list(service_trust.names),
        "trouble": service_trust.fetched.trouble,
    }


def _targets(parsed: argparse.Namespace) -> tuple[Path, Path]:
    services, holders = parsed.trust_services, parsed.trust_holders
    if services is None and holders is None:
        folder = parsed.out_dir or Path()
        return folder / "services.pem", folder / "holders.pem"
    if services is None or holders is None or services.absolute() == holders.absolute() or parsed.out_dir is not None:
        raise UsageError(BOTH_FILES)
    common.reject_two_outputs(parsed, services, "--trust-services")
    common.reject_two_outputs(parsed, holders, "--trust-holders")
    return services, holders


def _write(targets: Sequence[tuple[Path, Sequence[x509.Certificate]]], *, replaces: bool) -> None:
    """Write the files that do not have this content yet.

    Raises UsageError before the first one is written if a file has another content and may not be replaced.
    """
    due = []
    for path, certificates in targets:
        octets = b"".join(
            encoding.certificate_pem(encoding.certificate_der(certificate)) for certificate in certificates
        )
        exists = path != STREAM and path.is_file()
        if exists and common.read_file(path) == octets:
            continue
        if exists and not replaces:
            raise UsageError(common.FILE_EXISTS, path=str(path))
        due.append((path, octets, exists))
    for path, octets, exists in due:
        common.write_file(path, octets)
        if path.is_file() and not exists:
            path.chmod(0o644)  # public, and the agent may be another user


def _as_json(trust_anchors: TrustAnchors, services: Path, holders: Path) -> dict[str, object]:
    root = {
        "subject": trust_anchors.root.subject.rfc4514_string(),
        "sha256": encoding.sha256_hex(encoding.certificate_der(trust_anchors.root)),
        "not_after": instant_or_none(trust_anchors.root.not_valid_after_utc),
    }
    paths = {"trust_services": str(services), "trust_holders": str(holders)}
    return {"environment": trust_anchors.environment.value, "root": root, **paths, "certificates": trust_anchors.count}
