"""Risk: how much could go wrong, from the whole diff; a claim may raise it, never lower it."""
