"""Seeds from what the repository has: goldens, policies, examples of tests, freshly made keys.

Run from the root with `python tests/fuzz/seeds.py`; it adds what is not there, and signs anew only
where a target has no seeds at all, because signatures differ each time.
"""

from __future__ import annotations

import base64
import hashlib
import re
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))

if TYPE_CHECKING:
    from collections.abc import Iterator

CORPUS = Path(__file__).parent / "corpus"
_MOST = 4096
_CONDITION = re.compile(r"^\s*(?:- )?(?:when|expect): (.*)$", re.MULTILINE)
_MESSAGE = re.compile(r"^\s*(?:message|remedy): (.*\$\{.*)$", re.MULTILINE)


def write(target: str, data: bytes) -> None:
    """Add an input to the corpus of a target, named by what is in it."""
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    if len(data) <= _MOST:
        (folder / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)


def main() -> None:
    """Write the seeds of every target."""
    documents()
    expressions()
    calendars()
    raw_objects()
    logs()
    if not (CORPUS / "sshsig").exists():
        signatures()


def documents() -> None:
    """Write goldens, and one policy file of each sort."""
    for path in sorted((ROOT / "tests" / "golden").glob("*.yaml")):
        data = path.read_bytes()
        write("request" if path.name.startswith("request-") else "yaml", data)
    from support.examples import REQUEST  # noqa: PLC0415 - once the path is set

    write("request", REQUEST.encode())
    for path in sorted((ROOT / "policies" / "starter").rglob("*.yaml")):
        write("yaml", path.read_bytes())
    write("yaml", b"---\na: 'b'\n---\n- \"c\\n\"\n- |\n d\n...\n")


def expressions() -> None:
    """Write the conditions and messages of the shipped policies, and slips."""
    texts: set[str] = set()
    for path in sorted((ROOT / "policies").rglob("*.yaml")):
        text = path.read_text()
        texts |= set(_CONDITION.findall(text))
        for message in _MESSAGE.findall(text):
            write("template", message.strip("\"'").encode())
    typos = (ROOT / "tests" / "expressions" / "typos.yaml").read_text()
    texts |= set(re.findall(r"^    when: (.*)$", typos, re.MULTILINE))
    for text in sorted(texts)[::3]:
        write("expression", text.strip("\"'").encode())
    for text in ("$${ ${now}", "${'}'} ${change.metadata.title", "${diff.paths} ${{'a': 1}}"):
        write("template", text.encode())


def calendars() -> None:
    """Write goldens and calendars of well-known programs."""
    for path in sorted((ROOT / "tests" / "golden").glob("*.ics")):
        for target in ("ics-reading", "ics-deciding"):
            write(target, path.read_bytes())
    source = (ROOT / "tests" / "decide" / "test_calendars_ics.py").read_text()
    for text in re.findall(r'"""\\\n(BEGIN:VCALENDAR.*?)"""', source, re.DOTALL):
        for target in ("ics-reading", "ics-deciding"):
            write(target, text.encode().decode("unicode_escape").encode("latin-1", "replace"))


def raw_objects() -> None:
    """Write commits, trees, differences and headers as git has them."""
    tree, person = b"tree " + b"3" * 40 + b"\n", b"A <a@example.org> 1760000000 +0100\n"
    plain = tree + b"parent " + b"4" * 40 + b"\nauthor " + person + b"committer " + person
    write("commit", plain + b"\nmessage\n\nCo-authored-by: B <b@example.org>\n")
    write("commit", plain + b"encoding iso-8859-1\n\nZ\xfcrich\nco authored by: c@example.org\n")
    write("commit", tree + b"\n")
    write("commit", plain.replace(b"3" * 40, b"3" * 64) + b"author " + person + b"\n")
    entry = b"100644 name\0" + bytes(20)
    write("tree", entry + b"40000 dir\0" + bytes(range(20)) + b"160000 sub\0" + bytes(20))
    write("tree", b"100644 \xff\\name\0" + bytes(32) + b"120000 link\0" + bytes(range(32)))
    write("tree", entry + entry)
    zero, one = b"0" * 40, b"1" * 40
    added = b":000000 100644 " + zero + b" " + one + b" A\0new\0"
    write("diff", added + b":100644 000000 " + one + b" " + zero + b" D\0old/\xff\0")
    write("diff", added + added)
    write("diff", b"")
    for said in (b" missing", b" blob 12", b" commit 0", b" ambiguous", b" tree -1", b" tag x"):
        write("header", b"3" * 40 + said)


def logs() -> None:
    """Write the files of a small log, whose keys are fixed."""
    from support.log import KEYS, WITNESS, append, event, log_of  # noqa: PLC0415 - as above

    from itil_gate.log.checkpoint import cosign_checkpoint  # noqa: PLC0415

    files = log_of(4)
    (logged,) = append(files, [event(4)]).logged
    note = files["checkpoint"]
    write("log-note", note)
    write("log-note", cosign_checkpoint(note, WITNESS, name="witness.example/w1", time=1760000000))
    write("log-note", KEYS[0].text.encode())
    write("log-proof", logged.proof)
    write("log-entry", files["entry/000/000/004.intoto.json"])
    write("log-bundle", files["tile/entries/000.p/5"])
    write("log-bundle", b"4\n")


def signatures() -> None:
    """Make keys and write their lines, blobs, signatures, signed commits, tags and statements."""
    from fuzz.targets import MESSAGE  # noqa: PLC0415 - once the path is set
    from support.ssh_vectors import (  # noqa: PLC0415 - as above
        SK_ECDSA,
        SK_ED25519,
        dearmor,
        generate,
        hardware_key,
        sign,
    )

    with tempfile.TemporaryDirectory() as scratch:
        for name, options in _KEYS.items():
            file = generate(Path(scratch) / name, *options)
            line = file.with_suffix(".pub").read_bytes()
            write("key", line)
            write("key", base64.b64decode(line.split()[1]))
            signature = sign(file, MESSAGE, namespace="git")
            write("sshsig", signature.encode())
            write("sshsig", dearmor(signature))
            for target, payload in _payloads():
                armored = sign(file, payload, namespace="git").encode()
                if target == "tag":
                    write("signed", payload + armored)
                else:
                    inner = b"gpgsig " + armored.rstrip(b"\n").replace(b"\n", b"\n ") + b"\n"
                    head, blank, message = payload.partition(b"\n\n")
                    write("signed", head + b"\n" + inner + blank[1:] + message)
            for data in _statements(file):
                write("statement", data)
        for kind in (SK_ECDSA, SK_ED25519):
            key = hardware_key(kind)
            made = key.sign(MESSAGE, namespace="git")
            write("key", key.blob)
            write("sshsig", made.blob())


_KEYS = {
    "ed25519": ("-t", "ed25519"),
    "rsa": ("-t", "rsa", "-b", "2048"),
    "ecdsa": ("-t", "ecdsa", "-b", "256"),
    "ecdsa521": ("-t", "ecdsa", "-b", "521"),
}


def _payloads() -> Iterator[tuple[str, bytes]]:
    person = b"A <a@example.org> 1760000000 +0100\n"
    yield "commit", b"tree " + b"3" * 40 + b"\nauthor " + person + b"\nmessage\n"
    yield "tag", b"object " + b"3" * 40 + b"\ntype commit\ntag v1\ntagger " + person + b"\nv1\n"


def _statements(file: Path) -> Iterator[bytes]:
    from support.ssh_vectors import sign  # noqa: PLC0415 - once the path is set

    from itil_gate.signing.statement import (  # noqa: PLC0415 - as above
        approval_statement,
        compose,
        namespace_of,
        signed_bytes,
        vouch_statement,
    )

    predicates: Any = _predicates()
    for make, predicate in zip((approval_statement, vouch_statement), predicates, strict=True):
        statement = make(predicate)
        armored = sign(file, signed_bytes(statement), namespace=namespace_of(statement))
        yield compose(statement, armored)


def _predicates() -> tuple[Any, Any]:
    """Take the predicates that the tests of statements use."""
    import importlib.util  # noqa: PLC0415 - only here

    path = ROOT / "tests" / "signing" / "test_signed_statement.py"
    found = importlib.util.spec_from_file_location("statements", path)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module.APPROVAL, module.VOUCH


if __name__ == "__main__":
    main()
