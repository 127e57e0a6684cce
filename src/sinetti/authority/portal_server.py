"""The door for people: Django's pages behind the edge that machine doors have (docs/pages.md)."""

import socket
from collections.abc import Callable
from dataclasses import dataclass, replace

from sinetti.authority.bootstrap import Authority, mailroom
from sinetti.domain.daily_limits import DailyLimits
from sinetti.domain.notifications.messages import MessageChannel
from sinetti.eservice.core.context import Surroundings
from sinetti.eservice.wsgi import application
from sinetti.notifications.context import Mailroom
from sinetti.notifications.delivery.sender import send_one
from sinetti.server.addresses import Address, listen_shared
from sinetti.server.admission import Admission, everybody
from sinetti.server.asgi import Edge
from sinetti.server.wsgi_adapter import WsgiDoor, people_limits
from sinetti.services.context import Office
from sinetti.settings import portal as eservice_settings
from sinetti.settings.portal import DEFAULTS, EserviceSettings

PEOPLE_THREADS = 8
"""Threads, and so connections to the database, that a process has for pages."""

PEOPLE_WORKERS = 2
"""Processes for pages of one node: while one is started again, the other answers."""


@dataclass(frozen=True, slots=True)
class People:
    """Where a node's pages are listened for, by one socket for each process; what sends PIN codes; their settings."""

    address: Address
    sockets: tuple[socket.socket, ...]
    room: Mailroom
    settings: EserviceSettings


def listen_people(address: Address, authority: Authority) -> People:
    """Listen for people. Raises AddressTaken, and SettingsError where a setting is wrong or `notices.toml` missing."""
    room, settings = mailroom(authority), eservice_settings.read(authority.folder.eservice)
    bound, sockets = listen_shared(address, PEOPLE_WORKERS)
    # Refused by default: only a bench has no limits.
    limits = settings.daily_limits or DailyLimits()
    return People(bound, sockets, room, replace(settings, periods=authority.settings.periods, daily_limits=limits))


def people_edge(
    office: Office,
    room: Mailroom,
    leave: Callable[[], None],
    admission: Admission | None = None,
    settings: EserviceSettings = DEFAULTS,
) -> Edge:
    """Make the door. A PIN code leaves by `room` at once, while its reader waits."""

    def send_now(message_id: str) -> bool:
        return send_one(room, message_id, office.now())

    terms, office = room.terms, replace(office, daily_limits=settings.daily_limits)
    around = Surroundings(
        office, send_now, terms.service, terms.help, settings, sms=MessageChannel.SMS in room.deliverers
    )
    pages = application(terms.people_address, office.transfer_key)
    door = WsgiDoor(pages, terms.people_address, around.given())
    return Edge(door, people_limits(terms.people_address), PEOPLE_THREADS, admission or everybody(), leave)
