"""Runs a suite on a frame with great-expectations and tells rule by rule what was found."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import polars as pl

from kartra_sf_pipeline.gates.rules import Rule, Suite

if TYPE_CHECKING:
    import pandas as pd

EXAMPLES = 20
"""Failing rows that a result names."""


@dataclass(frozen=True)
class RuleResult:
    """What one rule found.

    `allowed_rows` is how many might have failed (see `Tolerance`); None where none may.
    `ran` is False where great-expectations could not evaluate the rule (a missing column, say):
    `error` then says why, and the rule counts as failed.
    """

    rule: Rule
    passed: bool
    ran: bool
    checked_rows: int
    failed_rows: int
    examples: tuple[str, ...]
    observed: str
    error: str = ""
    allowed_rows: int | None = None

    @property
    def allowance(self) -> str:
        """The tolerance in words; empty where the rule has none."""
        if self.allowed_rows is None:
            return ""
        return f"allowed {self.allowed_rows:,} of {self.checked_rows:,} rows"


def run_suite(suite: Suite, frame: pl.DataFrame | pl.LazyFrame) -> list[RuleResult]:
    """Evaluate every rule of the suite; results come in the suite's order."""
    return run_on_border(suite, border_frame(suite, frame))


def run_on_border(suite: Suite, border: pd.DataFrame) -> list[RuleResult]:
    """The same on a frame that has crossed into pandas already (see `border_frame`)."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    batch = _any_frame().get_batch({"dataframe": border})
    report = batch.validate(
        _expectations(suite, len(border)),
        result_format={
            "result_format": "COMPLETE",
            "unexpected_index_column_names": [
                name for name in suite.identify if name in border.columns
            ],
            "return_unexpected_index_query": False,
        },
    )
    found = {result.expectation_config.meta["rule"]: result for result in report.results}
    return [_result(rule, found.get(rule.name), len(border)) for rule in suite.rules]


def border_frame(suite: Suite, frame: pl.DataFrame | pl.LazyFrame) -> pd.DataFrame:
    """The columns that the suite reads, as Arrow-backed pandas: all that crosses into pandas.

    Of a stored frame, no other column is read.
    """
    derived = frame.lazy().with_columns(**suite.derive)
    there = set(derived.collect_schema().names())
    wanted = [column for column in suite.columns if column in there]
    return derived.select(*wanted).collect().to_pandas(use_pyarrow_extension_array=True)


@cache
def _context() -> Any:
    """One ephemeral context for the process: making one costs more than most suites."""
    import great_expectations as gx

    context = gx.get_context(mode="ephemeral")
    quiet: Any = {"globally": False, "metric_calculations": False}
    context.variables.progress_bars = quiet
    return context


@cache
def _any_frame() -> Any:
    """A batch definition that takes any frame: declaring one per suite writes its context anew."""
    frames = _context().data_sources.add_pandas("frames").add_dataframe_asset("frame")
    return frames.add_batch_definition_whole_dataframe("all")


def _expectations(suite: Suite, rows: int) -> Any:
    import great_expectations as gx
    import great_expectations.expectations as gxe

    return gx.ExpectationSuite(
        name=suite.asset,
        expectations=[
            getattr(gxe, rule.expectation)(
                **rule.kwargs,
                **({"mostly": rule.tolerance.mostly(rows)} if rule.tolerance else {}),
                severity=rule.severity,
                meta={"rule": rule.name},
            )
            for rule in suite.rules
        ],
    )


def _result(rule: Rule, found: Any, rows: int) -> RuleResult:
    if found is None:
        return RuleResult(rule, False, False, rows, 0, (), "", "the rule gave no result")
    content = found.to_json_dict()
    error = _error(content.get("exception_info") or {})
    outcome = content.get("result") or {}
    if error:
        return RuleResult(rule, False, False, rows, 0, (), "", error)
    failed = int(outcome.get("unexpected_count") or 0)
    if "observed_value" in outcome and not content["success"]:
        failed = max(failed, 1)
    return RuleResult(
        rule=rule,
        passed=bool(content["success"]),
        ran=True,
        checked_rows=int(outcome.get("element_count", rows)),
        failed_rows=failed,
        examples=_examples(rule, outcome.get("unexpected_index_list") or []),
        observed=str(outcome.get("observed_value", "")),
        allowed_rows=rule.tolerance.allowed(rows) if rule.tolerance else None,
    )


def _error(info: dict[str, Any]) -> str:
    """The exception's text: flat in some results, keyed by metric in others."""
    if info.get("raised_exception"):
        return str(info.get("exception_message") or "the rule could not be evaluated")
    for nested in info.values():
        if isinstance(nested, dict) and nested.get("raised_exception"):
            return str(nested.get("exception_message") or "the rule could not be evaluated")
    return ""


def _examples(rule: Rule, failing: list[Any]) -> tuple[str, ...]:
    """Failing rows by their identifying columns; the tested value stays out: it may be personal."""
    tested = set(rule.columns)
    return tuple(
        ":".join(str(value) for name, value in row.items() if name not in tested)
        for row in failing[:EXAMPLES]
        if isinstance(row, dict)
    )
