"""Typed CEL: conditions, points and messages of policies. The only room that knows the engine."""
