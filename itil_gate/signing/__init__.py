"""Signatures: parse and verify bytes, and ask a key in hand for raw Ed25519 ones.

Nothing here reads a file or starts a program.
"""
