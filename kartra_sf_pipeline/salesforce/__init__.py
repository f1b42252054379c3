"""The ORG room: everything that is said to a Salesforce org goes through here.

Entry points: `credentials.from_environment`, `connection.connect`, then the `Org` it returns;
`bulk` and `bulk_query` for many rows, `metadata` for fields and permissions, `snapshot` for a
picture of the org that later stages judge against. Nothing here knows Kartra or Dagster.
"""
