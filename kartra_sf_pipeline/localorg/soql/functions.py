"""Functions of SOQL as SQL: aggregates and the parts of a date."""

from __future__ import annotations

from kartra_sf_pipeline.localorg.schema import NUMBER_TYPES, Field
from kartra_sf_pipeline.localorg.soql import ast
from kartra_sf_pipeline.localorg.soql.errors import SoqlError, at, malformed
from kartra_sf_pipeline.localorg.soql.scope import Column, Scope

AGGREGATES = frozenset({"COUNT", "COUNT_DISTINCT", "SUM", "AVG", "MIN", "MAX"})
_TEXT_ONLY_COUNTED = frozenset({"textarea", "boolean", "address", "location", "multipicklist"})

_DAY_OF_YEAR = "CAST(strftime('%j', substr({0}, 1, 10)) AS INTEGER)"
_DATE_PARTS: dict[str, str] = {
    "CALENDAR_YEAR": "CAST(substr({0}, 1, 4) AS INTEGER)",
    "CALENDAR_QUARTER": "(CAST(substr({0}, 6, 2) AS INTEGER) + 2) / 3",
    "CALENDAR_MONTH": "CAST(substr({0}, 6, 2) AS INTEGER)",
    "DAY_IN_MONTH": "CAST(substr({0}, 9, 2) AS INTEGER)",
    "DAY_IN_WEEK": "CAST(strftime('%w', substr({0}, 1, 10)) AS INTEGER) + 1",
    "DAY_IN_YEAR": _DAY_OF_YEAR,
    "DAY_ONLY": "substr({0}, 1, 10)",
    "HOUR_IN_DAY": "CAST(substr({0}, 12, 2) AS INTEGER)",
    "WEEK_IN_MONTH": "(CAST(substr({0}, 9, 2) AS INTEGER) - 1) / 7 + 1",
    "WEEK_IN_YEAR": f"({_DAY_OF_YEAR} - 1) / 7 + 1",
}
# Fiscal years follow the calendar in an org that nobody has configured otherwise.
_DATE_PARTS |= {
    f"FISCAL_{unit}": _DATE_PARTS[f"CALENDAR_{unit}"] for unit in ("YEAR", "QUARTER", "MONTH")
}


def is_aggregate(expr: ast.Expr) -> bool:
    """True for COUNT(x), SUM(x) and their like, in any case."""
    return isinstance(expr, ast.Call) and expr.name.upper() in AGGREGATES


def typed(scope: Scope, expr: ast.Expr) -> tuple[str, Field]:
    """SQL of an expression and a field definition that tells its type.

    Raises:
        SoqlError: for an unknown function or field, or one that does not take such a field.

    """
    if isinstance(expr, ast.FieldPath):
        column = scope.column(expr)
        return column.sql, column.field
    name = expr.name.upper()
    if name in AGGREGATES:
        return _aggregate(scope, expr, name)
    if name in _DATE_PARTS:
        return _date_part(scope, expr, name)
    if name in {"TOLABEL", "FORMAT", "CONVERTCURRENCY"} and len(expr.args) == 1:
        # Labels are looked up and numbers formatted when the reply is shaped.
        return typed(scope, expr.args[0])
    raise at("INVALID_FIELD", scope.soql, expr.pos, f"unknown function '{expr.name}'")


def argument(scope: Scope, expr: ast.Expr) -> Column:
    """The one field of a wrapped expression such as `toLabel(Status)`."""
    while isinstance(expr, ast.Call):
        if len(expr.args) != 1:
            raise at("MALFORMED_QUERY", scope.soql, expr.pos, f"unexpected token: '{expr.name}'")
        expr = expr.args[0]
    return scope.column(expr)


def _aggregate(scope: Scope, expr: ast.Call, name: str) -> tuple[str, Field]:
    if name == "COUNT" and not expr.args:
        return "COUNT(*)", Field("expr", "expr", "int")
    if len(expr.args) != 1 or is_aggregate(expr.args[0]):
        raise at("MALFORMED_QUERY", scope.soql, expr.pos, f"unexpected token: '{expr.name}'")
    sql, field = typed(scope, expr.args[0])
    allowed = {
        "SUM": field.type in NUMBER_TYPES or field.type == "int",
        "AVG": field.type in NUMBER_TYPES or field.type == "int",
    }.get(name, name == "COUNT" or field.type not in _TEXT_ONLY_COUNTED)
    if not allowed or not field.stored:
        raise malformed(f"field {field.name} does not support aggregate operator {name}")
    match name:
        case "COUNT":
            return f"COUNT({sql})", Field("expr", "expr", "int")
        case "COUNT_DISTINCT":
            return f"COUNT(DISTINCT {sql})", Field("expr", "expr", "int")
        case "AVG":
            return f"AVG({sql})", Field("expr", "expr", "double")
        case _:
            return f"{name}({sql})", field


def _date_part(scope: Scope, expr: ast.Call, name: str) -> tuple[str, Field]:
    if len(expr.args) != 1:
        raise at("MALFORMED_QUERY", scope.soql, expr.pos, f"unexpected token: '{expr.name}'")
    inner = expr.args[0]
    local = False
    if isinstance(inner, ast.Call) and inner.name.upper() == "CONVERTTIMEZONE":
        local, inner = True, inner.args[0] if inner.args else inner
    sql, field = typed(scope, inner)
    if field.type not in {"date", "datetime"}:
        raise SoqlError(
            "INVALID_FIELD", f"field '{field.name}' is not a date and cannot be used in {expr.name}"
        )
    if local:
        sql = f"sf_local({sql})"
    kind = "date" if name == "DAY_ONLY" else "int"
    return _DATE_PARTS[name].format(sql), Field("expr", "expr", kind)
