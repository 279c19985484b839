"""Proof that decisions are what they say: they call `decide`; history is handed to them."""
