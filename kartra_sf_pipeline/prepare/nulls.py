"""The words that mean "nothing" in a Kartra file."""

from __future__ import annotations

from itertools import product
from typing import Final

import polars as pl

# Kartra writes N/A where it has nothing, and a zero date where it has no date. Spreadsheets and
# hand-made files add the others.
NULL_WORDS: Final = frozenset({"", "n/a", "null", "-", "--", "0000-00-00", "0000-00-00 00:00:00"})
# In every casing: to look a cell up among these costs less than to lower the case of all cells.
NULL_SPELLINGS: Final = sorted(
    {
        "".join(letters)
        for word in NULL_WORDS
        for letters in product(*({letter, letter.upper()} for letter in word))
    }
)

# Byte order marks, soft hyphens and zero-width marks are copied along with text from web pages and
# show nothing. Joiners (U+200C, U+200D) stay: Persian and Indic names are spelled with them.
_INVISIBLE: Final = r"[\u{FEFF}\u{200B}\u{2060}\u{00AD}\u{200E}\u{200F}\u{202A}-\u{202E}\u{0000}]"


def tidy(expr: pl.Expr) -> pl.Expr:
    """Collapse runs of white space (no-break spaces too) and drop invisible marks; "" is null.

    Words such as "N/A" survive: use it where they may be real, as in a name.
    """
    text = expr.str.replace_all(_INVISIBLE, "").str.replace_all(r"\s+", " ").str.strip_chars()
    return pl.when(text.str.len_bytes() > 0).then(text)


def clean(expr: pl.Expr) -> pl.Expr:
    """Strip white space; a word that means nothing (N/A, null, -, a zero date, "") becomes null.

    For codes, ids, dates and money. Not for names: someone may be called "Na".
    """
    text = expr.str.strip_chars()
    return pl.when(~text.is_in(NULL_SPELLINGS)).then(text)


def tidy_lines(expr: pl.Expr) -> pl.Expr:
    """Like `tidy` for text of several lines: line ends become LF and inner spaces stay."""
    text = expr.str.replace_all(_INVISIBLE, "").str.replace_all(r"\r\n?", "\n").str.strip_chars()
    return pl.when(text.str.len_bytes() > 0).then(text)
