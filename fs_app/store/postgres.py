"""peewee's PostgreSQL (by psycopg, which has to be there), with BEGIN, COMMIT and ROLLBACK said straight to libpq.

They have no parameters and no rows. A cursor, which prepares for both, takes three times as long to say them: a third
of what a short transaction costs here. The end of a transaction that has failed is psycopg's to say: by it, it learns
that what it believed to be prepared may not be.
"""

from __future__ import annotations

from typing import Any

from peewee import PostgresqlDatabase, __exception_wrapper__  # type: ignore[attr-defined]  # not in its types
from psycopg import OperationalError, errors
from psycopg.pq import DiagnosticField, ExecStatus, TransactionStatus


class Postgres(PostgresqlDatabase):
    """By psycopg 3. Raises what peewee does: OperationalError when the connection is lost."""

    def begin(self, isolation_level: object = None) -> None:
        """``isolation_level`` is refused: a transaction here is READ COMMITTED."""
        if isolation_level is not None:
            raise ValueError("the isolation level of a transaction cannot be chosen")
        self._say(b"BEGIN")

    def commit(self) -> None:
        if self._lost():
            super().commit()
        else:
            self._say(b"COMMIT")

    def rollback(self) -> None:
        if self._lost():
            super().rollback()
        else:
            self._say(b"ROLLBACK")

    def _lost(self) -> bool:
        """Whether nothing of the transaction can be kept: it has failed, or its connection is closed. To ask for the
        connection then would open another one, which has nothing to commit and would say that it has."""
        if self.is_closed():
            return True
        connection: Any = self.connection()  # type: ignore[no-untyped-call]
        return bool(connection.pgconn.transaction_status == TransactionStatus.INERROR)

    def _say(self, command: bytes) -> None:
        with __exception_wrapper__:
            connection: Any = self.connection()  # type: ignore[no-untyped-call]
            result = connection.pgconn.exec_(command)
            if result.status == ExecStatus.COMMAND_OK:
                return
            if result.error_field(DiagnosticField.SQLSTATE) is None:  # the server did not say it: libpq did
                raise OperationalError(result.get_error_message())
            raise errors.error_from_result(result)
