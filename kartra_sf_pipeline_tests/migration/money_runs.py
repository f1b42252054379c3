"""The money account on its way into an org, proven there, in again, and out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from kartra_sf_pipeline.mapping.account_map import propose
from kartra_sf_pipeline.mapping.model import FieldMap
from kartra_sf_pipeline.mapping.org_facts import OrgFacts, ask_org, snapshot_objects
from kartra_sf_pipeline.mapping.phase_frames import phase_frames
from kartra_sf_pipeline.mapping.row_plan import NEEDS, row_plan
from kartra_sf_pipeline.mapping.rows.choices import choices_for
from kartra_sf_pipeline.mapping.rows.registry import DERIVED
from kartra_sf_pipeline.mapping.schema import text_lengths, wanted_fields
from kartra_sf_pipeline.mapping.schema_deployment import deploy_plan
from kartra_sf_pipeline.mapping.schema_plan import ask_plan
from kartra_sf_pipeline.mapping.shape import nothing, shape
from kartra_sf_pipeline.mapping.strategies import Strategies
from kartra_sf_pipeline.mapping.validate import check_map
from kartra_sf_pipeline.migration.ledger import Ledger
from kartra_sf_pipeline.migration.phases import PHASES, Phase
from kartra_sf_pipeline.migration.rollback import RollbackReport, rollback
from kartra_sf_pipeline.proof.read_back import read_back
from kartra_sf_pipeline.proof.reconciliation import conservation, dispositions
from kartra_sf_pipeline.salesforce.org import Org
from kartra_sf_pipeline_tests.mapping.money_account import money_account
from kartra_sf_pipeline_tests.migration.small_account import all_outcomes, load_all


@dataclass(frozen=True)
class Ready:
    """The account as the org takes it: frames by phase, and the plan of every source row."""

    frames: dict[Phase, pl.DataFrame]
    plan: pl.DataFrame

    def rows(self, phase: str) -> pl.DataFrame:
        """A phase's frame; without rows where no strategy asks for it."""
        found = {one.name: frame for one, frame in self.frames.items()}
        return found[phase]


@dataclass(frozen=True)
class Told:
    """What became of it: a first load with its proof, the same again, and the way back."""

    ready: Ready
    fates: pl.DataFrame
    balance: pl.DataFrame
    read: pl.DataFrame
    differences: pl.DataFrame
    held: Mapping[str, Any]
    again: dict[str, int]
    undone: RollbackReport


def account_map(org: Org, **chosen: Any) -> FieldMap:
    """The map that is proposed for the account, with these strategies."""
    given = propose({name: frame.lazy() for name, frame in money_account().items()},
                    ask_org(org).objects)  # fmt: skip
    return given.model_copy(update={"strategies": Strategies.model_validate(chosen)})


def made_ready(org: Org, field_map: FieldMap, home: Path) -> Ready:
    """Deploy what the map needs, and shape the account's rows for the org."""
    facts = ask_org(org)
    deploy_plan(org, ask_plan(org, field_map, facts.objects), home)
    org.forget_describes()
    return _shaped(field_map, replace(facts, snapshot=snapshot_objects(org)))


def _shaped(field_map: FieldMap, facts: OrgFacts) -> Ready:
    choices = choices_for(field_map, facts, 60)
    prepared = {name: frame.lazy() for name, frame in money_account().items()}
    rows = phase_frames(prepared, choices)
    stops = [fault for fault in check_map(field_map, rows, facts.objects) if fault.stops]
    assert stops == []
    wanted = wanted_fields(field_map)
    frames: dict[Phase, pl.DataFrame] = {}
    for phase in PHASES:
        mapped = choices.phases.get(phase.name)
        if mapped is None:
            frames[phase] = nothing(field_map.phases[phase.name])
        else:
            lengths = text_lengths(choices.objects[mapped.object], wanted, mapped.object)
            frames[phase] = shape(rows[phase.name], mapped, lengths, choices)
    known: dict[str, pl.LazyFrame] = dict(prepared)
    for name, derived in DERIVED.items():
        known[name] = derived.build(known, choices).lazy()
    known |= {phase.name: frame.lazy() for phase, frame in frames.items()}
    plan = row_plan({name: known[name] for name in NEEDS}, {}, field_map.strategies)
    return Ready(frames, plan)


def told(org: Org, ledger: Ledger, ready: Ready, questions: Mapping[str, str]) -> Told:
    """Load, prove, ask the org the questions, load again, take the first run back."""
    sent = {phase: frame for phase, frame in ready.frames.items() if frame.height}
    run_id, results = load_all(org, ledger, sent)
    outcomes = all_outcomes(results)
    fates = dispositions(ready.plan, outcomes)
    counts = {
        name.removeprefix("raw_"): frame.height
        for name, frame in money_account().items()
        if name.startswith("raw_") and frame.height
    }
    read, differences = read_back(org, sent, outcomes)
    held = {name: org.query(soql) for name, soql in questions.items()}
    _, second = load_all(org, ledger, sent)
    again = {
        name: sum(result.counts[name] for result in second.values())
        for name in ("planned", "created", "updated", "unchanged", "rejected")
    }
    return Told(
        ready,
        fates,
        conservation(fates, counts),
        read,
        differences,
        held,
        again,
        rollback(org, ledger, run_id),
    )
