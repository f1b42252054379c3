"""REST resources: discovery, describes, records, collections."""
