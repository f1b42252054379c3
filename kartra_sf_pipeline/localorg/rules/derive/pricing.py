"""Price book entries and opportunity lines."""

from __future__ import annotations

import polars as pl

from kartra_sf_pipeline.localorg.rules.batch import Batch, fetch, keys
from kartra_sf_pipeline.localorg.rules.constraints import MISSING, check_unique_together
from kartra_sf_pipeline.localorg.rules.derive import currencies
from kartra_sf_pipeline.localorg.rules.derive.sales import add_up_lines


def price_entry(batch: Batch) -> None:
    """One price per product and book, the standard price first; name and code are the product's."""
    if not batch.creating.any():
        return
    making = batch.creating
    standard = batch.connection.execute(
        "SELECT Id FROM Pricebook2 WHERE IsStandard = 1 AND IsDeleted = 0"
    ).fetchone()
    standard_id = standard[0] if standard else ""
    # Where the org has several currencies, each has prices of its own.
    money = currencies.has_currencies(batch)
    code = "e.CurrencyIsoCode" if money else "''"
    prices = fetch(
        batch.connection,
        f"SELECT e.Product2Id || {code}, e.UnitPrice FROM json_each(?) k "
        "CROSS JOIN PricebookEntry e ON e.Product2Id = k.value "
        "WHERE e.IsDeleted = 0 AND e.Pricebook2Id = ?",
        {"priced": pl.String, "standard": pl.Float64},
        (keys(batch.value("Product2Id")), standard_id),
    )
    own = batch.value(currencies.FIELD) if money else pl.Series([""] * len(batch))
    frame = pl.DataFrame(
        {
            "priced": batch.value("Product2Id") + own.cast(pl.String).fill_null(""),
            "book": batch.value("Pricebook2Id"),
        }
    ).join(prices.unique("priced"), on="priced", how="left", maintain_order="left")
    # A standard price earlier in the same batch counts.
    in_batch = frame.filter((pl.col("book") == standard_id) & batch.live)["priced"]
    custom = frame["book"] != standard_id
    unpriced = frame["standard"].is_null() & ~frame["priced"].is_in(in_batch.implode())
    batch.fail(
        making & custom & unpriced,
        "STANDARD_PRICE_NOT_DEFINED",
        "No standard price defined for this product",
    )
    same = (batch.value("UseStandardPrice") == 1).fill_null(False) & custom
    batch.fill("UnitPrice", frame["standard"], making & same & frame["standard"].is_not_null())
    check_unique_together(
        batch,
        ("Product2Id", "Pricebook2Id", *((currencies.FIELD,) if money else ())),
        "This price definition already exists in this price book",
    )
    product = batch.look_up("Product2", batch.value("Product2Id"), ["Name", "ProductCode"])
    batch.fill("Name", product["Name"], making)
    batch.fill("ProductCode", product["ProductCode"], making)


def line_entry(batch: Batch) -> None:
    """The price book entry of a new line: given, or found by product in the opportunity's book."""
    making = batch.creating & batch.live
    if not making.any():
        return
    opportunity = batch.look_up(
        "Opportunity", batch.value("OpportunityId"), ["Name", "Pricebook2Id"]
    )
    standard = batch.connection.execute(
        "SELECT Id FROM Pricebook2 WHERE IsStandard = 1 AND IsDeleted = 0"
    ).fetchone()
    book = opportunity["Pricebook2Id"].fill_null(standard[0] if standard else "")
    by_product = making & ~batch.given("PricebookEntryId") & batch.given("Product2Id")
    if by_product.any():
        money = currencies.has_currencies(batch)
        code = "e.CurrencyIsoCode" if money else "''"
        entries = fetch(
            batch.connection,
            f"SELECT e.Product2Id, e.Pricebook2Id || {code}, e.Id FROM json_each(?) k "
            "CROSS JOIN PricebookEntry e ON e.Product2Id = k.value "
            "WHERE e.IsDeleted = 0 AND e.IsActive = 1",
            {"product": pl.String, "book": pl.String, "entry": pl.String},
            (keys(batch.value("Product2Id")),),
        )
        if money:
            deals = batch.value("OpportunityId")
            book += batch.look_up("Opportunity", deals, [currencies.FIELD])[currencies.FIELD]
        found = pl.DataFrame({"product": batch.value("Product2Id"), "book": book}).join(
            entries, on=["product", "book"], how="left", maintain_order="left"
        )["entry"]
        batch.fill("PricebookEntryId", found, by_product & found.is_not_null())
    entry_id = batch.value("PricebookEntryId")
    batch.fail(
        making & entry_id.is_null() & ~batch.given("Product2Id"),
        "REQUIRED_FIELD_MISSING",
        MISSING.format("PricebookEntryId"),
        ["PricebookEntryId"],
    )
    batch.fail(
        making & entry_id.is_null(),
        "FIELD_INTEGRITY_EXCEPTION",
        "field integrity exception: PricebookEntryId "
        "(no active price book entry of this product in the opportunity's price book)",
        ["PricebookEntryId"],
    )
    entry = batch.look_up(
        "PricebookEntry",
        entry_id,
        ["Pricebook2Id", "Product2Id", "UnitPrice", "IsActive", "Name", "ProductCode"],
    )
    batch.fail(
        making & (entry["IsActive"] == 0),
        "FIELD_INTEGRITY_EXCEPTION",
        "field integrity exception: PricebookEntryId (pricebook entry is inactive)",
        ["PricebookEntryId"],
    )
    own_book = opportunity["Pricebook2Id"]
    batch.fail(
        making & own_book.is_not_null() & (own_book != entry["Pricebook2Id"]),
        "FIELD_INTEGRITY_EXCEPTION",
        "field integrity exception: PricebookEntryId (pricebook entry is in a different pricebook "
        "than the one assigned to the opportunity)",
        ["PricebookEntryId"],
    )
    name = pl.DataFrame({"o": opportunity["Name"], "p": entry["Name"]}).select(
        pl.format("{} {}", "o", "p").str.slice(0, 376)
    )
    batch.fill("Name", name.to_series(), making)
    batch.fill("Product2Id", entry["Product2Id"], making)
    batch.fill("ProductCode", entry["ProductCode"], making)
    batch.fill("ListPrice", entry["UnitPrice"], making)


def line_price(batch: Batch) -> None:
    """A line has a quantity that is not zero and one of unit and total price; the other follows."""
    unit, total = batch.given("UnitPrice"), batch.given("TotalPrice")
    batch.fail(
        unit & total,
        "FIELD_INTEGRITY_EXCEPTION",
        "field integrity exception: TotalPrice (may not specify both UnitPrice and TotalPrice)",
        ["TotalPrice"],
    )
    batch.fail(
        batch.creating & ~unit & ~total,
        "REQUIRED_FIELD_MISSING",
        MISSING.format("UnitPrice"),
        ["UnitPrice"],
    )
    batch.fail(
        batch.value("Quantity") == 0,
        "FIELD_INTEGRITY_EXCEPTION",
        "field integrity exception: Quantity (quantity should be nonzero)",
        ["Quantity"],
    )
    quantity = batch.value("Quantity")
    made = batch.creating
    batch.fill("TotalPrice", (batch.value("UnitPrice") * quantity).round(2), made & unit & ~total)
    batch.fill("UnitPrice", (batch.value("TotalPrice") / quantity).round(2), made & total & ~unit)


def after_line(batch: Batch) -> None:
    """Prices of changed lines agree again; opportunities take book and amount from their lines."""
    connection = batch.connection
    changed = batch.live & ~batch.creating
    totals = changed & batch.given("TotalPrice")
    if totals.any():
        connection.execute(
            "UPDATE OpportunityLineItem SET UnitPrice = round(TotalPrice / Quantity, 2) "
            "WHERE Id IN (SELECT value FROM json_each(?))",
            (keys(batch.ids.filter(totals)),),
        )
    if (changed & ~totals).any():
        connection.execute(
            "UPDATE OpportunityLineItem SET TotalPrice = round(UnitPrice * Quantity, 2) "
            "WHERE Id IN (SELECT value FROM json_each(?))",
            (keys(batch.ids.filter(changed & ~totals)),),
        )
    rows = connection.execute(
        "SELECT DISTINCT OpportunityId FROM OpportunityLineItem "
        "WHERE Id IN (SELECT value FROM json_each(?))",
        (keys(batch.ids.filter(batch.live)),),
    ).fetchall()
    opportunities = keys(pl.Series([r[0] for r in rows], dtype=pl.String))
    connection.execute(
        "UPDATE Opportunity SET Pricebook2Id = (SELECT e.Pricebook2Id FROM OpportunityLineItem l "
        "JOIN PricebookEntry e ON e.Id = l.PricebookEntryId "
        "WHERE l.OpportunityId = Opportunity.Id AND l.IsDeleted = 0 LIMIT 1) "
        "WHERE Pricebook2Id IS NULL AND Id IN (SELECT value FROM json_each(?))",
        (opportunities,),
    )
    add_up_lines(connection, opportunities)
