from kartra_sf_pipeline_tests.migration.fixtures import audit, frames, ledger, org

__all__ = ["audit", "frames", "ledger", "org"]
