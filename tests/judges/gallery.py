"""Page that shows every block in every state, for the judges alone.

It is in no product. Its addresses are those of the pages and one more.
"""

from collections.abc import Sequence
from dataclasses import replace

from django.http import HttpRequest, HttpResponse
from django.urls import path

from sinetti.eservice.core.context import language_of
from sinetti.eservice.ui.check_pages import check_page
from sinetti.eservice.ui.components import (
    Alert,
    Badge,
    Bar,
    Button,
    Cell,
    Chart,
    Column,
    CommandBlock,
    Component,
    DescriptionItem,
    DescriptionList,
    Disclosure,
    Filters,
    Form,
    Group,
    Input,
    Letter,
    Link,
    Links,
    Option,
    Pager,
    Section,
    Severity,
    Table,
    Task,
    Tasks,
    Text,
    Total,
    Totals,
)
from sinetti.eservice.ui.page import Page, render_page
from sinetti.eservice.urls import handler400, handler403, handler404
from sinetti.eservice.urls import urlpatterns as ours
from sinetti.i18n.translate import format_datetime
from tests.support.authority import NOW

__all__ = ["handler400", "handler403", "handler404"]

OPTIONS = [
    Option("own", "Only the organisation's own reports", chosen=True),
    Option("others", "Also reports of other organisations", hint="An accounting firm's certificate, for example"),
]
STATES = [
    (Cell("Valid", tone=Severity.GOOD), 71),
    (Cell("Renewal open", tone=Severity.PLAIN, note="since 3 March 2027 at 13:03"), 8),
    (Cell("Expires in 9 days", tone=Severity.WARNING), 2),
    (Cell("Expired", tone=Severity.ERROR), 0),
]


def fields(error: str = "") -> list[Input]:
    """Return a field of each kind."""
    kinds = (
        "text",
        "email",
        "tel",
        "number",
        "date",
        "password",
        "file",
        "textarea",
        "select",
        "radio",
        "checks",
        "check",
    )
    return [
        Input(
            f"{kind}{'-wrong' if error else ''}",
            f"A field of the kind {kind}",
            kind,
            "" if kind in {"file", "password", "number", "date"} else "what was typed",
            hint="" if kind == "check" else "One line that helps to fill it in",
            error=error,
            required=True,
            options=OPTIONS,
            longest=200 if kind in {"text", "email", "tel", "password", "textarea"} else None,
        )
        for kind in kinds
    ]


def table(language: object) -> Table:
    """Return a list of certificates, as wide as it gets."""
    columns = [
        Column("Certificate", "?sort=name"),
        Column("Organisation"),
        Column("Type", minor=True),
        Column("Valid until", "?sort=end", "ascending"),
        Column("Left", numeric=True),
        Column("State"),
        Column("Responsible"),
    ]
    rows: list[Sequence[Cell]] = [
        [
            Cell(f"Payroll system {number}", "/gallery"),
            Cell("Kirjanpitopalvelu Esimerkinen ja kumppanit Oy" if number % 2 else "Malli Oy", note="1234567-1"),
            Cell("WS"),
            Cell(format_datetime(NOW, language)),  # type: ignore[arg-type] # a language
            Cell(f"{percent * 7} days", percent=percent),
            state,
            Cell("You, by renewing it in the program"),
        ]
        for number, (state, percent) in enumerate(STATES)
    ]
    actions = [Button("Order replacements", "many"), Button("Change the contact person", "contact", minor=True)]
    return Table("Certificates", columns, rows, pick="serial", picks=["0", "1", "2", ""], actions=actions)


def gallery(request: HttpRequest) -> HttpResponse:
    """Show every block."""
    notices = [
        Alert("The certificate ends on Sunday 2 May 2027 at 14:03 (Finnish time). Renew it in the program.", tone)
        for tone in Severity
    ]
    links = [Link("Order a certificate", "/gallery", button=True), Link("Certificate (PEM)", "/gallery", download=True)]
    blocks: list[Component] = [
        Text(["A paragraph of a page. It says one thing, in plain words, and the next step."]),
        *notices,
        Alert("A notice that leads on.", Severity.WARNING, [Link("What to do", "/gallery")]),
        Links(links),
        Tasks([Task(f"A task whose tone is {tone}", "/gallery", tone, 3, "One more sentence") for tone in Severity]),
        Totals([Total(f"Certificates, {tone}", 12, "/gallery", tone) for tone in Severity]),
        Section("A chart", [chart()]),
        Section("Names and values", [values()]),
        Section("A state", [Badge(f"In use, {tone}", tone) for tone in Severity]),
        Section("A table", [filters(), table(language_of(request)), pager()]),
        Section("A table without rows", [Table("Orders", [Column("Order")], [], empty="No orders wait.")]),
        Section("A search", [search()]),
        Section("A form", [right()]),
        Section("A form that was filled in wrong", [wrong()]),
        Section("A second look", checked().blocks),
        Section("A command", [CommandBlock("Renews on the command line", f"sinetti renew payroll --store {'x' * 90}")]),
        Disclosure("What the gateways saw", [Text(["They saw it today."]), values()]),
    ]
    page = Page(
        "Every block in every state",
        blocks,
        back=Link("Certificates", "/gallery"),
        badge=Badge("Valid", Severity.GOOD),
        lead="The first sentence of a page says what it is for.",
        guide=Link("Guide for holders", "/gallery", icon="book"),
        side=[Section("Beside the content", [Links(links), values()])],
    )
    return render_page(request, page)


def values() -> DescriptionList:
    """Return a list of names and values."""
    return DescriptionList(
        [
            DescriptionItem("Serial number", "3f9a2c0d5e7b41886a0c9d2e4f60718293a4b5"),
            DescriptionItem("Organisation", "Malli Oy", link="/gallery", change=Link("Change", "/gallery")),
            DescriptionItem("Customer ID", "1234567-1", copy=True),
            DescriptionItem("Contact person", "Terho Tekninen, terho.tekninen@kirjanpitopalvelu.malli.example"),
            DescriptionItem("One-time password", "kb3d-94xw-0f2m-9qqz", secret=True),
        ]
    )


def search() -> Form:
    """Return a search form as it stands above a table."""
    state = Input("state", "State", "select", options=[Option("", "All"), Option("ends", "Expires soon", chosen=True)])
    return Form([Input("q", "Search"), state], [Button("Search")], search=True, inline=True)


def filters() -> Filters:
    """Return the filters of a list, two of which are chosen."""
    chosen = [Link("Expires soon", "?", note="remove this filter"), Link("WS", "?", note="remove this filter")]
    inputs = [replace(one, name=f"f-{one.name}") for one in (*search().inputs, fields()[4])]
    return Filters(Form(inputs, [Button("Show")], search=True, name="f"), chosen, open=True)


def chart() -> Chart:
    """Return a chart of 24 months."""
    bars = [
        Bar(
            f"{month % 12 + 1}/{2027 + month // 12}",
            str(month % 12 + 1),
            month * 7 % 23,
            "/gallery",
            group=str(2027 + month // 12) if month % 12 == 0 else "",
        )
        for month in range(24)
    ]
    return Chart("Certificates that expire, by month", bars, "Certificates", "Month")


def checked() -> Page:
    """Return the page that shows an act before it is done."""
    form = Form([], [Button("Revoke the certificate", "revoke", danger=True), Button("Change", "back", minor=True)])
    letter = Letter(
        "The certificate was revoked", ["Terho Tekninen revoked it.", "Order a new one."], "a@malli.example"
    )
    effects = ["This cannot be undone.", "The program cannot send reports any more.", "12 organisations are affected."]
    return check_page("Revoke?", form, summary=values().values, effects=effects, letters=[letter])


def right() -> Form:
    """Return a form with every kind of field, with groups and fields that an option reveals."""
    there = fields()
    number = next(one for one in there if one.kind == "number")
    radio = next(one for one in there if one.kind == "radio")
    inputs = [one if one is not radio else replace(one, reveals={"others": [number.name]}) for one in there]
    fixed = Input("fixed", "A choice with one option", "fixed", options=[Option("ws", "Web service (WS)", chosen=True)])
    groups = [Group("Contact person", ["email", "tel"], "The person who retrieves the certificate")]
    buttons = [Button("Order", "order"), Button("Look at it first", "look", minor=True)]
    return Form([*inputs, fixed, Input("more", "More")], buttons, groups=groups)


def pager() -> Pager:
    """Return the pager of the second page of three."""
    return Pager("51–100 of 129", Link("Earlier", "?page=1"), Link("Later", "?page=3"))


def wrong() -> Form:
    """Return a form with every kind of field, each filled in wrong."""
    there = fields("This does not look right: write it as it stands in the register.")
    return Form(there, [Button("Order", "order")], errors=[(one.name, one.error) for one in there])


urlpatterns = [path("gallery", gallery), *ours]
