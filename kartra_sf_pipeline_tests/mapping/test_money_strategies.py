"""Every combination of money strategies: each row has one record, and the money adds up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache
from itertools import product

import polars as pl
import pytest

from kartra_sf_pipeline.assets.transform import money_by_currency
from kartra_sf_pipeline.mapping.rows import money, subscriptions
from kartra_sf_pipeline.mapping.rows.catalogue import prices_in_currencies
from kartra_sf_pipeline.mapping.rows.money_fates import (
    DEAL,
    PAYMENT,
    SUBSCRIPTION,
    with_records,
)
from kartra_sf_pipeline.mapping.strategies import Strategies
from kartra_sf_pipeline.prepare.dispositions import counted
from kartra_sf_pipeline.prepare.subscriptions import prepare_subscriptions
from kartra_sf_pipeline.prepare.transactions import prepare_transactions
from kartra_sf_pipeline_tests.mapping.money_account import money_account
from kartra_sf_pipeline_tests.prepare.commerce_frames import PEOPLE, ZONE, raw, transaction

BOOK = "01s000000000001AAA"
COMBINATIONS = [
    Strategies.model_validate(
        dict(
            zip(
                ("transactions", "rebills", "subscriptions", "failed_payments", "line_items"),
                chosen,
                strict=True,
            )
        )
    )
    for chosen in product(
        ("opportunity", "custom_object"),
        ("rolled_up", "own_opportunity", "subscription_history"),
        ("opportunity", "custom_object"),
        ("none", "closed_lost"),
        (True, False),
    )
]


@dataclass(frozen=True)
class Made:
    """What the account becomes under some strategies."""

    plan: pl.DataFrame
    deals: pl.DataFrame
    payments: pl.DataFrame
    subscriptions: pl.DataFrame
    lines: pl.DataFrame

    def keys(self) -> dict[str, set[str]]:
        """Keys of the records, by object."""
        return {
            DEAL: set(self.deals["opportunity_key"]),
            PAYMENT: set(self.payments["transaction_key"]),
            SUBSCRIPTION: set(self.subscriptions["opportunity_key"]),
        }

    def row(self, transaction: str) -> tuple[str, str | None, str | None, str | None]:
        """Disposition, reason, object and key of the newest row of a transaction."""
        newest = self.plan.filter(
            (pl.col("transaction_id") == transaction)
            & (pl.col("reason").fill_null("") != "older_extract")
        )
        columns = ("disposition", "reason", "record_object", "record_key")
        found: tuple[str, str | None, str | None, str | None] = newest.select(columns).row(0)
        return found


def made(chosen: Strategies, *, in_currencies: bool = False) -> Made:
    return _made(chosen.model_dump_json(), in_currencies)


@cache
def _made(told: str, in_currencies: bool) -> Made:
    chosen = Strategies.model_validate_json(told)
    account = money_account()
    transactions = account["transactions_prepared"].lazy()
    people = account["contacts_unified"]
    recurring = subscriptions.recurring(
        transactions,
        account["subscriptions_prepared"],
        account["subscriptions_derived"],
        people,
        chosen,
    )
    deals = money.opportunities(
        transactions,
        recurring,
        people,
        account["products_derived"],
        BOOK,
        chosen,
        in_currencies=in_currencies,
    )
    return Made(
        with_records(transactions, chosen).collect(),
        deals,
        money.transaction_records(transactions, recurring, people, chosen),
        recurring if chosen.subscriptions == "custom_object" else recurring.clear(),
        money.opportunity_line_items(deals),
    )


def named(chosen: Strategies) -> str:
    lines = "lines" if chosen.line_items else "no_lines"
    return "-".join(
        (chosen.transactions, chosen.rebills, chosen.subscriptions, chosen.failed_payments, lines)
    )


every = pytest.mark.parametrize("chosen", COMBINATIONS, ids=named)


@every
def test_each_row_that_arrives_names_a_record_that_is_made(chosen: Strategies) -> None:
    found = made(chosen)
    keys = found.keys()
    arriving = found.plan.filter(pl.col("record_key").is_not_null())
    for sobject, key in arriving.select("record_object", "record_key").iter_rows():
        assert key in keys[sobject]
    for row in found.plan.filter(pl.col("record_key").is_null()).iter_rows(named=True):
        assert row["disposition"] in ("suppress", "quarantine") or row["reason"] == "older_extract"


@every
def test_each_record_of_a_transaction_is_made_by_one_row(chosen: Strategies) -> None:
    found = made(chosen)
    makers = found.plan.filter("own").select("record_object", "record_key")
    assert makers.is_duplicated().sum() == 0
    alone = {
        sobject: {key for key in keys if key.startswith("T")}
        for sobject, keys in found.keys().items()
    }
    for sobject in (DEAL, PAYMENT):
        assert (
            set(makers.filter(pl.col("record_object") == sobject)["record_key"]) == alone[sobject]
        )
    assert not alone[SUBSCRIPTION]
    # A row that makes a record is kept, and says nothing more; whatever is merged says why.
    own = found.plan.filter("own")
    assert set(own["disposition"]) == {"keep"}
    assert own["reason"].null_count() == own.height
    merged = found.plan.filter(pl.col("disposition") == "merge")
    assert merged["reason"].null_count() == 0


@every
def test_the_money_of_all_records_is_the_money_that_moved(chosen: Strategies) -> None:
    found = made(chosen)
    moved = (
        counted(money_account()["transactions_prepared"].lazy())
        .group_by("currency")
        .agg(pl.col("signed_amount").sum())
        .sort("currency")
        .collect()
    )
    parts = [
        found.deals.select("currency", amount="charged"),
        found.deals.select("currency", amount="rebill_total"),
        found.payments.select("currency", "amount"),
        found.subscriptions.select("currency", amount="rebill_total"),
    ]
    held = pl.concat(parts).group_by("currency").agg(pl.col("amount").sum()).sort("currency")
    assert held.rows() == moved.rows()
    # A subscription's record tells what its first payment was; the payment stands elsewhere.
    assert not set(found.subscriptions["opportunity_key"]) & set(found.deals["opportunity_key"])


@every
def test_lookups_lead_to_records_of_an_earlier_wave_or_phase(chosen: Strategies) -> None:
    found = made(chosen)
    keys = found.keys()
    first = set(found.deals.filter(pl.col("wave") == 0)["opportunity_key"])
    assert set(found.deals["adjusts_key"].drop_nulls()) <= first
    assert set(found.deals["subscription_deal_key"].drop_nulls()) <= first
    names = pl.col("adjusts_key").is_not_null() | pl.col("subscription_deal_key").is_not_null()
    assert (found.deals.filter(names)["wave"] == 1).all()
    paid = set(found.payments.filter(pl.col("wave") == 0)["transaction_key"])
    assert set(found.payments["adjusts_key"].drop_nulls()) <= paid
    adjusting = found.payments.filter(pl.col("adjusts_key").is_not_null())
    assert (adjusting["wave"] == 1).all()
    assert set(found.payments["subscription_deal_key"].drop_nulls()) <= keys[DEAL]
    for frame in (found.deals, found.payments):
        assert set(frame["subscription_key"].drop_nulls()) <= keys[SUBSCRIPTION]


@every
def test_only_what_was_won_has_lines_and_only_where_they_are_asked_for(chosen: Strategies) -> None:
    found = made(chosen)
    lined = found.deals.filter("has_lines")
    assert lined.height == found.lines.height
    assert (found.lines.height > 0) <= chosen.line_items
    assert not set(lined["kind"]) & {"failed", "refund", "partial_refund", "chargeback"}
    assert lined["pricebook_id"].null_count() == 0
    assert found.deals.filter(~pl.col("has_lines"))["pricebook_id"].null_count() == (
        found.deals.height - lined.height
    )


def test_payments_of_a_subscription_go_where_the_map_says() -> None:
    folded = made(Strategies())
    assert folded.row("106") == ("merge", "rebill_rolled_up", DEAL, "S900")
    deals = made(Strategies(rebills="own_opportunity"))
    assert deals.row("106") == ("keep", None, DEAL, "T106")
    assert deals.row("105") == ("merge", "first_payment", DEAL, "S900")
    assert deals.row("114") == ("keep", None, DEAL, "T114")
    history = made(Strategies(rebills="subscription_history"))
    assert history.row("106") == ("keep", None, PAYMENT, "T106")
    apart = made(Strategies(subscriptions="custom_object"))
    assert apart.row("105") == ("keep", None, DEAL, "T105")
    assert apart.row("106") == ("merge", "rebill_rolled_up", SUBSCRIPTION, "S900")
    assert apart.row("110") == ("merge", "status_evidence", SUBSCRIPTION, "S900")
    records = made(Strategies(subscriptions="custom_object", transactions="custom_object"))
    assert records.row("105") == ("keep", None, PAYMENT, "T105")
    assert records.row("109") == ("keep", None, PAYMENT, "T109")


def test_rebills_name_their_subscription() -> None:
    own = made(Strategies(rebills="own_opportunity")).deals.filter(pl.col("kind") == "rebill")
    assert dict(own.select("opportunity_key", "subscription_deal_key").iter_rows()) == {
        "T106": "S900", "T107": "S900", "T112": "S901", "T114": "S902", "T115": "S902",
        "T132": "S903",
    }  # fmt: skip
    history = made(
        Strategies(rebills="subscription_history", subscriptions="custom_object")
    ).payments.filter(pl.col("kind") == "rebill")
    assert set(history["subscription_key"]) == {"S900", "S901", "S902", "S903"}
    assert history["subscription_deal_key"].null_count() == history.height


def test_a_failed_payment_is_a_lost_deal_of_no_money() -> None:
    found = made(Strategies(failed_payments="closed_lost"))
    lost = found.deals.filter(pl.col("kind") == "failed")
    assert set(lost["opportunity_key"]) == {"T116", "T108"}
    assert not lost["has_lines"].any()
    assert lost["charged"].sum() == 0
    assert lost["amount"].sum() == 146
    assert found.row("117") == ("suppress", "failed_payment", None, None)
    assert made(Strategies()).row("108") == ("suppress", "failed_payment", None, None)


def test_an_older_copy_goes_where_its_newest_goes() -> None:
    chosen = Strategies(
        transactions="custom_object", rebills="own_opportunity", failed_payments="closed_lost"
    )
    copies = made(chosen).plan.filter(pl.col("reason") == "older_extract")
    assert {row["transaction_id"]: (row["record_object"], row["record_key"])
            for row in copies.iter_rows(named=True)} == {
        "101": (PAYMENT, "T101"), "102": (PAYMENT, "T102"), "105": (DEAL, "S900"),
        "106": (DEAL, "T106"), "108": (DEAL, "T108"), "117": (None, None),
    }  # fmt: skip


def test_each_product_has_a_price_in_every_currency_of_its_deals() -> None:
    deals = made(Strategies(), in_currencies=True).deals
    prices = prices_in_currencies(money_account()["products_derived"], deals, BOOK)
    assert prices["entry_key"].n_unique() == prices.height
    assert {(key, code): str(price) for key, code, price in
            prices.select("product_key", "currency", "list_price").iter_rows()} == {
        ("book--full", "USD"): "50.00", ("club--monthly", "EUR"): "45.00",
        ("club--monthly", "USD"): "49.00", ("course--full", "EUR"): "80.00",
        ("course--full", "USD"): "97.00", ("gift--full", "USD"): "0.00",
    }  # fmt: skip
    assert prices["source_file"].null_count() == 0


def test_where_records_have_currencies_a_deal_that_names_none_has_no_line() -> None:
    transactions = money_account()["transactions_prepared"].with_columns(
        currency=pl.lit(None, pl.String)
    )
    people = money_account()["contacts_unified"]
    none = money_account()["subscriptions_derived"].clear()
    recurring = subscriptions.recurring(
        transactions.lazy(), money_account()["subscriptions_prepared"].clear(), none, people,
        Strategies(),
    )  # fmt: skip
    for in_currencies in (True, False):
        deals = money.opportunities(
            transactions.lazy(), recurring, people, money_account()["products_derived"], BOOK,
            Strategies(), in_currencies=in_currencies,
        )  # fmt: skip
        assert deals["has_lines"].any() != in_currencies


def test_a_deal_keeps_the_tax_and_the_shipping_of_its_payment() -> None:
    account = money_account()
    dear = pl.lit("7.35").cast(pl.Decimal(18, 2))
    transactions = account["transactions_prepared"].with_columns(
        sales_tax=dear, shipping_cost=dear * 2
    )
    chosen = Strategies()
    recurring = subscriptions.recurring(
        transactions.lazy(), account["subscriptions_prepared"], account["subscriptions_derived"],
        account["contacts_unified"], chosen,
    )  # fmt: skip
    deals = money.opportunities(
        transactions.lazy(), recurring, account["contacts_unified"], account["products_derived"],
        BOOK, chosen,
    )  # fmt: skip
    sales = deals.filter(pl.col("kind") == "sale")
    assert sales.height
    told = sales.select(pl.col("sales_tax", "shipping_cost").cast(pl.Float64)).unique().rows()
    assert told == [(7.35, 14.7)]


def test_currencies_of_deals_are_told_apart_and_never_added_up() -> None:
    facts = made(Strategies()).deals
    told = money_by_currency(facts)
    assert told["currency"].to_list() == ["EUR", "USD"]
    assert told["deals"].sum() == facts.height
    euros = facts.filter(pl.col("currency") == "EUR")
    assert told.row(0)[2:] == (euros["charged"].sum(), euros["rebill_total"].sum())


BUYERS = pl.DataFrame(
    {"contact_key": ["1"], "account_key": [None], "first_name": ["Ann"], "last_name": ["Lee"]},
    schema_overrides={"account_key": pl.String},
)


def of_subscriptions(
    transactions: pl.DataFrame, subscriptions_file: pl.DataFrame
) -> dict[str, object]:
    """The facts of the only subscription that these raw frames tell of."""
    paid = prepare_transactions(transactions, subscriptions_file, PEOPLE, zone=ZONE)
    own, derived = prepare_subscriptions(subscriptions_file, paid, PEOPLE, zone=ZONE)
    [row] = subscriptions.recurring(paid.lazy(), own, derived, BUYERS, Strategies()).to_dicts()
    return row


def test_a_superseded_copy_of_the_opening_payment_says_nothing() -> None:
    told = {"subscription_id": "9"}
    older = transaction(
        "Sale", "100", coupon_code="OLD", affiliate_username="wrong", currency="EUR",
        extract_date=date(2026, 1, 1), **told,
    )  # fmt: skip
    newer = transaction("Sale", "100", affiliate_username="right", **told)
    row = of_subscriptions(raw("transactions", older, newer), raw("subscriptions"))
    said = (row["coupon_code"], row["affiliate_username"], row["currency"])
    assert said == (None, "right", "USD")


def test_a_subscription_of_no_known_start_has_the_day_of_its_first_known_payment() -> None:
    rebills = [
        transaction("Rebill", "102", subscription_id="9", date="2026-03-10 12:00:00"),
        transaction("Rebill", "101", subscription_id="9", date="2026-02-10 12:00:00"),
    ]
    dateless = raw("subscriptions", {"subscription_id": "9", "status": "Active"})
    row = of_subscriptions(raw("transactions", *rebills), dateless)
    assert row["close_date"] == date(2026, 2, 10)
