"""The registry of section types: one file per type, one line here.

A new type also goes into ``fs_app.domain.lint.SUPPORTED`` (sealing refuses the others) and gets a golden
conversation in tests/golden/; a test walks this registry and fails when one of them is missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from fs_app.domain.enums import SectionType
from ivr.dialogue import Node
from ivr.nodes.hangup import HangUpNow
from ivr.nodes.multi_choice import MultiChoice
from ivr.nodes.play_message import PlayMessage
from ivr.nodes.rating import Rating

REGISTRY: Mapping[SectionType, Node] = MappingProxyType(
    {
        SectionType.PLAY_MESSAGE: PlayMessage(),
        SectionType.MULTI_CHOICE: MultiChoice(),
        SectionType.RATING: Rating(),
        SectionType.HANGUP: HangUpNow(),
    }
)
