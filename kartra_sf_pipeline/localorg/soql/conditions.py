"""WHERE and HAVING as SQL, with Salesforce's rules about which literal fits which field."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, tzinfo

from kartra_sf_pipeline.localorg.ids import to_18
from kartra_sf_pipeline.localorg.schema import NUMBER_TYPES, Field
from kartra_sf_pipeline.localorg.soql import ast
from kartra_sf_pipeline.localorg.soql.dates import date_range, midnight, stored_literal
from kartra_sf_pipeline.localorg.soql.errors import SoqlError, at, malformed
from kartra_sf_pipeline.localorg.soql.functions import is_aggregate, typed
from kartra_sf_pipeline.localorg.soql.scope import Scope

_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPES = {"n": "\n", "N": "\n", "r": "\r", "R": "\r", "t": "\t", "T": "\t", "b": "\b", "f": "\f"}
# A list longer than this travels as one JSON parameter: SQLite counts its variables.
_INLINE_VALUES = 20

_EXPECTED = {
    "int": "int",
    "double": "double",
    "currency": "double",
    "percent": "double",
    "boolean": "boolean",
    "date": "date",
    "datetime": "dateTime",
    "id": "string",
    "reference": "string",
}

SubqueryCompiler = Callable[[ast.Query], "Subselect"]


@dataclass(frozen=True, slots=True)
class Subselect:
    """A compiled semi-join: its SQL, the one field that it selects, and the object of its FROM."""

    sql: str
    field: Field
    entity: str


@dataclass(frozen=True)
class Clock:
    """What "today" is to the user who asks."""

    today: date
    zone: tzinfo


class Conditions:
    """Compiles the conditions of one scope."""

    def __init__(
        self, scope: Scope, clock: Clock, subselect: SubqueryCompiler, *, having: bool = False
    ) -> None:
        self._scope = scope
        self._clock = clock
        self._subselect = subselect
        self._having = having

    def sql(self, condition: ast.Condition, *, depth: int = 0) -> str:
        """The condition as SQL whose NULL counts as false."""
        match condition:
            case ast.Junction():
                if condition.op == "or" and any(
                    isinstance(c, ast.InQuery) for c in condition.conditions
                ):
                    raise malformed("Semi join sub-selects are not allowed with the 'OR' operator")
                level = depth if condition.op == "and" else depth + 1
                parts = [self.sql(c, depth=level) for c in condition.conditions]
                return "(" + f" {condition.op.upper()} ".join(parts) + ")"
            case ast.Not():
                # Two-valued: what is not known to be true is false, and its negation true.
                return f"(NOT IFNULL({self.sql(condition.condition, depth=depth + 1)}, 0))"
            case ast.Comparison():
                return self._comparison(condition)
            case ast.InList():
                return self._in_list(condition)
            case ast.InQuery():
                if depth:
                    raise malformed(
                        "Semi join sub-selects are only allowed at the top level WHERE "
                        "expressions and not in nested WHERE expressions."
                    )
                return self._in_query(condition)
            case ast.Includes():
                return self._includes(condition)

    def _left(self, expr: ast.Expr) -> tuple[str, Field]:
        if is_aggregate(expr) and not self._having:
            raise at(
                "MALFORMED_QUERY",
                self._scope.soql,
                expr.pos,
                "Aggregate expressions are not allowed in the WHERE clause",
            )
        sql, field = typed(self._scope, expr)
        if not field.filterable or field.type in {"address", "location"}:
            raise at(
                "INVALID_FIELD",
                self._scope.soql,
                expr.pos,
                f"field '{field.name}' can not be filtered in a query call",
            )
        return sql, field

    def _comparison(self, condition: ast.Comparison) -> str:
        sql, field = self._left(condition.left)
        literal, op = condition.value, condition.op
        if op == "like":
            return self._like(sql, field, literal, condition.left)
        if field.type in {"id", "reference", "boolean"} and op not in {"=", "!="}:
            raise self._operator(condition.left, field)
        if field.type == "multipicklist" and op not in {"=", "!="}:
            raise self._operator(condition.left, field)
        if literal.kind == "range":
            return self._range(sql, field, op, literal, condition.left)
        value = self._value(field, literal, condition.left)
        if value is None:
            if op not in {"=", "!="}:
                raise self._operator(condition.left, field)
            return f"{sql} IS {'NOT ' if op == '!=' else ''}NULL"
        return self._compare(sql, field, op, value)

    def _compare(self, sql: str, field: Field, op: str, value: object) -> str:
        operator = {"!=": "IS NOT"}.get(op, op)
        if isinstance(value, str) and not value.isascii() and not field.case_sensitive:
            # SQLite folds ASCII only.
            return f"sf_fold({sql}) {operator} {self._scope.params.add(value.casefold())}"
        return f"{sql} {operator} {self._scope.params.add(value)}"

    def _like(self, sql: str, field: Field, literal: ast.Literal, left: ast.Expr) -> str:
        if field.type in {*_EXPECTED, "multipicklist"}:
            raise self._operator(left, field)
        if literal.kind == "null":
            return f"{sql} IS NULL"
        if literal.kind != "string":
            raise self._mismatch(left, field)
        pattern = unescape(literal.text, like=True)
        folded = not pattern.isascii()
        target = f"sf_fold({sql})" if folded else sql
        placeholder = self._scope.params.add(pattern.casefold() if folded else pattern)
        return f"{target} LIKE {placeholder} ESCAPE '\\'"

    def _range(self, sql: str, field: Field, op: str, literal: ast.Literal, left: ast.Expr) -> str:
        if field.type not in {"date", "datetime"}:
            raise self._mismatch(left, field)
        try:
            span = date_range(literal.text, self._clock.today)
        except (ValueError, OverflowError):
            span = None
        if span is None:
            raise at(
                "MALFORMED_QUERY",
                self._scope.soql,
                literal.pos,
                f"unexpected token: '{literal.text}'",
            )
        if field.type == "date":
            start, end = span[0].isoformat(), span[1].isoformat()
        else:
            start, end = (midnight(day, self._clock.zone) for day in span)
        add = self._scope.params.add
        match op:
            case "=":
                return f"({sql} >= {add(start)} AND {sql} < {add(end)})"
            case "!=":
                return f"({sql} < {add(start)} OR {sql} >= {add(end)} OR {sql} IS NULL)"
            case "<":
                return f"{sql} < {add(start)}"
            case "<=":
                return f"{sql} < {add(end)}"
            case ">":
                return f"{sql} >= {add(end)}"
            case _:
                return f"{sql} >= {add(start)}"

    def _in_list(self, condition: ast.InList) -> str:
        sql, field = self._left(condition.left)
        ranges = [v for v in condition.values if v.kind == "range"]
        plain = [v for v in condition.values if v.kind != "range"]
        values = [self._value(field, v, condition.left) for v in plain]
        known = [v for v in values if v is not None]
        parts = [self._range(sql, field, "=", r, condition.left) for r in ranges]
        unicode_text = not field.case_sensitive and any(
            isinstance(v, str) and not v.isascii() for v in known
        )
        if unicode_text:
            sql = f"sf_fold({sql})"
            known = [v.casefold() if isinstance(v, str) else v for v in known]
        if known:
            parts.append(f"{sql} IN {self._list(known)}")
        if None in values:
            parts.append(f"{sql} IS NULL")
        joined = "(" + " OR ".join(parts) + ")"
        return f"(NOT IFNULL({joined}, 0))" if condition.negated else joined

    def _list(self, values: list[object]) -> str:
        add = self._scope.params.add
        if len(values) <= _INLINE_VALUES:
            return "(" + ", ".join(add(v) for v in values) + ")"
        return f"(SELECT value FROM json_each({add(json.dumps(values))}))"

    def _in_query(self, condition: ast.InQuery) -> str:
        sql, field = self._left(condition.left)
        left = condition.left
        name = left.text if isinstance(left, ast.FieldPath) else left.name
        sub = self._subselect(condition.query)
        if field.type not in {"id", "reference"} or sub.field.type not in {"id", "reference"}:
            raise at(
                "MALFORMED_QUERY",
                self._scope.soql,
                left.pos,
                f"The selected field '{sub.field.name}' in the subquery and the left operand "
                f"field in the where expression '{name}' should both be ids or references",
            )
        outer = {self._scope.sobject.name} if field.type == "id" else set(field.reference_to)
        inner = {sub.entity} if sub.field.type == "id" else set(sub.field.reference_to)
        if not outer & inner:
            raise at(
                "MALFORMED_QUERY",
                self._scope.soql,
                condition.query.pos,
                f"The selected field '{sub.field.name}' in the subquery and the left operand "
                f"field in the where expression in the outer query '{name}' should point to the "
                "same object type",
            )
        if condition.negated:
            return f"(NOT IFNULL({sql} IN ({sub.sql}), 0))"
        return f"{sql} IN ({sub.sql})"

    def _includes(self, condition: ast.Includes) -> str:
        sql, field = self._left(condition.left)
        if field.type != "multipicklist":
            raise self._operator(condition.left, field)
        choices: list[str] = []
        for literal in condition.values:
            if literal.kind != "string":
                raise self._mismatch(condition.left, field)
            wanted = [v for v in unescape(literal.text).split(";") if v]
            tests = [
                f"instr(sf_fold(';' || {sql} || ';'), "
                f"{self._scope.params.add(f';{value};'.casefold())}) > 0"
                for value in wanted
            ]
            choices.append("(" + " AND ".join(tests or [f"{sql} IS NULL"]) + ")")
        joined = "(" + " OR ".join(choices) + ")"
        return f"(NOT IFNULL({joined}, 0))" if condition.negated else joined

    def _value(self, field: Field, literal: ast.Literal, left: ast.Expr) -> object:
        """A literal as the store holds it; None for null and for the empty string."""
        if literal.kind == "null":
            return None
        kind = field.type
        if kind in {"id", "reference"}:
            return self._id(literal, field, left)
        if kind in NUMBER_TYPES or kind == "int":
            self._expect(literal, field, left, "number")
            number = float(literal.text)
            return int(number) if kind == "int" and number.is_integer() else number
        if kind == "boolean":
            self._expect(literal, field, left, "boolean")
            return 1 if literal.text == "true" else 0
        if kind == "date":
            self._expect(literal, field, left, "date")
            try:
                date.fromisoformat(literal.text)
            except ValueError as error:
                raise self._mismatch(left, field) from error
            return literal.text
        if kind == "datetime":
            self._expect(literal, field, left, "datetime")
            moment = stored_literal(literal.text)
            if moment is None:
                raise self._mismatch(left, field)
            return moment
        self._expect(literal, field, left, "string")
        return unescape(literal.text) or None

    def _id(self, literal: ast.Literal, field: Field, left: ast.Expr) -> str | None:
        self._expect(literal, field, left, "string")
        text = unescape(literal.text)
        if not text:
            return None
        record_id = to_18(text)
        if record_id is None:
            raise at(
                "INVALID_QUERY_FILTER_OPERATOR",
                self._scope.soql,
                left.pos,
                f"invalid ID field: {text}",
            )
        return record_id

    def _expect(self, literal: ast.Literal, field: Field, left: ast.Expr, kind: str) -> None:
        if literal.kind != kind:
            raise self._mismatch(left, field)

    def _mismatch(self, left: ast.Expr, field: Field) -> SoqlError:
        expected = _EXPECTED.get(field.type, "string")
        quotes = "should be" if expected == "string" else "should not be"
        return at(
            "INVALID_FIELD",
            self._scope.soql,
            left.pos,
            f"value of filter criterion for field '{field.name}' must be of type {expected} "
            f"and {quotes} enclosed in quotes",
        )

    def _operator(self, left: ast.Expr, field: Field) -> SoqlError:
        kind = {"reference": "id", "multipicklist": "multipicklist"}.get(field.type, field.type)
        return at(
            "INVALID_QUERY_FILTER_OPERATOR",
            self._scope.soql,
            left.pos,
            f"invalid operator on {kind} field",
        )


def unescape(text: str, *, like: bool = False) -> str:
    r"""A string literal's value; in a LIKE pattern `\%`, `\_` and `\\` keep their backslash."""

    def value(match: re.Match[str]) -> str:
        code = match[1]
        if len(code) == 5:
            return chr(int(code[1:], 16))
        if like and code in {"%", "_", "\\"}:
            return match[0]
        return _ESCAPES.get(code, code)

    return _ESCAPE.sub(value, text)
