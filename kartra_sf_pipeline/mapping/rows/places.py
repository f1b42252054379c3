"""Codes of states and countries, for orgs that pick them from lists."""

from __future__ import annotations

from typing import Final

import polars as pl

from kartra_sf_pipeline.salesforce.describe import ObjectDescribe

CODE_FIELDS: Final = {
    "Account": ("BillingCountryCode", "BillingStateCode"),
    "Contact": ("MailingCountryCode", "MailingStateCode"),
    "Lead": ("CountryCode", "StateCode"),
}
"""By object: the fields of the address that is written."""


def picks_places(described: ObjectDescribe | None) -> bool:
    """Whether the org takes the codes of this object's address from lists."""
    if described is None or described.name not in CODE_FIELDS:
        return False
    field = described.fields.get(CODE_FIELDS[described.name][0])
    return field is not None and field.createable


def with_place_codes(rows: pl.DataFrame, described: ObjectDescribe | None) -> pl.DataFrame:
    """Add `country_code`, `state_code` and `place_held`.

    Reads `country`, `country_iso2` and `state`. A code is one that the org offers, a state's one
    that it offers under that country; texts are compared without case and accents, with code and
    label. What the org does not offer stands in `place_held`, never in a code. All three are null
    where the org has no such lists.
    """
    asked = [name for name in ("country", "country_iso2", "state") if name in rows.columns]
    if described is None or not picks_places(described) or "country" not in asked:
        nothing = pl.lit(None, dtype=pl.String)
        return rows.with_columns(country_code=nothing, state_code=nothing, place_held=nothing)
    countries, states = (_offered(described, name) for name in CODE_FIELDS[described.name])
    places = rows.select(asked).unique()
    if "country_iso2" not in asked:
        places = places.with_columns(country_iso2=pl.lit(None, dtype=pl.String))
    by_word = countries.select("word", _country="value").unique("word", keep="first")
    found = (
        places.with_columns(_iso=_folded("country_iso2"), _name=_folded("country"))
        .join(by_word, left_on="_iso", right_on="word", how="left")
        .join(by_word, left_on="_name", right_on="word", how="left", suffix="_named")
        .with_columns(
            country_code=pl.coalesce("_country", "_country_named"), _state=_folded("state")
        )
        .join(
            states.select("word", country_code="above", state_code="value").unique(
                ["word", "country_code"], keep="first"
            ),
            left_on=["_state", "country_code"],
            right_on=["word", "country_code"],
            how="left",
        )
        .with_columns(
            place_held=pl.concat_str(
                pl.when(pl.col("state_code").is_null()).then("state"),
                pl.when(pl.col("country_code").is_null()).then("country"),
                separator=", ",
                ignore_nulls=True,
            )
        )
        .with_columns(place_held=pl.when(pl.col("place_held") != "").then("place_held"))
        .select(*asked, "country_code", "state_code", "place_held")
    )
    return rows.join(found, on=asked, how="left", nulls_equal=True, maintain_order="left")


def _offered(described: ObjectDescribe, name: str) -> pl.DataFrame:
    """`value`, `above` (the country's value, for states) and each `word` it is known by."""
    field = described.fields.get(name)
    told = field.labelled_values if field else ()
    plain = tuple((value, value, "") for value in field.picklist_values) if field else ()
    table = pl.DataFrame(
        list(told or plain), schema=["value", "label", "above"], orient="row"
    ).cast(pl.String)
    both = [table.select("value", "above", word=_folded(part)) for part in ("value", "label")]
    return pl.concat(both).unique(maintain_order=True)


def _folded(column: str) -> pl.Expr:
    plain = pl.col(column).str.normalize("NFKD").str.replace_all(r"\p{M}", "")
    return plain.str.to_lowercase().str.strip_chars()
