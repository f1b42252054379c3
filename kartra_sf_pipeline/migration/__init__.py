"""MOVE: puts frames into an org by phases, and takes a run back.

Entry points: `ledger.Ledger`, `phases.PHASES`, `versions.data_version`, `loader.load_phase` and
`rollback.rollback`. Below them `fields` binds columns to the org's fields, `current` reads what
the org holds, `diff` compares by `equivalence`, `sending` writes, `results` joins the answers by
key; `restore` and `presence` serve the way back. Knows Salesforce; nothing of Kartra or Dagster.
"""
