"""Contacts: every raw row typed, judged and given its disposition."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import polars as pl

from kartra_sf_pipeline.prepare.accounts import AccountKey, account_keys, web_domains
from kartra_sf_pipeline.prepare.codes import clean_id, damaged_id, parse_flag, parse_whole
from kartra_sf_pipeline.prepare.consent import (
    Polarity,
    communications,
    consent_reason,
    gdpr_status,
    mailable,
    mailing_status,
)
from kartra_sf_pipeline.prepare.dates import parse_datetime
from kartra_sf_pipeline.prepare.dispositions import (
    KEEP,
    MERGE,
    QUARANTINE,
    ROW,
    SUPPRESS,
    Rule,
    dispose,
    newest_rows,
    older_extract,
)
from kartra_sf_pipeline.prepare.emails import prepare_emails
from kartra_sf_pipeline.prepare.names import prepare_names
from kartra_sf_pipeline.prepare.nulls import clean, tidy, tidy_lines
from kartra_sf_pipeline.prepare.phones import prepare_phones
from kartra_sf_pipeline.prepare.places import prepare_places
from kartra_sf_pipeline.prepare.survivorship import unify_contacts
from kartra_sf_pipeline.prepare.tags import split_labels, told_delimiters
from kartra_sf_pipeline.prepare.text import null_if_blank
from kartra_sf_pipeline.prepare.web import company_domain, registrable_domains, website

__all__ = ["CONTACT_COLUMNS", "prepare_contacts", "unify_contacts"]

CONTACT_COLUMNS: Final = (
    "contact_key", "kartra_id", "email", "email_raw", "email_verdict", "email_suggestion",
    "first_name", "middle_name", "last_name", "suffix", "salutation", "name_verdict", "name_review",
    "phone_e164", "phone_raw", "phone_verdict", "street", "city", "state", "postal_code", "country",
    "country_iso2", "website", "domain", "company", "account_key", "facebook", "twitter",
    "linkedin", "joined_at", "source", "score", "gdpr_status", "gdpr_status_at", "gdpr_status_ip",
    "communications", "mailing_status", "blocklisted", "deleted", "mailable", "consent_reason",
    "time_zone", "sales_tax_id", "business_type", "picture", "ip", "ip_country", "notes",
    "tags_raw", "tags", "lists_raw", "lists", "sequences_raw", "referring_id", "unreadable_cells",
    "extract_date",
)  # fmt: skip
# Rows that are typed at once: what the steps between leave behind must not grow with the account.
_SLICE: Final = 100_000
_LAST: Final = ("source_file", "source_line", "disposition", "reason", "detail", "merged_into")


def prepare_contacts(
    raw: pl.DataFrame | pl.LazyFrame,
    *,
    zone: str = "America/New_York",
    communications_polarity: Polarity | None = None,
    raw_companies: pl.DataFrame | None = None,
    keyed_by: AccountKey = "domain",
    separators: Mapping[str, pl.DataFrame] | None = None,
) -> pl.DataFrame:
    """One row per raw row, in its order, with `CONTACT_COLUMNS`, the `x__*` columns and lineage.

    A lazy `raw` (a scan of Parquet) never stands in memory whole. `zone` is the account's time
    zone. `communications_polarity` says what a bare 0/1 in the communications column means; without
    it such flags are for review. `raw_companies` lets people join accounts that only a companies
    file knows. `separators` are what joins `tags` and `lists` in each file, where it is known:
    `source_file`, `delimiter`. `merged_into` is the key of the newer copy of a row that another
    extract superseded. Raises SettingsError for an unknown zone.
    """
    rows = raw.lazy()
    names = rows.collect_schema().names()
    joined = rows.select("source_file", "tags", "lists").collect()
    marks = {
        column: told_delimiters(joined, column, (separators or {}).get(column))
        for column in ("tags", "lists")
    }
    height = joined.height
    del joined
    custom = [name for name in names if name.startswith("x__")]
    own = [name for name in CONTACT_COLUMNS if name not in {"contact_key", "account_key"}]
    frame = pl.concat(
        [
            _typed(
                rows.slice(start, _SLICE).collect(), zone, communications_polarity, marks
            ).select(*own, *custom, "source_file", "source_line", "_damaged_id")
            for start in range(0, max(height, 1), _SLICE)
        ],
        rechunk=False,
    )
    # Keys and dispositions join and sort; they get the few columns that they read.
    judged = frame.select(
        "kartra_id", "email", "deleted", "_damaged_id", "company", "website", "domain",
        "extract_date", "source_file", "source_line",
    ).with_row_index(ROW)  # fmt: skip
    judged = _with_accounts(_with_dispositions(_with_keys(judged)), raw_companies, keyed_by)
    found = ("contact_key", "kartra_id", "account_key", *_LAST)
    return frame.with_columns(judged.select(found).get_columns()).select(
        *CONTACT_COLUMNS, *custom, *_LAST
    )


def _typed(
    raw: pl.DataFrame, zone: str, polarity: Polarity | None, marks: dict[str, pl.DataFrame]
) -> pl.DataFrame:
    """Every column that hangs on its own row alone; `contact_key` and `account_key` do not."""
    raw_id = clean_id(pl.col("id"))
    frame = raw.with_columns(
        pl.when(~damaged_id(raw_id)).then(raw_id).alias("kartra_id"),
        damaged_id(raw_id).alias("_damaged_id"),
    )
    frame = _replace(frame, prepare_emails(frame["email"]))
    frame = _replace(frame, prepare_places(frame))
    frame = _replace(frame, prepare_phones(frame))
    frame = _replace(frame, prepare_names(frame))
    frame = frame.with_columns(
        *(split_labels(raw, column, chosen) for column, chosen in marks.items())
    )
    frame = frame.with_columns(
        raw["tags"].alias("tags_raw"),
        raw["lists"].alias("lists_raw"),
        raw["sequences"].alias("sequences_raw"),
        tidy(clean(pl.col("address"))).alias("street"),
        tidy(clean(pl.col("city"))).alias("city"),
        tidy(clean(pl.col("zip"))).alias("postal_code"),
        pl.coalesce(tidy(clean(pl.col("company"))), "name_company").alias("company"),
        website(pl.col("website")).alias("website"),
        *(website(pl.col(name)).alias(name) for name in ("facebook", "twitter", "linkedin")),
        parse_datetime(pl.col("date_joined"), zone).alias("joined_at"),
        clean(pl.col("source")).alias("source"),
        parse_whole(pl.col("score")).alias("score"),
        gdpr_status(pl.col("gdpr_status")).alias("gdpr_status"),
        parse_datetime(pl.col("gdpr_status_date"), zone).alias("gdpr_status_at"),
        clean(pl.col("gdpr_status_ip")).alias("gdpr_status_ip"),
        communications(pl.col("gdpr_communications"), polarity).alias("communications"),
        mailing_status(pl.col("status")).alias("mailing_status"),
        # What cannot be read as "no" blocks: nobody is mailed by a misunderstanding.
        parse_flag(pl.col("blacklisted"))
        .fill_null(clean(pl.col("blacklisted")).is_not_null())
        .alias("blocklisted"),
        parse_flag(pl.col("lead_deleted")).fill_null(False).alias("deleted"),
        clean(pl.col("lead_preferred_time_zone")).alias("time_zone"),
        clean(pl.col("sales_tax_id")).alias("sales_tax_id"),
        tidy(clean(pl.col("business_type"))).alias("business_type"),
        clean(pl.col("lead_picture")).alias("picture"),
        clean(pl.col("ip")).alias("ip"),
        clean(pl.col("ip_country")).alias("ip_country"),
        tidy_lines(pl.col("notes")).alias("notes"),
        clean_id(pl.col("referring_id")).alias("referring_id"),
    )
    frame = frame.with_columns(_unreadable(raw, frame).alias("unreadable_cells"))
    frame = frame.with_columns(consent_reason().alias("consent_reason"), _domain(frame))
    return frame.with_columns(mailable(pl.col("consent_reason")).alias("mailable"))


# Typed columns and the cells that they come from; blank text is no cell.
_TYPED_CELLS: Final = {
    "kartra_id": "id",
    "joined_at": "date_joined",
    "score": "score",
    "gdpr_status_at": "gdpr_status_date",
}


def _unreadable(raw: pl.DataFrame, typed: pl.DataFrame) -> pl.Series:
    """The cells of each row that say something and could not be read with certainty.

    Spreadsheet damage is among them (`4.47E+11`, slash dates): never guessed, held for review.
    """
    cells = raw.select(*_TYPED_CELLS.values(), "blacklisted", "lead_deleted").with_columns(
        *(typed[name].is_null().alias(f"no_{cell}") for name, cell in _TYPED_CELLS.items()),
        *(
            parse_flag(pl.col(c)).is_null().alias(f"no_{c}")
            for c in ("blacklisted", "lead_deleted")
        ),
    )
    flags = cells.select(
        clean(pl.col(cell)).is_not_null() & pl.col(f"no_{cell}")
        for cell in (*_TYPED_CELLS.values(), "blacklisted", "lead_deleted")
    ).with_columns((typed["phone_verdict"] == "damaged").alias("phone"))
    named = [pl.when(pl.col(cell)).then(pl.lit(cell)) for cell in flags.columns]
    joined = pl.concat_str(named, separator=", ", ignore_nulls=True)
    return flags.select(null_if_blank(joined)).to_series()


def _replace(frame: pl.DataFrame, columns: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(columns.get_columns())


def _domain(frame: pl.DataFrame) -> pl.Series:
    """The website's company domain, else that of the address that was meant."""
    hosts = frame.select(
        pl.coalesce("email_suggestion", "email").str.extract(r"@([^@]*)$", 1)
    ).to_series()
    # "@mail.acme.com" is Acme's; "@gmail.com" is nobody's, before and after it is cut down.
    mail = pl.DataFrame({"host": hosts, "cut": registrable_domains(hosts)}).select(
        pl.when(company_domain(pl.col("host")).is_not_null()).then(company_domain(pl.col("cut")))
    )
    return web_domains(frame["website"]).fill_null(mail.to_series()).alias("domain")


def _with_keys(frame: pl.DataFrame) -> pl.DataFrame:
    """Add `contact_key`: the id, else the id that an extract gives this e-mail, else the e-mail."""
    known = (
        frame.filter(pl.col("kartra_id").is_not_null() & pl.col("email").is_not_null())
        .sort("extract_date", ROW, nulls_last=False)
        .unique("email", keep="last", maintain_order=True)
        .select("email", _known_id="kartra_id")
    )
    return (
        frame.join(known, on="email", how="left", maintain_order="left")
        .with_columns(pl.coalesce("kartra_id", "_known_id").alias("kartra_id"))
        .with_columns(
            pl.coalesce("kartra_id", pl.lit("email:") + pl.col("email")).alias("contact_key")
        )
    )


def _with_dispositions(frame: pl.DataFrame) -> pl.DataFrame:
    """Newest extract keeps, older ones merge; deletion in the newest suppresses them all."""
    frame = newest_rows(frame, "contact_key", among=pl.lit(True))
    newest = frame.select(
        pl.col(ROW).alias("newest_row"),
        pl.col("deleted").alias("_newest_deleted"),
    )
    frame = frame.join(newest, on="newest_row", how="left", maintain_order="left")
    deleted = pl.coalesce("_newest_deleted", "deleted")
    nameless = pl.col("contact_key").is_null()
    no_mail = "no e-mail address that could be read stands in for it."
    frame = dispose(
        frame,
        [
            Rule(
                nameless & pl.col("_damaged_id"),
                QUARANTINE,
                "damaged_id",
                pl.lit(f"A spreadsheet has rounded the id away, and {no_mail}"),
            ),
            Rule(
                nameless,
                QUARANTINE,
                "no_identity",
                pl.lit(f"The row has no id, and {no_mail}"),
            ),
            Rule(
                deleted,
                SUPPRESS,
                "deleted_in_kartra",
                pl.lit("Kartra's newest extract marks the contact as deleted."),
            ),
            older_extract(),
        ],
    )
    return frame.with_columns(
        pl.when(pl.col("disposition") == MERGE).then("contact_key").alias("merged_into")
    )


def _with_accounts(
    frame: pl.DataFrame, raw_companies: pl.DataFrame | None, keyed_by: AccountKey
) -> pl.DataFrame:
    """Add `account_key` to kept rows: only they found accounts or join them."""
    kept = frame.filter(pl.col("disposition") == KEEP)
    keys = account_keys(kept, raw_companies, keyed_by=keyed_by).select("account_key")
    keys = keys.with_columns(kept[ROW])
    return frame.join(keys, on=ROW, how="left", maintain_order="left")
