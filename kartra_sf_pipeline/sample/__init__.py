"""SAMPLE: a believable, messy Kartra account of any size, the same for the same seed."""

from kartra_sf_pipeline.sample.account import TODAY, write_account

__all__ = ["TODAY", "write_account"]
