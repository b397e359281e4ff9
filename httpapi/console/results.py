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
from httpapi.console.charts import Chart, picture
from httpapi.console.choices import OUTCOMES, WORDS
from httpapi.console.rest import id_of
from httpapi.console.view import View
from httpapi.errors import ApiError
from httpapi.export import cell
from httpapi.plugins import row_id
from httpapi.web import Response

_RINGING_MAX = 2000
SPANS = (7, 30, 90, 366)
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_SOON = ((5, "up to 5 s"), (10, "6 to 10 s"), (20, "11 to 20 s"), (40, "21 to 40 s"))
_RANG = (*(name for _, name in _SOON), "more than 40 s")
_REACHED = (Outcome.ANSWERED.value, Outcome.MACHINE.value)
_SERIES = ("answered", "not answered")
_RECORDINGS_MAX = 10


Rows = tuple[tuple[str, tuple[int, ...]], ...]


def show(view: View, arguments: Mapping[str, str]) -> Response:
    sealed = row_id(arguments)
    values = view.rest.get("sealed-survey", sealed)
    days = _days(view)
    charts = _charts(view, sealed, days)
    outcomes = next(chart for chart in charts if chart.name == "outcomes")
    results = next(chart for chart in charts if chart.name == "results")
    calls, answered = outcomes.total, outcomes.number(OUTCOMES["answered"])
    words = WORDS[("alarm", "result")]
    spoke = answered - results.number(words[0])
    return view.page(
        "results.html",
        values=values,
        sealed_id=sealed,
        charts=[(chart, picture(chart)) for chart in charts if chart.rows],
        recordings=_recordings(view, sealed),
        calls=calls,
        days=days,
        spans=SPANS,
        rates=[
            ("of calls answered", _rate(answered, calls)),
            ("of those gave a result", _rate(spoke, answered)),
            ("of those confirmed", _rate(results.number(words[1]), answered)),
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
    writer.writerow([chart.head, *chart.series, "share"])
    for label, numbers in chart.rows:
        writer.writerow([cell(label), *numbers, chart.share(numbers)])
    kept = f'attachment; filename="survey-{sealed}-{chart.name}.csv"'
    headers = {"Content-Type": "text/csv; charset=utf-8", "Content-Disposition": kept}
    return Response(200, out.getvalue().encode(), headers)


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
        hour_of_call = fn.SUBSTR(CallRequest.call_time.cast("text"), 1, 13).coerce(False)  # 2026-03-02 10, in UTC
        when = ended.select(hour_of_call, CallRequest.outcome, fn.COUNT(CallRequest.id))
        hours = list(when.group_by(SQL("1"), CallRequest.outcome).tuples())
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
    by_hour = {hour: [0, 0] for hour in range(24)}
    by_day = {day: [0, 0] for day in range(7)}
    for text, outcome, count in hours:
        local = datetime.strptime(text.replace("T", " "), "%Y-%m-%d %H").replace(tzinfo=UTC).astimezone(view.zone)
        which = 0 if outcome in _REACHED else 1
        by_hour[local.hour][which] += count
        by_day[local.weekday()][which] += count
    soon = Counter(_rang(dialled, answered) for dialled, answered in ringing if dialled and answered)
    told = Counter({words.get(result, str(result)): count for result, count in results.items()})
    how = Counter({OUTCOMES.get(end, end): count for end, count in ends.items()})
    latest = f"of the latest {_RINGING_MAX} calls answered" if len(ringing) == _RINGING_MAX else ""
    return [
        Chart("results", "What people answered", "result", _most_common(told), "of the calls answered"),
        Chart("outcomes", "How the calls ended", "ended as", _most_common(how)),
        *_answers(survey, answers),
        Chart(
            "hours",
            "Outcomes by hour",
            "hour",
            _split(by_hour, "{:02d}".format),
            series=_SERIES,
            upright=True,
            note=f"when the call was made, {view.zone.key}",
        ),
        Chart("weekdays", "Outcomes by day of the week", "day", _split(by_day, _WEEKDAYS.__getitem__), series=_SERIES),
        Chart("attempts", "Attempts until somebody answered", "attempt", _counted(attempts, str)),
        Chart("ringing", "Time to answer", "rang", tuple((n, (soon[n],)) for n in _RANG if soon[n]), latest),
    ]


def _grouped(query: Any, column: Any) -> Counter[Any]:
    return Counter(dict(query.select(column, fn.COUNT(CallRequest.id)).group_by(SQL("1")).tuples()))


def _rang(dialled: datetime, answered: datetime) -> str:
    seconds = (answered - dialled).total_seconds()
    return next((name for most, name in _SOON if seconds <= most), _RANG[-1])


def _counted(numbers: Counter[int], words: Callable[[int], str]) -> Rows:
    return tuple((words(one), (count,)) for one, count in sorted(numbers.items()))


def _most_common(numbers: Counter[str], most: int | None = None) -> Rows:
    return tuple((words, (count,)) for words, count in numbers.most_common(most))


def _split(numbers: Mapping[int, list[int]], words: Callable[[int], str]) -> Rows:
    """Every hour or day, also those without calls; nothing when there were no calls at all."""
    return tuple((words(one), tuple(two)) for one, two in numbers.items()) if any(map(any, numbers.values())) else ()


def _recordings(view: View, sealed: int) -> list[dict[str, Any]]:
    """The newest recorded answers of this survey that the user may hear."""
    resource = view.rest.registry["recording"]
    with view.services.store.reading():
        context = view.rest.context()
        query = resource.query(context).where(SurveyAnswer.survey == sealed)
        found = list(query.order_by(SurveyAnswer.id.desc()).limit(_RECORDINGS_MAX))
        return [{**one, "id": id_of(one["url"])} for one in resource.show_all(context, found)]


def _answers(survey: Survey, answers: Iterable[Any]) -> list[Chart]:
    by_section: dict[int, Counter[str]] = {}
    for section, digits, response, valid, count in answers:
        told = f"{digits}: {response}" if response and response != digits else digits
        words = told if valid else "not valid, or none"
        by_section.setdefault(section, Counter())[words] += count
    return [
        Chart(f"section-{s.id}", s.question or f"Section {s.id}", "answer", _most_common(by_section[s.id], 50))
        for s in sorted(survey.sections, key=lambda s: (s.order, s.id))
        if s.id in by_section
    ]
