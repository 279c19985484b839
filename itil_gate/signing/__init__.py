"""Signatures: parse and verify bytes. Nothing here reads a file, starts a program or signs."""
