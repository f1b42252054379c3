"""One whole name divided: nameparser's rules, after what culture and country say about the order.

Seen here are only distinct names that expressions could not settle.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final, NamedTuple

import nameparser
from nameparser import locales

from kartra_sf_pipeline.prepare import surnames
from kartra_sf_pipeline.prepare.nicknames import FORMS
from kartra_sf_pipeline.prepare.text import fold_text, word_set


class Division(NamedTuple):
    """The parts of a whole name; null where it has none. `unsure` asks a person to look."""

    first: str | None
    middle: str | None
    last: str | None
    suffix: str | None
    salutation: str | None
    unsure: bool


_UNSPACED: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
_KANA: Final = re.compile(r"[\u3040-\u309f\u30a0-\u30ff]")
_SYLLABLES: Final = re.compile(rf"(?:{surnames.PINYIN}){{2,3}}", re.IGNORECASE)
_VIETNAMESE: Final = re.compile(surnames.VIETNAMESE_LETTERS)
_HYPHENATED: Final = re.compile(r"[A-Z][a-z]+-[A-Za-z][a-z]+")
_LETTERS: Final = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_VOWEL: Final = re.compile(r"[AEIOUYÀ-ÖØ-ÝŒ]")
# Arabic and Irish particles that the library takes for names.
PARTICLES: Final = frozenset({"el", "ní", "nic", "ó", "uí", "ua"})
# Typographic variants that the library does not read: it knows the ASCII marks.
_MARKS: Final = str.maketrans({"，": ", ", "．": ".", "“": '"', "”": '"', "„": '"', "\u3000": " "})
# Initials that double as a first name, in capitals by habit.
_CAPITAL_FIRST: Final = word_set(
    """
    AJ BJ CJ DJ EJ GJ JB JC JD JJ JP JR JT KC KJ LJ MC MJ PJ RJ TJ VJ ED AL BO CY DO JO OZ TY SUE
    TIM ANN
    """
)


@cache
def _parser(kind: str) -> nameparser.Parser:
    """The parser for `western` names, for `two` surnames, for `chinese` and `japanese` scripts."""
    if kind == "two":
        two = nameparser.Parser(policy=nameparser.Policy(two_family_names=True))
        return nameparser.parser_for(base=two)
    if kind == "chinese":
        return nameparser.parser_for(locales.ZH, locales.RU)
    if kind == "japanese":
        return nameparser.parser_for(locales.JA, segmenter=_cut_japanese)
    return nameparser.parser_for(locales.RU)


def _japanese_surname(text: str) -> int:
    """Letters of the longest known Japanese surname at the beginning; 0 for none."""
    for length in (4, 3, 2, 1):
        if text[:length] in surnames.JAPANESE_SURNAMES and len(text) >= length:
            return length
    return 0


def _cut_japanese(text: str) -> nameparser.Segmentation | None:
    """Where a Japanese name without a space divides."""
    known = _japanese_surname(text)
    # One character that many Chinese share says little, unless kana follow it.
    if known and (known > 1 or _KANA.search(text[1:]) or len(text) == 3):
        return nameparser.Segmentation(() if known == len(text) else (known,))
    if len(text) in (4, 5):
        # Most surnames have two characters; that it is a guess is said by `unsure`.
        return nameparser.Segmentation((2,), confidence=0.5)
    return None


def _unspaced(text: str, country: str | None) -> Division:
    body = text.replace(" ", "")
    kana = _KANA.search(body)
    japanese = country == "JP" or (
        country not in surnames.CHINESE_COUNTRIES and (kana or _japanese_surname(body) > 1)
    )
    division = _parts(_parser("japanese" if japanese else "chinese"), text)
    # What a Chinese list does not know: two or three characters begin with a surname of one.
    if (
        not division.first
        and division.last
        and country in surnames.CHINESE_COUNTRIES
        and len(division.last) in (2, 3)
        and len(division.last) == len(body)
    ):
        division = division._replace(first=division.last[1:], last=division.last[0])
    return division._replace(unsure=division.unsure or " " not in text)


def _parts(parser: nameparser.Parser, text: str) -> Division:
    found = parser.parse(text)
    unsure = bool(found.ambiguities or found.maiden or found.nickname)
    return Division(
        found.given or found.nickname or None,
        found.middle or None,
        found.family or None,
        found.suffix or None,
        found.title or None,
        unsure,
    )


def _is_capital_run(word: str) -> bool:
    return (
        word.isupper()
        and len(word) > 1
        and bool(_LETTERS.fullmatch(word))
        and (len(word) > 2 or word.capitalize().lower() in surnames.CHINESE_SURNAMES)
        and bool(_VOWEL.search(word))
        and word not in _CAPITAL_FIRST
    )


def _is_mixed_case(word: str) -> bool:
    short = len(word) < 3 or word[1:].islower() or "-" in word
    return bool(_LETTERS.fullmatch(word.rstrip("."))) and word[0].isupper() and short


def _capital_family(words: list[str]) -> str | None:
    """`MARTIN Jean-Pierre` in the order of its comma form: French forms write surnames so."""
    run = 0
    while run < len(words) and _is_capital_run(words[run]):
        run += 1
    rest = words[run:]
    mixed = bool(rest) and all(_is_mixed_case(word) for word in rest)
    if not run or not mixed or not any(len(w) > 2 for w in rest):
        return None
    return f"{' '.join(words[:run])}, {' '.join(rest)}"


def _family_first(words: list[str], folded: list[str], text: str, country: str | None) -> str:
    """How an East Asian name shows that its surname stands first: surely, perhaps, or not."""
    first, last = folded[0], folded[-1]
    if first in surnames.VIETNAMESE_SURNAMES:
        vietnamese = country == "VN" or bool(_VIETNAMESE.search(text))
        middle = len(words) > 2 and folded[1] in {"van", "thi"}
        if last in surnames.VIETNAMESE_SURNAMES:
            if vietnamese and len(words) > 2:
                return "surely"
        elif vietnamese or middle or first == "nguyen":
            return "surely"
    korean = country == "KR" and len(words) < 4
    if not korean and len(words) == 2 and _HYPHENATED.fullmatch(words[1]):
        # "Park Ji-sung", but not "Lee Ann-Marie".
        korean = words[1].partition("-")[2].islower()
    if korean and first in surnames.KOREAN_SURNAMES and last not in surnames.KOREAN_SURNAMES:
        return "surely"
    if (
        first in surnames.CHINESE_SURNAMES
        and last not in surnames.CHINESE_SURNAMES
        and len(words) == 2
    ):
        if country in surnames.CHINESE_COUNTRIES:
            return "surely"
        if (
            _SYLLABLES.fullmatch(words[1])
            and len(words[1]) > 4
            and first not in {"tan", "he", "ma"}
        ):
            return "perhaps"
    return ""


def _two_surnames(division: Division, country: str | None) -> bool | None:
    """Whether the last middle name is the first of two surnames; None where nobody can tell."""
    taken = fold_text((division.middle or "").rsplit(" ", 1)[-1])
    if len(taken.strip(".")) < 2 or "-" in taken or not division.last or not division.first:
        return False
    family = fold_text(division.last)
    iberian_family = family in surnames.IBERIAN_SURNAMES
    called = fold_text(division.first.split(" ")[0])
    iberian_given = called in surnames.IBERIAN_GIVEN_NAMES
    surname, given = (taken in surnames.IBERIAN_SURNAMES, taken in surnames.IBERIAN_GIVEN_NAMES)
    at_home = country in surnames.TWO_SURNAME_COUNTRIES
    english = country in surnames.ENGLISH_COUNTRIES
    several = " " in (division.middle or "")
    if given and not surname:
        return False
    if given:
        # "Juan Martín Gómez": two given names or two surnames.
        return True if several and (at_home or iberian_family) else None if at_home else False
    if at_home:
        return True
    if taken in FORMS:
        return False
    if surname:
        return (iberian_family and (iberian_given or called not in FORMS)) or (
            iberian_given and not english
        )
    return iberian_family and iberian_given and not english


def divide(text: str, country: str | None) -> Division:
    """Divide one whole name; `country` (ISO, may be null) is where the person lives."""
    text = text.translate(_MARKS)
    if _UNSPACED.search(text):
        return _unspaced(text, country)
    words = text.split(" ")
    if len(words) > 1 and "," not in text:
        capital = _capital_family(words)
        if capital:
            return _parts(_parser("western"), capital)
        folded = [fold_text(word) for word in words]
        order = _family_first(words, folded, text, country)
        if order:
            given, middle = " ".join(words[1:]), None
            # The name that a Vietnamese goes by is the last one.
            if folded[0] in surnames.VIETNAMESE_SURNAMES and len(words) > 2:
                given, middle = words[-1], " ".join(words[1:-1])
            return Division(given, middle, words[0], None, None, order == "perhaps")
    division = _parts(_parser("western"), text)
    if "," not in text and division.middle:
        # "Mohamed El Baradei" is no Mohamed E. Baradei.
        if division.middle.lower() in PARTICLES and not fold_text(text).startswith("abd"):
            return division._replace(middle=None, last=f"{division.middle} {division.last}")
        two = _two_surnames(division, country)
        if two:
            found = _parts(_parser("two"), text)
            # Both names before two surnames are given names.
            given = " ".join(part for part in (found.first, found.middle) if part)
            return found._replace(first=given or None, middle=None)
        if two is None:
            return division._replace(unsure=True)
    return division
