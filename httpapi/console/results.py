"""Results of a sealed survey: answers, outcomes, when people answer and how soon; each as chart, table and CSV."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from peewee import SQL, fn

from fs_app.domain.enums import Outcome
from fs_app.domain.survey import Survey
from fs_app.store.models import CallRequest, SurveyAnswer
from httpapi.console.charts import Chart, bars
from httpapi.console.choices import OUTCOMES, WORDS
from httpapi.console.view import View
from httpapi.errors import ApiError
from httpapi.plugins import row_id
from httpapi.web import Response

_RINGING_MAX = 2000
SPANS = (7, 30, 90, 366)
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_SOON = ((5, "up to 5 s"), (10, "6 to 10 s"), (20, "11 to 20 s"), (40, "21 to 40 s"))
_RANG = (*(name for _, name in _SOON), "more than 40 s")
_DANGEROUS = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet would take such a cell for a formula


def show(view: View, arguments: Mapping[str, str]) -> Response:
    sealed = row_id(arguments)
    values = view.rest.get("sealed-survey", sealed)
    days = _days(view)
    charts = _charts(view, sealed, days)
    calls = next(chart for chart in charts if chart.name == "outcomes").total
    results = dict(next(chart for chart in charts if chart.name == "results").rows)
    answered = dict(next(chart for chart in charts if chart.name == "outcomes").rows).get(OUTCOMES["answered"], 0)
    spoke = answered - results.get(WORDS[("alarm", "result")][0], 0)
    return view.page(
        "results.html",
        values=values,
        sealed_id=sealed,
        charts=[(chart, bars(chart.rows)) for chart in charts if chart.rows],
        calls=calls,
        days=days,
        spans=SPANS,
        rates=[
            ("of calls were answered", _rate(answered, calls)),
            ("of those answered gave a result", _rate(spoke, answered)),
            ("of those answered confirmed", _rate(results.get("confirmed", 0), answered)),
        ],
    )


def table(view: View, arguments: Mapping[str, str]) -> Response:
    """One chart's numbers as CSV."""
    sealed = row_id(arguments)
    view.rest.get("sealed-survey", sealed)
    name = arguments["chart"].removesuffix(".csv")
    chart = next((c for c in _charts(view, sealed, _days(view)) if c.name == name), None)
    if chart is None:
        raise ApiError(404, {"detail": "There is no such chart."})
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([chart.head, "number", "share"])
    for label, number in chart.rows:
        writer.writerow([_cell(label), number, chart.share(number)])
    kept = f'attachment; filename="survey-{sealed}-{chart.name}.csv"'
    headers = {"Content-Type": "text/csv; charset=utf-8", "Content-Disposition": kept}
    return Response(200, out.getvalue().encode(), headers)


def _cell(words: str) -> str:
    return "'" + words if words.startswith(_DANGEROUS) else words


def _days(view: View) -> int:
    given = view.query.get("days", "30")
    return int(given) if given in map(str, SPANS) else 30


def _rate(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "–"


def _charts(view: View, sealed: int, days: int) -> list[Chart]:
    """Every chart, of the calls of these days that this user sees."""
    resource = view.rest.registry["callrequest"]
    since = view.now - timedelta(days=days)
    with view.services.store.reading():
        context = view.rest.context()
        row = view.rest.registry["sealed-survey"].find(context, sealed)
        survey = Survey.from_json(str(row.content))
        mine = resource.query(context).where(CallRequest.survey == sealed, CallRequest.call_time >= since)
        ended = mine.where(CallRequest.outcome != "")
        answered = ended.where(CallRequest.outcome == Outcome.ANSWERED.value)
        ends = _grouped(ended, CallRequest.outcome)
        results = _grouped(answered, CallRequest.result)
        attempts = _grouped(answered, CallRequest.num_attempt)
        hours = _grouped(
            answered, fn.SUBSTR(CallRequest.call_time.cast("text"), 1, 13).coerce(False)
        )  # 2026-03-02 10, in UTC
        newest = answered.select(CallRequest.dialled_at, CallRequest.answered_at).order_by(CallRequest.id.desc())
        ringing = list(newest.limit(_RINGING_MAX).tuples())
        given = (
            SurveyAnswer.select(
                SurveyAnswer.section_id, SurveyAnswer.digits, SurveyAnswer.response, SurveyAnswer.valid,
                fn.COUNT(SurveyAnswer.id),
            )
            .where(SurveyAnswer.callrequest.in_(mine.select(CallRequest.id)))
            .group_by(SurveyAnswer.section_id, SurveyAnswer.digits, SurveyAnswer.response, SurveyAnswer.valid)
        )  # fmt: skip
        answers = list(given.tuples())
    words = WORDS[("alarm", "result")]
    hour: Counter[int] = Counter()
    weekday: Counter[int] = Counter()
    for when, count in hours.items():
        local = datetime.strptime(when, "%Y-%m-%d %H").replace(tzinfo=UTC).astimezone(view.zone)
        hour[local.hour] += count
        weekday[local.weekday()] += count
    soon = Counter(_rang(dialled, answered) for dialled, answered in ringing if dialled and answered)
    told = Counter({words.get(result, str(result)): count for result, count in results.items()})
    how = Counter({OUTCOMES.get(end, end): count for end, count in ends.items()})
    latest = f"of the latest {_RINGING_MAX} calls answered" if len(ringing) == _RINGING_MAX else ""
    return [
        Chart("results", "What people answered", "result", tuple(told.most_common()), "of the calls answered"),
        Chart("outcomes", "How the calls ended", "ended as", tuple(how.most_common())),
        Chart("hours", "When people answer: hour", "hour", _counted(hour, "{:02d}:00".format)),
        Chart("weekdays", "When people answer: day", "day", _counted(weekday, lambda day: _WEEKDAYS[day])),
        Chart("attempts", "Attempts until somebody answered", "attempt", _counted(attempts, str)),
        Chart("ringing", "How long it rang", "rang", tuple((name, soon[name]) for name in _RANG if soon[name]), latest),
        *_answers(survey, answers),
    ]


def _grouped(query: Any, column: Any) -> Counter[Any]:
    return Counter(dict(query.select(column, fn.COUNT(CallRequest.id)).group_by(SQL("1")).tuples()))


def _rang(dialled: datetime, answered: datetime) -> str:
    seconds = (answered - dialled).total_seconds()
    return next((name for most, name in _SOON if seconds <= most), _RANG[-1])


def _counted(numbers: Counter[int], words: Callable[[int], str]) -> tuple[tuple[str, int], ...]:
    return tuple((words(one), count) for one, count in sorted(numbers.items()))


def _answers(survey: Survey, answers: Iterable[Any]) -> list[Chart]:
    by_section: dict[int, Counter[str]] = {}
    for section, digits, response, valid, count in answers:
        told = f"{digits}: {response}" if response and response != digits else digits
        words = told if valid else "not valid, or none"
        by_section.setdefault(section, Counter())[words] += count
    return [
        Chart(f"section-{s.id}", s.question or f"Section {s.id}", "answer", tuple(by_section[s.id].most_common(50)))
        for s in sorted(survey.sections, key=lambda s: (s.order, s.id))
        if s.id in by_section
    ]
