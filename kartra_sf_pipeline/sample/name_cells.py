"""How a person's name ends up in Kartra's name cells, and how a phone number does."""

from __future__ import annotations

import polars as pl

from kartra_sf_pipeline.sample.draw import Draw
from kartra_sf_pipeline.sample.names import name_pools
from kartra_sf_pipeline.sample.people import People, per_locale

# kind, share of contacts. The kinds are the truth file's `name_shown`.
SHAPES: tuple[tuple[str, float], ...] = (
    ("as_is", 57.0),
    ("first_only", 12.0),
    ("full_in_first", 13.0),
    ("full_in_both", 0.8),
    ("last_comma_first", 1.2),
    ("lower", 4.0),
    ("upper", 3.0),
    ("blank", 3.5),
    ("company_in_first", 1.0),
    ("company_in_last", 0.5),
    ("initial", 1.0),
    ("placeholder", 0.8),
    ("email_in_first", 0.5),
    ("titled", 0.9),
    ("couple", 0.4),
    ("spaced", 0.6),
    ("emoji", 0.2),
    ("last_only", 0.4),
)
_PLACEHOLDERS = (
    "test",
    "Friend",
    "asdf",
    "Test Test",
    "n/a",
    "-",
    "Unknown",
    "there",
    "xxx",
    "Guest",
)
_TITLES = ("Dr. ", "Mr. ", "Mrs. ", "Ms ", "Prof. ", "Rev. ")
# The family name stands first, often without a space behind it.
_FAMILY_FIRST = ("CN", "JP", "KR")


def name_columns(people: People, email: pl.Series) -> pl.DataFrame:
    """The four name cells as typed, how (`name_shown`, one of SHAPES) and the `full_name`.

    A person's second record may go by a nickname or hold a slip of the keyboard.
    """
    draw = people.block.draw("name cells")
    second = pl.Series(people.duplicate_of >= 0)
    frame = pl.DataFrame(
        {
            "given": people.given,
            "middle": people.middle,
            "family": people.family,
            "family2": people.family2,
            "suffix": people.suffix,
            "code": per_locale("code").gather(people.locale),
            "nick": name_pools().nickname.gather(people.given_at),
            "firm": people.firms.names.gather(people.firm.clip(min=0)),
            "has_firm": people.firm >= 0,
            "email": email,
            "second": second,
            "nicked": draw.chance(0.45),
            "slipped": draw.chance(0.14),
            "apart": draw.chance(0.5),
            "middled": draw.chance(0.6),
            "placeholder": draw.pick(_PLACEHOLDERS),
            "title": draw.pick(_TITLES, (40, 20, 16, 12, 6, 6)),
            "spouse": draw.pick(("Mary", "John", "Susan", "Mark", "Linda", "Paul", "Ana", "Tom")),
            "smile": draw.pick(("🌻", "✨", "❤", "🚀")),
            "shape": pl.Series([kind for kind, _ in SHAPES]).gather(
                draw.choose([share for _, share in SHAPES])
            ),
        }
    ).with_columns(
        given=pl.when(pl.col("second") & pl.col("nicked") & pl.col("nick").is_not_null())
        .then("nick")
        .otherwise("given"),
        family=pl.when(pl.col("second") & pl.col("slipped"))
        .then(pl.col("family").str.replace(r"^(\w{2})(\w)(\w)", "${1}${3}${2}"))
        .otherwise("family"),
        # A company can only stand in a name cell where there is one.
        shape=pl.when(pl.col("shape").str.starts_with("company") & ~pl.col("has_firm"))
        .then(pl.lit("as_is"))
        .otherwise("shape"),
    )
    family_first = pl.col("code").is_in(_FAMILY_FIRST)
    gap = (
        pl.when(pl.col("code").is_in(_FAMILY_FIRST) & pl.col("apart"))
        .then(pl.lit(""))
        .otherwise(pl.lit(" "))
    )
    surnames = pl.concat_str("family", "family2", separator=" ", ignore_nulls=True)
    full = (
        pl.when(family_first)
        .then(pl.concat_str("family", gap, "given"))
        .otherwise(
            pl.concat_str(
                "given",
                pl.when("middled").then("middle"),
                surnames,
                "suffix",
                separator=" ",
                ignore_nulls=True,
            )
        )
    )
    frame = frame.with_columns(
        full_name=full,
        surnames=surnames,
        # Half of the suffixes stand behind the family name, half of second surnames beside it.
        last=pl.concat_str(
            pl.when(pl.col("apart") | pl.col("family2").is_null())
            .then("family")
            .otherwise(surnames),
            "suffix",
            separator=" ",
            ignore_nulls=True,
        ),
        last2=pl.when("apart").then("family2"),
    )
    return frame.select(
        _chosen("given", _FIRST).alias("first_name"),
        pl.when(pl.col("shape").is_in(("as_is", "lower", "upper")) & pl.col("middled"))
        .then("middle")
        .alias("middle_name"),
        _chosen("last", _LAST).alias("last_name"),
        pl.when(pl.col("shape").is_in(("as_is", "titled", "spaced")))
        .then("last2")
        .alias("last_name2"),
        pl.col("shape").alias("name_shown"),
        "full_name",
    )


_NONE = pl.lit(None, dtype=pl.String)
_FIRST: dict[str, pl.Expr] = {
    "full_in_first": pl.col("full_name"),
    "full_in_both": pl.col("full_name"),
    "last_comma_first": pl.concat_str("surnames", pl.lit(", "), "given"),
    "lower": pl.col("given").str.to_lowercase(),
    "upper": pl.col("given").str.to_uppercase(),
    "blank": _NONE,
    "company_in_first": pl.col("firm"),
    "initial": pl.concat_str(pl.col("given").str.slice(0, 1), pl.lit(".")),
    "placeholder": pl.col("placeholder"),
    "email_in_first": pl.col("email"),
    "titled": pl.concat_str("title", "given"),
    "couple": pl.concat_str("given", pl.lit(" & "), "spouse"),
    "spaced": pl.concat_str(pl.lit("  "), "given", pl.lit(" ")),
    "emoji": pl.concat_str("given", pl.lit(" "), "smile"),
    "last_only": _NONE,
}
_LAST: dict[str, pl.Expr] = {
    "first_only": _NONE,
    "full_in_first": _NONE,
    "last_comma_first": _NONE,
    "lower": pl.col("last").str.to_lowercase(),
    "upper": pl.col("last").str.to_uppercase(),
    "blank": _NONE,
    "company_in_first": _NONE,
    "company_in_last": pl.col("firm"),
    "placeholder": _NONE,
    "email_in_first": _NONE,
    "spaced": pl.concat_str("last", pl.lit("  ")),
}


def _chosen(default: str, forms: dict[str, pl.Expr]) -> pl.Expr:
    cell = pl.when(False).then(_NONE)
    for shape, form in forms.items():
        cell = cell.when(pl.col("shape") == shape).then(form)
    return cell.otherwise(pl.col(default))


def phone_columns(people: People, draw: Draw) -> pl.DataFrame:
    """`phone` and `phone_country_code` as typed and as spreadsheets left them, and `phone_e164`."""
    frame = pl.DataFrame(
        {
            "dial": people.dial,
            "trunk": per_locale("trunk").gather(people.locale),
            "number": people.national,
            "has": people.has_phone & draw.chance(0.93),
            "shape": draw.choose((24, 22, 12, 9, 9, 7, 7, 4, 3, 0.8, 0.5, 0.6, 1.1)),
            "code_shape": draw.choose((46, 26, 28)),
        }
    )
    dial, n = pl.col("dial"), pl.col("number")
    home = pl.concat_str("trunk", "number")
    plus = pl.concat_str(pl.lit("+"), dial)
    american = dial == "1"
    a, b, c = n.str.slice(0, 3), n.str.slice(3, 3), n.str.slice(6)

    def both(us: pl.Expr, other: pl.Expr) -> pl.Expr:
        return pl.when(american).then(us).otherwise(other)

    shapes = (
        home,
        pl.concat_str(plus, n),
        both(pl.concat_str(pl.lit("("), a, pl.lit(") "), b, pl.lit("-"), c),
             pl.concat_str("trunk", a, pl.lit(" "), b, pl.lit(" "), c)),
        both(pl.concat_str(a, b, c, separator="-"), pl.concat_str("trunk", a, pl.lit("-"), b, c)),
        both(pl.concat_str(plus, pl.lit(" ("), a, pl.lit(") "), b, pl.lit("-"), c),
             pl.concat_str(plus, pl.lit(" "), a, pl.lit(" "), b, c)),
        both(pl.concat_str(a, b, c, separator="."), pl.concat_str(pl.lit("00"), dial, n)),
        # A spreadsheet took the number for one and dropped its zero.
        n,
        pl.concat_str(dial, n),
        both(pl.concat_str(pl.lit("1 "), a, pl.lit(" "), b, pl.lit(" "), c),
             pl.concat_str(plus, pl.lit(" (0)"), n)),
        pl.concat_str(home, pl.lit(" ext. "), n.str.slice(-3)),
        pl.concat_str(n.str.slice(0, 1), pl.lit("."), n.str.slice(1, 2), pl.lit("E+"),
                      pl.lit("11")),
        n.str.slice(0, 5),
        pl.concat_str(pl.lit(" "), home),
    )  # fmt: skip
    phone = pl.when(~pl.col("has")).then(None)
    for number, shape in enumerate(shapes):
        phone = phone.when(pl.col("shape") == number).then(shape)
    return frame.select(
        phone.alias("phone"),
        pl.when(~pl.col("has"))
        .then(None)
        .when(pl.col("code_shape") == 0)
        .then(plus)
        .when(pl.col("code_shape") == 1)
        .then(dial)
        .alias("phone_country_code"),
        pl.when("has").then(pl.concat_str(plus, n)).alias("phone_e164"),
    )
