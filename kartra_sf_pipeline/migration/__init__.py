"""MOVE: puts frames into an org by phases, and takes a run back.

Entry points: `ledger.Ledger`, `phases.PHASES`, `versions.data_version`, `loader.load_phase` and
`rollback.rollback`. Below them `fields` binds columns to the org's fields, `current` reads what
the org holds, `diff` compares by `equivalence`, `sending` writes, `results` joins the answers by
key; `restore` and `presence` serve the way back. `existing` finds what people made in the org
before, and `conflicts` say who is right about it; `parents` are found by name; `files` go one by
one, with `contents` that no frame holds. Knows Salesforce; nothing of Kartra or Dagster.
"""
