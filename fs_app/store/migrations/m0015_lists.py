"""Long lists in the order of their moments, for whoever sees them: the manager (``tenant``) and the calendar user.

Alarms without a moment come before all others on both databases: see ``httpapi.queries.ordered``. The indexes end with
the id, which in SQLite every index does by itself.
"""

_ORDERS = (
    ("alarm", "tenant", "due_at"),
    ("alarm", "owner", "due_at"),
    ("event", "owner", "start"),
    ("alarm_request", "tenant", "date"),
    ("alarm_request", "owner", "date"),
    ("call_request", "tenant", "call_time"),
    ("call_request", "user_id", "call_time"),
)
# Of two indexes that find the same rows SQLite takes the newer one. For any other order it must be the one in which
# they lie in the table: to read 100,000 rows from all over the file takes ten times as long.
_NEWEST = {
    "alarm_tenant": "alarm (tenant, id)",
    "alarm_owner": "alarm (owner, id)",
    "event_tenant": "event (tenant, id)",
    "event_owner": "event (owner, id)",
    "alarm_request_tenant": "alarm_request (tenant, id)",
    "alarm_request_owner": "alarm_request (owner, id)",
    "call_request_tenant": "call_request (tenant, id)",
    "call_request_user": "call_request (user_id, id)",
}

CHANGES_SQLITE = ";\n".join(
    (
        *(f"CREATE INDEX {table}_{whose}_{moment} ON {table} ({whose}, {moment})" for table, whose, moment in _ORDERS),
        *(f"DROP INDEX {name}" for name in _NEWEST),
        *(f"CREATE INDEX {name} ON {columns}" for name, columns in _NEWEST.items()),
    )
)
CHANGES_POSTGRES = ";\n".join(
    f"CREATE INDEX {table}_{whose}_{moment} ON {table} ({whose}, {moment}{' NULLS FIRST' * (moment == 'due_at')}, id)"
    for table, whose, moment in _ORDERS
)
