"""Prints a digest of every file of the action that is installed; the folder is the argument."""

import hashlib
import sys
from pathlib import Path

HOME = Path(sys.argv[1])
digest = hashlib.sha256()
for top in ("itil_gate", "policies", "schemas", "templates/action"):
    for file in sorted(path for path in (HOME / top).rglob("*") if path.is_file()):
        if "__pycache__" not in file.parts:
            digest.update(f"{file.relative_to(HOME).as_posix()}\0".encode())
            digest.update(hashlib.sha256(file.read_bytes()).digest())
sys.stdout.write(f"{digest.hexdigest()}\n")
