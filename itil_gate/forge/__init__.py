"""Forges: the only room that may open a socket. One file an implementation of one Protocol."""
