"""The select list of a query for records: columns to read and where they go in a reply."""

from __future__ import annotations

from kartra_sf_pipeline.localorg.soql import ast
from kartra_sf_pipeline.localorg.soql.errors import malformed
from kartra_sf_pipeline.localorg.soql.functions import argument, typed
from kartra_sf_pipeline.localorg.soql.plan import Leaf, OutputColumn, RecordShape
from kartra_sf_pipeline.localorg.soql.scope import Column, Node, Scope

LONG_TEXT = 32_000

# Suffixes of an address's part fields and the keys that the compound shows them under.
_ADDRESS_PARTS = (
    ("city", "City"),
    ("country", "Country"),
    ("countryCode", "CountryCode"),
    ("geocodeAccuracy", "GeocodeAccuracy"),
    ("latitude", "Latitude"),
    ("longitude", "Longitude"),
    ("postalCode", "PostalCode"),
    ("state", "State"),
    ("stateCode", "StateCode"),
    ("street", "Street"),
)


class Selection:
    """Collects the entries of one select list."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self.columns: list[str] = []
        self._indexes: dict[str, int] = {}
        self.shape = RecordShape(self._index(scope.root.key_sql), scope.sobject.name)
        self.outputs: list[OutputColumn] = []
        self.has_compound = False
        self.has_long_text = False

    def _index(self, sql: str) -> int:
        if sql not in self._indexes:
            self._indexes[sql] = len(self.columns)
            self.columns.append(sql)
        return self._indexes[sql]

    def add(self, item: ast.Selected) -> None:
        """One field, or a function of one field."""
        if isinstance(item.expr, ast.Call):
            self._add_call(item, item.expr)
            return
        if item.alias is not None:
            raise malformed("only aggregate expressions use field aliasing")
        column = self._scope.column(item.expr)
        self._put(column)

    def add_group(self, item: ast.SelectedGroup) -> None:
        """FIELDS(ALL), FIELDS(STANDARD), FIELDS(CUSTOM)."""
        for field in self._scope.sobject.fields:
            if item.kind == "ALL" or field.custom == (item.kind == "CUSTOM"):
                self._put(self._scope.column_of(self._scope.root, field.name, item.pos))

    def _add_call(self, item: ast.Selected, call: ast.Call) -> None:
        _, field = typed(self._scope, call)
        wrapped = call.name.upper() in {"TOLABEL", "FORMAT", "CONVERTCURRENCY"}
        if not wrapped:
            raise malformed(f"Field must be grouped or aggregated: {call.name}")
        column = argument(self._scope, call)
        leaf = self._leaf(column)
        key = item.alias or column.path[-1]
        owner = self._owner(column.node)
        if key in owner.members:
            raise malformed(f"duplicate field selected: {item.alias or '.'.join(column.path)}")
        owner.members[key] = Leaf(
            leaf.index,
            leaf.field,
            leaf.address,
            label=call.name.upper() == "TOLABEL",
            formatted=call.name.upper() == "FORMAT",
        )
        self.outputs.append(
            OutputColumn(item.alias or ".".join(column.path), column.sql, field, column.entity)
        )

    def _put(self, column: Column) -> None:
        owner = self._owner(column.node)
        key = column.path[-1]
        if key in owner.members:
            raise malformed(f"duplicate field selected: {'.'.join(column.path)}")
        owner.members[key] = self._leaf(column)
        if not column.field.stored:
            self.has_compound = True
        if column.field.length >= LONG_TEXT:
            self.has_long_text = True
        self.outputs.append(
            OutputColumn(".".join(column.path), column.sql, column.field, column.entity)
        )

    def _leaf(self, column: Column) -> Leaf:
        if column.field.stored:
            return Leaf(self._index(column.sql), column.field)
        parts: list[tuple[str, int]] = []
        stem = column.field.name.removesuffix("Address")
        for key, suffix in _ADDRESS_PARTS:
            sobject = self._scope.schema.object(column.entity)
            part = sobject.field(stem + suffix) if sobject else None
            if part is not None and part.stored:
                found = self._scope.column_of(column.node, part.name, 0)
                parts.append((key, self._index(found.sql)))
        return Leaf(-1, column.field, tuple(parts))

    def _owner(self, node: Node) -> RecordShape:
        shape = self.shape
        current = self._scope.root
        for name in node.path:
            current = current.parents[name.casefold()]
            member = shape.members.get(name)
            if not isinstance(member, RecordShape):
                member = self._parent_shape(current)
                shape.members[name] = member
            shape = member
        return shape

    def _parent_shape(self, node: Node) -> RecordShape:
        if node.polymorphic:
            return RecordShape(self._index(node.key_sql), None, shown_as="Name")
        return RecordShape(self._index(node.key_sql), next(iter(node.targets)))

    def add_typeof(self, item: ast.TypeOf) -> None:
        """Different fields of a polymorphic parent, by what it turns out to be."""
        node = self._scope.node((item.relationship,), item.pos)
        if not node.polymorphic:
            raise malformed(f"TYPEOF needs a polymorphic relationship: {item.relationship}")
        shape = RecordShape(self._index(node.key_sql), None)
        shape.branches = {}
        for entity, paths in item.whens:
            branch = self._scope.typed_node(node, entity, item.pos)
            shape.branches[next(iter(branch.targets))] = self._branch(branch, paths)
        shape.otherwise = self._branch(node, item.otherwise)
        self.shape.members[node.path[-1]] = shape

    def _branch(self, node: Node, paths: tuple[ast.FieldPath, ...]) -> dict[str, Leaf]:
        members: dict[str, Leaf] = {}
        for path in paths:
            column = self._scope.column_of(node, path.parts[-1], path.pos)
            members[column.path[-1]] = self._leaf(column)
        return members
