"""Phone numbers to E.164, or not at all: an unsure number stays as it was written."""

from __future__ import annotations

from typing import Final

import phonenumbers
import polars as pl

from kartra_sf_pipeline.prepare.distinct import map_distinct
from kartra_sf_pipeline.prepare.nulls import clean, tidy

# Digits and the marks that people set between them. Letters (extensions, vanity numbers), slashes
# (two numbers in one cell) and a spreadsheet's exponent are not for guessing.
_DIALLABLE: Final = r"^\+?[\d\s().\-–/]*$"
_TWO_NUMBERS: Final = r"\d{5,}\s*/\s*\d{5,}|/.*/"

# One plan for 25 countries, and that of most numbers in a Kartra account. Whether a number is valid
# hangs on area code and exchange, so that the library need not see each number.
_NANP: Final = frozenset(
    "US CA AG AI AS BB BM BS DM DO GD GU JM KN KY LC MP MS PR SX TC TT VC VG VI".split()  # noqa: SIM905
)


def _is_american_exchange(prefix: str) -> tuple[bool]:
    """True where numbers under this area code and exchange (six digits) are valid."""
    number = phonenumbers.PhoneNumber(country_code=1, national_number=int(prefix) * 10_000 + 4567)
    return (phonenumbers.is_valid_number(number),)


def _to_e164(phone: str, calling_code: str | None, iso2: str | None) -> tuple[str | None]:
    """Parse one number. Its own `+` counts first, then the code column, then the country."""
    regions: list[str | None] = [None] if phone.startswith("+") else []
    if not regions and calling_code:
        found = phonenumbers.region_codes_for_country_code(int(calling_code))
        # The main region of a shared code comes first, unless the address names another one.
        regions += [iso2] if iso2 in found else list(found[:1])
    elif not regions and iso2:
        regions.append(iso2)
    for region in regions:
        try:
            number = phonenumbers.parse(phone, region)
        except phonenumbers.NumberParseException:
            continue
        if number.extension is None and phonenumbers.is_valid_number(number):
            return (phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164),)
    return (None,)


def prepare_phones(raw: pl.DataFrame) -> pl.DataFrame:
    """From `phone`, `phone_country_code`, `country_iso2` to `phone_e164` and `phone_raw`.

    `phone_raw` is what was written, after its code column (`+44 020 7946 0000`); `phone_e164` is
    null unless the number is valid in the plan of the country that the row names. Extensions have
    no place in E.164, so that a number with one stays verbatim. Rows keep their order.
    """
    written = tidy(clean(pl.col("phone")))
    code_digits = (
        clean(pl.col("phone_country_code")).str.replace_all(r"\D", "").str.strip_chars_start("0")
    )
    frame = raw.select(
        written.alias("_written"),
        tidy(clean(pl.col("phone_country_code"))).alias("_code_written"),
        pl.when(code_digits.str.len_bytes().is_between(1, 3)).then(code_digits).alias("_code"),
        pl.col("country_iso2").alias("_iso2"),
    )
    text = pl.col("_written")
    dial = pl.when(text.str.contains(_DIALLABLE) & ~text.str.contains(_TWO_NUMBERS)).then(
        pl.when(text.str.starts_with("+"))
        .then(pl.lit("+") + text.str.replace_all(r"\D", ""))
        .when(text.str.starts_with("00"))
        .then(pl.lit("+") + text.str.replace_all(r"\D", "").str.slice(2))
        .otherwise(text.str.replace_all(r"\D", ""))
    )
    frame = frame.with_columns(
        pl.when(dial.str.len_bytes().is_between(5, 18)).then(dial).alias("_dial")
    )
    return _settle(frame).select(
        "phone_e164",
        pl.when(
            pl.col("_written").is_not_null()
            & pl.col("_code_written").is_not_null()
            & ~pl.col("_written").str.starts_with("+")
        )
        .then(
            pl.when(pl.col("_code_written").str.contains(r"^\d"))
            .then(pl.lit("+") + pl.col("_code_written"))
            .otherwise(pl.col("_code_written"))
            + pl.lit(" ")
            + pl.col("_written")
        )
        .otherwise(pl.col("_written"))
        .alias("phone_raw"),
    )


def _settle(frame: pl.DataFrame) -> pl.DataFrame:
    """Add `phone_e164`: North American numbers by expressions, the others by the library."""
    dial, code, iso2 = pl.col("_dial"), pl.col("_code"), pl.col("_iso2")
    american = (
        dial.str.starts_with("+1")
        | (code == "1").fill_null(False)
        | (code.is_null() & iso2.is_in(sorted(_NANP)).fill_null(False))
    ) & (dial.str.starts_with("+1") | ~dial.str.starts_with("+"))
    ten = dial.str.extract(r"^(?:\+?1)?([2-9]\d{9})$", 1)
    frame = frame.with_columns(
        american.fill_null(False).alias("_american"),
        pl.when(american).then(ten).alias("_ten"),
        pl.when(american).then(ten.str.slice(0, 6)).alias("_exchange"),
    )
    frame = map_distinct(
        frame,
        ["_exchange"],
        _is_american_exchange,
        {"_valid": pl.Boolean},
        where=pl.col("_exchange").is_not_null(),
    ).with_columns(pl.when("_valid").then(pl.lit("+1") + pl.col("_ten")).alias("_by_rule"))
    # Without a plus, a code and a country there is no plan to judge by.
    answerable = dial.str.starts_with("+") | code.is_not_null() | iso2.is_not_null()
    rest = ~pl.col("_american") & dial.is_not_null() & answerable
    settled = map_distinct(
        frame, ["_dial", "_code", "_iso2"], _to_e164, {"_by_library": pl.String}, where=rest
    )
    return settled.with_columns(pl.coalesce("_by_rule", "_by_library").alias("phone_e164"))
