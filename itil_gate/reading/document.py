"""A document: plain data that can say where in its file every key and value stands.

Places are only needed by findings, so they are found by reading the text a second time, when a
finding first asks; reading a file without faults does not pay for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, cast

from yaml.events import (
    MappingEndEvent,
    MappingStartEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from itil_gate.model.finding import Place
from itil_gate.model.frozen import frozen
from itil_gate.reading.events import Spot, begins, next_document, open_events, spot

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from yaml.events import Event, ScalarEvent

Path = tuple[str | int, ...]


class Mark(NamedTuple):
    """Where a value stands, where its key does, and the marks of what is inside it."""

    line: int
    column: int
    key_line: int
    key_column: int
    inside: dict[str | int, Mark]


class Marks:
    """The marks of all documents of a text, made when first asked for."""

    __slots__ = ("_roots", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self._roots: tuple[Mark, ...] | None = None

    def root(self, index: int) -> Mark:
        """Return the mark of one document's outermost value."""
        if self._roots is None:
            self._roots = tuple(_read_marks(self.text))
        return self._roots[index]

    @classmethod
    def of(cls, root: Mark) -> Marks:
        """Return the marks of one document whose outermost mark is known already."""
        marks = cls("")
        marks._roots = (root,)
        return marks


@frozen
class Document:
    """The data of one YAML document: None, bool, int, float, str, tuples and dicts of them."""

    data: Any
    file: str
    marks: Marks
    index: int = 0

    @property
    def text(self) -> str:
        """The text of the whole file."""
        return self.marks.text

    def place(self, path: Path = ()) -> Place:
        """Return where the value at a path begins, or the nearest value around it that exists."""
        mark, _ = self._find(path)
        return Place(file=self.file, line=mark.line + 1, column=mark.column + 1)

    def key_place(self, path: Path) -> Place:
        """Return where the key of a mapping's value begins; for list items, the item itself."""
        mark, _ = self._find(path)
        return Place(file=self.file, line=mark.key_line + 1, column=mark.key_column + 1)

    def has(self, path: Path) -> bool:
        """Return whether there is something at the path."""
        return self._find(path)[1]

    def without(self, path: Path, items: Collection[int]) -> Document:
        """Return the document without some items of the list at a path; places stay right."""
        data = _data_without(self.data, path, items)
        root = _mark_without(self.marks.root(self.index), path, items)
        return Document(data, self.file, Marks.of(root))

    def _find(self, path: Path) -> tuple[Mark, bool]:
        mark = self.marks.root(self.index)
        for step in path:
            inner = mark.inside.get(step)
            if inner is None:
                return mark, False
            mark = inner
        return mark, True


def _data_without(data: Any, path: Path, items: Collection[int]) -> Any:
    if not path:
        return tuple(item for index, item in enumerate(data) if index not in items)
    inner = _data_without(data[path[0]], path[1:], items)
    if isinstance(data, dict):
        return {**data, path[0]: inner}
    return (*data[: path[0]], inner, *data[path[0] + 1 :])  # type: ignore[operator]


def _mark_without(mark: Mark, path: Path, items: Collection[int]) -> Mark:
    if path:
        inner = _mark_without(mark.inside[path[0]], path[1:], items)
        return mark._replace(inside={**mark.inside, path[0]: inner})
    kept = [inner for index, inner in mark.inside.items() if index not in items]
    return mark._replace(inside=dict(enumerate(kept)))


def _read_marks(text: str) -> list[Mark]:
    get, end = open_events(text), spot(text, len(text))
    roots = []
    while next_document(get) is not None:
        event = cast("Event", get())
        roots.append(_mark(get, event, begins(event), end))
    return roots


def _mark(get: Callable[[], Event | None], event: Event, key: Spot, end: Spot) -> Mark:
    """Return the mark of the value that begins with an event; depth was limited before.

    Parsers let an empty value at the end begin on a line that is not there; `end` is the last.
    """
    inside: dict[str | int, Mark] = {}
    if isinstance(event, SequenceStartEvent):
        item = cast("Event", get())
        while not isinstance(item, SequenceEndEvent):
            inside[len(inside)] = _mark(get, item, begins(item), end)
            item = cast("Event", get())
    elif isinstance(event, MappingStartEvent):
        name = cast("Event", get())
        while not isinstance(name, MappingEndEvent):
            value = cast("Event", get())
            inside[cast("ScalarEvent", name).value] = _mark(get, value, begins(name), end)
            name = cast("Event", get())
    return Mark(*min(begins(event), end), *min(key, end), inside)
