"""Small datasets to train on, made on the spot: no download, the same in every run.

Each has the fault that its preset is about, and says so in a README.md beside the data.
"""

from __future__ import annotations

import ast
import io
import json
import re
import sysconfig
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from datacheck.errors import UsageError
from datacheck.findings import names

Row = Mapping[str, Any]
WORD = re.compile(r"[a-z]+|[0-9]+|[^\sa-z0-9]")
JUNK = 0.03


def write(name: str, folder: str | Path, *, seed: int = 0) -> Path:
    """Write the demonstration called ``name`` into a new folder, which is returned.

    Raises UsageError for a name that is none, and for a folder that is there already.
    """
    if name not in DEMOS:
        raise UsageError(f"no demonstration {name!r}", f"there are: {names(DEMOS, len(DEMOS))}")
    folder = Path(folder).expanduser()
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise UsageError(f"cannot make {folder}: {error.strerror}", "name a new folder") from None
    words = DEMOS[name](folder, np.random.default_rng(seed))
    (folder / "README.md").write_text(f"# {name}\n\n{words}\n", encoding="utf-8")
    return folder


def docstrings(folder: Path, rng: np.random.Generator) -> str:
    """Docstrings of the standard library as words; 3 % of train are junk."""
    texts = [t for t in _docstrings() if 4 <= len(t.split()) <= 96]
    kept = [texts[i] for i in rng.permutation(len(texts))[:2400]]
    train, test = kept[:2000], kept[2000:]
    counts: dict[str, int] = {}
    for text in train:
        for word in text.split():
            counts[word] = counts.get(word, 0) + 1
    frequent = sorted(counts, key=lambda w: (-counts[w], w))[:1000]
    rows = [{"text": text, "junk": 0} for text in train]
    for at in rng.choice(len(rows), round(JUNK * len(rows)), replace=False).tolist():
        salad = rng.choice(frequent, int(rng.integers(48, 97)))
        rows[at] = {"text": " ".join(salad), "junk": 1}
    _jsonl(folder / "train.jsonl", ({"text": r["text"]} for r in rows))
    _jsonl(folder / "test.jsonl", ({"text": t} for t in test))
    _jsonl(folder / "README.junk", ({"row": i + 1} for i, r in enumerate(rows) if r["junk"]))
    return (
        "Docstrings of Python's standard library, as words and marks, for a language model. Of the "
        f"{len(train):,} documents of train {JUNK:.0%} are replaced by junk: 48 to 96 words "
        "drawn evenly from the 1,000 most frequent. README.junk has their line numbers."
    )


def digits(folder: Path, rng: np.random.Generator) -> str:
    """Handwritten digits, 8 × 8 pixels of 0 to 255."""
    x, y = _digits()
    order = rng.permutation(len(x))
    x, y = x[order], y[order]
    _npz(
        folder / "digits.npz",
        {"x_train": x[:1200], "y_train": y[:1200], "x_test": x[1200:], "y_test": y[1200:]},
    )
    return (
        "1,797 handwritten digits (Alpaydin & Kaynak 1998, UCI; as scikit-learn ships them), gray, "
        "8 × 8, scaled to 0 … 255. The fault is not in the files but in the transforms of the "
        "pathological form: train is normalized with (0.5,), test is not."
    )


def few_digits(folder: Path, rng: np.random.Generator) -> str:
    """The same as a table, with so few rows of train that the seeds disagree."""
    x, y = _digits()
    order = rng.permutation(len(x))
    flat = x[order].reshape(len(x), -1)
    for split, part in (("train", slice(0, 300)), ("test", slice(300, 1300))):
        _csv(
            folder / f"{split}.csv",
            [*(f"pixel_{i}" for i in range(flat.shape[1])), "digit"],
            (row.tolist() for row in np.column_stack([flat[part], y[order][part]])),
        )
    return (
        "300 handwritten digits to train on and 1,000 to test (as scikit-learn ships them), a "
        "column a pixel: models that begin elsewhere end elsewhere."
    )


def tumors(folder: Path, rng: np.random.Generator) -> str:
    """Breast cancer, 30 measurements on scales from 0.001 to 1,000."""
    from sklearn.datasets import load_breast_cancer

    found = load_breast_cancer()
    order = rng.permutation(len(found.data))
    header = [str(n).replace(" ", "_") for n in found.feature_names]
    for split, part in (("train", order[:400]), ("test", order[400:])):
        rows = [[f"{v:g}" for v in found.data[i]] + [found.target_names[found.target[i]]]
                for i in part]  # fmt: skip
        _csv(folder / f"{split}.csv", [*header, "diagnosis"], rows)
    return (
        "569 tumors with 30 measurements each (Wolberg et al. 1995, UCI; as scikit-learn ships "
        "them), in their own units: the largest column is 400,000 times the smallest."
    )


def echo(folder: Path, rng: np.random.Generator) -> str:
    """Sequences of up to 1,000 symbols, of which the last four are to be said again."""
    for split, rows in (("train", 640), ("test", 96)):
        lengths = np.where(rng.random(rows) < 0.5, 1000, rng.integers(50, 1001, rows))
        sources = [rng.integers(1, 9, n) for n in lengths.tolist()]
        _jsonl(
            folder / f"{split}.jsonl",
            ({"source": s.tolist(), "target": s[-4:].tolist()} for s in sources),
        )
    return (
        "Sequences of symbols 1 … 8, half of them 1,000 long, the others 50 to 1,000; the target "
        "is the last four. That is easy to say; a gradient through 1,000 steps is not easy to get."
    )


DEMOS: Mapping[str, Callable[[Path, np.random.Generator], str]] = {
    "decoder": docstrings,
    "image-classifier": digits,
    "averaging": few_digits,
    "encoder-decoder": echo,
    "table": tumors,
}
"""By the preset that each is for."""


def _docstrings() -> Iterator[str]:
    """Of all modules of the standard library that are single files, in the order of their names."""
    for path in sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py")):
        try:
            tree = ast.parse(path.read_bytes())
        except (SyntaxError, ValueError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                text = ast.get_docstring(node)
                if text:
                    yield " ".join(WORD.findall(text.lower()))


def _digits() -> tuple[Any, Any]:
    from sklearn.datasets import load_digits

    found = load_digits()
    return (found.images * (255 / 16)).round().astype(np.uint8), found.target.astype(np.int64)


def _jsonl(path: Path, rows: Iterable[Row]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def _csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    lines = [",".join(header), *(",".join(map(str, row)) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _npz(path: Path, arrays: Mapping[str, Any]) -> None:
    """As ``np.savez``, without the time of day: the same arrays are the same bytes."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            data = io.BytesIO()
            np.lib.format.write_array(data, np.ascontiguousarray(array), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0)), data.getvalue())
