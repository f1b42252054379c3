"""The contacts export: a row per contact as Kartra has it today, and as an older export had it."""

from __future__ import annotations

import numpy as np
import polars as pl

from kartra_sf_pipeline.kartra.exports import CONTACTS
from kartra_sf_pipeline.sample import catalogue
from kartra_sf_pipeline.sample.custom_cells import custom_columns, joined_picks
from kartra_sf_pipeline.sample.draw import Bools, Draw, Ints, text, where, zipf
from kartra_sf_pipeline.sample.emails import as_typed
from kartra_sf_pipeline.sample.name_cells import name_columns, phone_columns
from kartra_sf_pipeline.sample.people import People, per_locale
from kartra_sf_pipeline.sample.places import COUNTRY_SPELLINGS

HEADERS: tuple[str, ...] = (
    *CONTACTS.column_names,
    *(identifier for identifier, *_ in catalogue.CUSTOM_FIELDS),
)
_SOURCES = ("single-optin", "double-optin", "helpdesk", "affiliate-signup", "checkout", "import",
            "api", "manual", "0")  # fmt: skip
_NOTES = (
    "Called twice, no answer", "Prefers e-mail.\nDo not call before 10.", "Met at the Berlin event",
    "Asked for an invoice with VAT, see ticket 4471", "VIP", "Said: \"maybe next year\"",
    "Husband also a member\n- check billing\n- send the workbook", "Refund promised; see Anna",
)  # fmt: skip
_STATUSES = ("Subscribed", "Unsubscribed", "Blocklisted", "Spam complaint", "Multiple soft bounces",
             "Do not contact", "Not subscribed", None)  # fmt: skip

# Codes of the truth file, in Kartra's own numbering.
GDPR_OFF, NOT_SUBJECT, ACCEPTED, REFUSED, UNKNOWN, PENDING = range(6)
_GDPR_LABELS = (
    ("Off", "GDPR off"), ("Not subject", "Not_subject"), ("Accepted", "Yes"),
    ("Not accepted", "Declined"), ("Unknown", "unknown"), ("Pending", "Pending"),
)  # fmt: skip


def stamp(seconds: Ints | pl.Series, form: str = "%Y-%m-%d %H:%M:%S") -> pl.Series:
    """Seconds since 1970 as text."""
    return pl.from_epoch(pl.Series(seconds), time_unit="s").dt.strftime(form)


def contact_frame(
    people: People, emails: pl.DataFrame, bought: pl.DataFrame, affiliate_ids: pl.Series
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The block's rows of the contacts file, and what the truth file says of how they were made.

    `bought` has one row per pair of contact (`row`) and `product`.
    """
    draw = people.block.draw("contact cells")
    n = people.size
    names = name_columns(people, emails["email"])
    phones = phone_columns(people, draw)
    buyer = np.zeros(n, dtype=np.bool_)
    buyer[bought["row"].to_numpy()] = True
    consent, gdpr = _consent(draw, people)
    status, blacklisted, deleted = _standing(draw, gdpr, buyer)
    company, website = _company_cells(draw, people)
    address = people.has_address & draw.chance(0.95)
    country = where(draw.chance(0.04), _respelled(people.country), people.country)
    ipv4 = text(
        draw.ints(11, 223), ".", draw.ints(0, 256), ".", draw.ints(0, 256), ".", draw.ints(1, 255)
    )
    ipv6 = text("2a02:", draw.codes(4), ":", draw.codes(4), "::", draw.codes(3))
    ip = where(draw.chance(0.07), ipv6, ipv4)
    # A spreadsheet took some postal codes for numbers.
    lost_zero = (people.locale == 0) & draw.chance(0.08)
    bare_zip = people.postal_code.str.strip_chars_start("0")
    handle = emails["true_email"].str.replace(r"@.*$", "").str.replace_all(r"[^a-z0-9]", "")
    nothing = pl.repeat(None, n, dtype=pl.String, eager=True)
    deleted_at = np.minimum(people.joined + draw.ints(1, 400) * 86_400, people.block.now)

    cells: dict[str, pl.Series] = {
        "id": pl.Series(people.contact_id).cast(pl.String),
        "email": as_typed(draw, emails["email"]),
        "first_name": names["first_name"],
        "middle_name": names["middle_name"],
        "last_name": names["last_name"],
        "last_name2": names["last_name2"],
        "phone": phones["phone"],
        "phone_country_code": phones["phone_country_code"],
        "company": company,
        "address": where(address, people.street, None),
        "city": where(address | draw.chance(0.08), people.city, None),
        "zip": where(address, where(lost_zero, bare_zip, people.postal_code), None),
        "state": where(address, people.state, None),
        "country": where(draw.chance(0.88), country, None),
        "website": website,
        "facebook": where(draw.chance(0.05), text("https://www.facebook.com/", handle), None),
        "twitter": where(draw.chance(0.02), text("https://twitter.com/", handle), None),
        "linkedin": where(draw.chance(0.04), text("https://www.linkedin.com/in/", handle), None),
        "date_joined": stamp(people.joined),
        "ip": where(draw.chance(0.82), ip, None),
        "ip_country": where(draw.chance(0.8), people.country, None),
        "source": draw.pick(_SOURCES, (48, 12, 1, 1, 12, 14, 7, 4, 1)),
        "source_id": nothing,
        "score": pl.Series((draw.exponential(22.0) * draw.chance(0.7)).astype(np.int64)).cast(
            pl.String
        ),
        "tags": _tags(draw, n, bought),
        "lists": _lists(draw, buyer),
        "sequences": joined_picks(
            draw,
            pl.Series([sequence.name for sequence in catalogue.SEQUENCES]),
            draw.choose((40, 34, 18, 8)),
            catalogue.SEQUENCE_WEIGHTS,
            ",",
        ),
        **consent,
        "status": status,
        "blacklisted": where(blacklisted, "1", "0"),
        "sales_tax_id": where(
            draw.chance(0.012),
            text(draw.pick(("DE", "ESB", "NL", "GB")), draw.ints(10**8, 10**9)),
            None,
        ),
        "business_type": where(
            (people.firm >= 0) & draw.chance(0.1),
            draw.pick(("Company", "Sole trader", "Non-profit")),
            None,
        ),
        "lead_preferred_time_zone": where(
            draw.chance(0.3), per_locale("zone").gather(people.locale), None
        ),
        "lead_picture": where(
            draw.chance(0.03),
            text("https://d11n7da8rpqbjy.cloudfront.net/avatar/", draw.codes(16), ".jpg"),
            None,
        ),
        "notes": where(draw.chance(0.03), draw.pick(_NOTES), None),
        "referring_id": where(
            draw.chance(0.04), affiliate_ids.gather(draw.ints(0, len(affiliate_ids))), None
        ),
        "lead_deleted": where(deleted, "1", "0"),
        "lead_deleted_date": where(deleted, stamp(deleted_at), "0000-00-00 00:00:00"),
    }
    custom = custom_columns(people.block.draw("custom fields"))
    rows = pl.DataFrame(cells).select(CONTACTS.column_names).hstack(custom)
    truth = pl.DataFrame(
        {
            "name_shown": names["name_shown"],
            "full_name": names["full_name"],
            "phone_e164": phones["phone_e164"],
            "gdpr_code": gdpr,
            "deleted": deleted,
            "buyer": buyer,
        }
    )
    return rows, truth


def older_version(people: People, rows: pl.DataFrame, email_then: pl.Series) -> pl.DataFrame:
    """The same contacts as an export some weeks older had them: some less was known of each."""
    draw = people.block.draw("older version")
    changed = draw.chance(0.7)

    def was_empty(share: float) -> pl.Expr:
        return pl.lit(pl.Series(changed & draw.chance(share)))

    empty = pl.lit(None, dtype=pl.String)
    pending = pl.Series(changed & draw.chance(0.2)) & rows["gdpr_status"].is_in(["Accepted", "Yes"])
    return rows.with_columns(
        email=email_then,
        phone=pl.when(was_empty(0.2)).then(empty).otherwise("phone"),
        company=pl.when(was_empty(0.2)).then(empty).otherwise("company"),
        last_name=pl.when(was_empty(0.1)).then(empty).otherwise("last_name"),
        website=pl.when(was_empty(0.2)).then(empty).otherwise("website"),
        city=pl.when(was_empty(0.1)).then(pl.lit("Springfield")).otherwise("city"),
        score=(pl.col("score").cast(pl.Int64) * pl.lit(pl.Series(draw.unit())))
        .cast(pl.Int64)
        .cast(pl.String),
        # Tags are added at the end: the older cell is the beginning of the newer one.
        tags=pl.when(was_empty(0.6))
        .then(pl.col("tags").str.replace(r",[^,]*$", ""))
        .otherwise("tags"),
        notes=pl.when(was_empty(0.5)).then(empty).otherwise("notes"),
        gdpr_status=pl.when(pending).then(pl.lit("Pending")).otherwise("gdpr_status"),
        gdpr_status_date=pl.when(pending).then(empty).otherwise("gdpr_status_date"),
        gdpr_communications=pl.when(pending).then(empty).otherwise("gdpr_communications"),
        **{
            "monthly_revenue": pl.when(was_empty(0.3)).then(empty).otherwise("monthly_revenue"),
            "job_title": pl.when(was_empty(0.2)).then(pl.lit("Assistant")).otherwise("job_title"),
        },
    )


def _company_cells(draw: Draw, people: People) -> tuple[pl.Series, pl.Series]:
    form = per_locale("legal_form").gather(people.locale)
    named = np.where(draw.chance(0.78), people.firm, -1)
    linked = np.where(draw.chance(0.4), people.firm, -1)
    website = people.firms.website(draw, linked)
    social = (linked < 0) & draw.chance(0.004)
    page = text(draw.pick(("https://www.facebook.com/", "https://linktr.ee/")), draw.codes(9))
    return people.firms.spelled(draw, named, form), where(social, page, website)


def _respelled(country: pl.Series) -> pl.Series:
    first = {name: forms[0] for name, forms in COUNTRY_SPELLINGS.items()}
    return country.replace(first)


def _consent(draw: Draw, people: People) -> tuple[dict[str, pl.Series], Ints]:
    """The GDPR cells, and Kartra's code of the status."""
    lawful = per_locale("consent_law").to_numpy()[people.locale]
    inside = draw.choose((0, 1, 62, 11, 16, 10))
    outside = draw.choose((0, 66, 7, 0.6, 24, 2.4))
    gdpr = np.where(lawful, inside, outside)
    # The feature was off in the account's first months.
    gdpr = np.where(people.serial < people.block.total * 0.04, GDPR_OFF, gdpr)
    spelling = draw.chance(0.06)
    label = where(
        spelling,
        pl.Series([pair[1] for pair in _GDPR_LABELS]).gather(gdpr),
        pl.Series([pair[0] for pair in _GDPR_LABELS]).gather(gdpr),
    )
    blank = draw.chance(0.015)
    decided = (gdpr == ACCEPTED) | (gdpr == REFUSED)
    at = np.minimum(people.joined + draw.ints(0, 30 * 86_400), people.block.now)
    date = where(draw.chance(0.93), stamp(at, "%d %b %Y %H:%M:%S"), stamp(at))
    never = where(draw.chance(0.2), "0000-00-00 00:00:00", None)
    yes = np.where(gdpr == ACCEPTED, draw.chance(0.84), draw.chance(0.36)) & (gdpr != REFUSED)
    said = where(yes, "Yes", where((gdpr == REFUSED) | draw.chance(0.35), "No", None))
    # A bare digit: Kartra's pages disagree about what it means.
    said = where(draw.chance(0.004), draw.pick(("0", "1")), said)
    ip = text(
        draw.ints(11, 223), ".", draw.ints(0, 256), ".", draw.ints(0, 256), ".", draw.ints(1, 255)
    )
    return {
        "gdpr_status": where(blank, None, label),
        "gdpr_status_date": where(decided, date, never),
        "gdpr_status_ip": where(decided & draw.chance(0.8), ip, None),
        "gdpr_communications": said,
    }, np.where(blank, -1, gdpr)


def _standing(draw: Draw, gdpr: Ints, buyer: Bools) -> tuple[pl.Series, Bools, Bools]:
    """Mailing status, blocklist flag and deletion flag."""
    which = draw.choose((79, 9.5, 1.1, 0.4, 3.2, 0.8, 1.0, 5))
    status = pl.Series(_STATUSES, dtype=pl.String).gather(which)
    declined = (gdpr == REFUSED) & draw.chance(0.6)
    status = where(declined, "Declined commercial messages (GDPR)", status)
    blacklisted = (which == 2) & ~declined
    deleted = draw.chance(0.009) & ~buyer
    return status, blacklisted, deleted


def _tags(draw: Draw, n: int, bought: pl.DataFrame) -> pl.Series:
    """Tags joined by commas: a few for most, dozens for some, and one for each product bought."""
    weights = zipf(len(catalogue.TAGS))
    counts = np.minimum(draw.geometric(np.full(n, 4.6)) - 1, 40)
    drawn = joined_picks(draw, pl.Series(catalogue.TAGS), counts, weights, ",")
    purchased = (
        bought.with_columns(pl.col("product").replace_strict(catalogue.PURCHASE_TAGS))
        .group_by("row", maintain_order=True)
        .agg(pl.col("product").str.join(","))
    )
    return (
        pl.DataFrame({"row": np.arange(n), "drawn": drawn})
        .join(purchased, on="row", how="left", maintain_order="left")
        .select(
            pl.concat_str("drawn", "product", separator=",", ignore_nulls=True).replace("", None)
        )
        .to_series()
    )


def _lists(draw: Draw, buyer: Bools) -> pl.Series:
    weights = [weight for *_, weight in catalogue.LISTS]
    drawn = joined_picks(
        draw,
        pl.Series([name for name, *_ in catalogue.LISTS]),
        draw.choose((6, 34, 30, 18, 9, 3)),
        weights,
        ",",
    )
    add = buyer & ~drawn.fill_null("").str.contains("Customers", literal=True).to_numpy()
    return where(
        add,
        pl.select(
            pl.concat_str(drawn, pl.lit("Customers"), separator=",", ignore_nulls=True)
        ).to_series(),
        drawn,
    )
