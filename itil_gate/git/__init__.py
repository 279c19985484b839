"""Git: the one room that runs programs, and reads history as values.

Everything the gate decides on is read through a bare view (`view.py`) that never looks at the
repository's configuration, attributes, hooks, grafts or replace refs, and writes nothing to it.
Only `refs.py` and `remote.py` write, to a branch named by the caller.
"""
