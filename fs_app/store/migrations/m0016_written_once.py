# ruff: noqa: S608  # nothing here comes from outside
"""Rows are written once on SQLite: a trigger writes a new row again only where it does not say whose it is already (see
``fs_app.store.whose``), and a lane only to make it due sooner. On PostgreSQL an alarm's event is asked once, not twice.
"""

_ABOVE_EVENT = "tenant, user_id FROM calendar WHERE id = NEW.calendar_id"
_ABOVE_ALARM = "calendar_id, tenant, owner FROM event WHERE id = NEW.event_id"
_ABOVE_ATTEMPT = "tenant, owner FROM alarm WHERE id = NEW.alarm_id"
_ABOVE_CALL = "COALESCE(manager_id, id) FROM users WHERE id = NEW.user_id"
# Table, trigger, columns, where their values stand.
_ROWS = (
    ("event", "event_tenant_new", "(tenant, owner)", _ABOVE_EVENT),
    ("alarm", "alarm_new", "(lane, tenant, owner)", _ABOVE_ALARM),
    ("alarm_request", "alarm_request_tenant_new", "(tenant, owner)", _ABOVE_ATTEMPT),
    ("call_request", "call_request_tenant_new", "(tenant)", _ABOVE_CALL),
)


def _of_new(names: str) -> str:
    return names.replace("(", "(NEW.").replace(", ", ", NEW.")


_LANE = (
    "UPDATE lane SET due_at = NEW.due_at WHERE calendar_id = {calendar} AND (due_at IS NULL OR due_at > NEW.due_at);"
)
_DUE = "NEW.due_at IS NOT NULL AND NEW.method = 1"

CHANGES_SQLITE = (
    *(
        statement
        for table, trigger, names, source in _ROWS
        for statement in (
            f"DROP TRIGGER {trigger}",
            f"CREATE TRIGGER {trigger} AFTER INSERT ON {table} WHEN {_of_new(names)} IS NOT (SELECT {source}) "
            f"BEGIN UPDATE {table} SET {names} = (SELECT {source}) WHERE id = NEW.id; END",
        )
    ),
    "DROP TRIGGER alarm_due",
    f"CREATE TRIGGER alarm_due AFTER UPDATE OF lane, due_at, method ON alarm WHEN {_DUE} "
    f"BEGIN {_LANE.format(calendar='NEW.lane')} END",
    # Whatever its row says: which lane that is, is the event's to say.
    f"CREATE TRIGGER alarm_new_due AFTER INSERT ON alarm WHEN {_DUE} "
    f"BEGIN {_LANE.format(calendar='(SELECT calendar_id FROM event WHERE id = NEW.event_id)')} END",
)

CHANGES_POSTGRES = (
    "DROP TRIGGER alarm_lane ON alarm",
    "DROP FUNCTION fs_app_alarm_lane()",
    """
    CREATE OR REPLACE FUNCTION fs_app_alarm_tenant() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        SELECT calendar_id, tenant, owner INTO NEW.lane, NEW.tenant, NEW.owner FROM event WHERE id = NEW.event_id;
        RETURN NEW;
    END $$
    """,
)
