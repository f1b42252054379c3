"""What a SOQL text says, before any name in it is looked up.

`pos` everywhere is the offset of the node's first character in the query, so that an error found
later can still point at it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FieldPath:
    """`Account.Owner.Name` as ("Account", "Owner", "Name")."""

    parts: tuple[str, ...]
    pos: int

    @property
    def text(self) -> str:
        """The path as written."""
        return ".".join(self.parts)


@dataclass(frozen=True, slots=True)
class Call:
    """A function: aggregate, date part, toLabel, FORMAT, convertTimezone; `args` may be empty."""

    name: str
    args: tuple[Expr, ...]
    pos: int


Expr = FieldPath | Call


@dataclass(frozen=True, slots=True)
class Selected:
    """One plain entry of the select list."""

    expr: Expr
    alias: str | None
    pos: int


@dataclass(frozen=True, slots=True)
class SelectedGroup:
    """`FIELDS(ALL)`, `FIELDS(STANDARD)` or `FIELDS(CUSTOM)`; `kind` is upper case."""

    kind: str
    pos: int


@dataclass(frozen=True, slots=True)
class SelectedChildren:
    """A subquery over a child relationship."""

    query: Query
    pos: int


@dataclass(frozen=True, slots=True)
class TypeOf:
    """`TYPEOF What WHEN Account THEN Phone ELSE Name END`."""

    relationship: str
    whens: tuple[tuple[str, tuple[FieldPath, ...]], ...]
    otherwise: tuple[FieldPath, ...]
    pos: int


SelectItem = Selected | SelectedGroup | SelectedChildren | TypeOf


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant; `kind` is one of string, number, date, datetime, boolean, null, range.

    `text` is the source text; a string keeps its escapes (LIKE reads them differently) but not
    its quotes; a range is a date literal such as `LAST_N_DAYS:7`.
    """

    kind: str
    text: str
    pos: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """`left op value` with op one of = != < <= > >= like."""

    left: Expr
    op: str
    value: Literal


@dataclass(frozen=True, slots=True)
class InList:
    """`left [NOT] IN (…)`."""

    left: Expr
    negated: bool
    values: tuple[Literal, ...]


@dataclass(frozen=True, slots=True)
class InQuery:
    """A semi-join, or an anti-join when negated."""

    left: Expr
    negated: bool
    query: Query


@dataclass(frozen=True, slots=True)
class Includes:
    """`left INCLUDES ('a;b', 'c')`; EXCLUDES when negated."""

    left: Expr
    negated: bool
    values: tuple[Literal, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """Negation."""

    condition: Condition


@dataclass(frozen=True, slots=True)
class Junction:
    """`and` or `or` over two conditions or more."""

    op: str
    conditions: tuple[Condition, ...]


Condition = Comparison | InList | InQuery | Includes | Not | Junction


@dataclass(frozen=True, slots=True)
class Ordering:
    """One entry of ORDER BY."""

    expr: Expr
    descending: bool
    nulls_last: bool


@dataclass(frozen=True, slots=True)
class From:
    """`Contact c`, or a child relationship in a subquery, or `c.Account a` after the first."""

    parts: tuple[str, ...]
    alias: str | None
    pos: int


@dataclass(frozen=True, slots=True)
class Query:
    """A whole query or subquery; `counts_only` is `SELECT COUNT()`."""

    select: tuple[SelectItem, ...]
    counts_only: bool
    sources: tuple[From, ...]
    where: Condition | None
    group_by: tuple[Expr, ...]
    having: Condition | None
    order_by: tuple[Ordering, ...]
    limit: int | None
    offset: int | None
    pos: int
