"""Risk: how much could go wrong. Assessed from the whole diff; a claim may raise it, never lower."""
