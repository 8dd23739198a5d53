"""Run where NeMo Gym is installed: what its resources server answers over HTTP to replies, as JSON on stdout; `-` stands for a sample without
a reward."""

import json
import sys
from unittest.mock import MagicMock

from fastapi.testclient import TestClient
from lean_gym import LeanResourcesServer
from nemo_gym.base_resources_server import BaseResourcesServerConfig
from nemo_gym.server_utils import ServerClient

# It is asked directly, without the head server that tells servers of each other.
config = BaseResourcesServerConfig(host="127.0.0.1", port=0, entrypoint="lean_gym.py", name="lean_gym")
server = LeanResourcesServer(config=config, server_client=MagicMock(spec=ServerClient))


def response(reply: str) -> dict[str, object]:
    said = {"type": "output_text", "text": reply, "annotations": []}
    message = {"id": "m", "type": "message", "role": "assistant", "status": "completed", "content": [said]}
    common = {"id": "r", "created_at": 0.0, "model": "m", "object": "response", "parallel_tool_calls": False}
    return {**common, "tool_choice": "none", "tools": [], "output": [message]}


def score(client: TestClient, row: dict[str, object], reply: str) -> float | str:
    answer = client.post("/verify", json={**row, "response": response(reply)})
    if answer.status_code == 503:
        return "-"
    answer.raise_for_status()
    return float(answer.json()["reward"])


asked = json.load(sys.stdin)
rows = {one["id"]: one for one in map(json.loads, asked["rows"])}
with TestClient(server.setup_webserver()) as client:
    json.dump([score(client, rows[one["id"]], one["reply"]) for one in asked["replies"]], sys.stdout)
