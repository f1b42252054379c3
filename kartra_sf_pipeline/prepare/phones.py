"""Phone numbers to E.164, or not at all: an unsure number stays as it was written."""

from __future__ import annotations

from typing import Final

import phonenumbers
import polars as pl
from phonenumbers import PhoneNumberType

from kartra_sf_pipeline.prepare.distinct import map_distinct
from kartra_sf_pipeline.prepare.nulls import clean, tidy

# Digits and the marks that people set between them. Letters (extensions, vanity numbers), slashes
# (two numbers in one cell) and a spreadsheet's exponent are not for guessing.
_DIALLABLE: Final = r"^\+?[\d\s().\-–/]*$"
# The trunk zero that callers from abroad leave out. Italians dial it.
_TRUNK: Final = r"^((?:\+|00)\s*[1-9]\d{0,2}\s*)\(0\)"
_ITALIAN: Final = r"^(?:\+|00)\s*39"
# What a spreadsheet makes of a number that it takes for one: the digits behind the E are gone.
_ROUNDED: Final = r"^\+?\d(?:[.,]\d+)?[Ee]\+?\d+$"
_AS_DECIMAL: Final = r"^(\+?\d{6,})[.,]0$"
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
        number = _valid(phone, region)
        if number is None:
            continue
        code = str(number.country_code)
        if not phone.startswith("+") and phone.startswith(code):
            number = _of_two_readings(number, _valid(f"+{phone}", None))
        if number is not None:
            return (phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164),)
    return (None,)


def _valid(phone: str, region: str | None) -> phonenumbers.PhoneNumber | None:
    try:
        number = phonenumbers.parse(phone, region)
    except phonenumbers.NumberParseException:
        return None
    ok = number.extension is None and phonenumbers.is_valid_number(number)
    return number if ok else None


def _of_two_readings(
    whole: phonenumbers.PhoneNumber, without_code: phonenumbers.PhoneNumber | None
) -> phonenumbers.PhoneNumber | None:
    """Decide where digits begin with the calling code and are valid with it and without it.

    Plans with open lengths (Germany) take a whole mobile number, code and all, for a landline's.
    """
    if without_code is None or without_code == whole:
        return whole
    mobile = {PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE}
    kinds = [phonenumbers.number_type(number) in mobile for number in (whole, without_code)]
    if kinds[0] == kinds[1]:
        return None
    return whole if kinds[0] else without_code


def prepare_phones(raw: pl.DataFrame) -> pl.DataFrame:
    """From `phone`, `phone_country_code`, `country_iso2` to the columns below.

    `phone_e164` is null unless the number is valid in the plan that its `+`, its code column or the
    row's country names. `phone_raw` is what was written, after its code column
    (`+44 020 7946 0000`). `phone_verdict` is `valid`, `unsure` (kept as it was written: an
    extension, two numbers, no plan, no valid number), `damaged` (a spreadsheet has rounded the
    digits away: for review, never to be dialled) or `missing`. Rows keep their order.
    """
    written = tidy(clean(pl.col("phone")))
    code = clean(pl.col("phone_country_code"))
    digits = code.str.replace_all(r"\D", "").str.strip_chars_start("0")
    frame = raw.select(
        written.alias("_written"),
        tidy(code).alias("_code_written"),
        # "+1 876" names an island of a shared plan.
        pl.when(digits.str.len_bytes().is_between(1, 3))
        .then(digits)
        .when(digits.str.contains(r"^1\d{3}$"))
        .then(pl.lit("1"))
        .alias("_code"),
        pl.when(digits.str.contains(r"^1\d{3}$")).then(digits.str.slice(1)).alias("_island"),
        pl.coalesce("country_iso2", code.str.to_uppercase().str.extract(r"^([A-Z]{2})$", 1)).alias(
            "_iso2"
        ),
    )
    frame = frame.with_columns(_dialled(pl.col("_written")).alias("_dial"))
    text, code_written = pl.col("_written"), pl.col("_code_written")
    code_text = (
        pl.when(code_written.str.contains(r"^\d"))
        .then(pl.lit("+") + code_written)
        .otherwise(code_written)
    )
    verdict = (
        pl.when(text.is_null())
        .then(pl.lit("missing"))
        .when(text.str.contains(_ROUNDED))
        .then(pl.lit("damaged"))
        .when(pl.col("phone_e164").is_null())
        .then(pl.lit("unsure"))
        .otherwise(pl.lit("valid"))
    )
    return _settle(frame).select(
        "phone_e164",
        pl.when(text.is_not_null() & code_written.is_not_null() & ~text.str.starts_with("+"))
        .then(code_text + pl.lit(" ") + text)
        .otherwise(text)
        .alias("phone_raw"),
        verdict.alias("phone_verdict"),
    )


def _dialled(text: pl.Expr) -> pl.Expr:
    """The digits to dial, behind a `+` where the number brings its calling code; else null."""
    text = text.str.replace(_AS_DECIMAL, "${1}")
    text = (
        pl.when(text.str.contains(_ITALIAN)).then(text).otherwise(text.str.replace(_TRUNK, "${1} "))
    )
    digits = text.str.replace_all(r"\D", "")
    dial = pl.when(text.str.contains(_DIALLABLE) & ~text.str.contains(_TWO_NUMBERS)).then(
        pl.when(text.str.starts_with("+"))
        .then(pl.lit("+") + digits)
        .when(text.str.starts_with("00"))
        .then(pl.lit("+") + digits.str.slice(2))
        .otherwise(digits)
    )
    return pl.when(dial.str.len_bytes().is_between(4, 18)).then(dial)


def _settle(frame: pl.DataFrame) -> pl.DataFrame:
    """Add `phone_e164`: North American numbers by expressions, the others by the library."""
    dial, code, iso2 = pl.col("_dial"), pl.col("_code"), pl.col("_iso2")
    american = (
        dial.str.starts_with("+1")
        | (code == "1").fill_null(False)
        | (code.is_null() & iso2.is_in(sorted(_NANP)).fill_null(False))
    ) & (dial.str.starts_with("+1") | ~dial.str.starts_with("+"))
    ten = dial.str.extract(r"^(?:\+?1)?([2-9]\d{9})$", 1)
    short = dial.str.extract(r"^(\d{7})$", 1)
    ten = pl.coalesce(ten, pl.col("_island") + short)
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
    rest = pl.col("_ten").is_null() & dial.is_not_null() & answerable
    settled = map_distinct(
        frame, ["_dial", "_code", "_iso2"], _to_e164, {"_by_library": pl.String}, where=rest
    )
    return settled.with_columns(pl.coalesce("_by_rule", "_by_library").alias("phone_e164"))
