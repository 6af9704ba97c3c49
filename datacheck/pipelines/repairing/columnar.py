"""Parquet and Arrow files written again, as they were packed."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from datacheck.errors import DatacheckError
from datacheck.pipelines.repairing.writing import Piece, stored_names
from datacheck.sources import streams
from datacheck.sources.columnar import ColumnarFragment
from datacheck.sources.parquet_codec import codec


def write_columnar(fragment: ColumnarFragment, pieces: Iterator[Piece], target: Path) -> None:
    """The pieces as a file of the fragment's format and compression. Raises DatacheckError where
    no row is left.
    """
    from polars.io.plugins import register_io_source

    first = next(pieces, None)
    if first is None:
        raise DatacheckError(f"no row of {fragment.file} is left", "look at the plan: --dry-run")
    stored = stored_names(_names(fragment))
    schema = first.frame.rename(stored, strict=False).schema
    failed: list[BaseException] = []

    def source(
        with_columns: list[str] | None,
        predicate: pl.Expr | None,
        n_rows: int | None,
        batch_size: int | None,
    ) -> Iterator[pl.DataFrame]:
        del with_columns, predicate, n_rows, batch_size  # a sink asks for everything
        try:
            for piece in itertools.chain([first], pieces):
                yield piece.frame.rename(stored, strict=False).cast(dict(schema))  # type: ignore[arg-type] # a schema is such a mapping
        except BaseException as error:
            failed.append(error)
            raise

    lazy = register_io_source(source, schema=schema)
    try:
        if fragment.form == "parquet":
            packed: Any = codec(fragment.path) or "zstd"
            lazy.sink_parquet(target, maintain_order=True, compression=packed)
        else:
            lazy.sink_ipc(target, maintain_order=True, compression=_compression(fragment.path))
    except pl.exceptions.PolarsError:
        if failed:
            raise failed[0] from None
        raise


def _names(fragment: ColumnarFragment) -> list[str]:
    if fragment.form == "parquet":
        return list(pl.read_parquet_schema(fragment.path))
    with fragment.path.open("rb") as file:
        if file.read(6).startswith(b"ARROW1"):
            return list(pl.read_ipc_schema(fragment.path))
    return list(pl.read_ipc_stream(fragment.path, n_rows=0).schema)


def _compression(path: Path) -> Any:
    """LZ4 and Zstandard are told by their frames' magic numbers; Arrow files keep theirs."""
    with path.open("rb") as file:
        head = file.read(1 << 16)
    if streams.ZSTD in head:
        return "zstd"
    return "lz4" if b"\x04\x22\x4d\x18" in head else "uncompressed"
