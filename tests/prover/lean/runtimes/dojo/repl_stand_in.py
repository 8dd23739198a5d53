"""Stands in for `lake env lean FILE` with Lean4Repl in it. Speaks its protocol, and follows the instructions in each tactic.

Standard library only; the file becomes a program called `lake`.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time


def respond(**fields):
    usual = {"sid": None, "tacticState": None, "error": None}
    print("REPL> " + json.dumps({**usual, **fields}, ensure_ascii=False), flush=True)


def attempt(action, *arguments):
    try:
        return f"done: {action(*arguments)}"
    except OSError as error:
        return f"refused: {error.strerror}"


def main():
    assert sys.argv[1:3] == ["env", "lean"], sys.argv
    with open(sys.argv[-1]) as file:
        code = file.read()
    assert code.startswith("import Lean4Repl\n"), code
    assert "lean_dojo_repl\n  sorry" in code
    statement = code[code.rindex("theorem") :].partition(" := by")[0]
    goal = statement.partition(" : ")[2]
    if "broken start" in statement:
        sys.exit("error: unknown module")
    if "slow start" in statement:
        time.sleep(600)
    print("noise before the first answer")
    respond(sid=0, tacticState=f"⊢ {goal}")
    number = 0
    for line in sys.stdin:
        request = json.loads(line)
        command, _, argument = request["cmd"].partition(" ")
        if command == "sleep":
            time.sleep(float(argument))
        if command == "exit":
            os._exit(int(argument))
        if command == "segv":
            os.kill(os.getpid(), signal.SIGSEGV)
        if command == "garbage":
            print("REPL> this is no JSON", flush=True)
            continue
        if command == "flood":
            print("x" * int(argument), flush=True)
        if command == "child":
            subprocess.Popen(["sleep", "600"], start_new_session=True)
        if command == "done" or "claim" in request["cmd"]:
            respond(sid=number + 1, tacticState="no goals")
        elif command == "fail":
            respond(error="it fails")
        elif "sorry" in request["cmd"]:
            respond(error="proof contains `sorry`")
        elif command == "look":
            address = ("127.0.0.1", int(argument))
            seen = {
                "network": attempt(socket.create_connection, address, 2),
                "repository": attempt(open, "Lean4Repl.lean", "w"),
                "environment": sorted(os.environ),
                "processes": len([name for name in os.listdir("/proc") if name.isdigit()]),
                "folder": os.getcwd(),
            }
            respond(error=json.dumps(seen))
        else:
            number += 1
            respond(sid=number, tacticState=f"⊢ {goal} after {request['sid']}: {request['cmd']!r}")


main()
