"""Where a rule finds its values in the rows of its phase."""

from __future__ import annotations

from collections.abc import Container

from kartra_sf_pipeline.mapping.model import FieldRule

PREFIX = "x__"
"""Columns of an export that are none of Kartra's own start with this."""


def further_column(rule: FieldRule) -> str:
    """The column of a rule that is not the first of its phase to name a custom column."""
    return f"{rule.source} as {rule.target}"


def unread_column(column: str) -> str:
    """The column that is true where a cell said something that its typed column could not take."""
    return f"{column}, unread"


def column_for(rule: FieldRule, columns: Container[str]) -> str:
    """The column of a phase's rows that holds the rule's values, in the form its transform takes;
    the rule's source where there is none.
    """
    further = further_column(rule)
    return further if further in columns else str(rule.source)
