"""Objects that do not show all their rows to every query."""

from __future__ import annotations

from collections.abc import Mapping

from kartra_sf_pipeline.localorg.soql import ast
from kartra_sf_pipeline.localorg.soql.errors import malformed

# By object: one of these lookups has to be filtered.
RESTRICTED: Mapping[str, tuple[str, str]] = {
    "ContentDocumentLink": ("ContentDocumentId", "LinkedEntityId"),
}
# Their archived rows are for `queryAll` alone.
ARCHIVED = frozenset({"Event", "Task"})


def check_restricted(entity: str, query: ast.Query) -> None:
    """Raise SoqlError when a restricted object is asked without a filter by id."""
    lookups = RESTRICTED.get(entity)
    if lookups is None:
        return
    wanted = {name.casefold() for name in lookups}
    if not _filters(query.where, wanted):
        first, second = lookups
        raise malformed(
            f"Implementation restriction: {entity} requires a filter by a single Id on {first} or "
            f"{second} using the equals operator or multiple Id's using the IN operator."
        )


def _filters(condition: ast.Condition | None, wanted: set[str]) -> bool:
    match condition:
        case ast.Junction(op="and"):
            return any(_filters(part, wanted) for part in condition.conditions)
        case ast.Comparison(op="=") if condition.value.kind != "null":
            return _names(condition.left, wanted)
        case ast.InList(negated=False) | ast.InQuery(negated=False):
            return _names(condition.left, wanted)
    return False


def _names(expr: ast.Expr, wanted: set[str]) -> bool:
    return isinstance(expr, ast.FieldPath) and expr.parts[-1].casefold() in wanted
