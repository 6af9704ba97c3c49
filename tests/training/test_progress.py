import io
import sys

from datacheck.training import progress
from datacheck.training.progress import bar


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
        callback(1, 10, "loss 1")
    assert shown.getvalue() == ""


def test_steps_and_loss_after_it(monkeypatch):
    monkeypatch.setattr(sys, "stderr", shown := Terminal())
    monkeypatch.setattr(progress, "EVERY", 0.0)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    with bar(delay=0.0) as callback:
        assert callback is not None
        callback(3, 40, "loss 0.5")
        callback(4, 40, "loss 0.4 · 1 not finite")
    assert "4/40" in shown.getvalue()
    assert "1 not finite" in shown.getvalue()
