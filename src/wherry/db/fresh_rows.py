"""A bounded memory of rows in front of a `PullReader`, never staler than the last commit it can know of."""

from collections import OrderedDict

from wherry.db.pull_reader import Parameters, Prepared, PullReader, Row

MAX_ROWS = 20_000
MAX_BYTES = 32 * 1024 * 1024
# A larger row (a manifest of megabytes) is read each time; it is sent in far more time than it is read.
MAX_ROW_BYTES = 256 * 1024

_ROW_COST = 600  # what a row with its key costs in Python objects, roughly
_MISSING = object()


class FreshRows:
    """Rows by statement and values; forgets all when anything was committed. Belongs to one event loop."""

    def __init__(self, reader: PullReader) -> None:
        self._reader = reader
        self._generation: object = None
        self._rows: OrderedDict[tuple[object, ...], Row | None] = OrderedDict()
        self._bytes = 0

    async def row(self, statement: Prepared, **parameters: str | int) -> Row | None:
        """The first row of `statement`, or None. Raises `DatabaseUnavailable`."""
        generation = self._reader.generation()
        if generation != self._generation:
            self._rows.clear()
            self._bytes = 0
            self._generation = generation
        key = (statement, *parameters.values())
        known = self._rows.get(key, _MISSING)
        if known is not _MISSING:
            self._rows.move_to_end(key)
            return known  # type: ignore[return-value]
        return await self._read(key, statement, parameters, generation)

    async def _read(
        self, key: tuple[object, ...], statement: Prepared, parameters: Parameters, generation: object
    ) -> Row | None:
        row = await self._reader.row(statement, parameters)
        cost = _cost(row)
        # `generation` was asked before the row was read: where the row is newer, the next question clears it.
        if cost <= MAX_ROW_BYTES and generation == self._generation:
            self._rows[key] = row
            self._bytes += cost
            while len(self._rows) > MAX_ROWS or self._bytes > MAX_BYTES:
                _, dropped = self._rows.popitem(last=False)
                self._bytes -= _cost(dropped)
        return row


def _cost(row: Row | None) -> int:
    return _ROW_COST + sum(len(value) for value in row or () if isinstance(value, (bytes, str)))
