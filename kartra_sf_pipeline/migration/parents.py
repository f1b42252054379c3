"""Parents that the loader finds itself: by a name that the platform takes no reference by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from kartra_sf_pipeline.migration.equivalence import CLEAR, mentions
from kartra_sf_pipeline.migration.fields import BoundColumn
from kartra_sf_pipeline.migration.queries import REST_KEYS, select_each, select_in_bulk
from kartra_sf_pipeline.salesforce.org import Org

# Names that are not unique in an org. Of several parents the one counts of which this holds.
_RATHER = {"Group": ("Type", "Regular"), "Territory2": ("Territory2Model.State", "Active")}


@dataclass(frozen=True, slots=True)
class Parents:
    """Ids of parents by column and folded name; `columns` are those that are sent as ids."""

    columns: tuple[BoundColumn, ...] = ()
    ids: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def as_sent(self, upload: pl.DataFrame) -> pl.DataFrame:
        """The upload with ids in the lookup's own field instead of names in parent columns."""
        sent = upload
        for column in self.columns:
            if column.name in upload.columns:
                assert column.lookup is not None
                sent = sent.with_columns(self._id(column).alias(column.name)).rename(
                    {column.name: column.lookup}
                )
        return sent

    def sent_column(self, column: BoundColumn) -> BoundColumn:
        """The column as it is called in what is sent, and in the results."""
        if column.lookup is None or column.name not in self.ids:
            return column
        return BoundColumn(
            name=column.lookup,
            path=column.lookup,
            type="reference",
            scale=0,
            fold=False,
            createable=column.createable,
            updateable=column.updateable,
        )

    def unknown(self) -> tuple[pl.Expr, pl.Expr]:
        """For each row a sentence on the first name that no parent has, and the lookup it is for.

        Both are null where all are known.
        """
        none = pl.lit(None, pl.String)
        lost = [(c, mentions(pl.col(c.name)) & self._id(c).is_null()) for c in self.columns]
        said = [
            pl.when(is_lost).then(
                pl.lit(f"there is no {c.parent}, or more than one, whose {c.parent_key} is ")
                + pl.col(c.name).str.strip_chars()
            )
            for c, is_lost in lost
        ]
        fields = [pl.when(is_lost).then(pl.lit(c.lookup)) for c, is_lost in lost]
        return pl.coalesce(*said, none), pl.coalesce(*fields, none)

    def _id(self, column: BoundColumn) -> pl.Expr:
        known = self.ids[column.name]
        name = pl.col(column.name)
        found = _folded(name).replace_strict(
            pl.Series(list(known), dtype=pl.String),
            pl.Series(list(known.values()), dtype=pl.String),
            default=None,
            return_dtype=pl.String,
        )
        return pl.when(name == CLEAR).then(pl.lit(CLEAR)).otherwise(found)


def find_parents(
    org: Org, sobject: str, columns: Sequence[BoundColumn], rows: pl.DataFrame, *, every: bool
) -> Parents:
    """Ask for the parents that `rows` name by what is no external id, or with `every` for all.

    A name that several parents have stands for none.
    """
    asked = tuple(c for c in columns if c.lookup and (every or c.by_name))
    return Parents(asked, {column.name: _ids(org, sobject, column, rows) for column in asked})


def _ids(org: Org, sobject: str, column: BoundColumn, rows: pl.DataFrame) -> dict[str, str]:
    assert column.parent is not None
    assert column.parent_key is not None
    wanted = rows.filter(mentions(pl.col(column.name)))[column.name].unique()
    path, value = _RATHER.get(column.parent, (None, None))
    if column.parent == "RecordType":
        path, value = "SobjectType", sobject
    paths = ["Id", column.parent_key, *([path] if path else [])]
    if wanted.len() > REST_KEYS:
        found = select_in_bulk(org, column.parent, paths, f"{column.parent_key} != null")
    else:
        found = select_each(org, column.parent, paths, column.parent_key, wanted)
    named = found.select(
        _folded(pl.col(column.parent_key)).alias("name"),
        "Id",
        rather=(pl.col(path) == value).fill_null(value=False) if path else pl.lit(value=True),
    )
    if column.parent == "RecordType":
        # Another object's record type of that name is no parent.
        named = named.filter("rather")
    best = named.filter(pl.col("rather") | ~pl.col("rather").any().over("name"))
    single = best.filter(pl.len().over("name") == 1)
    return dict(single.select("name", "Id").iter_rows())


def _folded(name: pl.Expr) -> pl.Expr:
    return name.str.strip_chars().str.to_lowercase()
