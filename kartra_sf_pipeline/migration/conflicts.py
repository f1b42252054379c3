"""Who is right about a field of a record that people made in the org before the migration."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import polars as pl

from kartra_sf_pipeline.migration.current import ORG
from kartra_sf_pipeline.migration.equivalence import canonical
from kartra_sf_pipeline.migration.fields import BoundColumn
from kartra_sf_pipeline.migration.phases import KEY_FIELD, STAMP_FIELD

# A part of one address among the org's own would name a place that nobody lives at.
_ADDRESS = re.compile(
    r"^(Billing|Shipping|Mailing|Other)?"
    r"(Street|City|State|StateCode|PostalCode|Country|CountryCode)$"
)

Rule = Literal["keep_target", "fill_blanks", "overwrite"]


@dataclass(frozen=True, slots=True)
class Conflicts:
    """The rule for each column of a phase, by its name; `default` is for the others.

    A record was there before where it carries no run's stamp: the stamp is written at creation
    alone. Our key is always written.
    """

    default: Rule
    by_column: Mapping[str, Rule] = field(default_factory=dict)
    stamp_field: str = STAMP_FIELD

    def rule_of(self, column: BoundColumn) -> Rule:
        """The rule that holds for a column."""
        if column.name == KEY_FIELD:
            return "overwrite"
        return self.by_column.get(column.name, self.default)

    def forbids(self, column: BoundColumn, columns: Sequence[BoundColumn]) -> pl.Expr:
        """True where the org's record was there before and its value is to stay. Never null.

        For rows that hold `Id` and the org's fields, the stamp among them, under names that end in
        `ORG`. An address is filled as a whole or not at all: `columns` are all of the phase.
        """
        rule = self.rule_of(column)
        if rule == "overwrite":
            return pl.lit(value=False)
        there_before = pl.col("Id").is_not_null() & _is_blank(self.stamp_field, "string")
        if rule == "keep_target":
            return there_before
        blank = pl.all_horizontal(_is_blank_in_org(one) for one in _filled_with(column, columns))
        return there_before & ~blank


def _filled_with(column: BoundColumn, columns: Sequence[BoundColumn]) -> list[BoundColumn]:
    """The columns that are filled together with one, itself included."""
    part = _ADDRESS.match(column.name)
    if part is None:
        return [column]
    found = [(one, _ADDRESS.match(one.name)) for one in columns]
    return [one for one, match in found if match is not None and match[1] == part[1]]


def _is_blank_in_org(column: BoundColumn) -> pl.Expr:
    # A parent without a key of ours is a parent all the same.
    if column.lookup:
        return _is_blank(column.lookup, "reference")
    return _is_blank(column.name, column.type)


def _is_blank(name: str, field_type: str) -> pl.Expr:
    text = canonical(pl.col(name + ORG), field_type)
    if field_type.lower() == "boolean":
        # An unticked checkbox is a blank one: a tick can be added and never be removed.
        return text.fill_null("false") == "false"
    return text.is_null()
