"""States and countries of an org that picks them from lists: names and codes go together."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import polars as pl

from kartra_sf_pipeline.localorg import standard_data
from kartra_sf_pipeline.localorg.rules.batch import Batch

# What stands before Country, State, CountryCode and StateCode in the names of an address.
PREFIXES: Mapping[str, tuple[str, ...]] = {
    "Account": ("Billing", "Shipping"),
    "Contact": ("Mailing", "Other"),
    "Lead": ("",),
    "User": ("",),
}
_WRONG = (
    "There's a problem with this {0}, even though it may appear correct. Please select a {1} from "
    "the list of valid {2}.: {3}"
)
_INTEGRITY = "FIELD_INTEGRITY_EXCEPTION"


@lru_cache(maxsize=1)
def _countries() -> pl.DataFrame:
    """Folded name, name and code of each country."""
    rows = [(name.casefold(), name, code) for code, name, _ in standard_data.countries()]
    return pl.DataFrame(rows, schema=["key", "name", "code"], orient="row")


@lru_cache(maxsize=1)
def _states() -> pl.DataFrame:
    """Country code, folded name, name and code of each state."""
    rows = [
        (country, name.casefold(), name, code)
        for country, _, states in standard_data.countries()
        for code, name in states
    ]
    return pl.DataFrame(rows, schema=["country", "key", "name", "code"], orient="row")


def addresses(batch: Batch) -> None:
    """Every address of the row: its country is one of the list, its state one of the country."""
    for prefix in PREFIXES[batch.sobject.name]:
        if batch.sobject.field(f"{prefix}CountryCode"):
            _address(batch, prefix)


def _address(batch: Batch, prefix: str) -> None:
    names = [f"{prefix}{n}" for n in ("Country", "CountryCode", "State", "StateCode")]
    if not any(n in batch.values for n in names):
        return
    touched = pl.repeat(False, len(batch), dtype=pl.Boolean, eager=True)
    for name in names:
        touched = touched | batch.given(name)
        if name in batch.cleared:
            touched = touched | batch.cleared[name]
    touched = touched & batch.live
    if not touched.any():
        return
    country, country_code = _place(batch, names[0], names[1])
    state, state_code = _place(batch, names[2], names[3])
    frame = pl.DataFrame({"c": country, "cc": country_code, "s": state, "sc": state_code})
    frame = _resolve(frame)
    _refuse_country(batch, prefix, touched, frame)
    _refuse_state(batch, prefix, touched, frame)
    for name, column in zip(names, ("country", "country_code", "state", "state_code"), strict=True):
        if name not in batch.values:
            batch.values[name] = batch.value(name)
        batch.fill(name, frame[column], touched)
        gone = touched & frame[column].is_null() & ~batch.creating
        before = batch.cleared.get(name)
        batch.cleared[name] = gone if before is None else before | gone


def _place(batch: Batch, name: str, code: str) -> tuple[pl.Series, pl.Series]:
    """Name and code to look for: the new ones of the row, else the name that it has."""
    held = batch.look_up(batch.sobject.name, batch.ids, [name])
    renewed = batch.given(name) | batch.given(code)
    for part in (name, code):
        if part in batch.cleared:
            renewed = renewed | batch.cleared[part]
    keep = ~renewed & ~batch.creating
    frame = pl.DataFrame(
        {
            "name": batch.value(name),
            "code": batch.value(code),
            "held": held[name],
            "keep": keep,
        }
    ).select(
        pl.when("keep").then("held").otherwise("name").alias("name"),
        pl.when(~pl.col("keep")).then("code").alias("code"),
    )
    return frame["name"], frame["code"]


def _resolve(frame: pl.DataFrame) -> pl.DataFrame:
    """Adds country, country_code, state, state_code: null where nothing in the lists fits."""
    by_code = _countries().select("name", "code")
    by_name = _countries().select("key", "code")
    frame = (
        frame.with_columns(
            pl.col("c").str.to_lowercase().alias("ck"),
            pl.col("cc").str.to_uppercase().alias("cc"),
            pl.col("s").str.to_lowercase().alias("sk"),
            pl.col("sc").str.to_uppercase().alias("sc"),
        )
        .join(by_name, left_on="ck", right_on="key", how="left", maintain_order="left")
        .with_columns(pl.coalesce("cc", "code").alias("found"))
        .drop("code")
        .join(by_code, left_on="found", right_on="code", how="left", maintain_order="left")
        .with_columns(
            pl.col("name").alias("country"),
            pl.when(pl.col("name").is_not_null()).then("found").alias("country_code"),
        )
        .drop("name", "found")
    )
    state_names = _states().select("country", "key", "code")
    states = _states().select("country", "code", "name").unique(["country", "code"])
    return (
        frame.join(
            state_names,
            left_on=["country_code", "sk"],
            right_on=["country", "key"],
            how="left",
            maintain_order="left",
        )
        .with_columns(pl.coalesce("sc", "code").alias("found"))
        .join(
            states,
            left_on=["country_code", "found"],
            right_on=["country", "code"],
            how="left",
            maintain_order="left",
        )
        .with_columns(
            pl.col("name").alias("state"),
            pl.when(pl.col("name").is_not_null()).then("found").alias("state_code"),
        )
    )


def _label(batch: Batch, name: str) -> str:
    described = batch.sobject.field(name)
    return described.label if described else name


def _refuse_code(batch: Batch, name: str, cells: pl.Series, mask: pl.Series, what: str) -> None:
    text = pl.DataFrame({"v": cells}).select(
        pl.format(
            "The {} field contains {}, which isn't an available {}.",
            pl.lit(name),
            "v",
            pl.lit(what),
        )
    )
    batch.fail(mask, _INTEGRITY, text.to_series(), [name])


def _refuse_country(batch: Batch, prefix: str, touched: pl.Series, frame: pl.DataFrame) -> None:
    unknown = touched & frame["country"].is_null()
    code = f"{prefix}CountryCode"
    mask = unknown & frame["cc"].is_not_null()
    _refuse_code(batch, code, frame["cc"], mask, "country/territory")
    name = f"{prefix}Country"
    message = _WRONG.format("country", "country/territory", "countries", _label(batch, name))
    batch.fail(unknown & frame["c"].is_not_null(), _INTEGRITY, message, [name])


def _refuse_state(batch: Batch, prefix: str, touched: pl.Series, frame: pl.DataFrame) -> None:
    for column, part in (("sc", "StateCode"), ("s", "State")):
        batch.fail(
            touched & frame[column].is_not_null() & frame["country"].is_null(),
            _INTEGRITY,
            "A country/territory must be specified before specifying a state value for field: "
            + _label(batch, prefix + part),
            [prefix + part],
        )
    unknown = touched & frame["state"].is_null()
    code, name = f"{prefix}StateCode", f"{prefix}State"
    _refuse_code(batch, code, frame["sc"], unknown & frame["sc"].is_not_null(), "state")
    message = _WRONG.format("state", "state", "states", _label(batch, name))
    batch.fail(unknown & frame["s"].is_not_null(), _INTEGRITY, message, [name])
