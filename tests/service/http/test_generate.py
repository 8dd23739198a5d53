"""LeanCopilot's contract, as far as it needs no Lean."""

import json

import pytest
from google.rpc import code_pb2

from leansieve.v1 import suggest_pb2
from service.http.context import AbortedError
from service.http.generate import write


def test_answer_that_the_time_cut_short_is_no_empty_list() -> None:
    cut = suggest_pb2.SuggestTacticsResponse(timed_out=True)
    with pytest.raises(AbortedError) as caught:
        write(cut)
    assert caught.value.status.code == code_pb2.RESOURCE_EXHAUSTED
    assert json.loads(write(suggest_pb2.SuggestTacticsResponse())) == {"outputs": []}
    cut.suggestions.add(tactic="simp")
    assert json.loads(write(cut))["outputs"][0]["output"] == "simp"
