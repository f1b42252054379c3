"""What an export is made of: its columns, and what makes a file one of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property


@dataclass(frozen=True)
class Column:
    """A column by its canonical name, with the normalised headers that mean the same."""

    name: str
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True)
class Export:
    """One kind of export.

    `needs` are groups of columns: a header is of this export when it has at least one column of
    each group. `file_words` are words in a file's name that speak for it. `money` exports carry
    their currency in the headers.
    """

    name: str
    columns: tuple[Column, ...]
    needs: tuple[tuple[str, ...], ...]
    file_words: tuple[str, ...]
    money: bool = False
    # How each group of `needs` is called in a message, in the spelling of Kartra's own files.
    need_labels: tuple[str, ...] = field(default=())

    @cached_property
    def column_names(self) -> tuple[str, ...]:
        """Canonical names in order."""
        return tuple(column.name for column in self.columns)

    @cached_property
    def lookup(self) -> dict[str, str]:
        """Normalised header to canonical name: canonical names first, aliases after them."""
        table = {column.name: column.name for column in self.columns}
        for column in self.columns:
            for alias in column.aliases:
                table.setdefault(alias, column.name)
        return table

    def missing(self, present: set[str]) -> list[str]:
        """Labels of the groups of `needs` that no column of `present` serves."""
        labels = self.need_labels or tuple(" or ".join(group) for group in self.needs)
        return [
            label
            for label, group in zip(labels, self.needs, strict=True)
            if present.isdisjoint(group)
        ]


def columns(spec: str) -> tuple[Column, ...]:
    """Read `name: alias alias` lines, one column each."""
    columns: list[Column] = []
    for line in spec.strip().splitlines():
        name, _, aliases = line.strip().partition(":")
        columns.append(Column(name, tuple(aliases.split())))
    return tuple(columns)
