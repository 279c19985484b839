"""Reading: text becomes a document that knows its places, then a noun or findings. No I/O."""
