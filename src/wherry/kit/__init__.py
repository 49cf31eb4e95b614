"""Technical building blocks that know no domain: time, ids, secrets, keyset pages, streams."""
