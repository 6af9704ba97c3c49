"""The state of a training run between two steps: what is due, what is saved, what is resumed."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from datacheck.errors import UsageError
from datacheck.report.progress import Steps, steps
from datacheck.training import checkpoint, determinism
from datacheck.training.loop.averaging import Average
from datacheck.training.loop.feeding import Feed, to_device
from datacheck.training.loop.history import Fitted, History
from datacheck.training.loop.selecting import Selection
from datacheck.training.schedules import Schedule

if TYPE_CHECKING:
    from datacheck.training.trainer import Trainer

Evaluation = Mapping[str, Iterable[Any]]


class Session:
    """One run of a trainer. As a context it keeps the global generators as they were, shows the
    progress, and makes Ctrl-C end the run after the step, with a checkpoint.
    """

    def __init__(self, trainer: Trainer, train: Iterable[Any], evaluation: Evaluation) -> None:
        config = trainer.config
        self.trainer, self.config = trainer, config
        self.feed = Feed(train, config.seed, config.accumulate)
        self.step = self.skipped = self.overflows = 0
        self.history = History()
        self.interrupted = False
        self.total = self._length()
        if not evaluation and (config.patience is not None or config.schedule == "plateau"):
            raise UsageError(
                "nothing to evaluate, which patience and the plateau schedule need",
                "fit(train, {'val': loader})",
            )
        self.schedule = Schedule(
            config.schedule,
            trainer.optimizer,
            total=self.total,
            warmup=config.warmup,
            decay=config.decay,
            every=config.decay_every,
            floor=config.floor,
            patience=config.plateau_patience,
        )
        self.average = self._average()
        self.selection = Selection(trainer, evaluation, self.feed, self.average)
        self._stack = ExitStack()
        self._bar: Steps | None = None
        self._signal: Any = None
        self._saved = -1

    def _length(self) -> int:
        """Steps of the whole run."""
        per, config = self.feed.groups(), self.config
        if per is None and (config.steps is None or config.evaluate_every is None):
            raise UsageError(
                "the training loader does not know its length",
                "give steps= and evaluate_every= in TrainConfig",
            )
        if config.steps is not None:
            return config.steps
        assert per is not None
        assert config.epochs is not None
        return max(1, per * config.epochs)

    def _average(self) -> Average | None:
        model, config = self.trainer.model, self.config
        if config.ema is not None:
            return Average(model, ema=config.ema)
        if config.swa is not None:
            return Average(model, swa=True, begin=min(int(config.swa * self.total), self.total - 1))
        return None

    # -- a context --------------------------------------------------------------------------------

    def __enter__(self) -> Session:
        self._stack.enter_context(determinism.untouched())
        self._bar = self._stack.enter_context(steps("training"))
        if threading.current_thread() is threading.main_thread():
            self._signal = signal.signal(signal.SIGINT, self._interrupt)
        return self

    def __exit__(self, *_: object) -> None:
        self._heed_signals()
        self._stack.close()

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        self._heed_signals()  # a second Ctrl-C ends at once
        self.interrupted = True

    def _heed_signals(self) -> None:
        if self._signal is not None:
            signal.signal(signal.SIGINT, self._signal)
            self._signal = None

    # -- the run ----------------------------------------------------------------------------------

    def goes_on(self) -> bool:
        """Whether another step is due. Raises KeyboardInterrupt after Ctrl-C, having saved."""
        if self.interrupted:
            self.save()
            raise KeyboardInterrupt
        return self._more()

    def _more(self) -> bool:
        if self.selection.stopped:
            return False
        if self.config.steps is not None:
            return self.step < self.config.steps
        return self.feed.epoch + self.feed.ended < (self.config.epochs or 0)

    def fetch(self) -> list[Any]:
        """The batches of the step, on the device."""
        try:
            batches = self.feed.next()
        except RuntimeError:
            if self.interrupted:  # Ctrl-C went to the loader's workers too
                self.save()
                raise KeyboardInterrupt from None
            raise
        return [to_device(batch, self.trainer.device) for batch in batches]

    def advance(self) -> None:
        """The step is done: evaluate and save where that is due."""
        self.step += 1
        self.schedule.step()
        last, every = not self._more(), self.config.evaluate_every
        due = last or (self.step % every == 0 if every else self.feed.ended)
        if due:
            loss, improved = self.selection.evaluate(self.step, self.history, last=last)
            if loss is not None:
                self.schedule.evaluated(loss)
            if improved and self.config.checkpoint is not None:
                self._write(checkpoint.BEST)
        saving = self.config.save_every
        if not self._more() or (self.step % saving == 0 if saving else due):
            self.save()

    def tell(self, loss: float) -> None:
        """Show how far it is."""
        if self._bar is not None:
            skipped = f" · {self.skipped:,} not finite" if self.skipped else ""
            self._bar(self.step, self.total, f"loss {loss:.4g}{skipped}")

    # -- checkpoints ------------------------------------------------------------------------------

    def save(self) -> None:
        """Write the last checkpoint, if there is a folder for it."""
        if self.config.checkpoint is not None and self._saved != self.step:
            self._write(checkpoint.LAST)
            self._saved = self.step

    def _write(self, name: str) -> None:
        assert self.config.checkpoint is not None
        path, state = Path(self.config.checkpoint).expanduser() / name, self.state_dict()
        best = self.selection.best
        if name == checkpoint.BEST and best is not None:
            state["best_weights"] = best.weights
            best.weights, best.path = None, path  # the file has them
        checkpoint.save(state, path)

    def state_dict(self) -> dict[str, Any]:
        """All that the run to come depends on."""
        trainer = self.trainer
        return {
            "config": trainer.config.identity(),
            "step": self.step,
            "skipped": self.skipped,
            "overflows": self.overflows,
            "selection": self.selection.state_dict(),
            "model": trainer.model.state_dict(),
            "optimizer": trainer.optimizer.state_dict(),
            "scaler": trainer.scaler.state_dict(),
            "schedule": self.schedule.state_dict(),
            "average": None if self.average is None else self.average.state_dict(),
            "feed": self.feed.state_dict(),
            "history": self.history.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from there. Raises UsageError for another run's state."""
        trainer = self.trainer
        mine, told = trainer.config.identity(), dict(state["config"])
        unlike = [n for n in mine if mine[n] != told.get(n)]
        if unlike:
            listed = ", ".join(f"{n} was {told.get(n)}, is {mine[n]}" for n in unlike)
            raise UsageError(
                f"the checkpoint is of another run: {listed}", "resume with the same TrainConfig"
            )
        try:
            trainer.model.load_state_dict(state["model"])
        except RuntimeError as error:
            first = str(error).partition("\n\t")[2].partition("\n")[0]
            raise UsageError(
                f"the checkpoint is of another model: {first}", "resume with the same model"
            ) from error
        trainer.optimizer.load_state_dict(state["optimizer"])
        trainer.scaler.load_state_dict(state["scaler"])
        self.schedule.load_state_dict(state["schedule"])
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        self.feed.load_state_dict(state["feed"])
        self.history.load_state_dict(state["history"])
        self.selection.load_state_dict(state["selection"], trainer.resumed_folder)
        self.step = self._saved = int(state["step"])
        self.skipped, self.overflows = int(state["skipped"]), int(state["overflows"])

    def fitted(self) -> Fitted:
        """What came of it."""
        watcher = self.trainer.watcher
        return Fitted(
            model=self.trainer.model,
            averaged=self.average.model if self.average else None,
            run=None if watcher is None else watcher.run,
            history=self.history.steps,
            evaluations=self.history.evaluations,
            best=self.selection.best,
            steps=self.step,
            skipped=self.skipped,
            overflows=self.overflows,
            stopped=self.selection.stopped,
        )
