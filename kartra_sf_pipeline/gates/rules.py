"""What a gate is made of: suites of named expectations, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import polars as pl

Severity = Literal["critical", "warning"]


@dataclass(frozen=True)
class Tolerance:
    """How many odd rows a rule lets pass: a share of all rows, or a few where that is less.

    In a small frame one odd row is more than 1 %, and says nothing of the file; in a large one a
    share is strict enough to see that a column was not read right. The few are never more than a
    fifth of the frame: of four rows none may be odd.
    """

    share: float
    few: int = 3

    def allowed(self, rows: int) -> int:
        """Rows that may be odd among so many."""
        return max(min(self.few, rows // 5), int(rows * self.share + 1e-9))

    def mostly(self, rows: int) -> float:
        """The same as the share of sound rows that great-expectations asks for, between two rows'
        shares, so that no rounding decides.
        """
        allowed = self.allowed(rows)
        return (rows - allowed - 0.5) / rows if allowed else 1.0


ONE_PERCENT = Tolerance(0.01)
FIVE_PERCENT = Tolerance(0.05)


@dataclass(frozen=True)
class Rule:
    """One expectation with the name that RevOps reads on the dashboard.

    `expectation` is the class name of a great-expectations expectation and `kwargs` its arguments.
    A critical rule blocks what is downstream; a warning is shown and does not. Without a
    `tolerance` every row must hold.
    """

    name: str
    expectation: str
    kwargs: Mapping[str, Any]
    why: str
    severity: Severity = "critical"
    tolerance: Tolerance | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that the rule reads."""
        single = self.kwargs.get("column")
        return (single,) if single else tuple(self.kwargs.get("column_list", ()))


@dataclass(frozen=True)
class Suite:
    """The rules that gate one asset.

    `derive` adds columns that a rule needs and the asset does not have; `load_phase` names the load
    phase that the asset's rows are sent in, if any: its loader refuses data that has not passed.
    `identify` are the columns that name a failing row: never personal data.
    """

    asset: str
    rules: tuple[Rule, ...]
    derive: Mapping[str, pl.Expr] = field(default_factory=dict)
    load_phase: str | None = None
    identify: tuple[str, ...] = ("source_file", "source_line")

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that cross into pandas: those that name a row, and those that a rule reads."""
        read = (column for rule in self.rules for column in rule.columns)
        return tuple(dict.fromkeys((*self.identify, *read)))


def not_null(
    name: str,
    column: str,
    why: str,
    *,
    tolerance: Tolerance | None = None,
    severity: Severity = "critical",
) -> Rule:
    """The column has a value."""
    return Rule(name, "ExpectColumnValuesToNotBeNull", {"column": column}, why, severity, tolerance)


def unique(name: str, column: str, why: str) -> Rule:
    """No value stands twice."""
    return Rule(name, "ExpectColumnValuesToBeUnique", {"column": column}, why)


def in_set(
    name: str,
    column: str,
    values: list[Any],
    why: str,
    *,
    tolerance: Tolerance | None = None,
    severity: Severity = "critical",
) -> Rule:
    """Every value is one of the given ones."""
    kwargs = {"column": column, "value_set": values}
    return Rule(name, "ExpectColumnValuesToBeInSet", kwargs, why, severity, tolerance)


def holds(
    name: str,
    column: str,
    why: str,
    *,
    tolerance: Tolerance | None = None,
    severity: Severity = "critical",
) -> Rule:
    """A derived truth column holds on every row."""
    return in_set(name, column, [True], why, tolerance=tolerance, severity=severity)


def matches(name: str, column: str, regex: str, why: str) -> Rule:
    """Every value matches the pattern."""
    return Rule(name, "ExpectColumnValuesToMatchRegex", {"column": column, "regex": regex}, why)


def at_most(name: str, column: str, length: int, why: str) -> Rule:
    """No text is longer than the field takes."""
    kwargs = {"column": column, "max_value": length}
    return Rule(name, "ExpectColumnValueLengthsToBeBetween", kwargs, why)


def rows_at_least(name: str, count: int, why: str) -> Rule:
    """The frame is not empty where it must not be."""
    return Rule(name, "ExpectTableRowCountToBeBetween", {"min_value": count}, why)


def unique_together(name: str, columns: tuple[str, ...], why: str) -> Rule:
    """No combination of values stands twice."""
    return Rule(name, "ExpectCompoundColumnsToBeUnique", {"column_list": list(columns)}, why)
