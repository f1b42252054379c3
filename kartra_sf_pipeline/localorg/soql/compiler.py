"""AST to SQL, with the schema that the user sees."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

from kartra_sf_pipeline.localorg.database import quote
from kartra_sf_pipeline.localorg.schema import Schema, SObject
from kartra_sf_pipeline.localorg.soql import ast
from kartra_sf_pipeline.localorg.soql.aggregates import check_grouping, compile_aggregates
from kartra_sf_pipeline.localorg.soql.conditions import (
    Clock,
    Conditions,
    SubqueryCompiler,
    Subselect,
)
from kartra_sf_pipeline.localorg.soql.errors import (
    SoqlError,
    at,
    malformed,
    unknown_relationship,
)
from kartra_sf_pipeline.localorg.soql.functions import is_aggregate, typed
from kartra_sf_pipeline.localorg.soql.parser import parse
from kartra_sf_pipeline.localorg.soql.plan import ChildPlan, Plan, RecordShape
from kartra_sf_pipeline.localorg.soql.restrictions import ARCHIVED, RESTRICTED, check_restricted
from kartra_sf_pipeline.localorg.soql.scope import Params, Scope, queryable
from kartra_sf_pipeline.localorg.soql.selection import Selection

MAX_OFFSET = 2_000
MAX_FIELDS_FUNCTION_ROWS = 200


def compile_query(soql: str, schema: Schema, clock: Clock, *, deleted: bool = False) -> Plan:
    """The plan of a query.

    Args:
        soql: the query's text.
        schema: the objects and fields that the user may see.
        clock: decides what date literals mean.
        deleted: with the rows of the recycle bin, as `queryAll` answers.

    Raises:
        SoqlError: whatever Salesforce would refuse, in its words.

    """
    return _Compiler(soql, schema, clock, deleted).query(parse(soql))


class _Compiler:
    def __init__(self, soql: str, schema: Schema, clock: Clock, deleted: bool) -> None:
        self._soql = soql
        self._schema = schema
        self._clock = clock
        self._deleted = deleted
        self._aliases: Iterator[int] = count()

    def query(self, query: ast.Query) -> Plan:
        sobject = queryable(self._schema, self._soql, query.sources[0])
        check_restricted(sobject.name, query)
        scope = self._scope(sobject, query)
        self._check_bounds(query)
        aggregate = (
            query.counts_only
            or bool(query.group_by)
            or any(isinstance(s, ast.Selected) and is_aggregate(s.expr) for s in query.select)
        )
        if query.having is not None and not query.group_by:
            raise malformed("HAVING clause requires a GROUP BY clause")
        if query.counts_only:
            if query.group_by:
                raise malformed("Grouped query cannot select only COUNT(): use COUNT(Id)")
            plan = self._empty_plan(scope, query)
        elif aggregate:
            plan = compile_aggregates(scope, query)
        else:
            plan = self._records(scope, query)
        groups = [typed(scope, expr)[0] for expr in query.group_by]
        where = self._where(scope, query, nested=False)
        having = ""
        if query.having is not None:
            check_grouping(scope, query, query.having)
            conditions = Conditions(scope, self._clock, self._refuse_subselect, having=True)
            having = f" HAVING {conditions.sql(query.having)}"
        order = self._order(scope, query, aggregate=aggregate and not query.counts_only)
        plan.body = (
            f"FROM {' '.join(scope.joins)}{where}"
            + (f" GROUP BY {', '.join(groups)}" if groups else "")
            + having
        )
        plan.order = order
        plan.params = scope.params.values
        plan.limit, plan.offset = query.limit, query.offset
        return plan

    def _scope(self, sobject: SObject, query: ast.Query, params: Params | None = None) -> Scope:
        scope = Scope(
            self._schema,
            self._soql,
            sobject,
            params=params or Params(),
            aliases=self._aliases,
        )
        scope.add_sources(query.sources)
        return scope

    def _check_bounds(self, query: ast.Query) -> None:
        if query.offset is not None and query.offset > MAX_OFFSET:
            raise SoqlError(
                "NUMBER_OUTSIDE_VALID_RANGE", f"Maximum SOQL offset allowed is {MAX_OFFSET}"
            )
        unbounded = query.limit is None or query.limit > MAX_FIELDS_FUNCTION_ROWS
        if unbounded and any(
            isinstance(s, ast.SelectedGroup) and s.kind != "STANDARD" for s in query.select
        ):
            raise malformed(
                f"The SOQL FIELDS function must have a LIMIT of at most {MAX_FIELDS_FUNCTION_ROWS}"
            )

    def _empty_plan(self, scope: Scope, query: ast.Query) -> Plan:
        return Plan(
            entity=scope.sobject.name,
            columns=["1"],
            body="",
            order="",
            params={},
            shape=None,
            root_alias=scope.alias,
            joins=scope.joins,
            outputs=[],
            counts_only=query.counts_only,
            grouped=bool(query.group_by),
            deleted=self._deleted,
        )

    def _records(self, scope: Scope, query: ast.Query) -> Plan:
        selection = Selection(scope)
        plan = self._empty_plan(scope, query)
        for item in query.select:
            match item:
                case ast.SelectedChildren():
                    name, child = self._children(scope, item)
                    if name in selection.shape.members:
                        raise malformed(f"duplicate field selected: {name}")
                    selection.shape.members[name] = child
                    plan.has_children = True
                case ast.TypeOf():
                    selection.add_typeof(item)
                    plan.has_typeof = True
                case ast.SelectedGroup():
                    selection.add_group(item)
                case ast.Selected():
                    selection.add(item)
        plan.columns = selection.columns
        plan.shape = selection.shape
        plan.outputs = selection.outputs
        plan.has_compound = selection.has_compound
        plan.has_long_text = selection.has_long_text
        return plan

    def _where(self, scope: Scope, query: ast.Query, *, nested: bool) -> str:
        parts = [] if self._deleted else [f'{scope.alias}."IsDeleted" = 0']
        if not self._deleted and scope.sobject.name in ARCHIVED:
            parts.append(f'{scope.alias}."IsArchived" = 0')
        if query.where is not None:
            subselect = self._refuse_nesting if nested else self._subselect(scope)
            parts.append(Conditions(scope, self._clock, subselect).sql(query.where))
        return f" WHERE {' AND '.join(parts)}" if parts else ""

    def _order(self, scope: Scope, query: ast.Query, *, aggregate: bool) -> str:
        terms: list[str] = []
        aliases = {
            s.alias.casefold(): s.expr
            for s in query.select
            if isinstance(s, ast.Selected) and s.alias
        }
        for ordering in query.order_by:
            expr = ordering.expr
            if isinstance(expr, ast.FieldPath) and len(expr.parts) == 1:
                expr = aliases.get(expr.parts[0].casefold(), expr)
            if aggregate:
                check_grouping(scope, query, expr)
            elif is_aggregate(expr):
                raise malformed("Ordered by an aggregate expression in a query without GROUP BY")
            sql, field = typed(scope, expr)
            if not field.sortable or not field.stored:
                raise malformed(f"field '{field.name}' can not be sorted in a query call")
            direction = "DESC" if ordering.descending else "ASC"
            nulls = "LAST" if ordering.nulls_last else "FIRST"
            terms.append(f"{sql} {direction} NULLS {nulls}")
        text = f"ORDER BY {', '.join(terms)}" if terms else ""
        if query.limit is not None or query.offset is not None:
            text += f" LIMIT {-1 if query.limit is None else query.limit}"
        if query.offset is not None:
            text += f" OFFSET {query.offset}"
        return text.strip()

    def _subselect(self, outer: Scope) -> SubqueryCompiler:
        def build(query: ast.Query) -> Subselect:
            sobject = queryable(self._schema, self._soql, query.sources[0])
            if sobject.name == outer.sobject.name:
                raise malformed("The inner and outer selects should not be on the same object type")
            if sobject.name in RESTRICTED:
                raise malformed(
                    f"Entity '{sobject.name}' is not supported for semi join inner selects"
                )
            scope = self._scope(sobject, query, outer.params)
            chosen = query.select[0] if len(query.select) == 1 else None
            if not isinstance(chosen, ast.Selected) or not isinstance(chosen.expr, ast.FieldPath):
                raise at(
                    "MALFORMED_QUERY",
                    self._soql,
                    query.pos,
                    "A semi join sub-select must select exactly one field",
                )
            column = scope.column(chosen.expr)
            where = self._where(scope, query, nested=True)
            order = self._order(scope, query, aggregate=False)
            sql = f"SELECT {column.sql} FROM {' '.join(scope.joins)}{where} {order}"
            return Subselect(sql, column.field, column.entity)

        return build

    def _refuse_nesting(self, query: ast.Query) -> Subselect:
        raise malformed("Nesting of semi join sub-selects is not supported")

    def _refuse_subselect(self, query: ast.Query) -> Subselect:
        raise malformed("Semi join sub-selects are not allowed in a HAVING clause")

    def _children(self, outer: Scope, item: ast.SelectedChildren) -> tuple[str, ChildPlan]:
        query = item.query
        source = query.sources[0]
        name = source.parts[-1]
        if len(source.parts) > 1:
            outer.strip(source.parts)
        found = self._child_relationship(outer.sobject, name)
        child = self._schema.object(found[1]) if found else None
        lookup = child.field(found[2]) if child and found else None
        if child is None or lookup is None or found is None:
            raise unknown_relationship(self._soql, source.pos, name, child=True)
        self._check_bounds(query)
        if query.group_by or query.counts_only:
            raise malformed("Aggregate expressions are not allowed in a sub-select")
        scope = self._scope(child, query)
        plan = self._records(scope, query)
        foreign_key = f"{scope.alias}.{quote(lookup.name)}"
        where = self._where(scope, query, nested=False)
        order = self._order(scope, query, aggregate=False)
        ordering = order.split(" LIMIT ")[0].split("LIMIT ")[0].strip()
        within = f"{foreign_key} IN (SELECT value FROM json_each(:parents))"
        where = f"{where} AND {within}" if where else f" WHERE {within}"
        columns = ", ".join(plan.columns)
        body = f"FROM {' '.join(scope.joins)}{where}"
        if query.limit is None and query.offset is None:
            sql = f"SELECT {columns}, {foreign_key} {body} {ordering}"
        else:
            named = ", ".join(f"{c} AS c{i}" for i, c in enumerate(plan.columns))
            kept = ", ".join(f"c{i}" for i in range(len(plan.columns)))
            first = query.offset or 0
            last = first + query.limit if query.limit is not None else 2**62
            sql = (
                f"SELECT {kept}, parent FROM (SELECT {named}, {foreign_key} AS parent, "
                f"row_number() OVER (PARTITION BY {foreign_key} {ordering}) AS place {body}) "
                f"WHERE place > {first} AND place <= {last} ORDER BY place"
            )
        shape = plan.shape
        assert isinstance(shape, RecordShape)
        return found[0], ChildPlan(sql, scope.params.values, shape)

    def _child_relationship(self, parent: SObject, name: str) -> tuple[str, str, str] | None:
        """The relationship's canonical name, the child object and its lookup field."""
        folded = name.casefold()
        for known in parent.child_relationships:
            if known.relationship_name and known.relationship_name.casefold() == folded:
                return known.relationship_name, known.child, known.field
        for sobject in self._schema:
            for field in sobject.fields:
                children = field.child_relationship_name
                if children and children.casefold() == folded and parent.name in field.reference_to:
                    return children, sobject.name, field.name
        return None
