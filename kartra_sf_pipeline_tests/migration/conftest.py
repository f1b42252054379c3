from kartra_sf_pipeline_tests.migration.fixtures import audit, ledger, org

__all__ = ["audit", "ledger", "org"]
