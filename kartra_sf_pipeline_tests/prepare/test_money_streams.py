"""The frames of a whole account, streamed from file to file, and without its subscriptions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest

from kartra_sf_pipeline.kartra.reader import read_folder
from kartra_sf_pipeline.prepare.affiliates import prepare_affiliates
from kartra_sf_pipeline.prepare.products import derive_products
from kartra_sf_pipeline.prepare.spend import contact_spend
from kartra_sf_pipeline.prepare.subscriptions import prepare_subscriptions
from kartra_sf_pipeline.prepare.suppression import follow_people
from kartra_sf_pipeline.prepare.transactions import judge_transactions, prepare_transactions
from kartra_sf_pipeline.sample import write_account
from kartra_sf_pipeline_tests.prepare.commerce_frames import ZONE


@dataclass(frozen=True)
class Account:
    raw: dict[str, pl.DataFrame]
    people: pl.DataFrame
    transactions: Path


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Account:
    folder = tmp_path_factory.mktemp("account")
    write_account(folder / "exports", contacts=400, seed=11, buyers=0.5)
    frames = read_folder(folder / "exports").frames
    people = (
        frames["contacts"]
        .filter(pl.col("id").is_not_null())
        .unique("id", keep="last", maintain_order=True)
        .select(
            pl.col("email").str.to_lowercase(),
            contact_key="id",
            kartra_id="id",
            email_raw="email",
            merged_keys=pl.lit([], pl.List(pl.String)),
        )
    )
    path = folder / "raw_transactions.parquet"
    frames["transactions"].write_parquet(path, row_group_size=97)
    return Account(frames, people, path)


def money(account: Account, *, exported: bool = True) -> pl.DataFrame:
    rows = account.raw["subscriptions"]
    return prepare_transactions(
        account.raw["transactions"], rows if exported else rows.clear(), account.people, zone=ZONE
    )


def test_a_frame_that_streams_is_the_frame_in_memory(account: Account, tmp_path: Path) -> None:
    judged = judge_transactions(
        pl.scan_parquet(account.transactions),
        account.raw["subscriptions"],
        account.people,
        zone=ZONE,
    )
    judged.frame.sink_parquet(tmp_path / "prepared.parquet", row_group_size=101)
    whole = money(account)
    streamed = pl.read_parquet(tmp_path / "prepared.parquet")
    assert streamed.equals(whole)
    decisions = judged.decisions.cast(pl.String)
    assert decisions.equals(whole.select("type", "disposition", "reason"))
    assert judged.frame.collect_schema() == whole.schema
    some = judged.frame.filter(pl.col("disposition") == "keep").select("opportunity_key").collect()
    assert some.height == whole.filter(pl.col("disposition") == "keep").height > 0


def test_frames_made_of_transactions_are_the_same_from_a_stream(account: Account) -> None:
    whole = money(account)
    stream = whole.lazy()
    subscribed = prepare_subscriptions(
        account.raw["subscriptions"], whole, account.people, zone=ZONE
    )
    for one, other in zip(
        subscribed,
        prepare_subscriptions(account.raw["subscriptions"], stream, account.people, zone=ZONE),
        strict=True,
    ):
        assert one.equals(other)
    assert derive_products(whole, subscribed[0]).equals(derive_products(stream, subscribed[0]))
    assert contact_spend(whole).equals(contact_spend(stream))
    for one, other in zip(
        prepare_affiliates(account.raw["affiliates"], whole),
        prepare_affiliates(account.raw["affiliates"], stream),
        strict=True,
    ):
        assert one.equals(other)


def test_people_left_out_take_their_rows_along_in_a_stream(account: Account) -> None:
    gone = account.people.sort("contact_key").gather_every(3)
    stay = account.people.join(gone, on="contact_key", how="anti")
    left_out = gone.with_columns(reason=pl.lit("stale"))
    raw = account.raw["transactions"]
    none = account.raw["subscriptions"].clear()
    expected = follow_people(
        prepare_transactions(raw, none, stay, zone=ZONE),
        raw,
        left_out,
        email="buyer_email",
        lead_id="lead_id",
    )
    judged = judge_transactions(raw.lazy(), none, stay, zone=ZONE, left_out=left_out)
    assert judged.frame.collect().equals(expected)
    assert "person_suppressed" in judged.decisions["reason"]


def test_without_the_subscriptions_file_transactions_tell_their_states(account: Account) -> None:
    given, _ = prepare_subscriptions(
        account.raw["subscriptions"], money(account), account.people, zone=ZONE
    )
    without = money(account, exported=False)
    none, derived = prepare_subscriptions(
        account.raw["subscriptions"].clear(), without, account.people, zone=ZONE
    )
    assert none.is_empty()
    both = given.filter(pl.col("disposition") == "keep").join(
        derived, on="opportunity_key", suffix="_derived"
    )
    # A subscription is known without the file if one of its payments is sound.
    assert both.height > 0.95 * given.height
    # Neither a pause nor the end of a paid-up instalment plan leaves a transaction.
    told = both.filter(pl.col("status").is_in(["active", "pending_cancellation", "cancelled"]))
    right = told.filter(pl.col("status") == pl.col("status_derived"))
    assert right.height > 0.95 * told.height
    for column in ("contact_key", "product_key", "first_amount", "rebill_total", "trial"):
        same = both.filter(pl.col(column).eq_missing(pl.col(f"{column}_derived")))
        assert same.height > 0.95 * both.height, column
    assert derived["trial"].any()
    assert (derived["payment_number"] > 1).any()


def test_every_row_is_decided_once_with_and_without_the_file(account: Account) -> None:
    for exported in (True, False):
        frame = money(account, exported=exported)
        assert frame.select("source_file", "source_line").equals(
            account.raw["transactions"].select("source_file", "source_line")
        )
        assert frame["disposition"].null_count() == 0
        reasons = set(frame["reason"].drop_nulls())
        assert ("first_payment" in reasons) == exported
