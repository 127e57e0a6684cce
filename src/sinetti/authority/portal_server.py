"""The door for people: Django's pages behind the edge that machine doors have (docs/pages.md)."""

import socket
from collections.abc import Callable
from dataclasses import dataclass, replace

from sinetti.authority.bootstrap import Authority, notification_context
from sinetti.domain.daily_limits import DailyLimits
from sinetti.domain.notifications.messages import MessageChannel
from sinetti.eservice.core.context import PortalContext
from sinetti.eservice.wsgi import application
from sinetti.notifications.context import NotificationContext
from sinetti.notifications.delivery.sender import send_message
from sinetti.server.addresses import ListenAddress, listen_per_worker
from sinetti.server.admission import Admission, unlimited
from sinetti.server.asgi import AsgiApp
from sinetti.server.wsgi_adapter import WsgiEndpoint, portal_limits
from sinetti.services.context import ServiceContext
from sinetti.settings import portal as eservice_settings
from sinetti.settings.portal import DEFAULTS, EserviceSettings

PEOPLE_THREADS = 8
"""Threads, and so connections to the database, that a process has for pages."""

PEOPLE_WORKERS = 2
"""Processes for pages of one node: while one is started again, the other answers."""


@dataclass(frozen=True, slots=True)
class PortalListener:
    """Where a node's pages are listened for, by one socket for each process; what sends PIN codes; their settings."""

    address: ListenAddress
    sockets: tuple[socket.socket, ...]
    room: NotificationContext
    settings: EserviceSettings


def listen_people(address: ListenAddress, authority: Authority) -> PortalListener:
    """Listen for people. Raises AddressTaken, and SettingsError where a setting is wrong or `notices.toml` missing."""
    room, settings = notification_context(authority), eservice_settings.read(authority.folder.eservice)
    bound, sockets = listen_per_worker(address, PEOPLE_WORKERS)
    # Refused by default: only a bench has no limits.
    limits = settings.daily_limits or DailyLimits()
    return PortalListener(
        bound, sockets, room, replace(settings, periods=authority.settings.periods, daily_limits=limits)
    )


def people_edge(
    ctx: ServiceContext,
    room: NotificationContext,
    leave: Callable[[], None],
    admission: Admission | None = None,
    settings: EserviceSettings = DEFAULTS,
) -> AsgiApp:
    """Make the door. A PIN code leaves by `room` at once, while its reader waits."""

    def send_now(message_id: str) -> bool:
        return send_message(room, message_id, ctx.now())

    terms, ctx = room.terms, replace(ctx, daily_limits=settings.daily_limits)
    around = PortalContext(
        ctx, send_now, terms.service, terms.help, settings, sms=MessageChannel.SMS in room.deliverers
    )
    pages = application(terms.people_address, ctx.transfer_key)
    door = WsgiEndpoint(pages, terms.people_address, around.given())
    return AsgiApp(door, portal_limits(terms.people_address), PEOPLE_THREADS, admission or unlimited(), leave)
