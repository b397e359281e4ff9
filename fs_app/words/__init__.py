"""What ``{tags}`` become in a language: spoken in a call, written in a message.

>>> from datetime import datetime, timezone
>>> start = datetime(2026, 3, 3, 15, 30, tzinfo=timezone.utc)
>>> spoken(Facts({"due": "12.50"}, event_start=start), "en")["event_at"]
'Tuesday, March third, twenty twenty-six at three thirty PM'
>>> spoken(Facts({"due": "12.50"}), "fr")["due:money:EUR"]
'douze euros et cinquante centimes'
"""

from fs_app.words.facts import Facts, of_alarm, of_call
from fs_app.words.values import Spoken, Values, Written

__all__ = ["Facts", "Spoken", "Values", "Written", "of_alarm", "of_call", "spoken", "written"]


def spoken(facts: Facts, language: str) -> Values:
    """The tags as a voice says them."""
    return Spoken(facts, language)


def written(facts: Facts, language: str) -> Values:
    """The tags as a message shows them."""
    return Written(facts, language)
