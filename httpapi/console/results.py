"""Results of a sealed survey: answers, outcomes, when people answer and how soon; each as chart, table and CSV."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any

from fs_app.domain.survey import Survey
from fs_app.store.models import CallRequest, SurveyAnswer
from httpapi.console.charts import Chart, bars
from httpapi.console.choices import OUTCOMES, WORDS
from httpapi.console.view import View
from httpapi.errors import ApiError
from httpapi.plugins import row_id
from httpapi.web import Response

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
        columns = (
            CallRequest.call_time, CallRequest.outcome, CallRequest.result, CallRequest.num_attempt,
            CallRequest.dialled_at, CallRequest.answered_at,
        )  # fmt: skip
        calls = list(mine.select(*columns).tuples())
        ids = mine.select(CallRequest.id)
        answers = list(
            SurveyAnswer.select(SurveyAnswer.section_id, SurveyAnswer.digits, SurveyAnswer.response, SurveyAnswer.valid)
            .where(SurveyAnswer.callrequest.in_(ids))
            .tuples()
        )
    return [*_outcomes(view, calls), *_answers(survey, answers)]


def _outcomes(view: View, calls: list[tuple[Any, ...]]) -> list[Chart]:
    words = WORDS[("alarm", "result")]
    outcome: Counter[str] = Counter()
    result: Counter[str] = Counter()
    hour: Counter[int] = Counter()
    weekday: Counter[int] = Counter()
    attempts: Counter[int] = Counter()
    soon: Counter[str] = Counter()
    for when, how, gave, attempt, dialled, answered in calls:
        if not how:
            continue  # still under way, or never placed
        outcome[OUTCOMES.get(how, how)] += 1
        if how != "answered":
            continue
        result[words.get(gave, str(gave))] += 1
        local = when.astimezone(view.zone)
        hour[local.hour] += 1
        weekday[local.weekday()] += 1
        attempts[attempt] += 1
        if dialled and answered:
            seconds = (answered - dialled).total_seconds()
            soon[next((name for most, name in _SOON if seconds <= most), _RANG[-1])] += 1
    return [
        Chart("results", "What people answered", "result", tuple(result.most_common()), "of the calls answered"),
        Chart("outcomes", "How the calls ended", "ended as", tuple(outcome.most_common())),
        Chart("hours", "When people answer: hour", "hour", _counted(hour, "{:02d}:00".format)),
        Chart("weekdays", "When people answer: day", "day", _counted(weekday, lambda day: _WEEKDAYS[day])),
        Chart("attempts", "Attempts until somebody answered", "attempt", _counted(attempts, str)),
        Chart("ringing", "How long it rang", "rang", tuple((name, soon[name]) for name in _RANG if soon[name])),
    ]


def _counted(numbers: Counter[int], words: Callable[[int], str]) -> tuple[tuple[str, int], ...]:
    return tuple((words(one), count) for one, count in sorted(numbers.items()))


def _answers(survey: Survey, answers: Iterable[Any]) -> list[Chart]:
    by_section: dict[int, Counter[str]] = {}
    for section, digits, response, valid in answers:
        told = f"{digits}: {response}" if response and response != digits else digits
        words = told if valid else "not valid, or none"
        by_section.setdefault(section, Counter())[words] += 1
    return [
        Chart(f"section-{s.id}", s.question or f"Section {s.id}", "answer", tuple(by_section[s.id].most_common(50)))
        for s in sorted(survey.sections, key=lambda s: (s.order, s.id))
        if s.id in by_section
    ]
