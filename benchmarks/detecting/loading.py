"""Where the datasets come from: scikit-learn, fixtures/, and a folder of shared data.

Of those shared and those of texts, rows with the same features count once.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks.detecting.data import ROOT, ROWS, Data, decoded, encoded, take

TILE = 32  # pixels a side of the tiles that photographs are cut into
SEED = 0  # of which rows are taken


# -- bundled -----------------------------------------------------------------------------------


def _sklearn(name: str) -> Data:
    from sklearn import datasets

    # As shipped, diabetes is standardized over all of its rows: LK007 would be right to speak.
    flags = {"scaled": False} if name == "diabetes" else {}
    bunch = getattr(datasets, f"load_{name}")(**flags)
    names = [str(c).replace(" (cm)", "").replace(" ", "_") for c in bunch.feature_names]
    frame = pl.DataFrame({c: bunch.data[:, i] for i, c in enumerate(names)})
    frame = frame.with_columns(pl.Series("label", bunch.target))
    return Data(name, "table", frame, "label", name != "diabetes")


def _digit_pictures() -> Data:
    """The digits as PNG files of 32 × 32 gray pixels."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    large = np.kron(bunch.images[:800] * 15.9375, np.ones((4, 4))).round().astype(np.uint8)
    return _pictures("digit_pictures", [encoded(p) for p in large], bunch.target[:800])


def _tiles() -> Data:
    """scikit-learn's two photographs in tiles; the class says which one a tile is of."""
    from sklearn.datasets import load_sample_images

    cells, codes = [], []
    for code, photo in enumerate(load_sample_images().images):
        for top in range(0, photo.shape[0] - TILE + 1, TILE):
            for left in range(0, photo.shape[1] - TILE + 1, TILE):
                cells.append(encoded(photo[top : top + TILE, left : left + TILE]))
                codes.append(code)
    return _pictures("photo_tiles", cells, codes)


def _pictures(name: str, cells: list[bytes], codes: Any) -> Data:
    frame = pl.DataFrame({"image": pl.Series(cells, dtype=pl.Binary), "label": np.asarray(codes)})
    return Data(name, "pictures", frame, "label", column="image")


def _shapes() -> Data:
    """Those of train that can be decoded: defects are planted in that fixture already."""
    names, cells, codes = ["circle", "square"], [], []
    for file in sorted((ROOT / "fixtures" / "shapes" / "train").glob("*/*")):
        try:
            cells.append(encoded(decoded(file.read_bytes())))
        except OSError:
            continue
        codes.append(names.index(file.parent.name))
    return _pictures("shapes", cells, codes)


def _reviews() -> Data:
    """Those that can be read and are not empty, each once: as for shapes."""
    found: dict[str, int] = {}
    for file in sorted((ROOT / "fixtures" / "reviews").glob("*/*/*.txt")):
        text = file.read_bytes().decode("utf-8", errors="ignore").strip()
        if text:
            found.setdefault(text, int(file.parent.name == "pos"))
    return _texts("reviews", list(found), list(found.values()))


def _texts(name: str, texts: list[str], codes: Any) -> Data:
    frame = pl.DataFrame({"text": texts, "label": np.asarray(codes)})
    return Data(name, "texts", _some(frame), "label", column="text")


def _parallel() -> Data:
    """Pairs without the defects that are planted in that fixture."""
    folder = ROOT / "fixtures" / "pairs"
    sides = [
        [
            line
            for part in ("train", "val", "test")
            for line in (folder / f"{part}.{end}").read_text(encoding="utf-8").splitlines()
        ]
        for end in ("en", "de")
    ]
    frame = pl.DataFrame({"source": sides[0], "target": sides[1]})
    words = [pl.col(c).str.count_matches(r"\S+") for c in ("source", "target")]
    alike = (words[0] * 2 >= words[1]) & (words[1] * 2 >= words[0]) & (words[0] < 100)
    clean = (words[1] > 0) & alike & (pl.col("source") != pl.col("target"))
    return Data("pairs", "pairs", _some(frame.filter(clean), "target"), None, False)


# -- shared ------------------------------------------------------------------------------------


def _some(frame: pl.DataFrame, label: str = "label") -> pl.DataFrame:
    """At most ROWS rows, taken at random, of those with the same features the first."""
    frame = frame.unique(frame.drop(label).columns, keep="first", maintain_order=True)
    return take(frame, np.random.default_rng(SEED).permutation(frame.height)[:ROWS])


def _csv(
    path: str, label: str, *, classes: bool = True, drop: tuple[str, ...] = (), **options: Any
) -> Callable[[Path], Data]:
    """A loader of a table."""

    def load(folder: Path) -> Data:
        frame = pl.read_csv(folder / path, infer_schema_length=None, **options)
        frame = frame.rename({c: c.strip() for c in frame.columns}).drop(drop)
        texts = [c for c in frame.columns if frame[c].dtype == pl.String]
        numbers = [c for c in frame.columns if c not in texts]
        frame = frame.with_columns(pl.col(texts).str.strip_chars()).drop_nulls(numbers)
        name = path.split("/")[0].removeprefix("pypi_")
        return Data(name, "table", _coded(_some(frame, label), label, classes), label, classes)

    return load


def _coded(frame: pl.DataFrame, label: str, classes: bool) -> pl.DataFrame:
    """Rows with a label, and classes that have at least 8 of them, as whole numbers."""
    frame = frame.drop_nulls(label)
    if not classes:
        return frame
    frame = frame.filter(pl.len().over(label) >= 8)
    return frame.with_columns((pl.col(label).rank("dense") - 1).cast(pl.Int64).alias(label))


WINE = [
    "fixed_acidity", "volatile_acidity", "citric_acid", "residual_sugar", "chlorides",
    "free_sulfur_dioxide", "total_sulfur_dioxide", "density", "ph", "sulphates", "alcohol",
    "quality",
]  # fmt: skip
ADULT = [
    "age", "workclass", "fnlwgt", "education", "education_num", "marital_status", "occupation",
    "relationship", "race", "sex", "capital_gain", "capital_loss", "hours_per_week",
    "native_country", "income",
]  # fmt: skip


def _adult(folder: Path) -> Data:
    given = _csv("adult/adult-train.csv", "income", has_header=False, new_columns=ADULT)
    return given(folder)


def _sms(folder: Path) -> Data:
    lines = (folder / "sms_spam" / "SMSSpamCollection").read_text(encoding="utf-8").splitlines()
    sides = [line.split("\t", 1) for line in lines if "\t" in line]
    return _texts("sms_spam", [s[1] for s in sides], [int(s[0] == "spam") for s in sides])


def _banking(folder: Path) -> Data:
    """The twelve classes with the most texts."""
    frame = pl.read_csv(folder / "banking77" / "train.csv")
    top = frame["category"].value_counts().sort(["count", "category"], descending=True)[:12]
    kept = frame.filter(pl.col("category").is_in(top["category"].to_list()))
    codes = (kept["category"].rank("dense") - 1).cast(pl.Int64)
    return _texts("banking77", kept["text"].to_list(), codes)


def _intents(folder: Path) -> Data:
    """Twenty classes of CLINC150."""
    told = json.loads((folder / "clinc150" / "data" / "data_full.json").read_text())
    names = sorted({label for _, label in told["train"]})[:20]
    kept = [(text, names.index(label)) for text, label in told["train"] if label in names]
    return _texts("clinc150", [t for t, _ in kept], [k for _, k in kept])


def _commands(folder: Path) -> Data:
    path = folder / "scan" / "simple_split" / "tasks_train_simple.txt"
    sides = [line[4:].split(" OUT: ") for line in path.read_text().splitlines()]
    frame = pl.DataFrame({"source": [s[0] for s in sides], "target": [s[1] for s in sides]})
    return Data("scan", "pairs", _some(frame, "target"), None, False)


def _mnist(folder: Path) -> Data:
    """Every 60th picture of its train folder."""
    cells, codes = [], []
    with tarfile.open(folder / "mnist_png" / "images.tar") as tar:
        names = sorted(n for n in tar.getnames() if "/train/" in n and n.endswith(".png"))[::60]
        for name in names:
            file = tar.extractfile(name)
            assert file is not None
            cells.append(file.read())
            codes.append(int(name.split("/")[-2]))
    return _pictures("mnist_png", cells, codes)


BUNDLED: Mapping[str, Callable[[], Data]] = {
    **{
        n: partial(_sklearn, n) for n in ("iris", "wine", "breast_cancer", "digits", "diabetes")
    },
    "digit_pictures": _digit_pictures,
    "photo_tiles": _tiles,
    "shapes": _shapes,
    "reviews": _reviews,
    "pairs": _parallel,
}  # fmt: skip

# By the name of the dataset: the file that must be there, and the loader.
SHARED: Mapping[str, tuple[str, Callable[[Path], Data]]] = {
    "adult": ("adult/adult-train.csv", _adult),
    "penguins": (
        "pypi_penguins/penguins.csv",
        _csv("pypi_penguins/penguins.csv", "species", null_values="NA"),
    ),
    "wine_quality": (
        "wine_quality/winequality-white.csv",
        _csv("wine_quality/winequality-white.csv", "quality", has_header=False, new_columns=WINE),
    ),
    "letter": (
        "letter/LetterRecognition.csv",
        _csv("letter/LetterRecognition.csv", "lettr"),
    ),
    "bank_marketing": (
        "bank_marketing/bank-additional/bank-additional.csv",
        _csv("bank_marketing/bank-additional/bank-additional.csv", "y", separator=";"),
    ),
    "student_performance": (
        "student_performance/student-por.csv",
        _csv("student_performance/student-por.csv", "G3", classes=False),
    ),
    "bike_sharing": (
        "bike_sharing/day.csv",
        _csv("bike_sharing/day.csv", "cnt", classes=False, drop=("instant", "dteday")),
    ),
    "sms_spam": ("sms_spam/SMSSpamCollection", _sms),
    "banking77": ("banking77/train.csv", _banking),
    "clinc150": ("clinc150/data/data_full.json", _intents),
    "scan": ("scan/simple_split/tasks_train_simple.txt", _commands),
    "mnist_png": ("mnist_png/images.tar", _mnist),
}


def available(folder: Path) -> list[str]:
    """The names of the datasets that are there; ``folder`` holds the shared ones, or does not."""
    return [*BUNDLED, *(n for n, (path, _) in SHARED.items() if (folder / path).exists())]


def load(name: str, folder: Path) -> Data:
    """A dataset by name."""
    return BUNDLED[name]() if name in BUNDLED else SHARED[name][1](folder)
