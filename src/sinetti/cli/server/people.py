"""The door for people: Django's pages behind the edge that machine doors have (docs/pages.md)."""

import socket
from collections.abc import Callable
from dataclasses import dataclass, replace

from sinetti.actions.office import Office
from sinetti.domain.daily_limits import DailyLimits
from sinetti.domain.messages import MessageChannel
from sinetti.eservice.application import application
from sinetti.eservice.surroundings import Surroundings
from sinetti.notices.room import Mailroom
from sinetti.notices.send import send_one
from sinetti.protocols.addresses import Address, listen_shared
from sinetti.protocols.admission import Admission, everybody
from sinetti.protocols.edge import Edge
from sinetti.protocols.wsgi import WsgiDoor, people_limits
from sinetti.settings import eservice as eservice_settings
from sinetti.settings.eservice import DEFAULTS, EserviceSettings
from sinetti.wiring import Authority, mailroom

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
