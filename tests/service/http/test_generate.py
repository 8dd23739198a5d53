"""LeanCopilot's contract, as far as it needs no Lean."""

import json

import pytest

from leansieve.v1 import suggest_pb2
from prover.requests import BusyError
from service.http.generate import write


def test_answer_that_the_time_cut_short_is_no_empty_list() -> None:
    cut = suggest_pb2.SuggestTacticsResponse(timed_out=True)
    with pytest.raises(BusyError, match="give it more time"):
        write(cut)
    assert json.loads(write(suggest_pb2.SuggestTacticsResponse())) == {"outputs": []}
    cut.suggestions.add(tactic="simp")
    assert json.loads(write(cut))["outputs"][0]["output"] == "simp"
