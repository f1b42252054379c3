"""Names that assets share: groups in the order of the pipeline, and their owners."""

EXTRACT = "extract"
PREPARE = "prepare"
SCOPE = "scope"
MAP = "map"
TRANSFORM = "transform"
LOAD = "load"
PROVE = "prove"

DATA_ENGINEERING = ["team:data-engineering"]
MIGRATION = ["team:migration"]
REVOPS = ["team:revops"]
