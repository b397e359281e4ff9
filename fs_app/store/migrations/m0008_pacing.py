"""Pacing: a lane for each calendar, so that a claim costs the same whatever waits; when each scope may start a call.

``alarm.lane`` is the calendar of the alarm's event, and ``lane.due_at`` is never later than the lane's next due call.
Triggers hold both, so that nobody who writes an alarm or moves an event can forget it.
"""

CHANGES = """
ALTER TABLE alarm ADD COLUMN lane INTEGER;
UPDATE alarm SET lane = (SELECT calendar_id FROM event WHERE event.id = alarm.event_id);
CREATE INDEX alarm_lane_due ON alarm (method, lane, due_at) WHERE due_at IS NOT NULL;
CREATE TABLE lane (
    calendar_id INTEGER PRIMARY KEY REFERENCES calendar ON DELETE CASCADE,
    gateway_id INTEGER NOT NULL,
    due_at {moment}
);
INSERT INTO lane (calendar_id, gateway_id, due_at)
    SELECT id, 0, (SELECT MIN(due_at) FROM alarm WHERE method = 1 AND lane = calendar.id) FROM calendar;
CREATE INDEX lane_due ON lane (gateway_id, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX lane_due_any ON lane (due_at) WHERE due_at IS NOT NULL;
CREATE TABLE pace (
    scope TEXT PRIMARY KEY,
    next_at {moment} NOT NULL
);
ALTER TABLE call_request ADD COLUMN calendar_id INTEGER;
ALTER TABLE call_request ADD COLUMN replaces_id INTEGER REFERENCES call_request ON DELETE SET NULL;
CREATE INDEX call_request_replaces ON call_request (replaces_id) WHERE replaces_id IS NOT NULL;
CREATE INDEX call_request_open_by ON call_request (gateway_id, switch) WHERE lease_token IS NOT NULL;
CREATE INDEX call_request_open_calendar ON call_request (calendar_id) WHERE lease_token IS NOT NULL
"""

_NEW_LANE = "INSERT INTO lane (calendar_id, gateway_id) VALUES (NEW.id, 0);"
_OWN_LANE = "(SELECT calendar_id FROM event WHERE id = NEW.event_id)"
_SET_LANE = f"UPDATE alarm SET lane = {_OWN_LANE} WHERE id = NEW.id;"  # noqa: S608
_LOWER_LANE = "UPDATE lane SET due_at = MIN(COALESCE(due_at, NEW.due_at), NEW.due_at) WHERE calendar_id = NEW.lane;"
_DUE = "NEW.due_at IS NOT NULL AND NEW.method = 1"

TRIGGERS_SQLITE = (
    f"CREATE TRIGGER lane_new AFTER INSERT ON calendar BEGIN {_NEW_LANE} END",
    f"CREATE TRIGGER alarm_new AFTER INSERT ON alarm BEGIN {_SET_LANE} END",
    "CREATE TRIGGER alarm_moved AFTER UPDATE OF event_id ON alarm WHEN NEW.event_id <> OLD.event_id "
    f"BEGIN {_SET_LANE} END",
    "CREATE TRIGGER event_moved AFTER UPDATE OF calendar_id ON event WHEN NEW.calendar_id <> OLD.calendar_id "
    "BEGIN UPDATE alarm SET lane = NEW.calendar_id WHERE event_id = NEW.id; END",
    f"CREATE TRIGGER alarm_due AFTER UPDATE OF lane, due_at, method ON alarm WHEN {_DUE} BEGIN {_LOWER_LANE} END",
)


def _function(name: str, body: str) -> str:
    return f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} RETURN NEW; END $$"


TRIGGERS_POSTGRES = (
    _function("fs_app_lane_new", _NEW_LANE),
    "CREATE TRIGGER lane_new AFTER INSERT ON calendar FOR EACH ROW EXECUTE FUNCTION fs_app_lane_new()",
    _function("fs_app_alarm_lane", f"NEW.lane := {_OWN_LANE};"),
    "CREATE TRIGGER alarm_lane BEFORE INSERT OR UPDATE OF event_id ON alarm "
    "FOR EACH ROW EXECUTE FUNCTION fs_app_alarm_lane()",
    _function("fs_app_event_moved", "UPDATE alarm SET lane = NEW.calendar_id WHERE event_id = NEW.id;"),
    "CREATE TRIGGER event_moved AFTER UPDATE OF calendar_id ON event FOR EACH ROW "
    "WHEN (NEW.calendar_id <> OLD.calendar_id) EXECUTE FUNCTION fs_app_event_moved()",
    # The lane is written, and so locked, even when it is due already: a claim that is just leaving it empty must come
    # before or after us, and not in between.
    _function(
        "fs_app_alarm_due",
        "UPDATE lane SET due_at = LEAST(due_at, NEW.due_at) WHERE calendar_id = NEW.lane;",
    ),
    "CREATE TRIGGER alarm_due AFTER INSERT OR UPDATE OF event_id, lane, due_at, method ON alarm FOR EACH ROW "
    f"WHEN ({_DUE}) EXECUTE FUNCTION fs_app_alarm_due()",
)
