"""Be answered by a waiting gate: the program that other programs start instead of `itil-gate`.

    python -IS knock.py DOOR PROGRAM [ARGUMENT]...

A hook of git or a pipeline's shell starts a program and gives it streams, a directory and an
environment. All of it is handed to a fork of the gate behind the door (see `ready.py`), and that
ends as this does. Only modules that are part of the interpreter are imported: the rest would take
longer than the fork.
"""

import _socket
import marshal
import posix
import sys

_STREAMS = b"".join(number.to_bytes(4, sys.byteorder) for number in (0, 1, 2))


def knock(door: str, words: list[str]) -> int:
    """Return how the command ended, below zero for the signal that ended it."""
    mask = posix.umask(0)
    posix.umask(mask)
    asked = marshal.dumps((words, posix.getcwdb(), posix.environ, mask))
    line = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    line.connect(door)
    streams = (_socket.SOL_SOCKET, _socket.SCM_RIGHTS, _STREAMS)
    line.sendmsg([len(asked).to_bytes(8, "big")], [streams])
    line.sendall(asked)
    said = b""
    while said.count(b"\n") < 2:  # its id, then how it ended
        more = line.recv(64)
        if not more:
            return 70
        said += more
    return int(said.split()[1])


if __name__ == "__main__":
    code = knock(sys.argv[1], sys.argv[2:])
    if code < 0:
        posix.kill(posix.getpid(), -code)
    posix._exit(code)
