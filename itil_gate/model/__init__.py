"""The nouns of the gate: frozen, closed values, one file each. They do nothing but be."""
