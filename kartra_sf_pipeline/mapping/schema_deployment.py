"""Brings the planned components to the org: validated, noted, deployed, and given to the user."""

from __future__ import annotations

from pathlib import Path

from kartra_sf_pipeline.errors import SettingsError
from kartra_sf_pipeline.mapping.schema import PERMISSION_SET
from kartra_sf_pipeline.mapping.schema_plan import Plan
from kartra_sf_pipeline.mapping.schema_record import note_deployment
from kartra_sf_pipeline.salesforce.metadata import DeployResult, assign_permission_set, deploy
from kartra_sf_pipeline.salesforce.metadata_package import package_of
from kartra_sf_pipeline.salesforce.org import Org

_TOLD = 20


def refuse_conflicts(plan: Plan) -> None:
    """Raise SettingsError where the org has something else under a planned name."""
    conflicts = plan.conflicts
    if conflicts:
        told = "\n".join(f"  {step.kind} {step.name}: {step.detail}" for step in conflicts[:_TOLD])
        one = len(conflicts) == 1
        count = "One component" if one else f"{len(conflicts)} components"
        raise SettingsError(
            f"{count} of the field map {'clashes' if one else 'clash'} with the org; "
            f"nothing was deployed:\n{told}\n",
            next_step="Rename it in the field map, or change it in the org.",
        )


def deploy_plan(org: Org, plan: Plan, home: Path) -> int:
    """Deploy what the plan brings, after the org has validated it; returns the number of
    components. Nothing is sent where all is there; the user is given the permission set anyway.

    Raises SettingsError with every problem that the org names and its way out.
    """
    refuse_conflicts(plan)
    if plan.parts:
        package = package_of(plan.parts, api_version=org.api_version)
        refuse_problems(deploy(org, package, check_only=True), "validate")
        note_deployment(
            home, org.org_id, ((s.kind, s.name, s.action, s.added) for s in plan.pending)
        )
        refuse_problems(deploy(org, package), "take")
    assign_permission_set(org, PERMISSION_SET)
    return len(plan.parts)


def refuse_problems(result: DeployResult, verb: str) -> None:
    """Raise SettingsError with the org's problems, each with what to do about it."""
    if result.success:
        return
    told = "\n".join(f"  {problem} {problem.way_out}" for problem in result.problems[:_TOLD])
    more = len(result.problems) - _TOLD
    rest = f"\n  and {more} more" if more > 0 else ""
    raise SettingsError(
        f"The org did not {verb} the schema; nothing of it was kept:\n{told}{rest}\n",
        next_step="Mend what is named above and run again.",
    )
