"""Near copies of pictures that tables name or hold: told by the rows of the tables."""

from __future__ import annotations

import io
from pathlib import Path

import polars as pl
import pytest
from PIL import Image

import datacheck
from tests.checks.near.test_pictures import picture

FORMS = ("csv", "jsonl", "parquet of paths", "parquet of bytes", "arrow of structs")
COPIES = 4


def encoded(image: Image.Image, form: str = "PNG") -> bytes:
    out = io.BytesIO()
    image.save(out, form, quality=60) if form == "JPEG" else image.save(out, form)
    return out.getvalue()


def splits() -> dict[str, list[bytes]]:
    """Train of 30 and test of 20: rows 0–3 of test are near copies of rows 0–3 of train, row 4 is
    an exact one; of train row 29 is row 10 again, encoded as JPEG.
    """
    train = [picture(k) for k in range(30)]
    copies = [
        encoded(train[0], "JPEG"),
        encoded(train[1].resize((60, 45), Image.Resampling.LANCZOS)),
        encoded(train[2].transpose(Image.Transpose.FLIP_LEFT_RIGHT)),
        encoded(train[3].transpose(Image.Transpose.ROTATE_90)),
        encoded(train[4], "BMP"),
    ]
    return {
        "train": [*(encoded(one) for one in train[:29]), encoded(train[10], "JPEG")],
        "test": [*copies, *(encoded(picture(100 + k)) for k in range(15))],
    }


def table(root: Path, form: str) -> Path:
    """The two splits in one of the forms, with a number beside each picture."""
    root.mkdir()
    for split, pictures in splits().items():
        labels = ["ab"[k % 2] for k in range(len(pictures))]
        beside = {"depth": [k * 7 % 11 for k in range(len(pictures))], "label": labels}
        if split == "train":  # the pictures that are one have one label
            labels[29] = labels[10]
        if form == "parquet of bytes":
            pl.DataFrame({"picture": pictures, **beside}).write_parquet(
                root / f"{split}.parquet", row_group_size=8
            )
            continue
        if form == "arrow of structs":
            cells = [{"bytes": one, "path": None} for one in pictures]
            pl.DataFrame({"picture": cells, **beside}).write_ipc(root / f"{split}.arrow")
            continue
        (root / "all").mkdir(exist_ok=True)
        names = [f"all/{split}-{k}.png" for k in range(len(pictures))]
        for name, one in zip(names, pictures, strict=True):
            (root / name).write_bytes(one)
        frame = pl.DataFrame({"picture": names, **beside})
        if form == "csv":
            frame.write_csv(root / f"{split}.csv")
        elif form == "jsonl":
            frame.write_ndjson(root / f"{split}.jsonl")
        else:
            frame.write_parquet(root / f"{split}.parquet")
    return root


@pytest.mark.parametrize("form", FORMS)
def test_across_and_within_splits(tmp_path, form):
    report = datacheck.audit(table(tmp_path / "set", form))
    rules = {f.rule: f for f in report.findings}
    across, within, exact = rules["LK002"], rules["LB005"], rules.get("LK001")
    assert across.count == COPIES
    rows = {e.addresses for e in across.examples}
    first = 2 if form == "csv" else 1 if form == "jsonl" else 0  # lines, or rows from 0
    ending = {"csv": "csv", "jsonl": "jsonl", "arrow of structs": "arrow"}.get(form, "parquet")
    assert rows == {
        (f"test/test.{ending}:{k + first}", f"train/train.{ending}:{k + first}")
        for k in range(COPIES)
    }
    assert within.count == 1
    assert within.examples[0].addresses == (
        f"train/train.{ending}:{29 + first}", f"train/train.{ending}:{10 + first}",
    )  # fmt: skip
    assert exact is not None
    assert exact.count == 1


@pytest.mark.parametrize("form", ["csv", "parquet of bytes"])
def test_the_rows_leave_train(tmp_path, form):
    source = table(tmp_path / "set", form)
    datacheck.fix(source, tmp_path / "mended")
    before, after = (datacheck.audit(p) for p in (source, tmp_path / "mended"))
    assert {f.rule for f in after.findings} == {f.rule for f in before.findings} - {
        "LB005", "LK001", "LK002",
    }  # fmt: skip
    rows = {s: told["rows"] for s, told in after.dataset["splits"].items()}
    assert rows == {"train": 30 - COPIES - 2, "test": 20}
