"""Where a row comes from: two columns that travel from the export to every report."""

from __future__ import annotations

LINEAGE = ("source_file", "source_line")
