"""From prepared frames to the source frame of each load phase: joins and policies, no field names.

Each function returns one row per destination record with the columns that the field map names as
sources, the record's key, and the lineage of the row that it is loaded for.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from kartra_sf_pipeline.mapping.model import Policies

LINEAGE = ("source_file", "source_line")

TAGS_CELL = 4_099
"""Characters that one multi-select cell may hold, separators included."""
TAGS_PER_RECORD = 100
VALUE_LENGTH = 255
"""Characters of one picklist value."""


def accounts(companies: pl.DataFrame) -> pl.DataFrame:
    """One row per account."""
    return companies


def affiliates(prepared: pl.DataFrame, derived: pl.DataFrame) -> pl.DataFrame:
    """One row per affiliate, from the export first, else from the sales that name one."""
    kept = prepared.filter(pl.col("disposition") == "keep")
    rows = pl.concat([kept, derived], how="diagonal_relaxed")
    return rows.unique("affiliate_key", keep="first", maintain_order=True).with_columns(
        display_name=pl.coalesce("name", "username", "email")
    )


def products(derived: pl.DataFrame) -> pl.DataFrame:
    """One row per product and price point."""
    point = pl.col("price_point")
    return derived.with_columns(
        display_name=pl.when(point.is_not_null() & (point != pl.col("name")))
        .then(pl.col("name") + " (" + point + ")")
        .otherwise(pl.col("name"))
    )


def pricebook_entries(derived: pl.DataFrame, pricebook_id: str) -> pl.DataFrame:
    """The standard price of each product; the key is the pair of book and product."""
    return derived.with_columns(
        pricebook_id=pl.lit(pricebook_id),
        list_price=pl.col("list_price").fill_null(0),
        entry_key=pl.lit(pricebook_id) + "|" + pl.col("product_key"),
    )


def campaigns(memberships: pl.DataFrame, lists: pl.DataFrame) -> pl.DataFrame:
    """One campaign per list, whether it is in the lists export, on contacts, or both."""
    declared = (
        lists.filter(pl.col("list").is_not_null())
        .select(
            name=pl.col("list").str.strip_chars(),
            list_folded=fold_list(pl.col("list")),
            description="description",
            active=pl.col("active")
            .str.to_lowercase()
            .is_in(["0", "no", "false", "inactive"])
            .not_(),
            source_file="source_file",
            source_line="source_line",
        )
        .unique("list_folded", keep="first", maintain_order=True)
    )
    used = memberships.select(
        name="list_name",
        list_folded="list_folded",
        source_file="source_file",
        source_line="source_line",
    ).unique("list_folded", keep="first", maintain_order=True)
    return (
        pl.concat([declared, used], how="diagonal_relaxed")
        .unique("list_folded", keep="first", maintain_order=True)
        .with_columns(
            active=pl.col("active").fill_null(value=True),
            campaign_key="list:" + pl.col("list_folded"),
        )
        .sort("campaign_key")
    )


def fold_list(name: pl.Expr) -> pl.Expr:
    """Case and spaces do not make two lists of one."""
    return name.str.strip_chars().str.replace_all(r"\s+", " ").str.to_lowercase()


def contacts(unified: pl.DataFrame, companies: pl.DataFrame) -> pl.DataFrame:
    """One row per person, oldest first so that creation order is kept (S22)."""
    known = companies.select("account_key", _known=pl.lit(value=True))
    return (
        unified.join(known, on="account_key", how="left", maintain_order="left")
        .with_columns(
            account_key=pl.when(pl.col("_known")).then(pl.col("account_key")),
            opted_out=pl.col("mailable").fill_null(value=False).not_(),
            # A number that a spreadsheet has spoilt is kept as exported, never as a phone.
            phone=pl.when(pl.col("phone_verdict").fill_null("") != "damaged").then(
                pl.coalesce("phone_e164", "phone_raw").str.slice(0, 40)
            ),
            email_held=pl.when(pl.col("email").is_null()).then(pl.col("email_raw")),
        )
        .drop("_known")
        .sort("joined_at", "contact_key", nulls_last=True)
    )


def opportunities(
    transactions: pl.DataFrame | pl.LazyFrame,
    subscriptions: pl.DataFrame,
    derived: pl.DataFrame,
    people: pl.DataFrame,
    catalogue: pl.DataFrame,
    policies: Policies,
    pricebook_id: str,
) -> pl.DataFrame:
    """One row per one-off sale, subscription, refund and chargeback.

    A subscription's opening payment is its Amount; rebills are rolled up beside it. Refunds and
    chargebacks are negative and name the opportunity that they adjust. Of stored transactions,
    only the rows and columns that become opportunities are read.
    """
    stored = transactions.lazy()
    single = stored.filter(
        (pl.col("disposition") == "keep") & pl.col("opportunity_key").str.starts_with("T")
    ).select(
        "opportunity_key",
        "contact_key",
        "product",
        "product_key",
        "close_date",
        "occurred_at",
        "currency",
        "processor",
        "processor_transaction_id",
        "coupon_code",
        "affiliate_username",
        "adjusts_key",
        "quantity",
        *LINEAGE,
        amount="signed_amount",
        kind="type",
    )
    opening = (
        stored.filter(pl.col("opportunity_key").str.starts_with("S") & (pl.col("type") == "sale"))
        .select(
            "opportunity_key",
            "occurred_at",
            "processor_transaction_id",
            "coupon_code",
            "affiliate_username",
            "quantity",
        )
        .collect(engine="streaming")
        .sort("occurred_at", maintain_order=True)
        .unique("opportunity_key", keep="first", maintain_order=True)
    )
    recurring = pl.concat(
        [subscriptions.filter(pl.col("disposition") == "keep"), derived], how="diagonal_relaxed"
    ).unique("opportunity_key", keep="first", maintain_order=True)
    recurring = recurring.select(
        "opportunity_key",
        "contact_key",
        "product",
        "product_key",
        "currency",
        "processor",
        "recurrence",
        "start_date",
        "end_date",
        "next_payment_date",
        "next_payment_amount",
        "rebill_count",
        "rebill_total",
        "last_payment_on",
        *LINEAGE,
        amount="first_amount",
        subscription_status="status",
        close_date=pl.coalesce("first_paid_on", "start_date"),
        kind=pl.lit("subscription"),
    ).join(opening, on="opportunity_key", how="left", maintain_order="left")
    names = people.select(
        "contact_key",
        "account_key",
        person=pl.concat_str("first_name", "last_name", separator=" ", ignore_nulls=True),
    )
    priced = catalogue.select("product_key", _priced=pl.lit(value=True))
    rows = (
        pl.concat([single.collect(engine="streaming"), recurring], how="diagonal_relaxed")
        .join(names, on="contact_key", how="left", maintain_order="left")
        .join(priced, on="product_key", how="left", maintain_order="left")
    )
    known = rows.select(adjusts_key="opportunity_key", _known=pl.lit(value=True)).unique()
    rows = rows.join(known, on="adjusts_key", how="left", maintain_order="left")
    has_lines = (
        pl.col("_priced").fill_null(value=False)
        & (pl.col("amount") >= 0)
        & pl.col("amount").is_not_null()
    )
    return rows.with_columns(
        name=pl.concat_str(
            pl.coalesce("product", pl.lit("Kartra sale")),
            "person",
            separator=" – ",
            ignore_nulls=True,
        ),
        stage=pl.lit(policies.stage_won),
        has_lines=has_lines,
        pricebook_id=pl.when(has_lines).then(pl.lit(pricebook_id)),
        wave=pl.col("adjusts_key").is_not_null().cast(pl.Int8),
        adjusts_key=pl.when(pl.col("_known")).then(pl.col("adjusts_key")),
    ).sort("wave", "occurred_at", "opportunity_key", nulls_last=True)


def opportunity_contact_roles(rows: pl.DataFrame, policies: Policies) -> pl.DataFrame:
    """The buyer of each opportunity."""
    return rows.filter(pl.col("contact_key").is_not_null()).select(
        "opportunity_key",
        "contact_key",
        *LINEAGE,
        role=pl.lit(policies.contact_role),
        role_key=pl.concat_str(
            "opportunity_key", "contact_key", pl.lit(policies.contact_role), separator="|"
        ),
    )


def opportunity_line_items(rows: pl.DataFrame) -> pl.DataFrame:
    """One line per opportunity of a known product: TotalPrice is what was charged, so that the
    Amount that the org sums from the lines is the amount that was paid.
    """
    return rows.filter("has_lines").select(
        "opportunity_key",
        "product_key",
        "amount",
        "close_date",
        *LINEAGE,
        line_key=pl.col("opportunity_key") + ":1",
        quantity=pl.when(pl.col("quantity") > 0).then(pl.col("quantity")).otherwise(1),
    )


def campaign_members(
    memberships: pl.DataFrame, lists: pl.DataFrame, policies: Policies
) -> pl.DataFrame:
    """One row per contact and list."""
    known = lists.select("campaign_key", "list_folded")
    return (
        memberships.join(known, on="list_folded", how="inner", maintain_order="left")
        .with_columns(
            status=pl.lit(policies.campaign_member_status),
            member_key=pl.col("campaign_key") + "|" + pl.col("contact_key"),
        )
        .unique("member_key", keep="first", maintain_order=True)
        .sort("campaign_key", "contact_key")
    )


def events(bookings: pl.DataFrame, minutes: int) -> pl.DataFrame:
    """One event per booking; Kartra gives no end, so each lasts the configured minutes."""
    return bookings.filter(pl.col("disposition") == "keep").with_columns(
        subject=pl.concat_str(
            pl.coalesce("calendar", pl.lit("Kartra booking")),
            "class",
            separator=" – ",
            ignore_nulls=True,
        ),
        minutes=pl.lit(minutes),
    )


def tasks(notes: pl.DataFrame) -> pl.DataFrame:
    """One completed task per note."""
    first_line = pl.col("note").str.split("\n").list.first().str.strip_chars().str.slice(0, 80)
    return notes.filter(pl.col("disposition") == "keep").with_columns(
        subject=pl.lit("Kartra note: ") + first_line.fill_null("")
    )


def memberships(lists: pl.DataFrame, unified: pl.DataFrame) -> pl.DataFrame:
    """List memberships with the lineage of the contact that holds them."""
    return lists.join(
        unified.select("contact_key", *LINEAGE),
        on="contact_key",
        how="inner",
        maintain_order="left",
    )


def picklist_tags(tags: pl.DataFrame, policies: Policies) -> list[str]:
    """Values of the tags' picklist: all tags, or the most frequent ones over the limit (S36)."""
    counted = _counted(tags)
    keep = policies.tags_in_picklist if counted.height > policies.tags_limit else counted.height
    fits = (pl.col("tag").str.len_chars() <= VALUE_LENGTH) & ~pl.col("tag").str.contains(";")
    return counted.head(keep).filter(fits)["tag"].sort().to_list()


def contact_tags(
    unified: pl.DataFrame, tags: pl.DataFrame, custom: pl.DataFrame, offered: Sequence[str]
) -> pl.DataFrame:
    """One row per contact that has tags, notes or custom fields.

    `offered` are the picklist's values. Per record the picklist takes 100 of them and 4,099
    characters; the most frequent go first and what does not fit goes to the overflow text.
    """
    folded = [value.strip().lower() for value in offered]
    spelling = pl.col("tag_folded").replace_strict(folded, list(offered), default=None)
    ranked = (
        tags.with_columns(_value=spelling.cast(pl.String))
        .join(_counted(tags).select("tag_folded", "contacts"), on="tag_folded")
        .sort(["contact_key", "contacts", "tag_folded"], descending=[False, True, False])
        .with_columns(_offered=pl.col("_value").is_not_null())
        .with_columns(
            _rank=pl.col("_offered").cast(pl.Int32).cum_sum().over("contact_key"),
            _width=(pl.col("_value").str.len_chars().fill_null(0) + 1)
            .cum_sum()
            .over("contact_key"),
        )
        .with_columns(
            _fits=pl.col("_offered")
            & (pl.col("_rank") <= TAGS_PER_RECORD)
            & (pl.col("_width") <= TAGS_CELL)
        )
    )
    per_contact = ranked.group_by("contact_key", maintain_order=True).agg(
        tags=pl.col("_value").filter("_fits"),
        tags_overflow=pl.col("tag").filter(pl.col("_fits").not_()).str.join("; "),
    )
    empty = pl.col("tags_overflow").str.len_chars() == 0
    rows = (
        unified.select("contact_key", "notes", *LINEAGE)
        .join(per_contact, on="contact_key", how="left", maintain_order="left")
        .with_columns(tags_overflow=pl.when(empty.not_()).then(pl.col("tags_overflow")))
        .join(custom, on="contact_key", how="left", maintain_order="left")
    )
    optional = [name for name in rows.columns if name not in ("contact_key", *LINEAGE)]
    return rows.filter(pl.any_horizontal(pl.col(optional).is_not_null()))


def _counted(tags: pl.DataFrame) -> pl.DataFrame:
    return (
        tags.group_by("tag_folded")
        .agg(pl.col("tag").sort().first(), pl.len().alias("contacts"))
        .sort(["contacts", "tag_folded"], descending=[True, False])
    )
