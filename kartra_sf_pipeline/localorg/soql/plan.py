"""A compiled query: SQL to run, and the shape that its rows take in a reply."""

from __future__ import annotations

from dataclasses import dataclass, field

from kartra_sf_pipeline.localorg.schema import Field


@dataclass(frozen=True, slots=True)
class Leaf:
    """A value: the row's column, or for an address its parts by JSON key."""

    index: int
    field: Field
    address: tuple[tuple[str, int], ...] = ()
    label: bool = False
    formatted: bool = False


@dataclass(slots=True)
class RecordShape:
    """A record or parent object in a reply.

    Attributes:
        id_index: the row's column that holds the record's id; its being null means no record.
        entity: the object name, or None when the id's prefix decides.
        shown_as: overrides the `type` attribute: a polymorphic parent is a `Name`.
        members: JSON key to what stands there, in the order of the select list.
        branches: for TYPEOF: object name to the members shown for it.

    """

    id_index: int
    entity: str | None
    shown_as: str | None = None
    members: dict[str, Leaf | RecordShape | ChildPlan] = field(default_factory=dict)
    branches: dict[str, dict[str, Leaf]] | None = None
    otherwise: dict[str, Leaf] = field(default_factory=dict)


@dataclass(slots=True)
class ChildPlan:
    """A subquery: `sql` takes the parents' ids as JSON in `:parents`, and its last column is
    the parent's id.
    """

    sql: str
    params: dict[str, object]
    shape: RecordShape


@dataclass(slots=True)
class AggregateShape:
    """Rows of GROUP BY or of bare aggregates: key to column and type."""

    members: dict[str, Leaf]


@dataclass(frozen=True, slots=True)
class OutputColumn:
    """One flat column, for CSV results and for `columns=true`."""

    name: str
    sql: str
    field: Field
    entity: str
    aggregate: bool = False


@dataclass(slots=True)
class Plan:
    """What `compile_query` gives.

    Attributes:
        entity: the object of FROM.
        columns: SQL of each column that a row has.
        body: SQL from FROM to HAVING.
        order: SQL of ORDER BY and what follows it, LIMIT and OFFSET included.
        outputs: the flat columns of the select list.
        deleted: with the rows of the recycle bin.
        has_children, has_typeof, has_compound: what a bulk query refuses.

    """

    entity: str
    columns: list[str]
    body: str
    order: str
    params: dict[str, object]
    shape: RecordShape | AggregateShape | None
    root_alias: str
    joins: list[str]
    outputs: list[OutputColumn]
    counts_only: bool = False
    grouped: bool = False
    has_children: bool = False
    has_typeof: bool = False
    has_compound: bool = False
    has_long_text: bool = False
    deleted: bool = False
    limit: int | None = None
    offset: int | None = None

    @property
    def aggregate(self) -> bool:
        """True when the rows are AggregateResult."""
        return isinstance(self.shape, AggregateShape)

    def rows_sql(self) -> str:
        """All rows."""
        return f"SELECT {', '.join(self.columns)} {self.body} {self.order}"

    def keys_sql(self) -> str:
        """The ids of all rows, in their order."""
        return f'SELECT {self.root_alias}."Id" {self.body} {self.order}'

    def page_sql(self) -> str:
        """The rows whose ids are the JSON list `:page`, in the list's order."""
        _, *others = self.joins
        alive = "" if self.deleted else f' AND {self.root_alias}."IsDeleted" = 0'
        return (
            f"SELECT {', '.join(self.columns)} FROM json_each(:page) AS page "
            f'JOIN {self.joins[0]} ON {self.root_alias}."Id" = page.value{alive} '
            f"{' '.join(others)} ORDER BY page.key"
        )

    def count_sql(self) -> str:
        """The number of rows."""
        return f"SELECT count(*) FROM (SELECT 1 {self.body} {self.order})"
