"""Gathering: facts and policies from git and forges, as values. It judges nothing."""
