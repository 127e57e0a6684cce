"""Icons of the pages, as outlines in a square of 24.

They are drawn for Sinetti, under its own licence: strokes of two units with round ends, in the colour of the text.
"""

from collections.abc import Mapping

ICONS: Mapping[str, str] = {
    # Signs of severities: a dot in a ring, a tick, an exclamation mark in a triangle, a cross in an octagon.
    "plain": "M12 3a9 9 0 1 0 0 18a9 9 0 1 0 0-18M12 11v5M12 7.6v.1",
    "good": "M12 3a9 9 0 1 0 0 18a9 9 0 1 0 0-18M8 12.2l2.8 2.8L16 9.4",
    "warning": "M12 3.5L2.5 20h19ZM12 10v4.5M12 17.2v.1",
    "error": "M8 2.8h8L21.2 8v8L16 21.2H8L2.8 16V8ZM9 9l6 6M15 9l-6 6",
    # What links and blocks are about.
    "add": "M12 5v14M5 12h14",
    "back": "M19 12H5M11 6l-6 6 6 6",
    "book": "M12 6.5C9.5 5 6.5 4.7 3.5 5.2V18.5C6.5 18 9.5 18.3 12 20C14.5 18.3 17.5 18 20.5 18.5V5.2C1"
    "7.5 4.7 14.5 5 12 6.5ZM12 6.5V20",
    "building": "M5 21V4h9v17M14 9h5v12M3 21h18M8 8h3M8 12h3M8 16h3",
    "calendar": "M4 6h16v14H4ZM4 10.5h16M8 3v5M16 3v5",
    "certificate": "M4 4h16v11H4ZM8 8h8M8 11h4M15 13.5v7l2-1.5 2 1.5v-7",
    "chart": "M4 20h16M7 20v-6M12 20V6M17 20v-9",
    "check": "M5 12.5l4.5 4.5L19 7.5",
    "clock": "M12 3a9 9 0 1 0 0 18a9 9 0 1 0 0-18M12 7v5l3.5 2",
    "copy": "M9 9h11v11H9ZM5.5 15H4V4h11v1.5",
    "download": "M12 4v11M7 10.5l5 5 5-5M5 20h14",
    "external": "M14 4h6v6M20 4l-9 9M18 14v6H4V6h6",
    "filter": "M4 6h16M7 12h10M10 18h4",
    "help": "M12 3a9 9 0 1 0 0 18a9 9 0 1 0 0-18M9.5 9.5a2.5 2.5 0 1 1 3.5 2.3c-.7.4-1 .9-1 1.7M12 16.7v.1",
    "key": "M8 11a4 4 0 1 0 0 8a4 4 0 1 0 0-8M11 12.2L20 3.5M16 7.5l3 3",
    "letter": "M3 5.5h18v13H3ZM3.5 6l8.5 7 8.5-7",
    "people": "M9 4.5a3.5 3.5 0 1 0 0 7a3.5 3.5 0 1 0 0-7M2.5 20c0-3.6 2.9-6 6.5-6s6.5 2.4 6.5 6"
    "M16 5a3.2 3.2 0 0 1 0 6.2M18 14.5c2.2.8 3.5 2.8 3.5 5.5",
    "person": "M12 4a4 4 0 1 0 0 8a4 4 0 1 0 0-8M4.5 20.5c0-4 3.4-6.5 7.5-6.5s7.5 2.5 7.5 6.5",
    "replace": "M4 11a8 8 0 0 1 14-4.5L20 9M20 4v5h-5M20 13a8 8 0 0 1-14 4.5L4 15M4 20v-5h5",
    "revoke": "M12 3a9 9 0 1 0 0 18a9 9 0 1 0 0-18M5.7 5.7l12.6 12.6",
    "search": "M10.5 4a6.5 6.5 0 1 0 0 13a6.5 6.5 0 1 0 0-13M15.5 15.5L20.5 20.5",
    "settings": "M4 7h9M17 7h3M4 17h3M11 17h9M15 5v4M9 15v4",
    "sign-out": "M10 4H4v16h6M9 12h11M16 8l4 4-4 4",
}  # fmt: skip
"""Outlines (SVG path) by name."""
