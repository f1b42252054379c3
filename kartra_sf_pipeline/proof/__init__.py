"""PROOF: shows that every source row has one fate, and that the org holds what was asked for.

Entry points: `reconciliation.dispositions`, `conservation`, `money_totals` and `orphans`, which
need no org, and `read_back.read_back`, which asks it.
"""
