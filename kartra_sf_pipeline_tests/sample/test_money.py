"""Payments tell coherent stories, in the shares of a real file, and the truth file knows them."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
import pytest

from kartra_sf_pipeline.sample.subscription_rows import HEADERS
from kartra_sf_pipeline_tests.sample.conftest import Account

# Rows by type in one real file of 348,917.
REAL = {
    "Sale": 47_786, "Rebill": 173_237, "Failed": 63_836, "Cancellation": 40_694,
    "Request Can.": 14_143, "Revert Can.": 644, "Refund": 8_288, "Partial refund": 149,
    "Chargeback": 139,
}  # fmt: skip


def test_the_nine_types_have_their_real_shares(account: Account) -> None:
    counts = dict(account.money["type"].value_counts().iter_rows())
    labelled = set(account.frame("transactions")["transaction_type"].drop_nulls())
    assert set(REAL) <= labelled
    for label, rows in REAL.items():
        assert counts[label] >= 1
        assert abs(counts[label] / len(account.money) - rows / 348_917) < 0.045, label


def test_both_files_of_transactions_overlap(account: Account) -> None:
    frame = account.frame("transactions")
    twice = frame.filter(pl.col("transaction_id").is_duplicated())
    assert 0 < len(twice) < 0.1 * len(frame)
    assert account.money["rows"].sum() == len(frame)
    assert set(account.money["transaction_id"]) == set(frame["transaction_id"])


def test_amounts_are_price_less_discount_and_with_tax(account: Account) -> None:
    sales = account.transactions().filter(pl.col("transaction_type") == "Sale")
    money = sales.select(
        pl.col("paid", "quantity"),
        *(
            pl.col(name).cast(pl.Decimal(18, 2))
            for name in ("base_price", "sales_tax", "shipping_cost", "coupon_discount", "revenue")
        ),
    ).with_columns(net=pl.col("base_price") * pl.col("quantity").cast(pl.Int64))
    total = (
        pl.col("net") - pl.col("coupon_discount") + pl.col("sales_tax") + pl.col("shipping_cost")
    )
    assert money.select((total == pl.col("paid")).all()).item()
    assert money.select(
        (pl.col("revenue") == pl.col("net") - pl.col("coupon_discount")).all()
    ).item()
    assert (sales["paid"] == 0).any()
    assert sales["coupon_code"].drop_nulls().len() > 5
    assert (sales["trial"] == "Yes").any()


def test_what_is_given_back_points_at_a_real_payment_before_it(account: Account) -> None:
    lines = account.transactions()
    back = account.money.filter(pl.col("parent_transaction_id").is_not_null())
    back = back.join(lines, on="transaction_id")
    assert len(back) > 30
    assert (back["paid"] < 0).all()
    pairs = back.join(
        lines.select("transaction_id", "product", "lead_id", "at", "paid", "subscription_id"),
        left_on="parent_transaction_id", right_on="transaction_id", suffix="_sale",
    )  # fmt: skip
    missing = back.filter(pl.col("reason") == "sale_not_found")
    assert len(pairs) == len(back) - len(missing)
    assert (pairs["at"] > pairs["at_sale"]).all()
    assert (pairs["product"] == pairs["product_sale"]).all()
    assert (pairs["paid"].abs() <= pairs["paid_sale"]).all()


def test_no_payment_is_collected_by_a_cancellation(account: Account) -> None:
    lines = account.transactions()
    ends = lines.filter(pl.col("transaction_type").str.contains("Can"))
    assert (ends["paid"] == 0).all()
    failed = lines.filter(pl.col("transaction_type") == "Failed")
    assert (failed["paid"] > 0).any()
    assert (failed["revenue"] == "0.00").all()
    assert (lines["subscription_id"] == "N/A").any()


def test_a_subscription_opens_with_a_sale_and_ends_with_its_cancellation(account: Account) -> None:
    lines = account.transactions().join(
        account.money.select("transaction_id", true_type="type"), on="transaction_id"
    )
    lines = lines.filter(pl.col("subscription_id") != "N/A").sort("subscription_id", "at")
    paid = lines.filter(pl.col("true_type").is_in(["Sale", "Rebill"]))
    opening = paid.group_by("subscription_id").agg(
        pl.col("true_type").first(), sales=(pl.col("true_type") == "Sale").sum()
    )
    assert (opening["true_type"] == "Sale").all()
    assert (opening["sales"] == 1).all()
    ended = lines.filter(pl.col("true_type") == "Cancellation").select("subscription_id", end="at")
    assert ended["subscription_id"].is_unique().all()
    after = paid.join(ended, on="subscription_id").filter(pl.col("at") > pl.col("end"))
    assert after.is_empty()
    auto = lines.filter(pl.col("automatic_cancellation") == "Yes")
    assert len(auto) > 20
    dunned = auto.select("subscription_id", end="at").join(
        lines.filter(pl.col("true_type") == "Failed"), on="subscription_id"
    )
    last_tries = dunned.filter(pl.col("at") >= pl.col("end") - timedelta(days=10))
    tries = last_tries.group_by("subscription_id").len()
    assert tries["len"].min() == 4


@pytest.mark.parametrize(
    ("status", "ended"), [("Cancelled", True), ("Active", False), ("Pending Cancellation", False)]
)
def test_the_status_of_a_subscription_agrees_with_its_payments(
    account: Account, status: str, ended: bool
) -> None:
    table = account.frame("subscriptions").with_columns(
        pl.col("status").replace("Canceled", "Cancelled")
    )
    rows = table.filter(pl.col("status") == status)
    lines = account.frame("transactions").filter(pl.col("transaction_type") == "Cancellation")
    found = rows["subscription_id"].is_in(lines["subscription_id"].to_list())
    assert found.all() if ended else not found.any()
    if status == "Active":
        assert len(rows) > 5
        assert rows["next_payment_date"].str.contains(r"^\d{2} [A-Z][a-z]{2} \d{4}$").all()


def test_the_subscriptions_file_has_its_own_style_and_misses_some(account: Account) -> None:
    path = next(account.folder.glob("report_all_subscriptions_*.csv"))
    assert path.read_text("utf-8-sig").splitlines()[0] == ",".join(HEADERS)
    table = account.frame("subscriptions")
    paid = account.frame("transactions").filter(pl.col("subscription_id") != "N/A")
    known = paid["subscription_id"].unique()
    listed = known.is_in(table["subscription_id"].to_list()).mean()
    assert isinstance(listed, float)
    assert 0.85 < listed < 0.99
    assert table["subscription_id"].is_in(known.to_list()).all()
    assert table["next_payment_amount"].str.starts_with("$").any()
    assert "N/A" in set(table["next_payment_date"].drop_nulls())
    assert {"Active", "Cancelled", "Terminated"} <= set(table["status"])


def test_the_odd_rows_are_there_and_few(account: Account) -> None:
    reasons = dict(account.money["reason"].value_counts().iter_rows())
    for reason in ("unknown_type", "buyer_not_found", "no_subscription", "sale_not_found"):
        assert 1 <= reasons[reason] <= 20, reason
    strangers = account.money.filter(pl.col("contact_id").is_null())
    lines = strangers.join(account.frame("transactions"), on="transaction_id")
    assert not lines["lead_id"].is_in(account.people["contact_id"].to_list()).any()
    assert not lines["buyer_email"].is_in(account.people["email"].to_list()).any()
    assert account.frame("transactions")["transaction_type"].is_null().any()


def test_every_other_buyer_is_found_by_id_or_by_address(account: Account) -> None:
    lines = account.money.filter(pl.col("contact_id").is_not_null()).join(
        account.frame("transactions").unique("transaction_id"), on="transaction_id"
    )
    by_id = lines.filter(pl.col("lead_id").is_not_null())
    assert (by_id["lead_id"] == by_id["contact_id"]).all()
    by_address = lines.filter(pl.col("lead_id").is_null()).join(
        account.people, left_on="buyer_email", right_on="email", suffix="_person"
    )
    assert len(by_address) == lines["lead_id"].null_count()
    assert (by_address["contact_id"] == by_address["contact_id_person"]).all()
    moved = lines.join(account.people, on="contact_id", suffix="_now")
    assert (moved["buyer_email"] != moved["email"]).any()


def test_expected_opportunities_exist(account: Account) -> None:
    money = account.money
    kept = money.filter(pl.col("disposition") == "keep")["opportunity_key"]
    assert kept.is_unique().all()
    listed = "S" + account.frame("subscriptions")["subscription_id"]
    merged = money.filter(pl.col("disposition") == "merge")["opportunity_key"].unique()
    assert merged.is_in(pl.concat([kept, listed]).to_list()).all()
    adjusted = money["adjusts_key"].drop_nulls()
    assert adjusted.is_in(pl.concat([kept, listed]).to_list()).all()


def test_affiliates_earn_what_the_transactions_say(account: Account) -> None:
    lines = account.transactions()
    referred = lines.filter(pl.col("affiliate_username").is_not_null())
    assert 0.05 < len(referred) / len(lines) < 0.3
    affiliates = account.frame("affiliates")
    earned = referred.group_by(username=pl.col("affiliate_username").str.to_lowercase()).agg(
        pl.col("affiliate_revenue").cast(pl.Decimal(18, 2)).sum()
    )
    table = affiliates.select(
        pl.col("username").str.to_lowercase(),
        pl.col("earned", "due", "paid", "reserve").cast(pl.Decimal(18, 2)),
    ).join(earned, on="username")
    assert len(table) > 5
    assert table.select(
        (pl.col("due") + pl.col("paid") + pl.col("reserve") == pl.col("earned")).all()
    ).item()
    gap = (table["earned"] - table["affiliate_revenue"]).abs()
    # A sale that is missing from the file on purpose was earned all the same.
    assert (gap > 0).sum() <= 1
    assert not earned["username"].is_in(affiliates["username"].str.to_lowercase().to_list()).all()
