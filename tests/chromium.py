"""A real headless Chromium, driven over the pipe of its DevTools protocol: no driver, no port."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import selectors
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-extensions", "--disable-default-apps", "--metrics-recording-only", "--mute-audio",
    "--hide-scrollbars", "--force-color-profile=srgb", "--remote-debugging-pipe",
)  # fmt: skip


def found() -> str | None:
    """The program, if there is one; DATACHECK_CHROMIUM names another."""
    named = os.environ.get("DATACHECK_CHROMIUM")
    return named or next(filter(None, map(shutil.which, NAMES)), None)


def _pipe(*, theirs_writes: bool = False) -> tuple[int, int]:
    """(read, write) ends; the other process's end has a number from 10 on."""
    read, write = os.pipe()
    theirs = write if theirs_writes else read
    high = fcntl.fcntl(theirs, fcntl.F_DUPFD, 10)
    os.close(theirs)
    return (read, high) if theirs_writes else (high, write)


class Chromium:
    """One tab. ``events`` are all that the browser said; requests and errors are among them."""

    def __init__(self, program: str) -> None:
        self._home = tempfile.TemporaryDirectory(prefix="datacheck-chromium-")
        theirs, self._write = _pipe()
        self._read, back = _pipe(theirs_writes=True)
        # The pipe has to be the file descriptors 3 and 4, which may be taken here.
        code = (
            f"import os, sys; os.dup2({theirs}, 3); os.dup2({back}, 4); "
            "os.execvp(sys.argv[1], sys.argv[1:])"
        )
        profile = f"--user-data-dir={self._home.name}"
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-c", code, program, *FLAGS, profile, "about:blank"],
            pass_fds=(theirs, back), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(theirs)
        os.close(back)
        self._waiting = selectors.DefaultSelector()
        self._waiting.register(self._read, selectors.EVENT_READ)
        self._buffer = b""
        self._number = 0
        self.events: list[dict[str, Any]] = []
        self._session = ""
        try:
            target = self.say("Target.createTarget", url="about:blank")["targetId"]
            told = self.say("Target.attachToTarget", targetId=target, flatten=True)
            self._session = told["sessionId"]
            for domain in ("Page", "Runtime", "Log", "Network"):
                self.say(f"{domain}.enable")
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Chromium:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the browser, and remove its profile."""
        os.close(self._write)  # Chromium ends when its pipe does
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._read)
        self._waiting.close()
        try:
            self._home.cleanup()
        except OSError:
            shutil.rmtree(self._home.name, ignore_errors=True)

    def say(self, method: str, timeout: float = 60, **params: Any) -> dict[str, Any]:
        """One command, and its answer. Raises RuntimeError where it has failed."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        data = json.dumps(message).encode() + b"\0"
        while data:
            try:
                data = data[os.write(self._write, data) :]
            except BrokenPipeError:
                raise RuntimeError(f"{method}: Chromium has ended") from None
        until = time.monotonic() + timeout
        while True:
            answer = self._next(until, method)
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                result: dict[str, Any] = answer.get("result", {})
                return result

    def _next(self, until: float, what: str) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            if not self._waiting.select(max(until - time.monotonic(), 0)):
                raise RuntimeError(f"{what}: Chromium did not answer")
            piece = os.read(self._read, 1 << 20)
            if not piece:
                raise RuntimeError(f"{what}: Chromium has ended")
            self._buffer += piece
        line, _, self._buffer = self._buffer.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        if "method" in message:
            self.events.append(message)
        return message

    def open(self, path: Path, timeout: float = 60, *, painted: bool = True) -> float:
        """Open a file; the seconds until it is laid out and painted once. Without scripts nobody
        tells when it is ``painted``.
        """
        began = time.monotonic()
        self.say("Page.navigate", url=path.resolve().as_uri())
        until = began + timeout
        while not any(e["method"] == "Page.loadEventFired" for e in self.events):
            self._next(until, "open")
        if painted:
            self.run("new Promise(r => requestAnimationFrame(() => requestAnimationFrame(r)))")
        return time.monotonic() - began

    def run(self, expression: str) -> Any:
        """The value of a JavaScript expression on the page; a promise is awaited."""
        told = self.say(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in told:
            raise RuntimeError(str(told["exceptionDetails"]))
        return told["result"].get("value")

    def look(self, width: int, *, height: int = 900, dark: bool = False, paper: bool = False):
        """Size of the window, dark or light, screen or paper."""
        self.say("Emulation.setDeviceMetricsOverride", width=width, height=height,
                 deviceScaleFactor=1, mobile=False)  # fmt: skip
        features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.say("Emulation.setEmulatedMedia", media="print" if paper else "", features=features)

    def picture(self, path: Path, *, whole: bool = True, top: int = 0, height: int = 0) -> None:
        """A screenshot as PNG: of the whole page, or of a part of it."""
        size = self.say("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": top, "width": size["width"],
                "height": height or min(size["height"] - top, 16000), "scale": 1}  # fmt: skip
        told = self.say("Page.captureScreenshot", captureBeyondViewport=whole, clip=clip)
        path.write_bytes(base64.b64decode(told["data"]))

    def pdf(self, path: Path) -> None:
        """The page as it is printed."""
        told = self.say("Page.printToPDF", printBackground=False)
        path.write_bytes(base64.b64decode(told["data"]))

    def requested(self) -> list[str]:
        """Addresses that the page has asked for."""
        return [
            e["params"]["request"]["url"]
            for e in self.events
            if e["method"] == "Network.requestWillBeSent"
        ]

    def complaints(self) -> list[str]:
        """Errors and warnings of the console, exceptions, and what the policy has blocked."""
        out = []
        for event in self.events:
            told = event.get("params", {})
            if event["method"] == "Runtime.exceptionThrown":
                out.append(str(told["exceptionDetails"]))
            elif event["method"] == "Runtime.consoleAPICalled" and told["type"] in (
                "error", "warning", "assert",
            ):  # fmt: skip
                out.append(str(told["args"]))
            elif event["method"] == "Log.entryAdded":
                out.append(f"{told['entry']['level']}: {told['entry']['text']}")
        return out
