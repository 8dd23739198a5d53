"""The process behind `scripted.py`: speaks the worker protocol and does what each proof tells it. Standard library only."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class _Refused(Exception):
    """What is answered with `"ok": false`: code and message."""


class _Process:
    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.settings = settings
        self.marker = ""
        self.imports: list[str] = []
        self.work = 0
        self.wanted = -1
        self.cancelled = threading.Event()
        self.served = 0
        self.lock = threading.Lock()
        self.orders: list[dict[str, Any]] = []
        self.arrived = threading.Semaphore(0)

    def run(self) -> None:
        if "LEANSIEVE_CONTROL_FD" in os.environ:
            threading.Thread(target=self.control, daemon=True).start()
        threading.Thread(target=self.read, daemon=True).start()
        while True:
            self.arrived.acquire()
            request = self.orders.pop(0)
            self.cancelled.clear()
            self.work = request["id"]
            if self.wanted == self.work:
                self.cancelled.set()
            try:
                if request["op"] == "hello":
                    self.hello(request)
                elif request["op"] == "check":
                    self.check(request)
                else:
                    self.answer(request["id"], {})
            except _Refused as refused:
                error = {"code": refused.args[0], "message": refused.args[1]}
                self.say(f"{self.marker} {json.dumps({'id': request['id'], 'ok': False, 'error': error})}\n")
            self.work = 0

    def read(self) -> None:
        """The thread that owns stdin, as a native worker has one."""
        for line in sys.stdin.buffer:
            request = json.loads(line)
            if request["op"] == "cancel":
                self.cancel(request["id"])
                self.answer(request["id"], {"cancelled": True})
            else:
                self.orders.append(request)
                self.arrived.release()
        os._exit(0)

    def control(self) -> None:
        channel = socket.socket(fileno=int(os.environ["LEANSIEVE_CONTROL_FD"]))
        for line in channel.makefile("rb"):
            number = int(line.split()[1])
            self.cancel(number)
            if self.settings["start"].get("deaf_control"):
                continue
            channel.sendall(b"cancelled %d\n" % number)
        os._exit(0)

    def cancel(self, number: int) -> None:
        self.wanted = number
        if self.work == number:
            self.cancelled.set()

    def hello(self, request: Mapping[str, Any]) -> None:
        self.marker = "@" + request["nonce"]
        self.imports = request["imports"]
        unknown = [module for module in self.imports if module in self.settings["missing"]]
        self.act(request["id"], self.settings["start"])
        if unknown:
            raise _Refused("bad_header", f"unknown module prefix '{unknown[0]}'")
        self.answer(request["id"], {"lean": "scripted", "githash": "", "worker": "1", "load_ms": 0.0})

    def check(self, request: Mapping[str, Any]) -> None:
        self.served += 1
        try:
            script = json.loads(request["proof"])
        except ValueError:
            script = {}
        if sorted(request["header"]["imports"]) != sorted(self.imports):
            raise _Refused("bad_header", "not my imports")
        verdict = self.act(request["id"], script) or script.get("verdict", "verified")
        fields = {
            "verdict": verdict,
            "trust": "kernel_replayed" if verdict == "verified" else None,
            "mode": "proof",
            "theorem": request["statement"].split()[1],
            "messages": [{"severity": "information", "text": f"{os.getpid()} {self.served}", "line": 1, "column": 0}],
            "axioms": [],
            "timing": {"total_ms": 0.0},
        }
        self.answer(script.get("answer_as", request["id"]), fields | script.get("fields", {}))

    def act(self, number: int, script: Mapping[str, Any]) -> str | None:
        """Do what the script says; returns a verdict if that decides it."""
        if script.get("once") and os.path.exists(script["once"]):
            return None
        if script.get("once"):
            Path(script["once"]).touch()
        if "noise" in script:
            self.say(script["noise"])
        if "noise_bytes" in script:
            stream = sys.stderr.buffer if script.get("stderr") else sys.stdout.buffer
            line = b"x" * 1023 + (b"x" if script.get("one_line") else b"\n")
            for _ in range(script["noise_bytes"] // 1024):
                stream.write(line)
            stream.flush()
        if "child" in script:
            child = subprocess.Popen(["sleep", "600"], start_new_session=script["child"] == "away")
            Path(script["pid_file"]).write_text(str(child.pid))
        if "megabytes" in script:
            self.hoard = bytearray(os.urandom(1 << 20) * script["megabytes"])
        if "raw" in script:
            self.say(self.marker + " " + script["raw"] + "\n")
        if "exit" in script:
            os._exit(script["exit"])
        if "signal" in script:
            os.kill(os.getpid(), getattr(signal, script["signal"]))
        if "internal" in script:
            raise _Refused("internal", script["internal"])
        if "loop" in script and self.cancelled.wait(script["loop"]):
            time.sleep(script.get("linger", 0))
            return "timeout"
        if "sleep" in script:  # deaf to cancelling
            time.sleep(script["sleep"])
        return None

    def answer(self, number: int, fields: Mapping[str, Any]) -> None:
        self.say(f"{self.marker} {json.dumps({'id': number, 'ok': True, **fields})}\n")

    def say(self, text: str) -> None:
        with self.lock:
            sys.stdout.buffer.write(text.encode())
            sys.stdout.buffer.flush()


if __name__ == "__main__":
    _Process(json.loads(sys.argv[1])).run()
