"""A policy-as-code change-management gate that lives in git.

Change requests are YAML files; the gate is a pure function of request, facts and policies.
"""

__version__ = "0.1.0"
