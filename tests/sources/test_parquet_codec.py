from __future__ import annotations

from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datacheck.sources.parquet_codec import codec

FRAME = pl.DataFrame({"a": [1, 2, None], "b": ["x", "y", None], "l": [[1, 2], [3], []]})
CODECS = ["zstd", "snappy", "lz4", "uncompressed", "gzip", "brotli"]


@pytest.mark.parametrize("name", CODECS)
def test_of_files_that_polars_wrote(name, tmp_path):
    compression: Any = name
    FRAME.write_parquet(tmp_path / "a.parquet", compression=compression)
    assert codec(tmp_path / "a.parquet") == name


@pytest.mark.parametrize("name", CODECS)
def test_of_files_that_pyarrow_wrote(name, tmp_path):
    pq.write_table(FRAME.to_arrow(), tmp_path / "a.parquet",
                   compression="none" if name == "uncompressed" else name)  # fmt: skip
    assert codec(tmp_path / "a.parquet") == name


def test_of_a_file_without_rows(tmp_path):
    FRAME.clear().write_parquet(tmp_path / "a.parquet")
    assert codec(tmp_path / "a.parquet") is None or codec(tmp_path / "a.parquet") in CODECS


@given(st.binary(max_size=200))
def test_of_anything_else_nothing_is_told(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("codec") / "a.parquet"
    path.write_bytes(b"PAR1" + data + len(data).to_bytes(4, "little") + b"PAR1")
    assert codec(path) in (None, *CODECS)
    path.write_bytes(data)
    assert codec(path) is None or data[-4:] == b"PAR1"
