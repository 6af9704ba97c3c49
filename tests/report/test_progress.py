import io
import sys

from datacheck.report import progress
from datacheck.report.progress import bar, steps


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_nothing_without_a_terminal(monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with bar() as callback:
        assert callback is None


def test_nothing_within_the_first_second(monkeypatch):
    monkeypatch.setattr(sys, "stderr", shown := Terminal())
    with bar() as callback:
        assert callback is not None
        callback(1000, 0.5, "a.csv")
    assert shown.getvalue() == ""


def test_rows_and_file_after_it(monkeypatch):
    monkeypatch.setattr(sys, "stderr", shown := Terminal())
    monkeypatch.setattr(progress, "EVERY", 0.0)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    with bar(delay=0.0) as callback:
        assert callback is not None
        callback(1000, None, "a\x1b[31m.csv")
        callback(2000, 0.5, "b[red].csv")
    assert "2,000 rows" in shown.getvalue()
    assert "b[red].csv" in shown.getvalue()
    assert "\x1b[31m.csv" not in shown.getvalue()


def test_steps_and_loss(monkeypatch):
    monkeypatch.setattr(sys, "stderr", shown := Terminal())
    monkeypatch.setattr(progress, "EVERY", 0.0)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    with steps("training", delay=0.0) as callback:
        assert callback is not None
        callback(3, 40, "loss 0.5")
        callback(4, 40, "loss 0.4 · 1 not finite")
    assert "training" in shown.getvalue()
    assert "4/40" in shown.getvalue()
    assert "1 not finite" in shown.getvalue()
