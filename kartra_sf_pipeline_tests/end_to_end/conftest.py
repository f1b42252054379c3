from __future__ import annotations

from kartra_sf_pipeline_tests.end_to_end.shared import story

__all__ = ["story"]
