"""The one bridge between suites and Dagster: a blocking asset check per rule."""

import warnings
from collections.abc import Iterator
from typing import Any

import dagster as dg
import polars as pl
from dagster_pandas import PandasColumn, create_dagster_pandas_dataframe_type

from kartra_sf_pipeline.gates.rules import Rule, Suite
from kartra_sf_pipeline.gates.runner import RuleResult, border_frame, run_on_border
from kartra_sf_pipeline.migration.versions import data_version
from kartra_sf_pipeline.resources import LedgerResource

_SEVERITY = {"critical": dg.AssetCheckSeverity.ERROR, "warning": dg.AssetCheckSeverity.WARN}


def checks_for(suite: Suite) -> dg.AssetChecksDefinition:
    """One check step for the suite's asset, with one named check per rule.

    When every critical rule holds on the rows of a load phase, the ledger remembers that this very
    version of the data has passed; the loader asks for it, whatever was selected to run.
    """
    specs = [_spec(suite, rule) for rule in suite.rules]
    border_type = gate_frame_type(suite)

    @dg.multi_asset_check(
        specs=specs,
        name=f"gate_{suite.asset}",
        can_subset=True,
        ins={"frame": dg.AssetIn(key=suite.asset)},
        compute_kind="great-expectations",
    )
    def gate(
        context: dg.AssetCheckExecutionContext, ledger: LedgerResource, frame: pl.LazyFrame
    ) -> Iterator[dg.AssetCheckResult]:
        selected = {key.name for key in context.selected_asset_check_keys}
        border = border_frame(suite, frame)
        fits = border_type.type_check(context, border)  # pyright: ignore[reportArgumentType]
        if not fits.success:
            raise dg.Failure(
                f"{suite.asset} is not what its gate was written for: {fits.description}",
                metadata=fits.metadata,
            )
        results = run_on_border(suite, border)
        if suite.load_phase is not None:
            passed = all(r.passed for r in results if r.rule.severity == "critical")
            ledger.open().record_gate(
                suite.load_phase, data_version(frame), passed, run_id=context.run.run_id
            )
        for result in results:
            if result.rule.name in selected:
                yield _check_result(suite, result)

    return gate


def gate_frame_type(suite: Suite) -> dg.DagsterType:
    """The dagster-pandas type of the frame that crosses the border to great-expectations: every
    column that the suite reads is there.
    """
    with warnings.catch_warnings():
        # The classes are marked beta; the versions are held by the lock.
        warnings.simplefilter("ignore", dg.BetaWarning)
        return create_dagster_pandas_dataframe_type(
            name=f"GateFrame_{suite.asset}",
            columns=[PandasColumn.exists(column) for column in suite.columns],
        )


def _spec(suite: Suite, rule: Rule) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(
        rule.name,
        asset=suite.asset,
        description=rule.why,
        blocking=rule.severity == "critical",
        metadata={"expectation": rule.expectation},
    )


def _check_result(suite: Suite, result: RuleResult) -> dg.AssetCheckResult:
    metadata: dict[str, Any] = {
        "checked_rows": result.checked_rows,
        "failed_rows": result.failed_rows,
        "expectation": result.rule.expectation,
    }
    if result.allowance:
        metadata["tolerance"] = result.allowance
    if result.observed:
        metadata["observed"] = result.observed
    if result.examples:
        metadata["failing_rows"] = dg.MetadataValue.table(
            [dg.TableRecord({"row": example}) for example in result.examples],
            schema=dg.TableSchema([dg.TableColumn("row", description=":".join(suite.identify))]),
        )
    if not result.ran:
        metadata["could_not_run"] = result.error
    return dg.AssetCheckResult(
        check_name=result.rule.name,
        asset_key=suite.asset,
        passed=result.passed,
        severity=_SEVERITY[result.rule.severity],
        description=_sentence(result),
        metadata=metadata,
    )


def _sentence(result: RuleResult) -> str:
    if not result.ran:
        return f"The rule could not be evaluated: {result.error}"
    if result.passed:
        return result.rule.why
    fail = f"{result.failed_rows} of {result.checked_rows} rows fail"
    return f"{fail}{result.allowance and f' ({result.allowance})'}. {result.rule.why}"
