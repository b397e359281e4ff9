# ruff: noqa: S608  # nothing here comes from outside
"""Whose everything is: ``tenant``, the manager, and ``owner``, the calendar user, on calendars and what hangs below.

A list of somebody's alarms is then one range of an index, however many there are and whoever else has some. Triggers
hold both, from the user down to the call, so that nobody who writes a row or moves an event can forget them. The owner
of a calendar and of a call is its ``user_id``.
"""

_MANAGER = ("tenant",), "COALESCE(manager_id, id) FROM users"
# Table -> the column that says what a row hangs below, what is taken from there, and from where.
_CHAIN = {
    "calendar": ("user_id", *_MANAGER),
    "event": ("calendar_id", ("tenant", "owner"), "tenant, user_id FROM calendar"),
    "alarm": ("event_id", ("tenant", "owner"), "tenant, owner FROM event"),
    "alarm_request": ("alarm_id", ("tenant", "owner"), "tenant, owner FROM alarm"),
    "call_request": ("user_id", *_MANAGER),
}
_INDEXES = (
    *(
        f"CREATE INDEX {table}_{name} ON {table} ({name}, id)"
        for table, (_, names, _) in _CHAIN.items()
        for name in names
    ),
    "CREATE INDEX event_tenant_start ON event (tenant, start)",
    "DROP INDEX call_request_user",
    "CREATE INDEX call_request_user ON call_request (user_id, id)",
)


def _take(table: str, row: str) -> str:
    """An UPDATE of one row by what it hangs below."""
    parent, names, source = _CHAIN[table]
    return f"UPDATE {table} SET ({', '.join(names)}) = (SELECT {source} WHERE id = {row}.{parent})"


CHANGES = ";\n".join(
    (
        *(
            f"ALTER TABLE {table} ADD COLUMN {name} INTEGER"
            for table, (_, names, _) in _CHAIN.items()
            for name in names
        ),
        *(_take(table, table) for table in _CHAIN),
        *_INDEXES,
    )
)

# What follows when something above has changed: (trigger, table, columns, statement).
_FOLLOWS = (
    (
        "tenant_of_users",
        "users",
        ("manager_id",),
        "UPDATE calendar SET tenant = COALESCE(NEW.manager_id, NEW.id) WHERE user_id = NEW.id; "
        "UPDATE call_request SET tenant = COALESCE(NEW.manager_id, NEW.id) WHERE user_id = NEW.id;",
    ),
    (
        "tenant_of_events",
        "calendar",
        ("tenant", "user_id"),
        "UPDATE event SET tenant = NEW.tenant, owner = NEW.user_id WHERE calendar_id = NEW.id;",
    ),
    (
        "tenant_of_alarms",
        "event",
        ("tenant", "owner"),
        "UPDATE alarm SET tenant = NEW.tenant, owner = NEW.owner WHERE event_id = NEW.id;",
    ),
    # The record of an alarm goes with it to whoever has that now.
    (
        "tenant_of_attempts",
        "alarm",
        ("tenant", "owner"),
        "UPDATE alarm_request SET tenant = NEW.tenant, owner = NEW.owner WHERE alarm_id = NEW.id; "
        "UPDATE call_request SET user_id = NEW.owner WHERE id IN "
        "(SELECT callrequest_id FROM alarm_request WHERE alarm_id = NEW.id);",
    ),
)

TRIGGERS_SQLITE = (
    *(
        f"CREATE TRIGGER {table}_tenant_new AFTER INSERT ON {table} BEGIN {_take(table, 'NEW')} WHERE id = NEW.id; END"
        for table in _CHAIN
        if table != "alarm"
    ),
    *(
        f"CREATE TRIGGER {table}_tenant_moved AFTER UPDATE OF {parent} ON {table} "
        f"WHEN NEW.{parent} IS NOT OLD.{parent} BEGIN {_take(table, 'NEW')} WHERE id = NEW.id; END"
        for table, (parent, _, _) in _CHAIN.items()
    ),
    # A new alarm is written again once, not twice.
    "DROP TRIGGER alarm_new",
    "CREATE TRIGGER alarm_new AFTER INSERT ON alarm BEGIN UPDATE alarm SET (lane, tenant, owner) = "
    "(SELECT calendar_id, tenant, owner FROM event WHERE id = NEW.event_id) WHERE id = NEW.id; END",
    *(
        f"CREATE TRIGGER {name} AFTER UPDATE OF {', '.join(columns)} ON {table} "
        f"WHEN {' OR '.join(f'NEW.{one} IS NOT OLD.{one}' for one in columns)} BEGIN {statement} END"
        for name, table, columns, statement in _FOLLOWS
    ),
)


def _function(name: str, body: str) -> str:
    return f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} RETURN NEW; END $$"


def _postgres_row(table: str) -> str:
    parent, names, source = _CHAIN[table]
    values, _, above = source.partition(" FROM ")
    return f"SELECT {values} INTO {', '.join(f'NEW.{n}' for n in names)} FROM {above} WHERE id = NEW.{parent};"


TRIGGERS_POSTGRES = (
    *(
        statement
        for table, (parent, _, _) in _CHAIN.items()
        for statement in (
            _function(f"fs_app_{table}_tenant", _postgres_row(table)),
            f"CREATE TRIGGER {table}_tenant BEFORE INSERT OR UPDATE OF {parent} ON {table} "
            f"FOR EACH ROW EXECUTE FUNCTION fs_app_{table}_tenant()",
        )
    ),
    *(
        statement
        for name, table, columns, body in _FOLLOWS
        for statement in (
            _function(f"fs_app_{name}", body),
            # Whatever is updated: what a trigger before the row has changed counts, too.
            f"CREATE TRIGGER {name} AFTER UPDATE ON {table} FOR EACH ROW "
            f"WHEN ({' OR '.join(f'NEW.{one} IS DISTINCT FROM OLD.{one}' for one in columns)}) "
            f"EXECUTE FUNCTION fs_app_{name}()",
        )
    ),
)
