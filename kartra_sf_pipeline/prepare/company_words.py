"""Words by which a company's name is known, and the key under which its spellings meet."""

from __future__ import annotations

from typing import Final

import polars as pl

from kartra_sf_pipeline.prepare.surnames import VIETNAMESE_SURNAMES
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
_TRADE_AS_LAST_NAME: Final = word_set(
    """
    solutions consulting services enterprises technologies foundation university studios marketing
    photography coaching fitness yoga software digital media insurance realty accounting
    consultancy holdings industries associates properties ventures productions ministries
    construction landscaping plumbing roofing catering bookkeeping
    """
)
_LEGAL_AT_END: Final = (
    r" (?:llc|llp|pllc|inc|incorporated|ltd|limited|gmbh|corp|corporation|plc|bv|sarl|srl|ltda|co"
    r"|ag|kg|ohg|ug|nv|oy|oyj|aps|kft|sro|doo|ooo|pty|pvt|sasu|eurl|sp z o ?o)$"
)
# What an undertaking's name begins with and a person's does not.
_AT_START: Final = (
    r"^(?:(?:academy|university|institute|church|school|college|association|society|bank|hotel"
    r"|department|office|city|county|friends|house|centre|center|museum|ministry) of "
    r"|(?:hotel|restaurant|restaurante|studio|team|club|grupo|clinica|instituto|universidad"
    r"|universidade|academia|centro|escuela|escola|fundacion|fundacao|asociacion|associacao"
    r"|kanzlei|praxis|autohaus|verein) \S)"
)
# "The" begins a company's name, except where it is the Vietnamese given name.
_THE: Final = r"^the \S+ \S"
_THE_HONOURED: Final = (
    r"^the (?:right|rt|hon|honou?rable|reverend|rev|most|very|late|secretary|president|and|lord"
    r"|lady|dr|doctor|prince|princess|duke|duchess|count|countess|baron|earl|king|queen|governor"
    r"|senator|judge|justice) "
)
# Words that name an undertaking and are hardly anyone's surname.
_TRADE: Final = (
    r"(?:^| )(?:company|solutions|consulting|consultants|consultancy|services|enterprises|holdings"
    r"|associates|technologies|ministries|foundation|university|academy|agency|studios|clinic"
    r"|institute|logistics|ventures|industries|marketing|properties|partners|group|association"
    r"|department|team|customer service|support|photography|accounting|bookkeeping|wellness"
    r"|coaching|dental|dentistry|realty|real estate|bakery|publishing|nutrition|roofing|software"
    r"|fitness|plumbing|landscaping|construction|boutique|restaurant|insurance|mortgage"
    r"|chiropractic|counseling|electric|interiors|catering|productions|communications|systems|yoga"
    r"|media|studio|design|designs|digital|training|education|therapy|salon|labs|tech|homes|motors"
    r"|cafe|club|center|centre|events|creative|gym|travel|school|learning|society|committee|council"
    r"|international|global|hospital|pharmacy|veterinary|apparel|jewelry|brewing|brewery|winery"
    r"|vineyards|outfitters|supply|supplies|equipment|rentals|transport|trucking|freight|cleaning"
    r"|pediatrics|orthodontics|aesthetics|pilates|crossfit|advisors|advisory|management|investments"
    r"|analytics|networks|robotics|pharma|biotech|energy|foods|gmbh and co kg)(?: \d+)?$"
)
_TRADE_NUMBERED: Final = _TRADE
# Surnames of some, but not where the company field says the same.
_TRADE_IF_REPEATED: Final = (
    r" (?:law|music|spa|church|health|farm|farms|auto|legal|capital|art|arts|books|press|works"
    r"|bank|market|garden|gardens|kitchen|fashion|beauty|shop|store|house|co)(?: \d+)?$"
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
        | text.str.contains(r" and (?:sons|daughters|co|company|associates|partners)$")
        | text.str.contains(_AT_START)
        | (
            text.str.contains(_THE)
            & ~text.str.contains(_THE_HONOURED)
            & ~last_word(text).is_in(sorted(VIETNAMESE_SURNAMES))
        )
    ).fill_null(False)


def last_word(text: pl.Expr) -> pl.Expr:
    """What stands behind the last space."""
    return text.str.extract(r"(\S+)$", 1)


def trade_at_the_domain(text: pl.Expr, domain: pl.Expr) -> pl.Expr:
    """True where a name ends in a word of a trade, and the e-mail's domain begins with that name.

    "Jude Law" is a man, and a firm where he writes from rowanrocklaw.com as "Rowanrock Law".
    """
    joined = text.str.replace_all(" ", "", literal=True)
    bare = domain.str.replace_all("-", "", literal=True)
    return (text.str.contains(_TRADE_IF_REPEATED) & (bare.str.starts_with(joined))).fill_null(False)


def surname_is_company(last: pl.Expr, domain: pl.Expr) -> pl.Expr:
    """True where the last name alone, of two words or more, is a company's (`company_text`)."""
    several = last.str.contains(" ", literal=True)
    return (
        several
        & (
            last.str.contains(_TRADE)
            | last.str.contains(_LEGAL_AT_END)
            | trade_at_the_domain(last, domain)
        )
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
        | (first.is_not_null() & last.is_in(sorted(_TRADE_AS_LAST_NAME)))
        | last.str.contains(legal)
        | first.str.contains(legal)
    ).fill_null(False)
