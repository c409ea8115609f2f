"""Runs one version of Google's Python library against an emulator of the Gemini API. See `run`."""

import asyncio
import base64
import io
import json
import pathlib
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid

from google import genai
from google.genai import errors, types

BASE_URL = sys.argv[1]
MODEL = "gemini-3.5-flash"
PDF = pathlib.Path(__file__).with_name("page.pdf").read_bytes()
NAME = f"python {genai.__version__}"
# Each run has a project of its own.
KEY = f"python-{uuid.uuid4()}"

client = genai.Client(api_key=KEY, http_options=types.HttpOptions(base_url=BASE_URL))
folder = pathlib.Path(tempfile.mkdtemp())


def check(name):
    """Runs a function, or a coroutine, at once and prints how it went."""

    def decorate(function):
        try:
            result = function()
            if asyncio.iscoroutine(result):
                asyncio.run(result)
            print(f"ok {NAME}: {name}", flush=True)
        except Exception as error:  # noqa: BLE001: whatever it is, it is a failed check
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            print(f"FAILED {NAME}: {name}: {reason[:300]}", flush=True)
        return function

    return decorate


def refused(code, status, call, *args, **kwargs):
    """The call must fail with this code and status."""
    try:
        call(*args, **kwargs)
    except errors.APIError as error:
        assert (error.code, error.status) == (code, status), error
        return error
    raise AssertionError("not refused")


def rest(method, path, body=None):
    """One call without the library, with what libraries do not look at."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{BASE_URL}/v1beta/{path}", data, {"x-goog-api-key": KEY}, method=method)
    with urllib.request.urlopen(request) as response:
        assert response.status == 200
        return json.load(response)


def line(key, **extra):
    part = {"inlineData": {"mimeType": "application/pdf", "data": base64.b64encode(PDF).decode()}}
    request = {"contents": [{"role": "user", "parts": [part, {"text": "Transcribe."}]}], **extra}
    return json.dumps({"key": key, "request": request})


def write_input(name, lines):
    path = folder / name
    path.write_text("".join(f"{text}\n" for text in lines))
    return path


def upload_input(name, lines):
    return client.files.upload(file=str(write_input(name, lines)), config={"mime_type": "application/jsonl", "display_name": name})


def wait(name):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        job = client.batches.get(name=name)
        if job.state.name in ("JOB_STATE_SUCCEEDED", "JOB_STATE_FAILED", "JOB_STATE_CANCELLED", "JOB_STATE_EXPIRED"):
            return job
        time.sleep(0.1)
    raise AssertionError("the batch does not end")


@check("upload a path")
def _():
    file = client.files.upload(file=str(write_input("a.jsonl", ["{}"])), config={"mime_type": "jsonl", "display_name": "by path"})
    assert file.name.startswith("files/") and len(file.name) == 18, file.name
    assert (file.display_name, file.size_bytes, file.state.name, file.source.name) == ("by path", 3, "ACTIVE", "UPLOADED"), file


@check("upload bytes under a name of one's own")
def _():
    name = f"mine-{uuid.uuid4().hex[:12]}"
    config = {"mime_type": "application/pdf", "name": name}
    assert client.files.upload(file=io.BytesIO(PDF), config=config).name == f"files/{name}"
    refused(409, "ALREADY_EXISTS", client.files.upload, file=io.BytesIO(PDF), config=config)


@check("upload in several chunks")
def _():
    file = client.files.upload(file=io.BytesIO(b"x" * 17_826_955), config={"mime_type": "text/plain"})
    assert file.size_bytes == 17_826_955, file


@check("upload exactly two chunks, and nothing")
def _():
    assert client.files.upload(file=io.BytesIO(b"x" * (16 << 20)), config={"mime_type": "text/plain"}).size_bytes == 16 << 20
    assert not client.files.upload(file=io.BytesIO(b""), config={"mime_type": "text/plain"}).size_bytes


@check("get, list by pages and delete files")
def _():
    names = {client.files.upload(file=io.BytesIO(PDF), config={"mime_type": "application/pdf"}).name for _ in range(3)}
    for name in names:
        assert client.files.get(name=name).name == name
    assert names <= {file.name for file in client.files.list(config={"page_size": 2})}
    for name in names:
        client.files.delete(name=name)
        error = refused(403, "PERMISSION_DENIED", client.files.get, name=name)
        assert "or it may not exist" in error.message, error


@check("an upload cannot be downloaded")
def _():
    file = client.files.upload(file=io.BytesIO(PDF), config={"mime_type": "application/pdf"})
    refused(400, "FAILED_PRECONDITION", client.files.download, file=file.name)


@check("a batch from a file, to its results")
def _():
    source = upload_input("batch.jsonl", [line("page_0"), line("page_1")])
    job = client.batches.create(model=MODEL, src=source.name, config={"display_name": "from a file"})
    assert job.name.startswith("batches/") and len(job.name) == 44, job.name
    assert job.state.name == "JOB_STATE_PENDING" and job.display_name == "from a file", job
    assert job.model == f"models/{MODEL}" and job.create_time, job
    job = wait(job.name)
    assert job.state.name == "JOB_STATE_SUCCEEDED" and job.end_time, job
    lines = client.files.download(file=job.dest.file_name).decode().splitlines()
    results = {result["key"]: result["response"] for result in map(json.loads, lines)}
    assert set(results) == {"page_0", "page_1"}, results
    answer = types.GenerateContentResponse.model_validate(results["page_0"])
    assert answer.text and answer.usage_metadata.total_token_count > 500 and answer.model_version == MODEL, answer
    refused(400, "INVALID_ARGUMENT", client.files.delete, name=job.dest.file_name)
    client.batches.delete(name=job.name)
    refused(404, "NOT_FOUND", client.batches.get, name=job.name)


@check("a batch from a source object, and what REST shows of it")
def _():
    source = upload_input("rest.jsonl", [line("a")])
    name = client.batches.create(model=MODEL, src=types.BatchJobSource(file_name=source.name)).name
    operation = rest("GET", name)
    assert operation["name"] == operation["metadata"]["name"] == name
    assert operation["metadata"]["inputConfig"] == {"fileName": source.name}
    assert operation["metadata"]["batchStats"] == {"requestCount": "1", "pendingRequestCount": "1"}, operation
    assert "done" not in operation and "endTime" not in operation["metadata"], operation
    wait(name)
    operation = rest("GET", name)
    output = {"responsesFile": f"files/batch-{name.removeprefix('batches/')}"}
    assert operation["done"] is True and operation["metadata"]["output"] == output, operation
    assert operation["response"]["responsesFile"] == output["responsesFile"], operation
    assert operation["metadata"]["batchStats"] == {"requestCount": "1", "successfulRequestCount": "1"}, operation


@check("an inline batch")
def _():
    requests = [
        types.InlinedRequest(contents=[types.Content(role="user", parts=[types.Part.from_text(text=text)])], metadata={"key": text})
        for text in ("a", "b")
    ]
    job = wait(client.batches.create(model=MODEL, src=requests, config={"display_name": "inline"}).name)
    answers = job.dest.inlined_responses
    assert len(answers) == 2 and all(answer.response.text for answer in answers), answers


@check("a row's error leaves its batch a success")
def _():
    thinking = {"generationConfig": {"thinkingConfig": {"thinkingLevel": "XHIGH"}}}
    source = upload_input("error.jsonl", [line("good"), line("bad", **thinking)])
    job = wait(client.batches.create(model=MODEL, src=source.name).name)
    assert job.state.name == "JOB_STATE_SUCCEEDED", job
    lines = client.files.download(file=job.dest.file_name).decode().splitlines()
    errors_by_key = {row["key"]: row.get("error", {}).get("code") for row in map(json.loads, lines)}
    assert errors_by_key == {"good": None, "bad": 3}, errors_by_key


@check("list batches by pages, newest first")
def _():
    source = upload_input("list.jsonl", [line("a")])
    names = [client.batches.create(model=MODEL, src=source.name).name for _ in range(3)]
    listed = [job.name for job in client.batches.list(config={"page_size": 2})]
    assert listed[:3] == names[::-1], listed


@check("cancel a batch")
def _():
    source = upload_input("cancel.jsonl", [line("a")])
    job = client.batches.create(model=MODEL, src=source.name)
    client.batches.cancel(name=job.name)
    assert wait(job.name).state.name == "JOB_STATE_CANCELLED"
    operation = rest("GET", job.name)
    assert operation["done"] is True and operation["error"]["code"] == 1 and "response" not in operation, operation


@check("a bad line fails the create and is named")
def _():
    source = upload_input("bad.jsonl", [line("a"), line("b", thinkingConfig={})])
    error = refused(400, "INVALID_ARGUMENT", client.batches.create, model=MODEL, src=source.name)
    assert "Error on line 2: invalid JSON, near column" in error.message and "no such field: 'thinkingConfig'" in error.message, error


@check("a batch of a missing file, or for an unknown model")
def _():
    refused(404, "NOT_FOUND", client.batches.create, model=MODEL, src="files/missing12345")
    source = upload_input("model.jsonl", [line("a")])
    error = refused(404, "NOT_FOUND", client.batches.create, model="gemini-0.1", src=source.name)
    assert error.message.startswith("models/gemini-0.1 is not found for API version v1"), error


@check("files and batches belong to their key")
def _():
    source = upload_input("mine.jsonl", [line("a")])
    job = client.batches.create(model=MODEL, src=source.name)
    other = genai.Client(api_key=f"other-{KEY}", http_options=types.HttpOptions(base_url=BASE_URL))
    refused(403, "PERMISSION_DENIED", other.files.get, name=source.name)
    refused(404, "NOT_FOUND", other.batches.get, name=job.name)
    refused(404, "NOT_FOUND", other.batches.create, model=MODEL, src=source.name)
    assert list(other.files.list()) == [] and list(other.batches.list()) == []


CONTENTS = [types.Part.from_bytes(data=PDF, mime_type="application/pdf"), "Transcribe."]
CONFIG = types.GenerateContentConfig(
    system_instruction="You transcribe.",
    temperature=0,
    max_output_tokens=8192,
    media_resolution="MEDIA_RESOLUTION_HIGH",
    thinking_config=types.ThinkingConfig(thinking_level="LOW"),
    safety_settings=[types.SafetySetting(category="HARM_CATEGORY_HARASSMENT", threshold="BLOCK_NONE")],
)


@check("generate from a page")
def _():
    answer = client.models.generate_content(model=MODEL, contents=CONTENTS, config=CONFIG)
    assert answer.text and answer.candidates[0].finish_reason.name == "STOP", answer
    usage = answer.usage_metadata
    assert usage.total_token_count == usage.prompt_token_count + usage.candidates_token_count + usage.thoughts_token_count, usage
    assert answer.model_version == MODEL and answer.response_id, answer


@check("generate from an uploaded file")
def _():
    file = client.files.upload(file=io.BytesIO(PDF), config={"mime_type": "application/pdf"})
    assert client.models.generate_content(model=MODEL, contents=[file, "Transcribe."]).text


@check("generate JSON by a schema")
def _():
    schema = {"type": "OBJECT", "properties": {"title": {"type": "STRING"}, "pages": {"type": "INTEGER"}}}
    config = types.GenerateContentConfig(response_mime_type="application/json", response_schema=schema)
    answer = client.models.generate_content(model=MODEL, contents=CONTENTS, config=config)
    assert set(json.loads(answer.text)) == {"title", "pages"}, answer.text


@check("generate as a stream")
def _():
    whole = client.models.generate_content(model=MODEL, contents=CONTENTS).text
    pieces = list(client.models.generate_content_stream(model=MODEL, contents=CONTENTS))
    assert "".join(piece.text or "" for piece in pieces) == whole
    assert pieces[-1].candidates[0].finish_reason.name == "STOP", pieces[-1]


@check("count tokens")
def _():
    assert client.models.count_tokens(model=MODEL, contents=CONTENTS).total_tokens > 500


@check("list and get models")
def _():
    assert f"models/{MODEL}" in {model.name for model in client.models.list(config={"page_size": 5})}
    model = client.models.get(model=MODEL)
    assert model.input_token_limit == 1_048_576 and "batchGenerateContent" in model.supported_actions, model


@check("errors of single calls")
def _():
    refused(404, "NOT_FOUND", client.models.generate_content, model="gemini-0.1", contents="hi")
    bad = genai.Client(api_key="invalid", http_options=types.HttpOptions(base_url=BASE_URL))
    error = refused(400, "INVALID_ARGUMENT", bad.models.generate_content, model=MODEL, contents="hi")
    assert error.message == "API key not valid. Please pass a valid API key.", error
    level = types.GenerateContentConfig(thinking_config=types.ThinkingConfig(thinking_level="LOW", thinking_budget=5))
    refused(400, "INVALID_ARGUMENT", client.models.generate_content, model=MODEL, contents="hi", config=level)


@check("the same, asynchronously")
async def _():
    aio = genai.Client(api_key=KEY, http_options=types.HttpOptions(base_url=BASE_URL)).aio
    path = str(write_input("async.jsonl", [line("a")]))
    file = await aio.files.upload(file=path, config={"mime_type": "application/jsonl"})
    assert (await aio.files.get(name=file.name)).name == file.name
    assert [item async for item in await aio.files.list()]
    job = await aio.batches.create(model=MODEL, src=file.name)
    for _ in range(600):
        job = await aio.batches.get(name=job.name)
        if job.state.name == "JOB_STATE_SUCCEEDED":
            break
        await asyncio.sleep(0.1)
    assert b'"key":"a"' in await aio.files.download(file=job.dest.file_name)
    assert [item async for item in await aio.batches.list()]
    assert (await aio.models.generate_content(model=MODEL, contents=CONTENTS)).text
    assert [piece async for piece in await aio.models.generate_content_stream(model=MODEL, contents=CONTENTS)]
    assert (await aio.models.count_tokens(model=MODEL, contents=CONTENTS)).total_tokens
    assert [model async for model in await aio.models.list()]
    await aio.batches.cancel(name=job.name)
    await aio.batches.delete(name=job.name)
    await aio.files.delete(name=file.name)
    try:
        await aio.files.get(name=file.name)
        raise AssertionError("not refused")
    except errors.APIError as error:
        assert error.code == 403, error
