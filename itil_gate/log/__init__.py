"""The audit log as values: leaves, tiles, checkpoints and proofs; files are read by whoever calls.

Formats: C2SP tlog-tiles, tlog-checkpoint and tlog-proof over RFC 6962 hashes; entries are in-toto
Statements in DSSE envelopes. The pinned revisions stand in ADR 15.
"""
