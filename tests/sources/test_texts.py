"""Texts: each layout comes to the rows, columns and roles it stands for; addresses are lines."""

from __future__ import annotations

import gzip

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import datacheck
from datacheck.dataset import Kind, Role
from datacheck.engines.local import fetch
from datacheck.sources import SourceOptions, open_source, streams

WORDS = ["tree", "house", "river", "stone", "bread", "light", "sound", "paper"]


def sentence(i):
    return " ".join(WORDS[(i * 7 + j * j) % 8] for j in range(3 + i % 5)) + f" {i}"


def write(root, files):
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return root


def lines(n, start=0):
    return "".join(f"{sentence(i)}\n" for i in range(start, start + n))


def frame(data, split=None):
    """All rows of a dataset (of a split), as they are read."""
    parts = []
    for name, one in data.splits.items():
        for fragment in one.fragments:
            for batch in fragment.read(list(data.columns), 1000):
                if split in (None, name) and batch.height:
                    parts += [batch.frame.with_columns(pl.Series("row", batch.rows))]
    return pl.concat(parts)


def problems(data):
    found = list(data.problems)
    for one in data.splits.values():
        for fragment in one.fragments:
            for batch in fragment.read(list(data.columns), 1000):
                found += batch.problems
    return found


def roles(data):
    return {c.name: (c.kind, c.role) for c in data.columns.values()}


TEXT, LABEL = (Kind.TEXT, Role.FEATURE), (Kind.CATEGORY, Role.LABEL)

# -- lines ----------------------------------------------------------------------------------------


def test_an_example_a_line(tmp_path):
    write(tmp_path, {"train.txt": "\n" + lines(30), "test.txt": lines(10, 50)})
    data = open_source(tmp_path)
    assert list(data.splits) == ["train", "test"]
    assert roles(data) == {"text": TEXT}
    read = frame(data, "train")
    assert read["text"].to_list() == lines(30).splitlines()
    assert read["row"].to_list() == list(range(2, 32))  # the first line is blank, and no example
    assert data.locate("train", 7) == "train/train.txt:7"
    assert any("each line is an example" in a for a in data.assumptions)


def test_a_file_of_lines_alone_and_packed(tmp_path):
    (tmp_path / "notes.txt.gz").write_bytes(gzip.compress(lines(30).encode()))
    assert frame(open_source(tmp_path / "notes.txt.gz")).height == 30


def test_what_was_a_table_stays_one(tmp_path):
    write(tmp_path, {
        "train.txt": "".join(f"{i},{i % 3},{i / 7}\n" for i in range(50)),
        "notes.txt": lines(9),
    })  # fmt: skip
    data = open_source(tmp_path)
    assert len(data.columns) == 3
    asked = open_source(tmp_path, SourceOptions(text_layout="lines"))
    assert roles(asked) == {"text": TEXT}


def test_lines_of_numbers_are_no_texts(tmp_path):
    write(tmp_path, {"train.txt": "".join(f"{i}\n" for i in range(50))})
    with pytest.raises(datacheck.SourceError):
        open_source(tmp_path)


def test_files_whose_names_tell_nothing_are_not_guessed(tmp_path):
    write(tmp_path, {"chapter one.txt": lines(30) + "\n\n" * 20, "epilogue.txt": lines(9)})
    with pytest.raises(datacheck.SourceError, match="text-layout"):
        open_source(tmp_path)


def test_marks_of_fasttext(tmp_path):
    (tmp_path / "x.txt").write_text(
        "".join(f"__label__{'ab'[i % 2]} {sentence(i)}\n" for i in range(40)) + "no mark here\n"
    )
    data = open_source(tmp_path / "x.txt")
    assert roles(data) == {"label": LABEL, "text": TEXT}
    read = frame(data)
    assert read["label"].to_list() == ["a", "b"] * 20
    assert read["text"][3] == sentence(3)
    assert [(p.row, p.reason) for p in problems(data)] == [
        (41, "no __label__ at the beginning of the line")
    ]


def test_commands_of_scan(tmp_path):
    (tmp_path / "tasks_train.txt").write_text(
        "".join(f"IN: {sentence(i)} OUT: {'GO ' * (i % 4 + 1)}".strip() + "\n" for i in range(40))
    )
    data = open_source(tmp_path)
    assert roles(data) == {"in": TEXT, "out": (Kind.TEXT, Role.LABEL)}
    assert frame(data)["out"][2] == "GO GO GO"


# -- classes --------------------------------------------------------------------------------------


def test_a_file_a_class(tmp_path):
    write(tmp_path, {f"names/{c}.txt": lines(20, 30 * i) for i, c in enumerate(["Greek", "Irish"])})
    data = open_source(tmp_path)
    assert roles(data) == {"text": TEXT, "label": LABEL}
    assert frame(data)["label"].value_counts().sort("label").rows() == [
        ("Greek", 20),
        ("Irish", 20),
    ]
    assert data.locate("data", 3) == "data/names/Greek.txt:3"
    assert "the name of each file" in data.assumptions[0]


def test_a_file_a_class_within_splits(tmp_path):
    write(tmp_path, {f"{s}/{c}.txt": lines(9, i) for i, s in enumerate(["train", "test"])
                     for c in ("pos", "neg")})  # fmt: skip
    data = open_source(tmp_path)
    assert {s: frame(data, s).height for s in data.splits} == {"train": 18, "test": 18}
    assert data.columns["label"].role is Role.LABEL


def test_shards_are_no_classes(tmp_path):
    write(tmp_path, {f"text-0000{i}.txt": lines(20, 20 * i) for i in range(3)})
    with pytest.raises(datacheck.SourceError, match="text-layout"):
        open_source(tmp_path)
    asked = open_source(tmp_path, SourceOptions(text_layout="lines"))
    assert frame(asked).height == 60


def test_sentences_of_one_make_are_no_tables(tmp_path):
    text = "The story was dull, and so, in its way, was the cast.\n" * 6
    write(tmp_path, {f"{c}/{i}.txt": text for c in ("a", "b") for i in range(5)})
    assert list(open_source(tmp_path).columns) == ["text", "label"]


def test_a_folder_a_class(tmp_path):
    write(tmp_path, {
        f"{s}/{c}/{i}.txt": f"{sentence(i)}\n\nand more of {c}, {s}.\n"
        for s in ("train", "test") for c in ("pos", "neg") for i in range(12)
    } | {"README": "about", "train/urls.txt": "http://x\n"})  # fmt: skip
    data = open_source(tmp_path)
    assert roles(data) == {"text": TEXT, "label": LABEL}
    read = frame(data, "test")
    assert read.height == 24
    assert read["text"][2].endswith("and more of neg, test.\n")
    assert data.locate("train", 2) == "train/neg/2.txt"  # in the order of numbers
    assert any("train/urls.txt" in a for a in data.assumptions)
    picked = fetch(data, read["row"].to_numpy()[:1] + (1 << 40), ["label"])
    assert picked["label"].to_list() == ["neg"]


def test_a_folder_a_class_without_splits(tmp_path):
    write(tmp_path, {f"{c}/{i}.txt": sentence(i) for c in ("a", "b", "c") for i in range(5)})
    data = open_source(tmp_path)
    assert list(data.splits) == ["data"]
    assert frame(data).height == 15
    assert data.columns["label"].distinct == 3


def test_folders_of_tables_are_no_texts(tmp_path):
    rows = "".join(f"{i / 7:.3f},{i % 3},{'xy'[i % 2]}\n" for i in range(20))
    write(tmp_path, {f"{s}/part{p}/{i}.txt": rows for s in ("train", "test") for p in range(2)
                     for i in range(3)})  # fmt: skip
    assert len(open_source(tmp_path).columns) == 3


def test_files_that_are_no_examples_are_told_and_the_rest_is_read(tmp_path):
    write(tmp_path, {f"{c}/{i}.txt": sentence(i) for c in ("a", "b") for i in range(5)})
    write(
        tmp_path,
        {"a/zero.txt": b"\x00\x01\x02" * 50, "b/latin.txt": "ok\nse\xf1or".encode("latin-1")},
    )
    (tmp_path / "a" / "gone.txt").symlink_to(tmp_path / "nowhere.txt")
    (tmp_path / "a" / "loop").symlink_to(tmp_path)
    (tmp_path / "b" / "self.txt").symlink_to(tmp_path / "b" / "self.txt")
    (tmp_path / "b" / "two\nlines.txt").write_text("a name with a newline")
    data = open_source(tmp_path)
    told = {p.file: (p.row, p.reason) for p in problems(data)}
    assert told["a/zero.txt"] == (-1, "is binary, not text")
    assert told["b/latin.txt"][0] == 2
    assert "Windows-1252" in told["b/latin.txt"][1]
    assert told["a/gone.txt"][0] == told["b/self.txt"][0] == -1
    assert frame(data).height == 12
    report = datacheck.audit(tmp_path)
    assert not [o for o in report.outcomes if o.status.value == "failed"]


# -- pairs ----------------------------------------------------------------------------------------

PAIRED = {
    "names": ("train.en", "train.de", "test.en", "test.de"),
    "with txt": ("train.en.txt", "train.de.txt", "test.en.txt", "test.de.txt"),
    "folders": ("en/train.txt", "de/train.txt", "en/test.txt", "de/test.txt"),
    "roles": ("train.src", "train.tgt", "test.src", "test.tgt"),
    "long": ("corpus.train.eng_Latn", "corpus.train.deu_Latn", "corpus.test.eng_Latn",
             "corpus.test.deu_Latn"),
}  # fmt: skip


@pytest.mark.parametrize("kind", PAIRED)
def test_files_side_by_side(tmp_path, kind):
    a, b, c, d = PAIRED[kind]
    blank = lines(20).replace(sentence(4), "")
    write(tmp_path, {a: blank, b: lines(20, 100), c: lines(5), d: lines(5, 200)})
    data = open_source(tmp_path)
    source, target = data.columns
    assert data.columns[source].role is Role.FEATURE
    assert data.columns[target].role is Role.LABEL
    read = frame(data, "train")
    assert read[source].to_list() == blank.split("\n")[:-1]  # a blank line is an empty text
    assert read[target].to_list() == lines(20, 100).splitlines()
    assert read["row"].to_list() == list(range(1, 21))
    assert frame(data, "test").height == 5
    assert data.locate("train", 3).endswith(f"{a}:3")


def test_sides_of_unequal_length(tmp_path):
    write(tmp_path, {"train.en": lines(20), "train.de": lines(17, 100)})
    data = open_source(tmp_path)
    assert frame(data).height == 17
    (one,) = problems(data)
    assert (one.file, one.row, one.warning) == ("train.de", 17, False)
    assert "ends at line 17 where train.en has 20" in one.reason


def test_a_side_that_is_missing_is_told(tmp_path):
    write(tmp_path, {"train.en": lines(20), "train.de": lines(20, 99), "test.en": lines(9)})
    data = open_source(tmp_path)
    assert [p.file for p in data.problems] == ["test.en"]
    assert list(data.splits) == ["train"]


def test_source_code_is_no_pair(tmp_path):
    write(tmp_path, {"train.py": lines(9), "train.sh": lines(9), "train.csv": "a,b\n1,2\n3,4\n"})
    assert list(open_source(tmp_path).columns) == ["a", "b"]


@given(st.lists(st.text(alphabet="ab \u00e9\u2028\t\x00\ufeff\"',", max_size=8), min_size=1),
       st.data())  # fmt: skip
def test_lines_of_sides_stay_together(tmp_path_factory, texts, data):
    """Whatever stands in the lines, and however they are cut into chunks."""
    root = tmp_path_factory.mktemp("pairs")
    other = [t[::-1] for t in texts]
    write(root, {"train.en": "\n".join(texts) + "\n", "train.de": "\n".join(other) + "\n"})
    chunk = data.draw(st.integers(1, 40))
    kept, streams.CHUNK = streams.CHUNK, chunk
    try:
        opened = open_source(root, SourceOptions(text_layout="parallel"))
        read = frame(opened)
    except datacheck.SourceError:
        return  # nothing but NUL is no text
    finally:
        streams.CHUNK = kept
    clean = [t.removeprefix("\ufeff") if i == 0 else t for i, t in enumerate(texts)]
    mirrored = [t.removeprefix("\ufeff") if i == 0 else t for i, t in enumerate(other)]
    assert read["en"].to_list() == clean
    assert read["de"].to_list() == mirrored


# -- tokens with tags -----------------------------------------------------------------------------

CONLL = """-DOCSTART-\t-X-\tO

# sent_id = 1
EU\tNNP\tB-ORG
rejects\tVBZ\tO
.\t.\tO

Peter\tNNP\tB-PER
Blackburn\tNNP\tI-PER
\t
#tag\tNN\tO
at\tIN\tO


last\tJJ\tO
"""


def test_tokens_with_tags(tmp_path):
    (tmp_path / "train.conll").write_text(CONLL)
    data = open_source(tmp_path)
    assert roles(data) == {
        "tokens": (Kind.SEQUENCE, Role.FEATURE), "tags": (Kind.SEQUENCE, Role.LABEL),
    }  # fmt: skip
    read = frame(data)
    assert read["tokens"].to_list() == [
        ["EU", "rejects", "."], ["Peter", "Blackburn"], ["#tag", "at"], ["last"],
    ]  # fmt: skip
    assert read["tags"][1].to_list() == ["B-PER", "I-PER"]
    assert read["row"].to_list() == [4, 8, 11, 15]
    assert problems(data) == []


def test_ragged_lines_are_told_with_their_numbers(tmp_path):
    (tmp_path / "x.conll").write_text(CONLL.replace("rejects\tVBZ\tO", "rejects\tVBZ"))
    data = open_source(tmp_path / "x.conll")
    assert [(p.row, p.reason) for p in problems(data)] == [(5, "2 columns instead of 3")]
    assert frame(data)["row"].to_list() == [8, 11, 15]


def test_tags_are_known_without_a_name_for_them(tmp_path):
    sentences = "".join(f"{w} {'B-X' if j else 'O'}\n" + "\n" * (j == 4) for i in range(30)
                        for j, w in enumerate(WORDS[:5]))  # fmt: skip
    write(tmp_path, {"train.txt": sentences, "test.txt": sentences})
    data = open_source(tmp_path)
    assert list(data.columns) == ["tokens", "tags"]
    as_table = open_source(tmp_path, SourceOptions(text_layout="table"))
    assert list(as_table.columns) == ["column_1", "column_2"]


def test_universal_dependencies(tmp_path):
    row = "{}\t{}\tx\t{}\t_\t_\t0\troot\t_\t_\n"
    text = "# text = vámonos al mar\n" + "1-2\tvámonos" + "\t_" * 8 + "\n"
    text += row.format(1, "vamos", "VERB") + row.format(2, "nos", "PRON") + "\n"
    (tmp_path / "es-ud-train.conllu").write_text(text * 3)
    data = open_source(tmp_path)
    assert frame(data)["tokens"].to_list() == [["vamos", "nos"]] * 3
    assert frame(data)["tags"][0].to_list() == ["VERB", "PRON"]


BLOCK = st.lists(st.sampled_from(["a O", "bb B-X", "# c d", "-DOCSTART- -X-"]), max_size=4)


@given(st.lists(BLOCK, min_size=1), st.integers(1, 60), st.sampled_from(["\n", "\r\n"]))
def test_sentences_do_not_depend_on_chunks(tmp_path_factory, blocks, chunk, end):
    path = tmp_path_factory.mktemp("conll") / "x.conll"
    text = "a O\nb O\n\n" + "\n\n".join("\n".join(b) for b in blocks) + "\n"
    path.write_bytes(text.replace("\n", end).encode())
    whole = frame(open_source(path))
    groups = [group.strip("\n").split("\n") for group in text.split("\n\n")]
    expected = [[x.split()[0] for x in group if x and x[0] not in "#-"] for group in groups]
    assert whole["tokens"].to_list() == [e for e in expected if e]
    kept, streams.CHUNK = streams.CHUNK, chunk
    try:
        pieces = frame(open_source(path))
    finally:
        streams.CHUNK = kept
    assert pieces.equals(whole)


# -- documents of JSON, series --------------------------------------------------------------------


def test_lists_by_split(tmp_path):
    import json

    rows = [[sentence(i), "ab"[i % 2]] for i in range(20)]
    (tmp_path / "x.json").write_text(json.dumps({"train": rows, "val": rows[:5], "meta": {"v": 1}}))
    data = open_source(tmp_path / "x.json")
    assert list(data.splits) == ["train", "val"]
    assert [c.name for c in data.columns.values() if c.role is Role.LABEL] == ["label"]
    assert frame(data, "val").height == 5
    assert data.locate("val", (1 << 40) + 3) == "val/x.json:3"


def test_objects_of_json_agree_with_lines_of_them(tmp_path):
    import json

    rows = [{"x": i / 3, "k": "uvw"[i % 3], "label": i % 2} for i in range(60)]
    write(tmp_path / "a", {"train.json": json.dumps(rows)})
    write(tmp_path / "b", {"train.jsonl": "".join(json.dumps(r) + "\n" for r in rows)})
    a, b = open_source(tmp_path / "a"), open_source(tmp_path / "b")
    assert a.columns == b.columns
    assert frame(a).drop("row").equals(frame(b).drop("row"))


@pytest.mark.parametrize(
    "text", ["{", "3", "[]", '{"a": 1}', "[" * 100_000, "[1, 2]", b"\xff\xfe\x00", '{"train": [1]}']
)
def test_json_that_is_no_data(tmp_path, text):
    write(tmp_path, {"x.json": text})
    with pytest.raises(datacheck.SourceError):
        open_source(tmp_path / "x.json")


def test_items_that_do_not_fit_are_told(tmp_path):
    (tmp_path / "x.json").write_text('[{"a": 1, "b": "x"}, 3, {"a": 2, "b": "y"}, [1]]')
    data = open_source(tmp_path / "x.json")
    assert frame(data)["row"].to_list() == [0, 2]
    assert [(p.row, p.reason) for p in problems(data)] == [
        (1, "holds a int, not a object"), (3, "holds a list, not a object"),
    ]  # fmt: skip


def test_settings_beside_texts_are_no_data(tmp_path):
    write(tmp_path, {"config.json": '{"a": 1}', "train.txt": lines(20), "test.txt": lines(9)})
    assert list(open_source(tmp_path).columns) == ["text"]


def test_series_of_aeon(tmp_path):
    head = "# about\n@problemName X\n@timeStamps false\n@classLabel true a b\n@data\n"
    rows = "".join(f"{i},2.5,?:1,{i}:{'ab'[i % 2]}\n" for i in range(30))
    write(tmp_path, {"X_TRAIN.ts": head + rows, "X_TEST.ts": head + rows + "1,2:a\n"})
    data = open_source(tmp_path)
    assert [c.kind for c in data.columns.values()] == [Kind.SEQUENCE, Kind.SEQUENCE, Kind.CATEGORY]
    read = frame(data, "train")
    assert read["dimension_1"][1].to_list() == [1.0, 2.5, None]
    assert [(p.row, p.reason) for p in problems(data)] == [(36, "is not 3 parts between colons")]


# -- bytes ----------------------------------------------------------------------------------------


def test_odd_bytes_are_told_by_line(tmp_path):
    body = lines(20).encode().split(b"\n")
    body[3] += b" \x00"
    body[6] = b"se\xf1or " + body[6]
    body[9] += "\ufeffx \ufffd".encode()
    write(
        tmp_path, {"train.txt": b"\n".join(body), "test.txt": b"\xef\xbb\xbf" + lines(9).encode()}
    )
    data = open_source(tmp_path)
    told = {(p.row, p.reason.split(";")[0]) for p in problems(data)}
    assert told == {
        (4, "1 line holds NUL characters"),
        (7, "1 line is not UTF-8"),
        (10, "1 line holds byte order marks within the text"),
        (10, "1 line holds '\ufffd', which stands for characters that were lost before"),
    }
    assert all(p.warning for p in problems(data))
    assert frame(data, "test")["text"][0] == sentence(0)


def test_a_line_without_end_is_refused(tmp_path, monkeypatch):
    """At the limit, in bounded memory: the rest is not read."""
    monkeypatch.setattr(streams, "LONGEST", 1 << 20)
    monkeypatch.setattr(streams, "CHUNK", 1 << 18)
    write(tmp_path, {"train.txt": lines(20) + "x" * (3 << 20) + "\n" + lines(20)})
    report = datacheck.audit(tmp_path / "train.txt")
    assert any("does not end within" in f.message for f in report.findings)
    assert report.dataset["splits"]["data"]["rows"] == 20


def test_a_file_of_nothing_but_nul(tmp_path):
    with (tmp_path / "train.txt").open("wb") as file:
        file.truncate(1 << 34)  # 16 GiB that take no place
    with pytest.raises(datacheck.SourceError, match="binary"):
        datacheck.audit(tmp_path, text_layout="lines")


@pytest.mark.parametrize("name", ["train.txt", "train.en", "train.conll", "train.json", "a/x.txt"])
@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n" + b"\x00" * 99, b"PAR1" * 9])
def test_no_text_at_all(tmp_path, name, content):
    write(tmp_path, {name: content, name.replace(".en", ".de").replace("a/", "b/"): content,
                     name.replace(".en", ".de").replace("a/x", "b/y"): content})  # fmt: skip
    with pytest.raises(datacheck.DatacheckError) as error:
        datacheck.audit(tmp_path)
    assert error.value.hint


def test_a_layout_that_is_not_there(tmp_path):
    write(tmp_path, {"train.txt": lines(20)})
    for layout in ("parallel", "classes"):
        with pytest.raises(datacheck.SourceError, match="holds no file"):
            datacheck.audit(tmp_path, text_layout=layout)
    with pytest.raises(datacheck.UsageError, match="text-layout"):
        datacheck.audit(tmp_path, text_layout="columns")


def test_a_split_of_lines_beside_one_of_columns_is_a_finding(tmp_path):
    table = "".join(f"{i},{i % 3},{i % 2}\n" for i in range(40))
    write(tmp_path, {"train.txt": lines(40), "test.txt": table})
    report = datacheck.audit(tmp_path)
    assert any("text without columns" in f.message for f in report.findings if f.rule == "MV006")


def test_names_that_would_break_lines_or_terminals(tmp_path):
    write(tmp_path, {f"{c}/{i}\x1b[31m\n.txt": sentence(i) for c in ("a", "b") for i in range(4)})
    write(tmp_path, {"a/again.txt": sentence(0)})
    report = datacheck.audit(tmp_path)
    from datacheck.report import terminal

    assert "\x1b[31m" not in terminal.render(report, width=80, color=False, quiet=False)
