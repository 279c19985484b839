"""Audit: what can be said about changes and repositories from evidence, after the fact."""
