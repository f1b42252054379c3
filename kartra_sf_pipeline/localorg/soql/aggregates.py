"""Queries with GROUP BY or aggregate functions: what may be selected, and under which key."""

from __future__ import annotations

from kartra_sf_pipeline.localorg.soql import ast
from kartra_sf_pipeline.localorg.soql.errors import malformed
from kartra_sf_pipeline.localorg.soql.functions import is_aggregate, typed
from kartra_sf_pipeline.localorg.soql.plan import AggregateShape, Leaf, OutputColumn, Plan
from kartra_sf_pipeline.localorg.soql.scope import Scope


def compile_aggregates(scope: Scope, query: ast.Query) -> Plan:
    """The select list of an aggregate query; FROM and the rest are added by the caller."""
    members: dict[str, Leaf] = {}
    columns: list[str] = []
    outputs: list[OutputColumn] = []
    for expr in query.group_by:
        _, field = typed(scope, expr)
        if not field.groupable or not field.stored:
            raise malformed(f"field '{field.name}' can not be grouped in a query call")
    unnamed = 0
    for item in query.select:
        if not isinstance(item, ast.Selected):
            raise malformed("Aggregate queries can select fields and aggregate functions only")
        check_grouping(scope, query, item.expr)
        sql, field = typed(scope, item.expr)
        if item.alias is not None:
            key = item.alias
        elif isinstance(item.expr, ast.FieldPath):
            key = scope.column(item.expr).path[-1]
        else:
            key = f"expr{unnamed}"
            unnamed += 1
        if key in members:
            raise malformed(f"duplicate alias: {key}")
        members[key] = Leaf(len(columns), field)
        columns.append(sql)
        outputs.append(OutputColumn(key, sql, field, scope.sobject.name, is_aggregate(item.expr)))
    return Plan(
        entity=scope.sobject.name,
        columns=columns,
        body="",
        order="",
        params={},
        shape=AggregateShape(members),
        root_alias=scope.alias,
        joins=scope.joins,
        outputs=outputs,
        grouped=bool(query.group_by),
    )


def check_grouping(scope: Scope, query: ast.Query, node: ast.Expr | ast.Condition) -> None:
    """Every field outside an aggregate must be one that the query groups by.

    Raises:
        SoqlError: MALFORMED_QUERY naming the field that is neither.

    """
    match node:
        case ast.Junction():
            for condition in node.conditions:
                check_grouping(scope, query, condition)
        case ast.Not():
            check_grouping(scope, query, node.condition)
        case ast.Comparison() | ast.InList() | ast.InQuery() | ast.Includes():
            check_grouping(scope, query, node.left)
        case ast.FieldPath() | ast.Call():
            if is_aggregate(node):
                return
            groups = {typed(scope, expr)[0] for expr in query.group_by}
            if typed(scope, node)[0] not in groups:
                name = node.text if isinstance(node, ast.FieldPath) else node.name
                raise malformed(f"Field must be grouped or aggregated: {name}")
