"""Pools of words, written as running text."""

from __future__ import annotations


def words(text: str, separator: str | None = None) -> tuple[str, ...]:
    """The words of a text, or its phrases where a separator stands between these."""
    return tuple(" ".join(part.split()) for part in text.split(separator) if part.strip())
