"""Acts of people and releases: what writes to the approvals branch and, later, to the log."""
