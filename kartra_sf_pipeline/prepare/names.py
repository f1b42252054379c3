"""Names of people: split where they came in one cell, never lost, flagged where unsure.

Salesforce wants a last name. Kartra wants none: half-filled names, whole names in the first cell
and companies instead of people are what its files hold.
"""

from __future__ import annotations

from functools import cache
from typing import Final

import nameparser
import polars as pl

from kartra_sf_pipeline.prepare.company_words import (
    company_key,
    company_over_two_cells,
    company_text,
    looks_like_company,
    repeats_company,
    surname_is_company,
    trade_at_the_domain,
)
from kartra_sf_pipeline.prepare.distinct import map_distinct
from kartra_sf_pipeline.prepare.name_division import PARTICLES, divide
from kartra_sf_pipeline.prepare.nulls import clean, tidy
from kartra_sf_pipeline.prepare.surnames import (
    CHINESE_SURNAMES,
    IBERIAN_GIVEN_NAMES,
    IBERIAN_SURNAMES,
    KOREAN_SURNAMES,
    TWO_SURNAME_COUNTRIES,
    VIETNAMESE_SURNAMES,
)
from kartra_sf_pipeline.prepare.text import fold, null_if_blank

NAME_COLUMNS: Final = (
    "first_name", "middle_name", "last_name", "suffix", "salutation", "name_verdict",
    "name_review", "name_company",
)  # fmt: skip

_EMOJI: Final = r"[\p{Emoji_Presentation}\x{2600}-\x{27BF}\x{FE0F}\x{1F3FB}-\x{1F3FF}]"
# Two or three tokens of plain letters, the last of two or more: nothing for a parser to find out.
_PLAIN: Final = r"^(\pL[\pL'’-]+)(?: (\pL[\pL'’-]*\.?))? (\pL[\pL'’-]+)$"
_EAST_ASIAN: Final = VIETNAMESE_SURNAMES | KOREAN_SURNAMES | CHINESE_SURNAMES
_UNSPACED: Final = r"[\p{Han}\p{Hangul}\p{Hiragana}\p{Katakana}\p{Thai}\p{Arabic}\p{Hebrew}]"
_ROMAN: Final = r"^[ivx]{2,5}$"
_COUPLE: Final = r"(?i) (?:&|and|und|et|y|e|\+) |&"
_SALUTATION: Final = r"^((?i:dr|mr|mrs|ms|miss|mx|prof|professor|doctor|rev|reverend)\.?) (.+)$"
_SUFFIX: Final = (
    r"^(.*?[^,\s]),? ((?i:jr|sr|ii|iii|iv|ph\.?d|m\.?d|esq|d\.?d\.?s|cpa|mba|dvm|j\.?d)\.?)$"
)
# What people type to get past a form.
_NOBODY: Final = (
    "test", "tester", "testing", "asdf", "asd", "qwerty", "xxx", "abc", "unknown", "none", "nobody",
    "anonymous", "customer", "friend", "guest", "user", "firstname", "lastname",
)  # fmt: skip
# Slavic patronymics stand second or last; the library knows which order that makes.
_PATRONYMIC: Final = r"(?i)(?:ovich|ovna|evich|evna|ichna|ович|овна|евич|евна|ична|ильич)$"


@cache
def _special_words() -> list[str]:
    """Words whose place in a name is not told by position: titles, particles, suffixes."""
    lexicon = nameparser.Lexicon.default()
    groups = (
        lexicon.titles, lexicon.given_name_titles, lexicon.suffix_acronyms, lexicon.suffix_words,
        lexicon.suffix_acronyms_ambiguous, lexicon.particles, lexicon.particles_ambiguous,
        lexicon.conjunctions, lexicon.conjunctions_ambiguous, lexicon.bound_given_names,
        lexicon.maiden_markers, lexicon.honorific_tails, lexicon.after_given_titles,
    )  # fmt: skip
    return sorted({word.lower() for group in groups for word in group})


def _name(column: str) -> pl.Expr:
    """A name cell without decoration; null where it holds an address or no letter at all."""
    text = tidy(clean(pl.col(column)).str.replace_all(_EMOJI, " ")).str.strip_chars(" *_~|;:")
    text = text.str.replace(r'^"([^"]*)"$', "${1}").str.strip_chars()
    real = text.str.contains(r"\pL") & ~text.str.contains(r"(?i)@|https?:|www\.")
    return pl.when(real).then(text)


def prepare_names(raw: pl.DataFrame) -> pl.DataFrame:
    """From name cells, `company`, `email_raw`, `kartra_id`, `country_iso2` to `NAME_COLUMNS`.

    `last_name` is never null. The verdict says where it came from: `given` (its own cell), `split`
    (out of a whole name), `placeholder` (the e-mail's local part, else the company, else the id) or
    `company` (the name field held a company, which `name_company` then carries). `name_review`
    asks a person to look. Rows keep their order.
    """
    frame = raw.select(
        _name("first_name").alias("_first"),
        _name("middle_name").alias("_middle"),
        _name("last_name").alias("_last"),
        _name("last_name2").alias("_last2"),
        tidy(clean(pl.col("company"))).alias("_company"),
        pl.col("email_raw").str.extract(r"^\s*<?([^@]+)@?", 1).str.strip_chars().alias("_local"),
        pl.col("email_raw").str.to_lowercase().str.extract(r"@\s*([^@\s]+)", 1).alias("_domain"),
        pl.col("kartra_id").alias("_id"),
        pl.col("country_iso2").alias("_country"),
        pl.any_horizontal(
            tidy(clean(pl.col(c))).is_not_null() & _name(c).is_null()
            for c in ("first_name", "middle_name", "last_name")
        ).alias("_junk"),
    )
    frame = _classify(frame)
    frame = _split_whole_names(frame)
    return _assemble(frame)


def _classify(frame: pl.DataFrame) -> pl.DataFrame:
    """Add `_is_company` (and its text), and `_whole`: the name that needs splitting."""
    first, middle, last = pl.col("_first"), pl.col("_middle"), pl.col("_last")
    # A cell that repeats the last name at its end holds the whole name.
    repeated = fold(first).str.ends_with(pl.lit(" ") + fold(last)).fill_null(False)
    cut = first.str.head(first.str.len_chars().cast(pl.Int64) - last.str.len_chars() - 1)
    frame = frame.with_columns(
        pl.when(repeated).then(cut.str.strip_chars(" ,")).otherwise(first).alias("_first"),
        # A second surname alone is the surname.
        pl.when(last.is_null())
        .then(pl.col("_last2"))
        .when(pl.col("_last2").is_null() | fold(last).str.ends_with(fold(pl.col("_last2"))))
        .then(last)
        .otherwise(last + " " + pl.col("_last2"))
        .alias("_last"),
    )
    # Each text is folded once here: inside the tests below it would be folded again each time.
    frame = frame.with_columns(
        company_text(pl.concat_str("_first", "_last", separator=" ", ignore_nulls=True)).alias(
            "_t"
        ),
        company_text(first).alias("_t_first"),
        company_text(last).alias("_t_last"),
        company_text(pl.col("_company")).alias("_t_company"),
    )
    domain = pl.col("_domain")
    one_cell = first.is_null() | last.is_null()
    is_company = (
        (one_cell & (looks_like_company(pl.col("_t")) | trade_at_the_domain(pl.col("_t"), domain)))
        | (~one_cell & company_over_two_cells(pl.col("_t_first"), pl.col("_t_last")))
        | repeats_company(pl.col("_t"), pl.col("_t_company"))
    )
    frame = frame.with_columns(is_company.alias("_is_company"))
    is_company = pl.col("_is_company")
    # The last name alone may be the company's: the first name stays.
    last_is_company = (
        ~is_company
        & ~one_cell
        & (
            repeats_company(pl.col("_t_last"), pl.col("_t_company"))
            | surname_is_company(pl.col("_t_last"), domain)
        )
    )
    whole = (
        pl.when(last.is_null() & middle.is_not_null())
        .then(pl.concat_str("_first", "_middle", separator=" ", ignore_nulls=True))
        .when(last.is_null())
        .then(first)
        .when(first.is_null() & last.str.contains(","))
        .then(last)
    )
    return frame.with_columns(
        pl.when(is_company)
        .then(pl.concat_str("_first", "_last", separator=" ", ignore_nulls=True))
        .alias("_as_company"),
        pl.when(~last_is_company).then(last).alias("_last"),
        last_is_company.alias("_last_is_company"),
        pl.when(last_is_company).then(last).alias("_last_as_company"),
        pl.when(
            ~is_company & (whole.str.contains(r"[ ,.，・]") | whole.str.contains(_UNSPACED + "{2}"))
        )
        .then(whole)
        .alias("_whole"),
    )


def _split_whole_names(frame: pl.DataFrame) -> pl.DataFrame:
    """Add `_s_first` ... `_s_unsure`: the parts of `_whole`."""
    groups = [pl.col("_whole").str.extract(_PLAIN, n) for n in (1, 2, 3)]
    frame = frame.with_columns(
        *(group.alias(f"_g{n}") for n, group in enumerate(groups)),
        *(fold(group).alias(f"_f{n}") for n, group in enumerate(groups)),
    )
    special = _special_words()
    ordinary = [
        ~fold_word(pl.col(f"_g{n}")).is_in(special) & ~pl.col(f"_g{n}").str.contains(_PATRONYMIC)
        for n in range(3)
    ]
    plain = (
        pl.col("_g0").is_not_null()
        & ordinary[0]
        & ordinary[1].fill_null(True)
        & ordinary[2]
        & ~pl.col("_whole").str.contains(_UNSPACED)
        & ~_order_may_differ()
    ).fill_null(False)
    frame = frame.with_columns(plain.alias("_plain"))
    parts = ("first", "middle", "last", "suffix", "salutation")
    outputs = {f"_l_{part}": pl.String for part in parts} | {"_l_unsure": pl.Boolean}
    frame = map_distinct(
        frame,
        ["_whole", "_country"],
        divide,
        outputs,
        where=pl.col("_whole").is_not_null() & ~pl.col("_plain"),
    )
    by_rule = {"first": pl.col("_g0"), "middle": pl.col("_g1"), "last": pl.col("_g2")}
    return frame.with_columns(
        pl.when("_plain")
        .then(by_rule.get(part, pl.lit(None, pl.String)))
        .otherwise(pl.col(f"_l_{part}"))
        .alias(f"_s_{part}")
        for part in parts
    )


def _order_may_differ() -> pl.Expr:
    """True for plain names whose order or number of surnames `divide` should look at."""
    first, middle, last = pl.col("_f0"), pl.col("_f1"), pl.col("_f2")
    capitals = [pl.col(name).str.contains(r"^[\p{Lu}'’-]+$") for name in ("_g0", "_g2")]
    two_surnames = (middle.str.len_chars() > 2) & (
        pl.col("_country").is_in(sorted(TWO_SURNAME_COUNTRIES)).fill_null(False)
        | middle.is_in(sorted(IBERIAN_SURNAMES))
        | (first.is_in(sorted(IBERIAN_GIVEN_NAMES)) & last.is_in(sorted(IBERIAN_SURNAMES)))
    )
    return (
        two_surnames.fill_null(False)
        | first.is_in(sorted(_EAST_ASIAN))
        | (capitals[0] & ~capitals[1])
        | last.str.contains(_ROMAN)
        | fold_word(pl.col("_g1")).is_in(sorted(PARTICLES)).fill_null(False)
    )


def fold_word(word: pl.Expr) -> pl.Expr:
    """One token of a name as the library's word lists spell it."""
    return word.str.to_lowercase().str.strip_chars(".")


def _several_names(last: pl.Expr) -> pl.Expr:
    """True for a last name of several words that does not begin with a particle (van, de la)."""
    particles = sorted(nameparser.Lexicon.default().particles)
    begins = last.str.extract(r"^(\S+) ", 1)
    return (begins.is_not_null() & ~fold_word(begins).is_in(particles)).fill_null(False)


def _assemble(frame: pl.DataFrame) -> pl.DataFrame:
    whole = pl.col("_whole")
    company = pl.coalesce("_as_company", "_last_as_company")
    is_split = whole.is_not_null()
    # Only names whose cells were filled one by one still carry their title and suffix inside.
    suffix = pl.col("_last").str.extract(_SUFFIX, 2)
    last = pl.when(suffix.is_not_null()).then(pl.col("_last").str.extract(_SUFFIX, 1))
    salutation = pl.col("_first").str.extract(_SALUTATION, 1)
    first = pl.when(salutation.is_not_null()).then(pl.col("_first").str.extract(_SALUTATION, 2))
    found_last = (
        pl.when(is_split)
        .then(pl.col("_s_last"))
        .otherwise(last.fill_null(pl.col("_last")).str.strip_chars(" ,"))
    )
    # The company's text goes to the company field; if that says something else, it stays here.
    company_free = pl.col("_company").is_null() | (
        company_key(pl.col("_company")) == company_key(company)
    )
    placeholder = pl.coalesce(
        null_if_blank(pl.col("_local")), "_company", company, pl.lit("Contact ") + pl.col("_id")
    ).fill_null(pl.lit("Unknown"))
    is_company = pl.col("_as_company").is_not_null()
    missing = ~is_company & null_if_blank(found_last).is_null()
    person_first = (
        pl.when(is_split).then(pl.col("_s_first")).otherwise(first.fill_null(pl.col("_first")))
    )
    couple = pl.coalesce(whole, "_first").str.contains(_COUPLE).fill_null(False)
    return frame.select(
        pl.when(~is_company).then(null_if_blank(person_first)).alias("first_name"),
        pl.when(~is_company)
        .then(pl.when(is_split).then(pl.col("_s_middle")).otherwise(pl.col("_middle")))
        .alias("middle_name"),
        pl.when(company.is_not_null() & ~company_free)
        .then(company)
        .when(is_company | missing)
        .then(placeholder)
        .otherwise(found_last)
        .alias("last_name"),
        pl.when(~is_company)
        .then(pl.when(is_split).then(pl.col("_s_suffix")).otherwise(suffix))
        .alias("suffix"),
        pl.when(~is_company)
        .then(pl.when(is_split).then(pl.col("_s_salutation")).otherwise(salutation))
        .alias("salutation"),
        pl.when(is_company | pl.col("_last_is_company"))
        .then(pl.lit("company"))
        .when(missing)
        .then(pl.lit("placeholder"))
        .when(is_split)
        .then(pl.lit("split"))
        .otherwise(pl.lit("given"))
        .alias("name_verdict"),
        (
            is_company
            | missing
            | pl.col("_junk")
            | couple
            | fold(person_first).is_in(_NOBODY).fill_null(False)
            | fold(found_last).is_in(_NOBODY).fill_null(False)
            | pl.col("_l_unsure").fill_null(False)
            # Without a space nobody can tell a Chinese from a Japanese name.
            | (is_split & whole.str.contains(_UNSPACED) & ~whole.str.contains(" ")).fill_null(False)
            | found_last.str.contains(r"^\pL\.?$").fill_null(False)
            | (is_split & pl.col("_middle").is_not_null())
            | (pl.col("_first").is_null() & ~is_split & _several_names(pl.col("_last")))
        ).alias("name_review"),
        pl.when(company_free).then(company).alias("name_company"),
    )
