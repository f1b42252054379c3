"""Text brought to a form in which two spellings of one thing are equal."""

from __future__ import annotations

import unicodedata
from typing import Final

import polars as pl

# Letters that Unicode does not decompose but people spell without their stroke.
_LETTERS: Final = {
    "ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i",
    "’": "'", "‘": "'", "ʼ": "'", "`": "'", "´": "'", "–": "-", "—": "-", "‐": "-", "‑": "-",
}  # fmt: skip
_TRANSLATION: Final = str.maketrans(_LETTERS)
_ASCII: Final = r"^[\x20-\x7E]*$"


def fold(expr: pl.Expr) -> pl.Expr:
    """Lower case without accents, typographic marks and surplus white space: the key of a name."""
    lowered = expr.str.to_lowercase()
    # Decomposing costs ten times the rest, and most text has nothing to decompose.
    plain = lowered.str.normalize("NFKD").str.replace_all(r"\p{M}", "")
    return (
        pl.when(lowered.str.contains(_ASCII))
        .then(lowered)
        .otherwise(plain.str.replace_many(_LETTERS).str.to_lowercase())
        .str.replace_all(r"\s+", " ")
        .str.strip_chars()
    )


def fold_text(text: str) -> str:
    """`fold` of one text, for the libraries that take one value at a time."""
    lowered = text.lower()
    if not lowered.isascii():
        decomposed = unicodedata.normalize("NFKD", lowered)
        bare = "".join(c for c in decomposed if not unicodedata.combining(c))
        lowered = bare.translate(_TRANSLATION).lower()
    return " ".join(lowered.split())


def words(expr: pl.Expr) -> pl.Expr:
    """Folded text with everything but letters and digits turned into single spaces."""
    bare = fold(expr).str.replace_all(r"['.]", "")
    return bare.str.replace_all(r"[^\pL\pN]+", " ").str.strip_chars()


def word_set(text: str) -> frozenset[str]:
    """Turn a table of words, written as running text, into a set."""
    return frozenset(text.split())


def null_if_blank(expr: pl.Expr) -> pl.Expr:
    """Turn "" into null."""
    return pl.when(expr.str.len_bytes() > 0).then(expr)
