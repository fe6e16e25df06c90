#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Uses the examples that a person would use, and holds what they show against what they should.

    Examples/check.py [--no-build] [--only NAME …] [--screenshot FILE]

  --no-build         the programs are there: `swift build --package-path Examples` has run
  --only NAME …      some of chat, terminal, page, stream, auction, worker
  --screenshot FILE  where the picture of the page goes (PNG); nowhere without it

Chat talks through pipes around a killed and restarted engine, and in a terminal; LivePage is loaded by Chromium, which
is installed where it is missing (apt-get); TokenStream, Auction and Worker, which gets SIGTERM in the middle of its work,
print what stands here. A line for each check; status 1 if one failed. Everything has a time limit, and no process is
left behind.
"""
import argparse
import base64
import contextlib
import fcntl
import json
import os
import pty
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time

PACKAGE = os.path.dirname(os.path.abspath(__file__))
# How long anything may take that has to come. Far above what it takes, since the machine may be busy.
PATIENCE = 30


class Failed(Exception):
    pass


failures = 0


def check(name, holds, details=""):
    global failures
    if not holds:
        failures += 1
    print(f"{'ok    ' if holds else 'FAILED'} {name}", flush=True)
    if not holds and details:
        print("       " + str(details).replace("\n", "\n       "), flush=True)


# MARK: Programs

running = []


class Program:
    """A process with a group of its own; what it writes is collected, each piece with its time."""

    def __init__(self, arguments, endpoint=None, terminal=False):
        environment = {name: value for name, value in os.environ.items() if not name.startswith("RIVET_")}
        if endpoint:
            environment["RIVET_ENDPOINT"] = endpoint
        self.name, self.text, self.pieces, self.changed = arguments[0], "", [], threading.Condition()
        self.errors = tempfile.TemporaryFile("w+")
        options = {"env": environment, "stderr": self.errors, "start_new_session": True}
        command = [os.path.join(binaries, arguments[0]), *arguments[1:]]
        if terminal:
            self.output, inside = pty.openpty()
            fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
            self.process = subprocess.Popen(command, stdin=inside, stdout=inside, **options)
            os.close(inside)
            self.input = self.output
        else:
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, **options)
            self.input, self.output = self.process.stdin.fileno(), self.process.stdout.fileno()
        running.append(self)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        while True:
            try:
                piece = os.read(self.output, 65536)
            except OSError:  # A terminal whose other side has gone.
                piece = b""
            with self.changed:
                if not piece:
                    return
                self.pieces.append((time.monotonic(), piece.decode(errors="replace")))
                self.text += self.pieces[-1][1]
                self.changed.notify_all()

    def said(self, pattern, after=0):
        """Waits until `pattern` has come behind the place `after`; the place behind it."""
        deadline = time.monotonic() + PATIENCE
        with self.changed:
            while True:
                found = re.compile(pattern, re.M).search(self.text, after)
                if found:
                    return found.end()
                if not self.changed.wait(max(deadline - time.monotonic(), 0)) and time.monotonic() >= deadline:
                    raise Failed(f"{self.name} has not said {pattern!r} but\n{self.text[after:]}\n{self.noted()}")

    def types(self, text):
        os.write(self.input, text.encode())

    def noted(self):
        self.errors.seek(0)
        return self.errors.read()

    def notes(self, pattern):
        """Waits until a line of its standard error matches."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            found = re.search(pattern, self.noted())
            if found:
                return found
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        raise Failed(f"{self.name} has not noted {pattern!r} but\n{self.noted()}")

    def closes_input(self):
        self.process.stdin.close()

    def ends(self):
        """Its status, when it has ended by itself and all that it wrote is here."""
        try:
            status = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            raise Failed(f"{self.name} has not ended\n{self.text}\n{self.noted()}") from None
        self.reader.join(PATIENCE)
        return status

    def kill(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(PATIENCE)


def kill_all():
    for program in running:
        program.kill()
    running.clear()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start_engine(port):
    """Another program may take the port between a kill and this, so there are a few tries."""
    for _ in range(10):
        engine = Program(["Chat", "--engine", "--port", str(port)])
        try:
            command = engine.notes(r"in another terminal: (.*)")[1]
            return engine, command
        except Failed:
            if "in use" not in engine.noted():
                raise
            engine.kill()
            time.sleep(0.2)
    raise Failed(f"port {port} is taken")


# MARK: Chat

def chat():
    port = free_port()
    endpoint = f"http://127.0.0.1:{port}"
    engine, command = start_engine(port)
    binary = os.path.realpath(os.path.join(binaries, "Chat"))
    said = re.fullmatch(r"RIVET_ENDPOINT=(\S+) (.*) --name guest --room lobby", command)
    check(
        "chat: the engine says the command for another terminal",
        said and said[1] == endpoint and os.path.realpath(said[2].strip("'")) == binary, command
    )

    ada = Program(["Chat", "--name", "ada"], endpoint)
    ada.said(r"^\* ada joined, here: ada\n")
    ada.said(r"^status connected, ada in lobby\n")
    bob = Program(["Chat", "--name", "bob"], endpoint)
    bob.said(r"^\* bob joined, here: ada, bob\n")
    ada.said(r"^\* bob joined\n")
    check("chat: both see who comes", True)
    stranger = Program(["Chat", "--name", "eve", "--room", "elsewhere"], endpoint)
    stranger.said(r"^status connected, eve in elsewhere\n")

    bob.said(r"^status connected, bob in lobby\n")
    ada.types("hello bob\nare you there?\n")
    bob.said(r"^ada: hello bob\nada: are you there\?\n")
    bob.types("yes\n")
    ada.said(r"^bob: yes\n")
    check("chat: messages go both ways, in their order", True)
    ada.types("\x1b[2Jred\x07\n")
    bob.said(r"^ada: \[2Jred\n")
    check("chat: what would move the cursor of others is left out", True)
    ada.types("x" * 1001 + "\n")
    ada.said(r"^! not said, more than 1000 characters: x{20}…\n")
    check("chat: the actor refuses a line that is too long, and the chat goes on", True)

    engine.kill()
    lost = r"^status reconnecting, attempt \d+; what you type waits\n"
    places = {user: user.said(lost) for user in (ada, bob)}
    for user in (ada, bob):
        user.said(lost, places[user])
    check("chat: both are told that the connection is lost, and each attempt", True)
    ada.types("typed while it was down\n")
    engine, _ = start_engine(port)
    for user, name in ((ada, "ada"), (bob, "bob")):
        user.said(rf"^status connected, {name} in lobby\n", places[user])
        user.said(r"^\* the connection was lost: what was said meanwhile is missing here\n", places[user])
    check("chat: both come back and are told of the gap", True)
    ada.said(r"^ada: typed while it was down\n", places[ada])
    # Whether the other one is back when it is said is chance; the next line is behind both.
    bob.types("back again\n")
    ada.said(r"^bob: back again\n", places[ada])
    ada.types("so am I\n")
    bob.said(r"^ada: so am I\n", places[bob])
    check("chat: what was typed meanwhile is said, and messages go on", True)
    check("chat: it is said once", ada.text.count("ada: typed while it was down\n") == 1, ada.text)

    ada.types("bye\n")
    ada.closes_input()
    status = ada.ends()
    check("chat: the end of the input leaves with status 0", status == 0, f"{status}\n{ada.noted()}")
    check("chat: behind the last line", ada.text.endswith("ada: bye\nstatus left\n"), ada.text)
    bob.said(r"^ada: bye\n\* ada left\n", places[bob])
    check("chat: the other one sees it", True)
    bob.closes_input()
    stranger.closes_input()
    statuses = bob.ends(), stranger.ends()
    check("chat: so end the others", statuses == (0, 0), statuses)
    check("chat: another room hears nothing", not re.search(r"^\w+: ", stranger.text, re.M), stranger.text)
    engine.process.send_signal(signal.SIGINT)
    status = engine.ends()
    check("chat: Control-C ends the engine in order", status == 130 and "is closed" in engine.noted(), engine.noted())


class Terminal:
    """What a terminal shows, as far as Chat moves its cursor."""

    def __init__(self, text):
        self.lines, self.row, self.column = [""], 0, 0
        for token in re.findall(r"\x1b\[[0-9]*[A-Za-z]|.", text, re.S):
            if token == "\r":
                self.column = 0
            elif token == "\n":
                self.row += 1
                if self.row == len(self.lines):
                    self.lines.append("")
            elif token == "\x1b[K":
                self.lines[self.row] = self.lines[self.row][:self.column]
            elif token == "\x1b[1A":
                self.row = max(self.row - 1, 0)
            elif not token.startswith("\x1b"):
                line = self.lines[self.row].ljust(self.column)
                self.lines[self.row] = line[:self.column] + token + line[self.column + 1:]
                self.column += 1
        self.lines = [line.rstrip() for line in self.lines]


def terminal():
    port = free_port()
    engine, _ = start_engine(port)
    endpoint = f"http://127.0.0.1:{port}"
    ada = Program(["Chat", "--name", "ada"], endpoint, terminal=True)

    def shows(name, expected):
        deadline = time.monotonic() + PATIENCE
        while True:
            lines = Terminal(ada.text).lines
            if lines == expected or time.monotonic() > deadline:
                check(f"terminal: {name}", lines == expected, "\n".join(lines))
                return
            time.sleep(0.05)

    joined, here = "* ada joined, here: ada", "connected, ada in lobby"
    shows("the status is the last line", [joined, here])
    ada.types("hello\n")
    shows("what was typed is shown once, above it", [joined, "ada: hello", here])
    bob = Program(["Chat", "--name", "bob"], endpoint)
    bob.said(r"^status connected")
    bob.types("hi ada\n")
    talk = [joined, "ada: hello", "* bob joined", "bob: hi ada"]
    shows("messages come above it", [*talk, here])
    bob.closes_input()
    bob.ends()
    talk.append("* bob left")
    shows("and who leaves", [*talk, here])
    engine.kill()
    lost = r"reconnecting, attempt \d+; what you type waits"
    ada.said(lost, ada.said(lost))
    lines = Terminal(ada.text).lines
    check(
        "terminal: a lost connection changes that line alone",
        lines[:-1] == talk and re.fullmatch(lost, lines[-1]),
        "\n".join(lines)
    )
    engine, _ = start_engine(port)
    talk += ["* the connection was lost: what was said meanwhile is missing here", joined]
    shows("and its return", [*talk, here])
    ada.types("\x04")
    status = ada.ends()
    check("terminal: Control-D ends it with status 0", status == 0, f"{status}\n{ada.noted()}")
    lines = Terminal(ada.text).lines
    check("terminal: the last line is left for the shell", lines[-2:] == ["left", ""], "\n".join(lines))


# MARK: LivePage

def chromium():
    """The browser's path; installs it where it is missing."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if shutil.which(name):
            return shutil.which(name)
    print("       installing chromium by apt-get", flush=True)
    for command in ("apt-get update", "apt-get install -y --no-install-recommends chromium"):
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            subprocess.run(command.split(), stdin=subprocess.DEVNULL, capture_output=True, timeout=400)
    return shutil.which("chromium")


class Browser:
    """One tab of a headless Chromium, by its protocol for tools over two pipes."""

    def __init__(self, path, folder):
        commands, self.commands = os.pipe()
        self.answers, answers = os.pipe()
        # The browser reads from descriptor 3 and writes to 4.
        script = 'exec 3<&"$1" 4>&"$2"; shift 2; exec "$@"'
        browser = [
            path, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
            "--remote-debugging-pipe", f"--user-data-dir={folder}", "--window-size=640,640", "about:blank",
        ]
        self.process = subprocess.Popen(
            ["bash", "-c", script, "bash", str(commands), str(answers), *browser],
            pass_fds=(commands, answers), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, start_new_session=True
        )
        os.close(commands)
        os.close(answers)
        running.append(self)
        self.pending, self.last, self.session = b"", 0, None
        targets = self.asks("Target.getTargets")["targetInfos"]
        page = next(target["targetId"] for target in targets if target["type"] == "page")
        self.session = self.asks("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]

    def asks(self, method, **parameters):
        self.last += 1
        message = {"id": self.last, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.commands, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + 2 * PATIENCE
        while True:
            while b"\0" not in self.pending:
                ready, _, _ = select.select([self.answers], [], [], max(deadline - time.monotonic(), 0))
                piece = os.read(self.answers, 1 << 20) if ready else b""
                if not piece:
                    raise Failed(f"Chromium has not answered {method}")
                self.pending += piece
            text, self.pending = self.pending.split(b"\0", 1)
            answer = json.loads(text)
            if answer.get("id") == self.last:
                if "error" in answer:
                    raise Failed(f"Chromium answered {method} with {answer['error']}")
                return answer["result"]

    def value(self, script):
        answer = self.asks("Runtime.evaluate", expression=script, returnByValue=True)
        return answer["result"].get("value")

    def shows(self, name, expected):
        """Waits until the texts of these elements are so."""
        script = f"Object.fromEntries({json.dumps(list(expected))}.map(id => [id, document.getElementById(id)?.innerText]))"
        deadline = time.monotonic() + PATIENCE
        while True:
            texts = self.value(script)
            if texts == expected or time.monotonic() > deadline:
                check(f"page: {name}", texts == expected, texts)
                return
            time.sleep(0.05)

    def kill(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(PATIENCE)
        for descriptor in (self.commands, self.answers):
            with contextlib.suppress(OSError):
                os.close(descriptor)


def page():
    path = chromium()
    if not path:
        print("could not run: the page in a browser (chromium cannot be installed)")
        check("page: a browser", False)
        return
    port = free_port()
    engine, _ = start_engine(port)
    live = Program(["LivePage"], f"http://127.0.0.1:{port}")
    address = live.notes(r"(http://127\.0\.0\.1:\d+) has the page")[1]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        browser = Browser(path, folder)
        try:
            press = "document.querySelector('button').click()"
            browser.asks("Page.navigate", url=address)
            browser.shows("it is loaded, with the number as a snapshot", {
                "status": "connected", "count": "0", "log": "it is 0, read from the actor",
            })
            browser.value(press)
            browser.shows("the button calls the actor, whose event changes the number", {
                "count": "1", "log": "it became 1, by an event\nit is 0, read from the actor", "answer": "",
            })
            with contextlib.closing(socket.create_connection(("127.0.0.1", int(address.rsplit(":")[-1])))) as other:
                other.sendall(b"POST /increment HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
                other.settimeout(PATIENCE)
                answer = b"".join(iter(lambda: other.recv(4096), b""))
            check("page: another browser presses it too", answer.endswith(b"\r\n\r\n2"), answer)
            browser.shows("this page hears of it", {"count": "2"})

            engine.kill()
            deadline = time.monotonic() + PATIENCE
            while "lost" not in browser.value("document.getElementById('status').innerText"):
                if time.monotonic() > deadline:
                    raise Failed("the page does not say that the connection is lost")
                time.sleep(0.02)
            check("page: it says that the connection is lost", True)
            browser.value(press)
            browser.shows("the button says that the actor is out of reach", {
                "answer": "the actor is out of reach; nothing was counted", "count": "2",
            })
            engine, _ = start_engine(port)
            browser.shows("the number is read again behind the gap", {
                "status": "connected", "count": "0",
                "log": "it is 0, read from the actor\nit became 2, by an event\nit became 1, by an event\n"
                "it is 0, read from the actor",
            })
            browser.value(press)
            browser.value(press)
            browser.shows("and events go on", {"count": "2", "status": "connected"})
            if screenshot:
                for scheme in ("light", "dark"):
                    browser.asks("Emulation.setEmulatedMedia", features=[
                        {"name": "prefers-color-scheme", "value": scheme},
                    ])
                    name, ending = os.path.splitext(screenshot)
                    file = screenshot if scheme == "light" else f"{name}-dark{ending}"
                    with open(file, "wb") as picture:
                        data = browser.asks("Page.captureScreenshot")["data"]
                        picture.write(base64.b64decode(data))
                    check(f"page: a screenshot, {file}", os.path.getsize(file) > 1000)
            live.types("\n")
            status = live.ends()
            check("page: Return ends the server with status 0", status == 0, f"{status}\n{live.noted()}")
            browser.shows("the page has noticed", {"status": "the web server is gone"})
        finally:
            browser.kill()


# MARK: Programs that end by themselves

TOKEN_STREAM = """\
whole: You said “hello”, and I say it back, word by word.
cancelled: You said “a long …
the actor has stopped too
broken off: You said “oops”, and I …
connectionLost behind word 5
goes on: say it back, word by word.
"""

AUCTION = """\
house     nobody has bid
house     the house bids 10
house     ada bids 20
house     bob bids 30
network   all connections are cut
telephone dora bids 50
house     dora bids 50
house     sold to dora for 50
network   the house was connected 2 times
ada       heard of the end: sold to dora for 50
bob       bid 25, which was too low: 30 is the least
bob       heard of the end: sold to dora for 50
eve       bid 60, too late: dora has it for 50
eve       heard of the end: sold to dora for 50
"""


WORKER = """\
working
SIGTERM: no new work
refused: the client is closed
finished over HTTP: 1
finished on the connection: 1
all is closed
"""


def prints(name, program, expected):
    program.closes_input()
    status = program.ends()
    check(f"{name}: it prints what it should", program.text == expected, program.text)
    check(f"{name}: it ends with status 0", status == 0, f"{status}\n{program.noted()}")


def stream():
    program = Program(["TokenStream"])
    prints("stream", program, TOKEN_STREAM)
    # The first answer takes the actor 330 ms: its words have come on the way.
    begun = next(time for time, text in program.pieces if "said" in text)
    ended = next(time for time, text in program.pieces if "word." in text)
    check("stream: words are here before the last one is written", ended - begun > 0.1, program.pieces)


def auction():
    prints("auction", Program(["Auction"]), AUCTION)


def worker():
    prints("worker", Program(["Worker"]), WORKER)


def main():
    global binaries, screenshot
    sections = {
        "chat": chat, "terminal": terminal, "page": page, "stream": stream, "auction": auction, "worker": worker,
    }
    usage = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    usage.add_argument("--no-build", action="store_true", help=argparse.SUPPRESS)
    usage.add_argument("--only", nargs="+", choices=sections, default=sections, help=argparse.SUPPRESS)
    usage.add_argument("--screenshot", metavar="FILE", help=argparse.SUPPRESS)
    usage.usage = argparse.SUPPRESS
    options = usage.parse_args()
    screenshot = options.screenshot

    swift = ["swift", "build", "--package-path", PACKAGE]
    # With the options of .ci/run, whose build so serves here too.
    if not options.no_build:
        subprocess.run([*swift, "-Xswiftc", "-warnings-as-errors"], check=True, stdout=sys.stderr, timeout=900)
    shown = subprocess.run([*swift, "--show-bin-path"], check=True, capture_output=True, text=True, timeout=60)
    binaries = shown.stdout.strip()

    # A signal ends it by way of `finally`, so that nothing is left behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        for name in options.only:
            try:
                sections[name]()
            except Failed as failure:
                check(name, False, failure)
            finally:
                kill_all()
    finally:
        kill_all()
    print(f"{failures} failed" if failures else "all hold")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
