"""Pure: recurrence in plain words, read into the rule that the API takes.

>>> parse("every second Tuesday until June 2027").params
'interval:2;byweekday:TU;until:2027-06-30'
>>> parse("the last Friday of every month").frequency
'MONTHLY'
"""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date

from fs_app.errors import InvalidInput

EXAMPLES = (
    "every day",
    "every second Tuesday until June",
    "every Monday and Thursday",
    "every working day",
    "every 3 weeks on Friday, 10 times",
    "the last Friday of every month",
    "the 15th of every month",
    "every year",
)
_DAYS = {
    **{name: code for code, names in {
        "MO": ("monday", "mon"), "TU": ("tuesday", "tue", "tues"), "WE": ("wednesday", "wed"),
        "TH": ("thursday", "thu", "thur", "thurs"), "FR": ("friday", "fri"), "SA": ("saturday", "sat"),
        "SU": ("sunday", "sun"),
    }.items() for name in names},
}  # fmt: skip
_MONTHS = (
    "january february march april may june july august september october november december".split()  # noqa: SIM905
)
_COUNTS = {
    "other": 2, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "two": 2, "three": 3, "four": 4,
    "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "twelve": 12,
}  # fmt: skip
_PLACES = {"first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "last": -1}
_UNITS = {"day": "DAILY", "week": "WEEKLY", "month": "MONTHLY", "year": "YEARLY"}
_PLAIN = {"daily": "every day", "weekly": "every week", "monthly": "every month", "yearly": "every year"}
_DAY = "|".join(sorted(_DAYS, key=len, reverse=True))
_MONTH = "|".join(name[:3] + f"(?:{name[3:]})?" for name in _MONTHS)
_WORKING = re.compile(r"(?:working days?|weekdays?|business days?)")


@dataclass(frozen=True, slots=True)
class Plain:
    """``frequency`` and ``params`` as a rule has them."""

    frequency: str
    params: str


def parse(words: str, today: date | None = None) -> Plain:
    """``today`` decides which June is meant. Raises InvalidInput with examples of what would be understood."""
    text = " ".join(re.sub(r"[,.;]", " ", words.lower()).split())
    text = _PLAIN.get(text.split(" ")[0], text.split(" ")[0]) + text[len(text.split(" ")[0]) :] if text else ""
    text, until = _take_until(text, today)
    text, count = _take_count(text)
    frequency, parts = _rule(text)
    if until:
        parts.append(f"until:{until.isoformat()}")
    if count:
        parts.append(f"count:{count}")
    if until and count:
        raise InvalidInput("words", "says twice when it ends: give a date or how many times, not both")
    return Plain(frequency, ";".join(parts))


def _rule(text: str) -> tuple[str, list[str]]:
    text = text.removeprefix("on ").strip()
    if found := re.fullmatch(
        rf"(?:the )?(?P<place>{'|'.join(_PLACES)}) (?P<day>{_DAY}|day) (?:of|in) (?:every|each|the) month", text
    ):
        place = _PLACES[found["place"]]
        if found["day"] == "day":
            return "MONTHLY", [f"bymonthday:{place}"]
        return "MONTHLY", [f"byweekday:{_DAYS[found['day']]}({place:+d})"]
    if found := re.fullmatch(r"(?:the )?(?P<n>\d{1,2})(?:st|nd|rd|th)? (?:of|in) (?:every|each|the) month", text):
        return "MONTHLY", [f"bymonthday:{_between(found['n'], 1, 31)}"]
    found = re.fullmatch(r"(?:every|each) (?P<rest>.+)", text)
    if not found:
        raise _lost()
    interval, rest = _interval(found["rest"])
    stepped = [f"interval:{interval}"] if interval > 1 else []
    if _WORKING.fullmatch(rest):
        if stepped:
            raise _lost()
        return "WEEKLY", ["byweekday:MO,TU,WE,TH,FR"]
    if days := _days(rest):
        return "WEEKLY", [*stepped, f"byweekday:{days}"]
    unit = re.fullmatch(r"(?P<unit>day|week|month|year)s?(?: on (?P<on>.+))?", rest)
    if not unit:
        raise _lost()
    frequency, on = _UNITS[unit["unit"]], unit["on"]
    if on is None:
        return frequency, stepped
    if frequency == "WEEKLY" and (days := _days(on)):
        return frequency, [*stepped, f"byweekday:{days}"]
    if frequency == "MONTHLY" and (number := re.fullmatch(r"(?:the )?(\d{1,2})(?:st|nd|rd|th)?", on)):
        return frequency, [*stepped, f"bymonthday:{_between(number[1], 1, 31)}"]
    if frequency == "MONTHLY" and (nth := re.fullmatch(rf"(?:the )?({'|'.join(_PLACES)}) ({_DAY})", on)):
        return frequency, [*stepped, f"byweekday:{_DAYS[nth[2]]}({_PLACES[nth[1]]:+d})"]
    raise _lost()


def _interval(rest: str) -> tuple[int, str]:
    first, _, others = rest.partition(" ")
    if others and first in _COUNTS:
        return _COUNTS[first], others
    if others and (number := re.fullmatch(r"(\d{1,3})(?:st|nd|rd|th)?", first)):
        return _between(number[1], 1, 999), others
    return 1, rest


def _days(text: str) -> str:
    parts = [part for part in re.split(r" and | or | & | ", text) if part not in ("", "and")]
    codes = [_DAYS.get(part, "") or _DAYS.get(part.removesuffix("s"), "") for part in parts]
    return ",".join(dict.fromkeys(codes)) if codes and all(codes) else ""


def _take_until(text: str, today: date | None) -> tuple[str, date | None]:
    found = re.fullmatch(r"(?P<before>.*?) ?(?:until|till|to the end of|up to) (?P<when>.+)", text)
    if not found:
        return text, None
    return found["before"].strip(), _date(found["when"], today)


def _date(text: str, today: date | None) -> date:
    text = text.removeprefix("the ").removeprefix("end of ").strip()
    wanted = f"{text[:40]!r} is no date: give one such as 2027-06-30, 30 June 2027 or June"
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
            return date.fromisoformat(text)
        found = re.fullmatch(
            rf"(?:(?P<day>\d{{1,2}})(?:st|nd|rd|th)? )?(?P<month>{_MONTH})(?: (?P<year>\d{{4}}))?", text
        )
        if not found:
            other = re.fullmatch(
                rf"(?P<month>{_MONTH}) (?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?: (?P<year>\d{{4}}))?", text
            )
            found = other
        if not found:
            raise InvalidInput("words", wanted)
        month = next(n for n, name in enumerate(_MONTHS, 1) if name.startswith(found["month"][:3]))
        year = int(found["year"]) if found["year"] else _coming(month, found["day"], today)
        return date(year, month, int(found["day"]) if found["day"] else monthrange(year, month)[1])
    except ValueError:
        raise InvalidInput("words", wanted) from None


def _coming(month: int, day: str | None, today: date | None) -> int:
    """The year in which that day, or the end of that month, comes next."""
    if today is None:
        raise InvalidInput("words", "give the year as well")
    last = date(today.year, month, int(day) if day else monthrange(today.year, month)[1])
    return today.year if last >= today else today.year + 1


def _take_count(text: str) -> tuple[str, int]:
    found = re.fullmatch(r"(?P<before>.*?) (?:for )?(?P<n>\d{1,4}|[a-z]+) (?:times|occurrences)", text)
    if not found:
        return text, 0
    number = _COUNTS.get(found["n"], 0) or (int(found["n"]) if found["n"].isdigit() else 0)
    if not 1 <= number <= 10_000:
        raise InvalidInput("words", "does not say how often: give a number of times from 1 to 10000")
    return found["before"].strip(), number


def _between(text: str, low: int, high: int) -> int:
    if not low <= int(text) <= high:
        raise InvalidInput("words", f"{text} is out of range: give a number from {low} to {high}")
    return int(text)


def _lost() -> InvalidInput:
    return InvalidInput("words", f"not understood: say it like “{'”, “'.join(EXAMPLES)}”")
