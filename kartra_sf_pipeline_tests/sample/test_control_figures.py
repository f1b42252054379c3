"""The figures beside the sample are Kartra's own, and prove that its exports are complete."""

from __future__ import annotations

import shutil
from functools import cache
from pathlib import Path

import polars as pl
import pytest

from kartra_sf_pipeline.gates.runner import RuleResult, run_suite
from kartra_sf_pipeline.gates.suites import SUITES
from kartra_sf_pipeline.kartra.files import CONTROL_TOTALS_NAME
from kartra_sf_pipeline.kartra.reader import read_folder
from kartra_sf_pipeline.prepare.affiliates import prepare_affiliates
from kartra_sf_pipeline.prepare.contacts import prepare_contacts, unify_contacts
from kartra_sf_pipeline.prepare.matching import match_contacts
from kartra_sf_pipeline.prepare.subscriptions import prepare_subscriptions
from kartra_sf_pipeline.prepare.transactions import prepare_transactions
from kartra_sf_pipeline.scope.control_file import load_control_totals
from kartra_sf_pipeline.scope.control_totals import control_totals
from kartra_sf_pipeline_tests.sample.test_account import SAMPLE

ZONE = "America/New_York"
SUITE = next(suite for suite in SUITES if suite.asset == "control_totals")


@cache
def counted() -> dict[str, pl.DataFrame]:
    """The committed sample, read and prepared."""
    read = read_folder(SAMPLE)
    raw = read.frames
    contacts = prepare_contacts(raw["contacts"], zone=ZONE, communications_polarity=None)
    unified, _ = unify_contacts(contacts, match_contacts(contacts))
    money = prepare_transactions(raw["transactions"], raw["subscriptions"], unified, zone=ZONE)
    return {
        "contacts_prepared": contacts,
        "transactions_prepared": money,
        "subscriptions_prepared": prepare_subscriptions(
            raw["subscriptions"], money, unified, zone=ZONE
        )[0],
        "affiliates_prepared": prepare_affiliates(raw["affiliates"], money)[0],
        "quarantine": read.quarantine,
    }


def judged(folder: Path) -> dict[str, RuleResult]:
    frame = control_totals(counted(), load_control_totals(folder))
    return {result.rule.name: result for result in run_suite(SUITE, frame)}


def test_the_samples_figures_agree_and_prove_it_complete() -> None:
    given = load_control_totals(SAMPLE)
    assert set(given.counts) == {"contacts", "transactions", "subscriptions", "affiliates"}
    assert ("revenue", "USD") in given.money
    assert given.tolerance_percent == 0
    found = judged(SAMPLE)
    assert found["completeness_is_proven"].passed
    assert found["control_totals_agree"].passed


@pytest.mark.parametrize(
    ("right", "wrong", "finding"),
    [
        ("contacts: 2,483", "contacts: 2,484", "contacts"),
        ("transactions: 2,876", "transactions: 2,875", "transactions"),
        ("subscriptions: 281", "subscriptions: 282", "subscriptions"),
        ("affiliates: 29", "affiliates: 30", "affiliates"),
        ("USD: 196,189.90", "USD: 196,189.91", "revenue"),
    ],
)
def test_a_wrong_figure_fails(tmp_path: Path, right: str, wrong: str, finding: str) -> None:
    text = (SAMPLE / CONTROL_TOTALS_NAME).read_text(encoding="utf-8")
    assert right in text
    (tmp_path / CONTROL_TOTALS_NAME).write_text(text.replace(right, wrong), encoding="utf-8")
    found = judged(tmp_path)["control_totals_agree"]
    assert not found.passed
    assert [example.split(":")[0] for example in found.examples] == [finding]


def test_without_a_figure_completeness_is_not_proven(tmp_path: Path) -> None:
    shutil.copy(SAMPLE / CONTROL_TOTALS_NAME, tmp_path)
    path = tmp_path / CONTROL_TOTALS_NAME
    kept = [line for line in path.read_text("utf-8").splitlines() if "contacts" not in line]
    path.write_text("\n".join(kept), encoding="utf-8")
    found = judged(tmp_path)
    assert not found["completeness_is_proven"].passed
    assert found["control_totals_agree"].passed
