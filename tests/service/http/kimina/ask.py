"""Run under an interpreter that has Kimina's client: checks the files on stdin (JSON, by name), prints what the client makes of each."""

import json
import sys
import typing

import httpx
import typing_extensions

# kimina-client 0.2.1 cannot be imported below Python 3.12 otherwise (findings/kimina-client-import.sh).
typing.TypedDict = typing_extensions.TypedDict

from kimina_client import Code, KiminaClient, Snippet, VerifyRequestBody, VerifyResponse  # noqa: E402

url, files = sys.argv[1], json.load(sys.stdin)
client = KiminaClient(api_url=url, n_retries=1)
snippets = [Snippet(id=name, code=code) for name, code in files.items()]
answer = client.check(snippets, timeout=20, batch_size=3, max_workers=2, show_progress=False)
statuses = {result.id: result.analyze().status.value for result in answer.results}

asked = VerifyRequestBody(codes=[Code(custom_id=name, proof=code) for name, code in files.items()], timeout=20)
response = httpx.post(f"{url}/verify", json=asked.model_dump(), timeout=120)
older = VerifyResponse.model_validate(response.json())
errors = {one["custom_id"]: one.get("error") for one in older.results}
print(json.dumps({"statuses": statuses, "names": [one["custom_id"] for one in older.results], "errors": errors}))
