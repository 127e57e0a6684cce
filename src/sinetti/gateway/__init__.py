"""Relying party: identifies callers by certificate and verifies signed documents."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sinetti.domain.values import Channel, Environment, Language
    from sinetti.gateway.gateway import Gateway, VerifiedDelivery
    from sinetti.gateway.revocation.crl import CrlSource
    from sinetti.gateway.revocation.ocsp import OcspSource
    from sinetti.gateway.revocation.source import FallbackSource
    from sinetti.gateway.settings import GatewaySettings, GatewaySettingsError, load_settings, open_gateway
    from sinetti.gateway.verdicts.verdict import Verdict, VerdictReason
    from sinetti.gateway.web.asgi_middleware import AsgiGateway
    from sinetti.gateway.web.settings import load_guard
    from sinetti.gateway.web.wsgi_middleware import WsgiGateway
    from sinetti.pki.chain import load_bundle

__all__ = [
    "AsgiGateway",
    "Channel",
    "CrlSource",
    "Environment",
    "FallbackSource",
    "Gateway",
    "GatewaySettings",
    "GatewaySettingsError",
    "Language",
    "OcspSource",
    "Verdict",
    "VerdictReason",
    "VerifiedDelivery",
    "WsgiGateway",
    "load_bundle",
    "load_guard",
    "load_settings",
    "open_gateway",
]

_MODULES = {
    "sinetti.domain.values": ("Channel", "Environment", "Language"),
    "sinetti.gateway.gateway": ("Gateway", "VerifiedDelivery"),
    "sinetti.gateway.revocation.crl": ("CrlSource",),
    "sinetti.gateway.revocation.ocsp": ("OcspSource",),
    "sinetti.gateway.revocation.source": ("FallbackSource",),
    "sinetti.gateway.settings": ("GatewaySettings", "GatewaySettingsError", "load_settings", "open_gateway"),
    "sinetti.gateway.verdicts.verdict": ("Verdict", "VerdictReason"),
    "sinetti.gateway.web.asgi_middleware": ("AsgiGateway",),
    "sinetti.gateway.web.settings": ("load_guard",),
    "sinetti.gateway.web.wsgi_middleware": ("WsgiGateway",),
    "sinetti.pki.chain": ("load_bundle",),
}


def __getattr__(name: str) -> object:
    """Load the module of a public name on its first use.

    `sinetti gateway ssh-keys` runs at each login; eager imports would double the modules that it loads (238 to 332).
    """
    for module, names in _MODULES.items():
        if name in names:
            return getattr(import_module(module), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
