"""Collections as CSV: ``?format=csv`` gives every row that the filters find, as a file for a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Any

from peewee import chunked

from httpapi.context import Context
from httpapi.listing import every
from httpapi.resource import Resource
from httpapi.web import Response

ROWS_MAX = 100_000
CSV_TYPE = "text/csv; charset=utf-8"
_AT_ONCE = 500
# A cell that begins like this is taken for a formula by spreadsheets, some of which take the wide forms, too; a plain
# number with a sign is none.
_FORMULA = re.compile(r"[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]")
_SIGNED_NUMBER = re.compile(r"[+\-][0-9]+(\.[0-9]+)?")


def as_csv(ctx: Context, resource: Resource) -> Response:
    """One column a field, as JSON shows it. UTF-8 with a mark, by which spreadsheets know it. Inside a view."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    names = [name for name, spec in resource.reader.specs.items() if not spec.write_only]
    writer.writerow(names)
    rows = every(ctx, resource, ROWS_MAX)
    for some in chunked(rows, _AT_ONCE):
        for shown in resource.show_all(ctx, list(some)):
            writer.writerow([cell(shown[name]) for name in names])
    content = "\ufeff" + out.getvalue()
    headers = {"Content-Type": CSV_TYPE, "Content-Disposition": f'attachment; filename="{resource.path}.csv"'}
    return Response(200, content.encode("utf-8", "replace"), headers)


def cell(value: Any) -> str:
    """What a value is in a cell: never a formula.

    >>> cell("=1+1"), cell("+15550100"), cell(None), cell({"a": 1})
    ("'=1+1", '+15550100', '', '{"a": 1}')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    text = str(value)
    if _FORMULA.match(text.lstrip(" \n\u3000\xa0")) and not _SIGNED_NUMBER.fullmatch(text):
        return "'" + text
    return text
