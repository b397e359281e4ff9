# ruff: noqa: S608  # nothing here comes from outside
"""Lanes on PostgreSQL: an alarm that is being written and a claim that leaves its lane do not miss each other.

Whoever writes a due call holds its lane by a shared lock until the commit, and writes the lane itself only to make it
due sooner: those who write alarms of one calendar do not wait for each other. A claim raises ``lane.due_at`` under the
lock alone, which it does not wait for: it finds what was committed before, and who comes after finds the lane raised.
While somebody writes, the lane stays due.
"""

# Any number will do, as long as it is the same everywhere. A transaction may write alarms of any number of calendars,
# and the server has room for some thousand locks: calendars share 256.
_LOCK = "7310003, mod({calendar}, 256)"

CHANGES_POSTGRES = (
    f"""
    CREATE OR REPLACE FUNCTION fs_app_alarm_due() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        PERFORM pg_advisory_xact_lock_shared({_LOCK.format(calendar="NEW.lane")});
        UPDATE lane SET due_at = NEW.due_at
            WHERE calendar_id = NEW.lane AND (due_at IS NULL OR due_at > NEW.due_at);
        RETURN NEW;
    END $$
    """,
    # ``following``: not due before ``at``, and not before its next call; else due at ``at``. False: it stays as it is.
    f"""
    CREATE FUNCTION fs_app_set_lane(calendar integer, gateway integer, at timestamp, following boolean)
    RETURNS boolean LANGUAGE plpgsql AS $$
    DECLARE look timestamp := at;
    BEGIN
        IF NOT pg_try_advisory_xact_lock({_LOCK.format(calendar="calendar")}) THEN
            RETURN false;
        END IF;
        PERFORM 1 FROM lane WHERE calendar_id = calendar FOR UPDATE SKIP LOCKED;
        IF NOT FOUND THEN  -- a call of it is being booked
            RETURN false;
        END IF;
        IF following THEN
            SELECT CASE WHEN MIN(due_at) > at THEN MIN(due_at) WHEN MIN(due_at) IS NOT NULL THEN at END INTO look
                FROM alarm WHERE method = 1 AND lane = calendar AND due_at IS NOT NULL;
        END IF;
        UPDATE lane SET gateway_id = gateway, due_at = look WHERE calendar_id = calendar;
        RETURN true;
    END $$
    """,
)
