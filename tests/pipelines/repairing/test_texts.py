"""Texts repaired: each form comes back in its own form, and undo gives the bytes that were."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import polars as pl
import pytest

import datacheck
from datacheck.config import Config
from datacheck.pipelines.fixing import fix
from datacheck.pipelines.plan import Plan, Step
from datacheck.pipelines.undoing import undo
from datacheck.sources import SourceOptions, open_source
from tests.sources.test_texts import CONLL, frame, lines, sentence, write

FIXTURES = Path(__file__).parents[3] / "fixtures"


def digests(path):
    files = sorted(p for p in path.rglob("*") if p.is_file())
    return {str(p.relative_to(path)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def again(folder):
    return datacheck.audit(folder, config=Config.load(None, folder))


def left(folder):
    file = folder / "quarantine" / "rows.jsonl"
    return [json.loads(x) for x in file.read_text().splitlines()] if file.exists() else []


def taken(source, tmp_path, *rows, **more):
    """Repair with a plan that takes repeated rows out; the folder."""
    plan = Plan((Step("drop-duplicates"), *rows))
    fix(source, tmp_path / "clean", plan=plan, unsafe=True, settings=more)
    was = digests(source)
    undo(tmp_path / "clean", tmp_path / "back")
    assert digests(tmp_path / "back") == was
    return tmp_path / "clean"


def test_lines(tmp_path):
    text = lines(20) + sentence(3) + "\r\n" + lines(5, 50)
    source = write(tmp_path / "data", {"train.txt": text, "test.txt": lines(6, 90)})
    clean = taken(source, tmp_path)
    assert (clean / "train.txt").read_text() == lines(20) + lines(5, 50)
    assert [(one["row"], one["values"]) for one in left(clean)] == [(21, {"text": sentence(3)})]


def test_lines_that_are_cut(tmp_path):
    source = write(tmp_path / "data", {"train.txt": lines(20), "test.txt": lines(6, 90)})
    clean = taken(source, tmp_path, Step("truncate", columns=("text",), params={"length": 4}))
    words = [x.split() for x in (clean / "train.txt").read_text().splitlines()]
    assert words == [x.split()[:4] for x in lines(20).splitlines()]


def test_marked_lines(tmp_path):
    body = "".join(f"__label__{'ab'[i % 2]}  {sentence(i)}\n" for i in range(20))
    source = write(tmp_path / "data", {"train.txt": body + "__label__b  " + sentence(3) + "\n",
                                       "test.txt": body.replace("tree", "elm")})  # fmt: skip
    assert (taken(source, tmp_path) / "train.txt").read_text() == body
    cut = Step("truncate", columns=("text",), params={"length": 3})
    fix(source, tmp_path / "cut", plan=Plan((cut,)), unsafe=True)
    first = (tmp_path / "cut" / "train.txt").read_text().splitlines()[0]
    assert first == "__label__a " + " ".join(sentence(0).split()[:3])


def test_classes_by_file(tmp_path):
    source = write(
        tmp_path / "data",
        {
            f"{s}/{c}.txt": lines(9, 9 * i) + (lines(1) if not i else "")
            for i, (s, c) in enumerate(
                [("train", "a"), ("train", "b"), ("test", "a"), ("test", "b")]
            )
        },
    )
    clean = taken(source, tmp_path)
    assert (clean / "train" / "a.txt").read_text() == lines(9)
    assert again(clean).dataset["splits"]["train"]["rows"] == 18


def test_rows_move_to_the_file_of_their_class(tmp_path):
    write(
        tmp_path / "data",
        {
            "train/a.txt": lines(40),
            "train/b.txt": lines(40, 40),
            "test/a.txt": lines(2, 90),
            "test/b.txt": lines(38, 100),
        },
    )
    fix(
        tmp_path / "data", tmp_path / "clean", plan=Plan((Step("stratified-resplit"),)), unsafe=True
    )
    was, now = open_source(tmp_path / "data"), open_source(tmp_path / "clean")
    assert frame(now).drop("row").sort("text").equals(frame(was).drop("row").sort("text"))
    undo(tmp_path / "clean", tmp_path / "back")
    assert digests(tmp_path / "back") == digests(tmp_path / "data")


def test_whole_sentences_of_tokens(tmp_path):
    body = CONLL + "\n# sent_id = 9\nPeter\tNNP\tB-PER\nBlackburn\tNNP\tI-PER\n"
    source = write(tmp_path / "data", {"train.conll": body, "test.conll": "a\tX\tO\n\nb\tX\tO\n"})
    clean = taken(source, tmp_path)
    assert (clean / "train.conll").read_text() == CONLL + "\n"
    cut = Plan((Step("truncate", columns=("tokens",), params={"length": 1}),))
    with pytest.raises(datacheck.UsageError, match="tokens or series beside their labels"):
        fix(source, tmp_path / "cut", plan=cut, unsafe=True)
    assert not (tmp_path / "cut").exists()


def test_ragged_sentences_of_train_leave(tmp_path):
    body = CONLL.replace("Blackburn\tNNP\tI-PER", "Blackburn")
    source = write(tmp_path / "data", {"train.conll": body, "test.conll": body})
    fix(source, tmp_path / "clean")
    clean = tmp_path / "clean"
    assert "Peter" not in (clean / "train.conll").read_text()
    assert (clean / "test.conll").read_text() == body
    (one,) = [x for x in left(clean) if x["rules"] == "MV006"]
    assert (one["split"], one["row"]) == ("train", 9)
    assert one["text"].startswith("Peter\tNNP\tB-PER\nBlackburn")


def test_pairs_leave_with_both_sides(tmp_path):
    source = FIXTURES / "pairs"
    fix(source, tmp_path / "clean", unsafe=True)
    clean = tmp_path / "clean"
    report = again(clean)
    assert {f.rule for f in report.findings} <= {"LB001", "LB005", "SL004"}
    gone = left(clean)
    assert sorted(one["row"] for one in gone) == [17, 41, 42, 78, 91, 92, 201, 251, 301]
    assert all(set(one["values"]) == {"en", "de"} for one in gone)
    old, new = frame(open_source(source), "train"), frame(open_source(clean), "train")
    stays = ~old["row"].is_in([one["row"] for one in gone])
    assert new.drop("row").equals(old.filter(stays).drop("row"))
    assert digests(clean)["test.de"] == digests(source)["test.de"]
    undo(clean, tmp_path / "back")
    assert digests(tmp_path / "back") == digests(source)
    before = digests(clean)
    fix(clean, tmp_path / "twice", unsafe=True)
    twice = digests(tmp_path / "twice")
    assert twice["train.en"] == before["train.en"]


def test_lines_without_another_side(tmp_path):
    source = write(
        tmp_path / "data",
        {
            "train.en": lines(20),
            "train.de": lines(17, 100),
            "test.en": lines(5, 200),
            "test.de": lines(8, 300),
        },
    )
    plan = datacheck.audit(source).plan().select(["MV006"])
    fix(source, tmp_path / "clean", plan=plan)
    clean = tmp_path / "clean"
    assert (clean / "train.en").read_text() == lines(17)
    assert (clean / "test.de").read_text() == lines(8, 300)  # evaluation stays as it is
    assert [(x["row"], x["text"]) for x in left(clean)] == [
        (i + 1, sentence(i)) for i in range(17, 20)
    ]
    undo(clean, tmp_path / "back")
    assert digests(tmp_path / "back") == digests(source)


def test_files_leave(tmp_path):
    source = tmp_path / "reviews"
    shutil.copytree(FIXTURES / "reviews", source)
    (source / "train" / "pos" / "99.txt").write_bytes(b"\x00" * 100)
    (source / "test" / "pos" / "99.txt").write_bytes(b"\x00" * 100)
    done = fix(source, tmp_path / "clean", unsafe=True)
    clean = tmp_path / "clean"
    gone = {"train/pos/3.txt", "train/neg/5.txt", "train/pos/99.txt"}
    was, now = digests(source), digests(clean)
    assert {name for name in was if name not in now} == gone
    assert all(now[name] == digest for name, digest in was.items() if name not in gone)
    assert {f"originals/{name}" for name in gone} <= set(now)
    assert {d.step.repair for d in done.done} >= {"drop-from-train", "quarantine-rows"}
    undo(clean, tmp_path / "back")
    assert digests(tmp_path / "back") == was
    report = again(clean)
    assert {f.rule for f in report.findings} <= {"MV006"}
    assert report.dataset["splits"]["train"]["rows"] == 26


def test_files_that_are_cut_and_files_that_move(tmp_path):
    write(tmp_path / "data", {
        f"{s}/{c}/{i}.txt": sentence(100 * len(s) + 20 * ord(c) + i)
        for s, c, n in (("train", "a", 20), ("train", "b", 20), ("test", "a", 12), ("test", "b", 1))
        for i in range(n)
    })  # fmt: skip
    plan = Plan((Step("truncate", columns=("text",), params={"length": 4}),))
    fix(tmp_path / "data", tmp_path / "cut", plan=plan, unsafe=True)
    assert (tmp_path / "cut/train/a/3.txt").read_text().split() == (
        (tmp_path / "data/train/a/3.txt").read_text().split()[:4]
    )
    shutil.rmtree(tmp_path / "data/test/b")
    options = SourceOptions(text_layout="files")
    was = open_source(tmp_path / "data", options)
    plan = Plan((Step("stratified-resplit"),))
    fix(tmp_path / "data", tmp_path / "clean", plan=plan, unsafe=True)
    now = open_source(tmp_path / "clean", options)
    assert frame(now).drop("row").sort("text").equals(frame(was).drop("row").sort("text"))
    assert frame(now, "test").filter(pl.col("label") == "b").height > 0
    undo(tmp_path / "clean", tmp_path / "back")
    assert digests(tmp_path / "back") == digests(tmp_path / "data")


@pytest.mark.parametrize("indent", [None, 2, 4])
@pytest.mark.parametrize("objects", [True, False])
def test_documents_of_json(tmp_path, indent, objects):
    def listed(start, n):
        rows = [[sentence(i), "ab"[i % 2]] for i in range(start, start + n)]
        return [{"text": t, "label": y, "n": {"v": 1}} for t, y in rows] if objects else rows

    train, test = listed(0, 30), listed(50, 9)
    document = {"about": "é", "train": [*train, train[3], 7], "test": [*test, "odd"]}
    (tmp_path / "data").mkdir()
    path = tmp_path / "data" / "x_train_test.json"
    path.write_text(json.dumps(document, indent=indent, ensure_ascii=False))
    plan = Plan((Step("drop-duplicates"), Step("quarantine-unreadable")))
    fix(path, tmp_path / "clean", plan=plan)
    text = (tmp_path / "clean" / path.name).read_text()
    assert json.loads(text) == {"about": "é", "train": train, "test": [*test, "odd"]}
    assert text == json.dumps(json.loads(text), indent=indent, ensure_ascii=False) + "\n"
    undo(tmp_path / "clean", tmp_path / "back")
    assert digests(tmp_path / "back") == digests(tmp_path / "data")


def test_series_keep_their_header(tmp_path):
    head = "# about\n@problemName X\n@timeStamps false\n@classLabel true a b\n@data\n"
    rows = [f"{i},2.5:1,{i}:{'ab'[i % 2]}\n" for i in range(30)]
    source = write(
        tmp_path / "data",
        {
            "X_TRAIN.ts": head + "".join([*rows, rows[4]]),
            "X_TEST.ts": head + rows[0].replace("0", "77"),
        },
    )
    assert (taken(source, tmp_path) / "X_TRAIN.ts").read_text() == head + "".join(rows)
