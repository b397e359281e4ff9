"""Why an alarm was called, or not, and when it will be: the record joined with the scheduler's own decision."""

from __future__ import annotations

from datetime import datetime

from fs_app.config import Settings, socket_list
from fs_app.domain.history import Explanation
from fs_app.store.database import Store
from fs_app.store.histories import Histories
from scheduler.explain import explain
from scheduler.plan import PlanSettings


class Explainer:
    """Reads only; any thread may ask."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._histories = Histories(store, settings.timezone)
        self._plan = PlanSettings(socket_list(settings.survey_servers), settings.time_limit)
        self._pace = (
            f"as soon as the pace allows ({settings.calls_per_second:g} calls a second and {settings.max_calls} at once"
            " altogether, and what its gateway, its calendar and each switch take)"
        )

    def __call__(self, alarm_id: int, now: datetime) -> Explanation:
        """The story of one alarm as it stands at ``now``. Raises NotFound."""
        return explain(self._histories.of(alarm_id), now, self._plan, self._pace)
