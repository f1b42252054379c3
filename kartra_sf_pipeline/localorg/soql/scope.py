"""Looks names up in the schema that the user sees, and turns paths into joined columns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

from kartra_sf_pipeline.localorg.database import quote
from kartra_sf_pipeline.localorg.schema import Field, Schema, SObject
from kartra_sf_pipeline.localorg.soql import ast
from kartra_sf_pipeline.localorg.soql.errors import (
    SoqlError,
    at,
    malformed,
    no_such_column,
    unknown_relationship,
    unsupported_type,
)

MAX_PARENT_LEVELS = 5
# SQLite joins at most 64 tables.
MAX_JOINS = 63

# Fields of the object `Name`, the only ones that a lookup to several objects can be read by.
NAME_FIELDS = (
    "Id",
    "Name",
    "FirstName",
    "LastName",
    "Title",
    "Email",
    "Phone",
    "Username",
    "Alias",
    "IsActive",
    "ProfileId",
    "UserRoleId",
)


class Params:
    """Named SQL parameters, in the order in which they were met."""

    def __init__(self) -> None:
        self.values: dict[str, object] = {}

    def add(self, value: object) -> str:
        """The placeholder for `value`."""
        name = f"p{len(self.values)}"
        self.values[name] = value
        return f":{name}"


@dataclass(frozen=True, slots=True)
class Column:
    """A resolved field: its SQL, its definition and where it stands.

    `path` is spelt as the schema spells it; `entity` is the object that owns the field.
    """

    sql: str
    field: Field
    entity: str
    path: tuple[str, ...]
    node: Node


@dataclass(slots=True)
class Node:
    """The root object or a parent reached by a lookup.

    Attributes:
        path: relationship names from the root, canonical.
        targets: object name to table alias; several for a polymorphic lookup.
        key_sql: the SQL of this record's id: the root's Id, or the id found by the join.
        polymorphic: true when the record is shown as a `Name`.

    """

    path: tuple[str, ...]
    targets: dict[str, str]
    key_sql: str
    polymorphic: bool = False
    parents: dict[str, Node] = field(default_factory=dict)


class Scope:
    """One FROM clause: the root object, the joins made so far, and the names that reach it."""

    def __init__(
        self,
        schema: Schema,
        soql: str,
        sobject: SObject,
        *,
        params: Params,
        aliases: Iterator[int] | None = None,
    ) -> None:
        self.schema = schema
        self.soql = soql
        self.sobject = sobject
        self.params = params
        self.aliases = aliases if aliases is not None else count()
        alias = self._alias()
        self.root = Node((), {sobject.name: alias}, f'{alias}."Id"')
        self.joins: list[str] = [f"{quote(sobject.name)} AS {alias}"]
        # Prefixes that mean the root or a parent: `c` in `FROM Contact c, c.Account a`.
        self.names: dict[str, tuple[str, ...]] = {sobject.name.casefold(): ()}

    @property
    def alias(self) -> str:
        """The SQL alias of the root table."""
        return self.root.targets[self.sobject.name]

    def _alias(self) -> str:
        return f"t{next(self.aliases)}"

    def add_sources(self, sources: tuple[ast.From, ...]) -> None:
        """Registers the aliases of FROM; entries after the first must be parents of an earlier."""
        first, *others = sources
        if first.alias:
            self.names[first.alias.casefold()] = ()
        for source in others:
            prefix = self.names.get(source.parts[0].casefold())
            if prefix is None or len(source.parts) < 2:
                raise SoqlError(
                    "MALFORMED_QUERY",
                    "A driving SObject type has already been set, all other entity types in the "
                    "FROM clause must be relationships to the initial object. The driving object "
                    f"is {self.sobject.name}.",
                )
            relation = prefix + source.parts[1:]
            self.node(relation, source.pos)
            if source.alias:
                self.names[source.alias.casefold()] = relation

    def strip(self, parts: tuple[str, ...]) -> tuple[str, ...]:
        """A path without the alias or object name that it may start with."""
        if len(parts) > 1 and parts[0].casefold() in self.names:
            # A relationship of that name wins over the object's own name, not over an alias.
            own_name = parts[0].casefold() == self.sobject.name.casefold()
            if not (own_name and self.sobject.relationship(parts[0])):
                return self.names[parts[0].casefold()] + parts[1:]
        return parts

    def column(self, path: ast.FieldPath) -> Column:
        """The field that a path means, joining parents as needed.

        Raises:
            SoqlError: INVALID_FIELD for an unknown field or relationship.

        """
        parts = self.strip(path.parts)
        node = self.node(parts[:-1], path.pos)
        return self.column_of(node, parts[-1], path.pos)

    def column_of(self, node: Node, name: str, pos: int) -> Column:
        """The field `name` of the record at `node`."""
        if node.polymorphic:
            return self._name_column(node, name, pos)
        (entity, alias) = next(iter(node.targets.items()))
        sobject = self.schema.object(entity)
        found = sobject.field(name) if sobject else None
        if found is None:
            raise no_such_column(self.soql, pos, name, entity)
        return Column(f"{alias}.{quote(found.name)}", found, entity, (*node.path, found.name), node)

    def _name_column(self, node: Node, name: str, pos: int) -> Column:
        folded = name.casefold()
        if folded == "id":
            return Column(node.key_sql, Field("Id", "Id", "id"), "Name", (*node.path, "Id"), node)
        if folded == "type":
            cases = " ".join(
                f"WHEN {alias}.\"Id\" IS NOT NULL THEN '{entity}'"
                for entity, alias in node.targets.items()
            )
            return Column(
                f"CASE {cases} END",
                Field("Type", "Type", "picklist"),
                "Name",
                (*node.path, "Type"),
                node,
            )
        canonical = next((n for n in NAME_FIELDS if n.casefold() == folded), None)
        if canonical is None:
            raise no_such_column(self.soql, pos, name, "Name")
        owners: list[tuple[str, Field]] = []
        for entity, alias in node.targets.items():
            sobject = self.schema.object(entity)
            if sobject and (found := sobject.field(canonical)) and found.stored:
                owners.append((alias, found))
        if not owners:
            raise no_such_column(self.soql, pos, name, "Name")
        columns = [f"{alias}.{quote(found.name)}" for alias, found in owners]
        sql = columns[0] if len(columns) == 1 else f"COALESCE({', '.join(columns)}) COLLATE NOCASE"
        return Column(sql, owners[0][1], "Name", (*node.path, canonical), node)

    def node(self, relation: tuple[str, ...], pos: int) -> Node:
        """The parent at the end of a chain of relationship names; the root for an empty chain."""
        node = self.root
        if len(relation) > MAX_PARENT_LEVELS:
            raise malformed(
                f"SOQL relationship queries cannot have more than {MAX_PARENT_LEVELS} levels"
            )
        for name in relation:
            node = self._parent(node, name, pos)
        return node

    def _parent(self, node: Node, name: str, pos: int) -> Node:
        known = node.parents.get(name.casefold())
        if known is not None:
            return known
        lookup = self._lookup(node, name)
        if lookup is None:
            raise unknown_relationship(self.soql, pos, name, child=False)
        source_alias, found = lookup
        foreign_key = f"{source_alias}.{quote(found.name)}"
        objects = [o for n in found.reference_to if (o := self.schema.object(n)) is not None]
        if not objects:
            raise unknown_relationship(self.soql, pos, name, child=False)
        if len(self.joins) + len(objects) > MAX_JOINS:
            raise malformed("The query follows more relationships than it may")
        targets: dict[str, str] = {}
        for sobject in objects:
            alias = targets[sobject.name] = self._alias()
            self.joins.append(
                f'LEFT JOIN {quote(sobject.name)} AS {alias} ON {alias}."Id" = {foreign_key}'
            )
        keys = [f'{alias}."Id"' for alias in targets.values()]
        parent = Node(
            (*node.path, found.relationship_name or name),
            targets,
            keys[0] if len(keys) == 1 else f"COALESCE({', '.join(keys)})",
            polymorphic=len(found.reference_to) > 1,
        )
        node.parents[name.casefold()] = parent
        return parent

    def _lookup(self, node: Node, name: str) -> tuple[str, Field] | None:
        for entity, alias in node.targets.items():
            sobject = self.schema.object(entity)
            found = sobject.relationship(name) if sobject else None
            if found is not None:
                return alias, found
        return None

    def typed_node(self, node: Node, entity: str, pos: int) -> Node:
        """One target of a polymorphic parent, for a branch of TYPEOF."""
        name = next((n for n in node.targets if n.casefold() == entity.casefold()), None)
        if name is None:
            raise at(
                "INVALID_TYPE",
                self.soql,
                pos,
                f"sObject type '{entity}' cannot be reached by relationship '{node.path[-1]}'.",
            )
        alias = node.targets[name]
        return Node(node.path, {name: alias}, f'{alias}."Id"')


def queryable(schema: Schema, soql: str, source: ast.From) -> SObject:
    """The object that a top-level FROM names.

    Raises:
        SoqlError: INVALID_TYPE when there is none.

    """
    name = ".".join(source.parts)
    sobject = schema.object(name)
    if sobject is None or not sobject.has("queryable"):
        raise unsupported_type(soql, source.pos, name)
    return sobject
