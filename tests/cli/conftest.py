"""A small dataset with one finding of each severity, and the command run in this process."""

import random

import pytest
from click.testing import CliRunner

from datacheck.cli.app import cli

SELECT = "LK001,MV001,MV005"  # an error, a warning and an info about the data below


def rows(count, seed, group="g"):
    """Rows of ``who,day,code,x1,x2,version,outcome``."""
    draw = random.Random(seed)
    return [
        f"{group}{i // 2},2024-01-{1 + i % 28:02d},{seed * 1000 + i},{draw.gauss(0, 1):.6f},"
        f"{'' if i % 4 == 0 else round(draw.gauss(5, 2), 6)},3,{draw.randrange(2)}"
        for i in range(count)
    ]


HEAD = "who,day,code,x1,x2,version,outcome"
TRAIN = rows(120, 1)
TEST = rows(40, 2, "h")
# the same stays under another number: what numbers the rows must not hide that
TEST[:10] = [row.replace(f",{1000 + i},", f",{9000 + i},") for i, row in enumerate(TRAIN[:10])]


def write(path, lines, head=HEAD, encoding="utf-8"):
    path.write_text("\n".join([head, *lines]) + "\n" if head else "\n".join(lines) + "\n", encoding)
    return path


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty current folder, without settings of anyone."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def data(here):
    """The folder ``data`` with ``train.csv`` and ``test.csv``."""
    folder = here / "data"
    folder.mkdir()
    write(folder / "train.csv", TRAIN)
    write(folder / "test.csv", TEST)
    return folder


@pytest.fixture
def run(here):
    """``run("audit", …)`` → click's result, with ``exit_code``, ``stdout`` and ``stderr``."""

    def go(*arguments):
        done = CliRunner().invoke(cli, [str(a) for a in arguments], prog_name="datacheck")
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        assert "Traceback" not in done.output or "--debug" in arguments
        return done

    return go
