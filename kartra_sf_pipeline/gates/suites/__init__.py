"""Every suite of the pipeline, in the order of its phases."""

from kartra_sf_pipeline.gates.rules import Suite
from kartra_sf_pipeline.gates.suites import extract, load, prepare, prove, scope, transform

SUITES: tuple[Suite, ...] = (
    *extract.SUITES,
    *prepare.SUITES,
    *scope.SUITES,
    *transform.SUITES,
    *load.SUITES,
    *prove.SUITES,
)

__all__ = ["SUITES"]
