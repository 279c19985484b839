"""Policy sets: every text of the judge's data, read, checked together and compiled."""
