"""An authority with a standby for its WS channel, and a scene that follows the register."""

from dataclasses import replace
from functools import cache
from typing import Any, cast

from sinetti.ca.hierarchy_builder import GeneratedHierarchy, generate_hierarchy
from sinetti.database.authorities import register
from sinetti.database.connection import Database
from sinetti.domain.authorities.lifecycle import successor_name
from sinetti.domain.values import Channel
from tests.support.authority import NOW, authority
from tests.support.scene import Scene, opened_scene

FIRST, SECOND = "DataProvidersTestIssuingCAv1", "DataProvidersTestIssuingCAv2"


@cache
def authority_with_standby() -> GeneratedHierarchy:
    """Return keys and certificates of an authority with a second CA for WS."""
    hierarchy = authority().hierarchy
    first = hierarchy.issuing(Channel.WS)
    assert first is not None
    second = replace(first, name=successor_name(first.name))
    return generate_hierarchy(replace(hierarchy, authorities=(*hierarchy.authorities, second)), NOW)


def scene_with_standby(db: Database) -> Scene:
    """Return a scene whose CAs are those of the register at the last refresh."""
    scene = opened_scene(db, authority_with_standby())
    issuing = cast("dict[Channel, str]", scene.ctx.issuing)
    states: dict[str, Any] = {}

    def refresh() -> None:
        issuing.clear()
        issuing.update(register.issuing_names(db))
        states.update({one.name: one.state for one in register.list_authorities(db)})

    refresh()
    return scene.but(states=states, refresh_authorities=refresh)
