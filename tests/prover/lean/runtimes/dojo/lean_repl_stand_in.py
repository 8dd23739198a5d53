"""Stands in for `lake env lean FILE` with Lean4Repl in it; behind it, tactics are run by the embedded Lean."""

import json
import os
import sys

sys.path.insert(0, "@SOURCE@")
os.environ["LEANSIEVE_CACHE"] = "@CACHE@"

from prover.lean.runtimes.embedded import EmbeddedLean
from tests.prover.lean.conformance.wire import Wire


def respond(**fields):
    usual = {"sid": None, "tacticState": None, "error": None}
    print("REPL> " + json.dumps({**usual, **fields}, ensure_ascii=False), flush=True)


def main():
    with open(sys.argv[-1]) as file:
        code = file.read()
    statement = code[code.rindex("theorem") :].partition(" := by")[0]
    wire = Wire(EmbeddedLean())
    respond(sid=0, tacticState=wire.about("elaborate", statement)["goal"])
    scripts = [[]]
    for line in sys.stdin:
        request = json.loads(line)
        script, tactic = scripts[request["sid"]], request["cmd"]
        answer = wire.about("tactic", statement, script=script, tactic=tactic)
        if answer["verdict"] == "incomplete":
            respond(error="proof contains `sorry`")
        elif answer["verdict"] != "verified":
            respond(error="\n".join(message["text"] for message in answer["messages"]))
        else:
            scripts.append([*script, tactic])
            respond(sid=len(scripts) - 1, tacticState="\n\n".join(answer["goals"]) or "no goals")


main()
