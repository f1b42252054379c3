"""A few odd rows do not stop a small account; a large one stays strict."""

import polars as pl
import pytest

from kartra_sf_pipeline.gates.bridge import _check_result
from kartra_sf_pipeline.gates.rules import FIVE_PERCENT, ONE_PERCENT, Rule, Suite, Tolerance
from kartra_sf_pipeline.gates.runner import RuleResult, run_suite
from kartra_sf_pipeline.gates.suites import SUITES

TOLERANT = [
    pytest.param(suite, rule, id=rule.name)
    for suite in SUITES
    for rule in suite.rules
    if rule.tolerance
]

SOUND = {
    "id": "1",
    "email": "a@b.org",
    "transaction_id": "t",
    "transaction_type": "Sale",
    "date": "1 Jan 2026",
    "subscription_id": "s",
    "outcome": "created",
    "sf_id": "001",
    "error_code": "",
    "key": "k",
    "source_file": "f.csv",
}
"""One value for every column that a tolerant rule, or what it is derived from, reads."""


def account(rule: Rule, rows: int, odd: int) -> pl.DataFrame:
    """A frame of so many rows of which so many break the rule."""
    spoilt = pl.int_range(pl.len()) < odd
    frame = pl.DataFrame({name: [value] * rows for name, value in SOUND.items()})
    frame = frame.with_columns(source_line=pl.int_range(pl.len()) + 2)
    return frame.with_columns(
        *(
            pl.when(spoilt).then(None).otherwise(pl.col(name)).alias(name)
            for name in SOUND
            if name not in ("outcome", "source_file")
        ),
        outcome=pl.when(spoilt).then(pl.lit("rejected")).otherwise("outcome"),
    )


def judged(suite: Suite, rule: Rule, rows: int, odd: int) -> RuleResult:
    alone = Suite(asset=suite.asset, rules=(rule,), derive=suite.derive, identify=suite.identify)
    [result] = run_suite(alone, account(rule, rows, odd))
    assert result.ran, result.error
    assert result.failed_rows == odd
    return result


@pytest.mark.parametrize(
    ("rows", "one_percent", "five_percent"),
    [(0, 0, 0), (4, 0, 0), (5, 1, 1), (15, 3, 3), (60, 3, 3), (100, 3, 5), (1_264, 12, 63),
     (1_000_000, 10_000, 50_000)],
)  # fmt: skip
def test_what_is_allowed_grows_with_the_account(rows: int, one_percent: int, five_percent: int):
    assert ONE_PERCENT.allowed(rows) == one_percent
    assert FIVE_PERCENT.allowed(rows) == five_percent


@pytest.mark.parametrize("tolerance", [ONE_PERCENT, FIVE_PERCENT])
def test_the_share_that_is_asked_for_lies_between_two_rows(tolerance: Tolerance):
    for rows in range(1, 3_000):
        allowed, mostly = tolerance.allowed(rows), tolerance.mostly(rows)
        assert (rows - allowed) / rows >= mostly
        assert (rows - allowed - 1) / rows < mostly


@pytest.mark.parametrize(("suite", "rule"), TOLERANT)
@pytest.mark.parametrize("rows", [40, 3_000])
def test_one_odd_row_more_than_allowed_fails(suite: Suite, rule: Rule, rows: int):
    assert rule.tolerance is not None
    allowed = rule.tolerance.allowed(rows)
    assert judged(suite, rule, rows, allowed).passed
    assert not judged(suite, rule, rows, allowed + 1).passed


def test_a_large_account_fails_by_the_share_that_a_small_one_is_forgiven():
    suite = next(suite for suite in SUITES if suite.asset == "loaded_contacts")
    rule = next(rule for rule in suite.rules if rule.tolerance)
    assert judged(suite, rule, 40, 3).passed
    assert not judged(suite, rule, 4_000, 300).passed


def test_the_check_says_what_was_allowed():
    suite = next(suite for suite in SUITES if suite.asset == "raw_contacts")
    rule = next(rule for rule in suite.rules if rule.name == "contacts_are_identifiable")
    passed = _check_result(suite, judged(suite, rule, 1_264, 12))
    assert passed.metadata["tolerance"].value == "allowed 12 of 1,264 rows"
    failed = _check_result(suite, judged(suite, rule, 1_264, 13))
    assert str(failed.description).startswith("13 of 1264 rows fail (allowed 12 of 1,264 rows). ")


def test_rules_without_a_tolerance_say_nothing_of_one():
    suite = next(suite for suite in SUITES if suite.asset == "raw_contacts")
    rule = next(rule for rule in suite.rules if rule.name == "contacts_export_has_rows")
    [result] = run_suite(Suite(suite.asset, (rule,)), account(rule, 5, 0))
    assert "tolerance" not in _check_result(suite, result).metadata
