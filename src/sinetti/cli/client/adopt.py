"""`sinetti adopt`: add an existing key and its certificate to the store."""

import argparse
from dataclasses import replace
from pathlib import Path

from sinetti.cli.client import common, service_options
from sinetti.cli.core.argparse_i18n import Commands
from sinetti.client.messages import adoption_messages, error_reasons
from sinetti.client.messages.messages import make_message
from sinetti.client.model import CertificateEntry, Config, ServiceEntry
from sinetti.client.requests import adopt
from sinetti.client.results import ExitCode, Result, UsageError
from sinetti.client.store import files, keystores
from sinetti.client.store.keystores import KeyMaterial
from sinetti.domain.values import Environment
from sinetti.i18n.translate import gettext_noop
from sinetti.infra.standard_input import STREAM

EXAMPLE = (
    "examples:\n  sinetti adopt payroll --config sinetti.toml --key old/key.pem --certificate "
    "old/certificate.pem\n  sinetti adopt payroll --config sinetti.toml --pkcs12 old/payroll.p12 "
    "--password-file old/password\n\nThe files are not changed. “sinetti renew” and “sinetti run” renew the "
    "certificate from then on."
)

JKS_FROM_INPUT = gettext_noop("keytool cannot read a Java key store from standard input. Name its file with --jks.")


def register(subparsers: Commands) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "adopt",
        help="add an existing key and its certificate to the store",
        description="Adds an existing key and its certificate to the store, where the certificate is renewed from "
        "then on. Calls no service.",
        epilog=EXAMPLE,
    )
    parser.add_argument("name", metavar="NAME", help="name for the certificate in the store")
    parser.add_argument("--key", metavar="FILE", type=Path, help="private key, PEM or DER")
    parser.add_argument("--certificate", metavar="FILE", type=Path, help="certificate of the key, PEM or DER")
    parser.add_argument(
        "--chain", metavar="FILE", type=Path, help="CA certificates of its chain that the trusted CAs lack"
    )
    parser.add_argument(
        "--pkcs12", metavar="FILE", type=Path, help="PKCS#12 file (.p12, .pfx) with key and certificate"
    )
    parser.add_argument(
        "--jks", metavar="FILE", type=Path, help="Java key store with key and certificate (needs keytool)"
    )
    parser.add_argument("--alias", help="alias of the key in the Java key store")
    parser.add_argument(
        "--password-file", metavar="FILE", type=Path, help="file with the password of the key or key store"
    )
    parser.add_argument(
        "--key-password-file", metavar="FILE", type=Path, help="file with the key's own password, for a Java key store"
    )
    common.add_store(parser)
    service_options.add_service(parser)
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    common.add_common(parser)
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> ExitCode:
    """Add one name to the store."""
    console = common.console_of(parsed)
    material = _material(parsed)
    config = service_options.config_for(parsed)
    entry = service_options.entry_for(parsed, config)
    service = _service(parsed, config, entry, material)
    wanted = adopt.settings_for(material, service, entry)
    if parsed.now is not None and wanted.environment is Environment.PRODUCTION:
        raise common.now_not_in_production(parsed, parsed.name)
    outside = common.run_of(parsed, console, common.now_of(parsed, console))
    try:
        outcome = adopt.adopt(outside, parsed.name, material, wanted)
    except OSError as bad:
        raise files.StoreError(error_reasons.store_unusable(bad, parsed.name)) from bad
    in_clear = parsed.password_file is not None and wanted.files.key_password_file is None
    if in_clear and outcome.result is Result.ENROLLED:
        outcome = replace(
            outcome, messages=(*outcome.messages, make_message(adoption_messages.ADOPTED_IN_CLEAR, name=parsed.name))
        )
    return common.report((outcome,), parsed, outside, console)


def _material(parsed: argparse.Namespace) -> KeyMaterial:
    given = [one for one in (parsed.key, parsed.pkcs12, parsed.jks) if one is not None]
    if len(given) != 1 or (parsed.key is None) is not (parsed.certificate is None):
        raise UsageError(adoption_messages.ADOPT_ONE_SOURCE)
    password = _password(parsed.password_file)
    if parsed.key is not None:
        return keystores.of_files(parsed.key, parsed.certificate, parsed.chain, password)
    if parsed.pkcs12 is not None:
        return keystores.from_pkcs12(parsed.pkcs12, password)
    if parsed.jks == STREAM:
        raise UsageError(JKS_FROM_INPUT)
    if password is None:
        raise UsageError(adoption_messages.ADOPT_NO_PASSWORD, path=str(parsed.jks))
    return keystores.from_java(parsed.jks, parsed.alias, password, _password(parsed.key_password_file))


def _service(
    parsed: argparse.Namespace, config: Config | None, entry: CertificateEntry, material: KeyMaterial
) -> ServiceEntry:
    """Return the service named by options, or else by the issuer of the certificate.

    The latter is the service of sinetti.toml whose CAs issued the certificate.
    """
    if parsed.service is None and config is not None and config.services:
        return adopt.service_of(material.certificate, config, entry)
    service = service_options.service_of(parsed, config, entry)
    adopt.check_issued_by_service(material.certificate, service)
    return service


def _password(path: Path | None) -> bytes | None:
    return None if path is None else common.read_password(path)
