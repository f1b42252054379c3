"""Opportunities: what the stage decides, fiscal periods, and amounts that lines own."""

from __future__ import annotations

import sqlite3

import polars as pl

from kartra_sf_pipeline.localorg.rules.batch import Batch, keys
from kartra_sf_pipeline.localorg.rules.derive.campaigns import recount
from kartra_sf_pipeline.localorg.schema import FORECAST_CATEGORY_NAMES, Stage

_UNKNOWN = Stage("", closed=False, won=False, probability=0, forecast_category="Pipeline")


def stage(batch: Batch) -> None:
    """IsClosed, IsWon, Probability and forecast category follow StageName.

    A stage that the org does not know is accepted and counts as open. Probability and forecast
    category given in the same row are kept.
    """
    given = batch.given("StageName")
    if not given.any():
        _category_from_name(batch)
        return
    known = batch.store.catalog.stages()
    name = batch.value("StageName")
    folded = name.str.to_lowercase()
    distinct = folded.drop_nulls().unique()
    decided = [known.get(n, _UNKNOWN) for n in distinct]

    def by_stage(values: list[object], dtype: type[pl.DataType]) -> pl.Series:
        new = pl.Series(values, dtype=dtype)
        return folded.replace_strict(distinct, new, default=None, return_dtype=dtype)

    batch.fill("IsClosed", by_stage([int(s.closed) for s in decided], pl.Int64), given)
    batch.fill("IsWon", by_stage([int(s.won) for s in decided], pl.Int64), given)
    own = batch.given("Probability")
    probability = by_stage([float(s.probability) for s in decided], pl.Float64)
    batch.fill("Probability", probability, given & ~own)
    named = batch.given("ForecastCategoryName")
    category = by_stage([s.forecast_category for s in decided], pl.String)
    label = by_stage([FORECAST_CATEGORY_NAMES[s.forecast_category] for s in decided], pl.String)
    batch.fill("ForecastCategory", category, given & ~named)
    batch.fill("ForecastCategoryName", label, given & ~named)
    _category_from_name(batch, named)
    updating = given & ~batch.creating & batch.live
    if updating.any():
        before = batch.look_up("Opportunity", batch.ids, ["StageName"])["StageName"]
        moved = updating & (before.str.to_lowercase() != folded).fill_null(False)
        now = pl.repeat(batch.now, len(batch), eager=True)
        batch.fill("LastStageChangeDate", now, moved)


def _category_from_name(batch: Batch, named: pl.Series | None = None) -> None:
    named = batch.given("ForecastCategoryName") if named is None else named
    if not named.any():
        return
    back = {label: category for category, label in FORECAST_CATEGORY_NAMES.items()}
    category = batch.value("ForecastCategoryName").replace_strict(
        list(back), list(back.values()), default=None, return_dtype=pl.String
    )
    batch.fill("ForecastCategory", category, named)


def close_date(batch: Batch) -> None:
    """Fiscal year and quarter of CloseDate; the fiscal year starts in January."""
    given = batch.given("CloseDate")
    if not given.any():
        return
    period = pl.DataFrame({"d": batch.value("CloseDate").str.to_date("%Y-%m-%d")}).select(
        pl.col("d").dt.year().cast(pl.Int64).alias("year"),
        pl.col("d").dt.quarter().cast(pl.Int64).alias("quarter"),
        pl.format("{} {}", pl.col("d").dt.year(), pl.col("d").dt.quarter()).alias("both"),
    )
    batch.fill("FiscalYear", period["year"], given)
    batch.fill("FiscalQuarter", period["quarter"], given)
    batch.fill("Fiscal", period["both"], given)


def locked_by_lines(batch: Batch) -> None:
    """While an opportunity has lines, its Amount is theirs and its price book cannot change."""
    touched = batch.given("Amount") | batch.given("Pricebook2Id")
    for name in ("Amount", "Pricebook2Id", "TotalOpportunityQuantity"):
        if name in batch.cleared:
            touched = touched | batch.cleared[name]
    updating = touched & ~batch.creating & batch.live
    if not updating.any():
        return
    held = batch.look_up("Opportunity", batch.ids, ["HasOpportunityLineItem", "Pricebook2Id"])
    lines = (held["HasOpportunityLineItem"] == 1).fill_null(False) & updating
    if not lines.any():
        return
    book = batch.value("Pricebook2Id")
    other = lines & book.is_not_null() & (book != held["Pricebook2Id"]).fill_null(True)
    if "Pricebook2Id" in batch.cleared:
        other = other | (lines & batch.cleared["Pricebook2Id"])
    batch.fail(
        other,
        "FIELD_INTEGRITY_EXCEPTION",
        "Opportunity's price book cannot be changed while it has products",
        ["Pricebook2Id"],
    )
    # A later Amount is ignored without an error.
    for name in ("Amount", "TotalOpportunityQuantity"):
        if name in batch.values:
            batch.fill(name, pl.repeat(None, len(batch), eager=True), lines)
        if name in batch.cleared:
            batch.cleared[name] = batch.cleared[name] & ~lines


def after_opportunity(batch: Batch) -> None:
    """ExpectedRevenue, the contact role that ContactId asks for, and campaign totals."""
    connection = batch.connection
    ids = batch.ids.filter(batch.live)
    connection.execute(
        "UPDATE Opportunity SET ExpectedRevenue = round(Amount * Probability / 100.0, 2) "
        "WHERE Id IN (SELECT value FROM json_each(?)) "
        "AND ExpectedRevenue IS NOT round(Amount * Probability / 100.0, 2)",
        (keys(ids),),
    )
    with_contact = batch.live & batch.creating & batch.given("ContactId")
    if with_contact.any():
        roles = pl.DataFrame(
            {
                "Id": batch.store.new_ids("OpportunityContactRole", int(with_contact.sum())),
                "OpportunityId": batch.ids.filter(with_contact),
                "ContactId": batch.value("ContactId").filter(with_contact),
            }
        ).with_columns(
            pl.lit(1).alias("IsPrimary"),
            pl.lit(batch.now).alias("CreatedDate"),
            pl.lit(batch.now).alias("LastModifiedDate"),
            pl.lit(batch.now).alias("SystemModstamp"),
            pl.lit(batch.store.user_id).alias("CreatedById"),
            pl.lit(batch.store.user_id).alias("LastModifiedById"),
        )
        batch.store.insert_frame(connection, "OpportunityContactRole", roles)
    if {"CampaignId", "Amount", "StageName"} & set(batch.values):
        rows = connection.execute(
            "SELECT DISTINCT CampaignId FROM Opportunity WHERE CampaignId IS NOT NULL "
            "AND Id IN (SELECT value FROM json_each(?))",
            (keys(ids),),
        ).fetchall()
        recount(connection, [r[0] for r in rows])


def add_up_lines(connection: sqlite3.Connection, opportunities: str) -> None:
    """Amount, quantity and HasOpportunityLineItem from the lines; ids as a JSON array.

    An opportunity that lost its last line keeps its Amount.
    """
    connection.execute(
        "UPDATE Opportunity SET Amount = s.total, TotalOpportunityQuantity = s.pieces, "
        "HasOpportunityLineItem = 1, "
        "ExpectedRevenue = round(s.total * Probability / 100.0, 2) FROM ("
        "SELECT OpportunityId, round(sum(TotalPrice), 2) total, sum(Quantity) pieces "
        "FROM json_each(?) k CROSS JOIN OpportunityLineItem l ON l.OpportunityId = k.value "
        "WHERE l.IsDeleted = 0 GROUP BY 1) s WHERE Opportunity.Id = s.OpportunityId",
        (opportunities,),
    )
    connection.execute(
        "UPDATE Opportunity SET HasOpportunityLineItem = 0 "
        "WHERE Id IN (SELECT value FROM json_each(?)) AND HasOpportunityLineItem = 1 "
        "AND NOT EXISTS (SELECT 1 FROM OpportunityLineItem l "
        "WHERE l.OpportunityId = Opportunity.Id AND l.IsDeleted = 0)",
        (opportunities,),
    )
