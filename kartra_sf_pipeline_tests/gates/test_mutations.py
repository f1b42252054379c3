"""Each expectation can fail: every rule meets sound data, then data with one thing spoilt."""

from collections.abc import Callable

import polars as pl
import pytest

from kartra_sf_pipeline.gates.rules import Rule, Suite
from kartra_sf_pipeline.gates.runner import run_suite
from kartra_sf_pipeline.gates.suites import SUITES
from kartra_sf_pipeline_tests.gates.sound_frames import sound_frame

RULES = [
    pytest.param(suite, rule, id=f"{suite.asset}-{rule.name}")
    for suite in SUITES
    for rule in suite.rules
]

Mutation = Callable[[pl.DataFrame], pl.DataFrame]


def _set(**columns: object) -> Mutation:
    """Every row gets these values."""
    return lambda frame: frame.with_columns(
        **{
            name: pl.lit(value, dtype=frame.schema[name] if name in frame.columns else None)
            for name, value in columns.items()
        }
    )


# Rules on derived columns are spoilt through the columns that they are derived from.
SPOIL: dict[str, Mutation] = {
    "no_spreadsheet_has_spoilt_the_files": lambda frame: pl.DataFrame(
        [["contacts", "c.csv", "phone", "scientific_number", 2, "9.99E+99", "Export again."]],
        schema=frame.schema,
        orient="row",
    ),
    "contacts_are_identifiable": _set(id=None, email=None),
    "consent_never_widens": _set(mailable=True, gdpr_status="refused"),
    "failed_payments_never_count": _set(disposition="keep", type="failed"),
    "only_money_becomes_opportunities": _set(disposition="keep", type="cancellation"),
    "kept_transactions_have_amounts": _set(disposition="keep", amount=None),
    "kept_transactions_have_dates": _set(disposition="keep", close_date=None),
    "reversals_are_negative": lambda frame: frame.with_columns(
        type=pl.lit("refund"), signed_amount=pl.lit("5.00").cast(pl.Decimal(18, 2))
    ),
    "completeness_is_proven": _set(status="not_given"),
    "exports_are_of_one_account": _set(verdict="disjoint"),
    "extracts_are_fit": _set(verdict="unfit"),
    "kartra_plan_has_room": _set(note="Nearly full."),
    "leads_have_no_account": _set(become="lead", account_key="domain:acme.com"),
    "accounts_of_people_are_explained": _set(account_key="domain:acme.com", account_source=None),
    "existing_records_are_named_or_left": _set(decision="review"),
    "rows_that_arrive_name_a_record": _set(planned="load", key=None),
    "rows_set_aside_say_why": _set(planned="suppress", reason=None),
}
BY_SUFFIX: dict[str, Mutation] = {
    "_set_aside_have_a_reason": _set(disposition="suppress", reason=None),
    "_have_record_ids": _set(outcome="created", sf_id=None),
    "_rejects_say_why": _set(outcome="rejected", error_code=None),
    "_were_taken_by_the_org": _set(outcome="rejected", error_code="STRING_TOO_LONG"),
}


def spoil(rule: Rule, frame: pl.DataFrame) -> pl.DataFrame:
    if rule.name in SPOIL:
        return SPOIL[rule.name](frame)
    for suffix, mutation in BY_SUFFIX.items():
        if rule.name.endswith(suffix):
            return mutation(frame)
    column = str(rule.kwargs.get("column", ""))
    match rule.expectation:
        case "ExpectColumnValuesToNotBeNull":
            return _set(**{column: None})(frame)
        case "ExpectColumnValuesToBeUnique" | "ExpectCompoundColumnsToBeUnique":
            return pl.concat([frame, frame])
        case "ExpectColumnValuesToBeInSet" if frame.schema[column] == pl.Boolean:
            return _set(**{column: False})(frame)
        case "ExpectColumnValuesToBeInSet" if frame.schema[column].is_integer():
            return _set(**{column: 3})(frame)
        case "ExpectColumnValuesToBeInSet":
            return _set(**{column: "something else"})(frame)
        case "ExpectColumnValuesToMatchRegex":
            return _set(**{column: "neither one nor the other"})(frame)
        case "ExpectColumnValueLengthsToBeBetween":
            return _set(**{column: "x" * (rule.kwargs["max_value"] + 1)})(frame)
        case "ExpectTableRowCountToBeBetween":
            return frame.clear()
    raise AssertionError(f"no mutation for {rule.name}: a rule that cannot fail is no gate")


@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.asset)
def test_sound_data_pass_every_rule(suite: Suite):
    failed = [
        f"{result.rule.name}: {result.failed_rows} rows {result.error}"
        for result in run_suite(suite, sound_frame(suite.asset))
        if not result.passed
    ]
    assert failed == []


@pytest.mark.parametrize(("suite", "rule"), RULES)
def test_spoilt_data_fail_the_rule(suite: Suite, rule: Rule):
    alone = Suite(asset=suite.asset, rules=(rule,), derive=suite.derive, identify=suite.identify)
    [result] = run_suite(alone, spoil(rule, sound_frame(suite.asset)))
    assert result.ran, result.error
    assert not result.passed
    assert result.failed_rows > 0


def test_a_rule_that_cannot_be_evaluated_is_no_pass():
    suite = next(suite for suite in SUITES if suite.asset == "raw_subscriptions")
    results = run_suite(suite, sound_frame("raw_subscriptions").drop("subscription_id"))
    broken = {result.rule.name: result for result in results}["subscriptions_have_ids"]
    assert not broken.passed
    assert not broken.ran
    assert broken.error


def test_names_of_checks_are_unique_on_their_asset():
    for suite in SUITES:
        names = [rule.name for rule in suite.rules]
        assert len(names) == len(set(names))


def test_examples_name_rows_by_file_and_line_and_hold_no_personal_value():
    suite = next(suite for suite in SUITES if suite.asset == "contacts")
    frame = sound_frame("contacts").with_columns(Email=pl.lit("no address at all"))
    results = {result.rule.name: result for result in run_suite(suite, frame)}
    examples = results["contact_emails_are_addresses"].examples
    assert examples
    assert all("address" not in example and ":" in example for example in examples)
