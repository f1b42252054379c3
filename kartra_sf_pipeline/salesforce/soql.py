"""SOQL text: safe literals, IN lists that fit a URL, and what a SELECT will return."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from urllib.parse import quote_plus

# Servers and proxies accept about 16 KB of URI; the rest of the query needs room too.
MAX_CONDITION_CHARS = 8_000

_ESCAPES = str.maketrans(
    {
        "\\": "\\\\",
        "'": "\\'",
        '"': '\\"',
        "\n": "\\n",
        "\r": "\\r",
        "\t": "\\t",
        "\b": "\\b",
        "\f": "\\f",
    }
)
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z][A-Za-z0-9_]*)*")
_SELECT = re.compile(r"\s*select\b", re.IGNORECASE)
_CALL = re.compile(r"(?P<call>[A-Za-z_]+\s*\(.*\))(?:\s+(?P<alias>\w+))?", re.DOTALL)
_AGGREGATE = re.compile(r"(count|count_distinct|sum|avg|min|max|grouping)\s*\(", re.IGNORECASE)

SoqlValue = str | bool | int | float | Decimal | date | datetime | None


def quote(value: SoqlValue) -> str:
    """A SOQL literal for the value; strings are escaped and quoted, date-times become UTC.

    A naive datetime raises ValueError: SOQL would read it in no zone at all.
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"'{value.translate(_ESCAPES)}'"
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("a datetime in SOQL needs a time zone")
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    if isinstance(value, date):
        return value.isoformat()
    return format(value, "f") if isinstance(value, Decimal) else repr(value)


def name(text: str) -> str:
    """The text itself if it is an object or field path, else ValueError: names are never quoted."""
    if not _NAME.fullmatch(text):
        raise ValueError(f"{text!r} is not the API name of an object or field")
    return text


def in_chunks(
    field: str, values: Iterable[SoqlValue], max_chars: int = MAX_CONDITION_CHARS
) -> Iterator[str]:
    """Conditions `field IN (...)` that together cover all distinct values, in their order.

    `max_chars` limits each condition's length after URL encoding. Yields nothing for no values.
    """
    opening = f"{name(field)} IN ("
    room = max_chars - len(quote_plus(opening)) - 3
    batch: list[str] = []
    used = 0
    for literal in dict.fromkeys(quote(value) for value in values):
        size = len(quote_plus(literal)) + 3
        if batch and used + size > room:
            yield f"{opening}{','.join(batch)})"
            batch, used = [], 0
        batch.append(literal)
        used += size
    if batch:
        yield f"{opening}{','.join(batch)})"


def selected_columns(soql: str) -> list[str]:
    """The columns that a query returns, as it writes them: `Id`, `Account.Name`, alias or `expr0`.

    Empty for `SELECT COUNT()`, which returns a number only. Raises ValueError for text that is
    not a SELECT, for child subqueries and for `FIELDS(...)`, whose columns only the org knows.
    """
    opening = _SELECT.match(soql)
    if not opening:
        raise ValueError("a query starts with SELECT")
    items, rest = _split_select(soql[opening.end() :])
    object_alias = re.match(r"\s*\w+\s+(?:as\s+)?(\w+)", rest, re.IGNORECASE)
    prefix = f"{object_alias[1]}." if object_alias else ""
    grouped = re.search(r"\bgroup\s+by\b", rest, re.IGNORECASE) is not None
    grouped = grouped or any(_AGGREGATE.match(item) for item in items)
    columns: list[str] = []
    unnamed = 0
    for item in items:
        if item.startswith("("):
            raise ValueError("child subqueries have no place in a flat frame: query the children")
        call = _CALL.fullmatch(item)
        if call:
            body = re.sub(r"\s", "", call["call"])
            if body.lower() == "count()":
                return []
            if body.lower().startswith("fields("):
                raise ValueError("FIELDS(...) is not supported: name the fields")
            if call["alias"]:
                columns.append(call["alias"])
            elif body.lower().startswith(("tolabel(", "format(", "convertcurrency(")):
                columns.append(body.partition("(")[2].rstrip(")"))
            else:
                columns.append(f"expr{unnamed}")
                unnamed += 1
            continue
        words = item.split()
        if len(words) == 2:
            columns.append(words[1])
            continue
        path = words[0]
        if prefix and path.lower().startswith(prefix.lower()):
            path = path[len(prefix) :]
        # In grouped results the org names a parent's field by its last part.
        columns.append(path.rpartition(".")[2] if grouped else path)
    return columns


def _split_select(text: str) -> tuple[list[str], str]:
    """The SELECT list's items and what follows FROM, minding brackets."""
    items: list[str] = []
    depth = start = 0
    for found in re.finditer(r"[(),]|\bfrom\b", text, re.IGNORECASE):
        token = found[0].lower()
        if token == "(":
            depth += 1
        elif token == ")":
            depth -= 1
        elif depth == 0:
            items.append(text[start : found.start()].strip())
            start = found.end()
            if token == "from":
                return [item for item in items if item], text[start:]
    raise ValueError("a query needs FROM")
