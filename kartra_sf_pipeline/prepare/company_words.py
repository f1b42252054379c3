"""Words by which a company's name is known, and the key under which its spellings meet."""

from __future__ import annotations

from typing import Final

import polars as pl

from kartra_sf_pipeline.prepare.text import null_if_blank, word_set, words

# Legal forms that no person is called.
_LEGAL: Final = word_set(
    """
    llc llp pllc inc incorporated ltd limited gmbh corp corporation plc pty bv nv oy ab ag kg sarl
    sas srl spa sa sl aps lda ltda kft sro ooo pte pvt ug ohg
    """
)
# Enough by themselves where first and last name are given ("Acme" "LLC"). AG, SA, Co and the like
# are surnames or initials somewhere.
_LEGAL_AS_LAST_NAME: Final = r"^(?:llc|llp|pllc|inc|incorporated|ltd|gmbh|corp|corporation|plc)$"
_LEGAL_AT_END: Final = (
    r" (?:llc|llp|pllc|inc|incorporated|ltd|limited|gmbh|corp|corporation|plc|bv|sarl|srl|ltda|co)$"
)
# Words that name an undertaking and are hardly anyone's surname.
_TRADE: Final = (
    r"(?:^| )(?:company|solutions|consulting|consultants|consultancy|services|enterprises|holdings"
    r"|associates|technologies|ministries|foundation|university|academy|agency|studios|clinic"
    r"|institute|logistics|ventures|industries|marketing|properties|partners|group|association"
    r"|department|team|customer service|support|photography|accounting|bookkeeping|wellness"
    r"|coaching|dental|dentistry|realty|real estate|bakery|publishing|nutrition|roofing|software"
    r"|fitness|plumbing|landscaping|construction|boutique|restaurant|insurance|mortgage"
    r"|chiropractic|counseling|electric|interiors|catering|productions|communications|systems)$"
)
_TRADE_NUMBERED: Final = _TRADE.removesuffix("$") + r"(?: \d+)?$"
# Surnames of some, but not where the company field says the same.
_TRADE_IF_REPEATED: Final = (
    r" (?:law|media|music|travel|studio|design|designs|salon|spa|church|school|gym|events|digital"
    r"|health|therapy|training|education|learning|yoga|creative|labs|tech|homes|farm|farms|auto"
    r"|motors|legal|capital|ventures|cafe|club|center|centre|art|arts|books|press|works)(?: \d+)?$"
)
# Not names of companies, though they stand in the company field.
NO_COMPANY: Final = word_set(
    """
    none na nil no nothing self individual personal private home retired student unemployed
    freelance freelancer independent tbd tba test unknown x xx xxx me mine myself own
    """
) | frozenset({"self employed", "n a", "not applicable", "my company", "company", "company name"})


def company_text(name: pl.Expr) -> pl.Expr:
    """A name as the functions below read it: folded words, "&" spelled out."""
    return words(name.str.replace_all("&", " and ", literal=True))


def company_key(name: pl.Expr) -> pl.Expr:
    """A company's name without case, punctuation, legal form and leading "the"; null for none.

    Two texts with one key are one company: "The Acme Co., LLC" and "ACME".
    """
    return key_of_text(company_text(name))


def key_of_text(text: pl.Expr) -> pl.Expr:
    """`company_key` of what `company_text` made."""
    legal = "|".join(sorted(_LEGAL | {"co", "company"}))
    stripped = text.str.replace(r"^the ", "").str.replace(rf"(?: (?:{legal}))+$", "")
    kept = null_if_blank(stripped).fill_null(text)
    return pl.when(~kept.is_in(sorted(NO_COMPANY)) & kept.str.contains(r"[\pL\pN]")).then(kept)


def looks_like_company(text: pl.Expr) -> pl.Expr:
    """True where a text (of `company_text`) in one name cell is a company's name."""
    return (
        text.str.contains(_LEGAL_AT_END)
        | (text.str.contains(_TRADE) & text.str.contains(" ", literal=True))
        | text.str.contains(r" and sons$| and co$")
    ).fill_null(False)


def repeats_company(text: pl.Expr, company: pl.Expr) -> pl.Expr:
    """True where a name field says what the company field says, and it is no sole trader's name.

    Both are texts of `company_text`.
    """
    return (
        text.str.contains(" ", literal=True)
        & (key_of_text(text) == key_of_text(company))
        & (
            company.str.contains(_LEGAL_AT_END)
            | text.str.contains(_LEGAL_AT_END)
            | text.str.contains(_TRADE_NUMBERED)
            | text.str.contains(_TRADE_IF_REPEATED)
        )
    ).fill_null(False)


def company_over_two_cells(first: pl.Expr, last: pl.Expr) -> pl.Expr:
    """True where a company's name was cut into a first and a last name (of `company_text`)."""
    legal = r" (?:llc|inc|ltd|gmbh|corp|plc)$"
    return (
        (first.is_not_null() & last.str.contains(_LEGAL_AS_LAST_NAME))
        | last.str.contains(legal)
        | first.str.contains(legal)
    ).fill_null(False)
