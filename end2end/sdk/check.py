"""Runs one version of Google's Python library against an emulator of the Gemini API. See `run`.

Every check runs twice: with `client`, which blocks, and with `client.aio`, whose calls are awaited.
"""

import asyncio
import base64
import inspect
import io
import json
import pathlib
import sys
import tempfile
import urllib.error
import urllib.request
import uuid

from google import genai
from google.genai import errors, types

BASE_URL = sys.argv[1]
MODEL = "gemini-3.8-flash"
PDF = pathlib.Path(__file__).with_name("page.pdf").read_bytes()
# Each run has a project of its own.
KEY = f"python-{uuid.uuid4()}"
folder = pathlib.Path(tempfile.mkdtemp())
checks = []


def connect(way, key=KEY):
    client = genai.Client(api_key=key, http_options=types.HttpOptions(base_url=BASE_URL))
    return client.aio if way == "async" else client


def check(name):
    """Registers a coroutine function, which gets the client, as a check."""
    return lambda function: checks.append((name, function))


async def main():
    for way in ("sync", "async"):
        library = f"python {genai.__version__} {way}"
        ai = connect(way)
        for name, function in checks:
            try:
                await function(ai)
                print(f"ok {library}: {name}", flush=True)
            except Exception as error:  # noqa: BLE001: any exception is a failed check
                reason = " ".join(f"{type(error).__name__}: {error}".split())
                print(f"FAILED {library}: {name}: {reason[:300]}", flush=True)


async def of(call):
    """Returns the result of a call, and awaits it if needed."""
    return await call if inspect.isawaitable(call) else call


async def all_of(call):
    """Returns all items of a list or a stream, and awaits them if needed."""
    items = await of(call)
    return [item async for item in items] if hasattr(items, "__aiter__") else list(items)


async def refused(code, status, call):
    """Checks that the call fails with this code and status."""
    try:
        await of(call())
    except errors.APIError as error:
        assert (error.code, error.status) == (code, status), error
        return error
    raise AssertionError("not refused")


def rest(method, path, body=None):
    """Sends one request without the library, for fields that libraries do not read."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"x-goog-api-key": KEY, "content-type": "application/json"}
    request = urllib.request.Request(f"{BASE_URL}/{path}", data, headers, method=method)
    with urllib.request.urlopen(request) as response:
        assert response.status == 200
        return json.load(response)


def once(fault, **more):
    """Arms a fault of the emulator, which happens once."""
    rest("POST", "_control/faults", {"fault": fault, "times": 1, **more})


def line(key, **extra):
    part = {"inlineData": {"mimeType": "application/pdf", "data": base64.b64encode(PDF).decode()}}
    request = {"contents": [{"role": "user", "parts": [part, {"text": "Transcribe."}]}], **extra}
    return json.dumps({"key": key, "request": request})


def write_input(name, lines):
    path = folder / name
    path.write_text("".join(f"{text}\n" for text in lines))
    return str(path)


async def upload_input(ai, name, lines):
    config = {"mime_type": "application/jsonl", "display_name": name}
    return await of(ai.files.upload(file=write_input(name, lines), config=config))


async def upload_pdf(ai, **config):
    return await of(ai.files.upload(file=io.BytesIO(PDF), config={"mime_type": "application/pdf", **config}))


async def ended(ai, name):
    for _ in range(600):
        job = await of(ai.batches.get(name=name))
        if job.state.name in ("JOB_STATE_SUCCEEDED", "JOB_STATE_FAILED", "JOB_STATE_CANCELLED", "JOB_STATE_EXPIRED"):
            return job
        await asyncio.sleep(0.1)
    raise AssertionError("the batch does not end")


async def results(ai, job):
    """Returns the lines of the output of a batch."""
    return [json.loads(row) for row in (await of(ai.files.download(file=job.dest.file_name))).decode().splitlines()]


@check("upload a path")
async def _(ai):
    config = {"mime_type": "jsonl", "display_name": "by path"}
    file = await of(ai.files.upload(file=write_input("a.jsonl", ["{}"]), config=config))
    assert file.name.startswith("files/") and len(file.name) == 18, file.name
    assert (file.display_name, file.size_bytes, file.state.name, file.source.name) == ("by path", 3, "ACTIVE", "UPLOADED"), file


@check("upload bytes under a requested name")
async def _(ai):
    name = f"mine-{uuid.uuid4().hex[:12]}"
    assert (await upload_pdf(ai, name=name)).name == f"files/{name}"
    await refused(409, "ALREADY_EXISTS", lambda: upload_pdf(ai, name=name))


@check("upload in several chunks")
async def _(ai):
    file = await of(ai.files.upload(file=io.BytesIO(b"x" * 17_826_955), config={"mime_type": "text/plain"}))
    assert file.size_bytes == 17_826_955, file


@check("upload exactly two chunks, and nothing")
async def _(ai):
    file = await of(ai.files.upload(file=io.BytesIO(b"x" * (16 << 20)), config={"mime_type": "text/plain"}))
    assert file.size_bytes == 16 << 20, file
    assert not (await of(ai.files.upload(file=io.BytesIO(b""), config={"mime_type": "text/plain"}))).size_bytes


@check("an upload with a wrong final reply is an error")
async def _(ai):
    for fault in ("upload_stays_active", "upload_names_no_file"):
        once(fault)
        try:
            await upload_pdf(ai)
        except (KeyError, ValueError):
            continue
        raise AssertionError(f"{fault}: no error")


@check("get, list by pages and delete files")
async def _(ai):
    names = {(await upload_pdf(ai)).name for _ in range(3)}
    for name in names:
        assert (await of(ai.files.get(name=name))).name == name
    assert names <= {file.name for file in await all_of(ai.files.list(config={"page_size": 2}))}
    for name in names:
        await of(ai.files.delete(name=name))
        error = await refused(403, "PERMISSION_DENIED", lambda: ai.files.get(name=name))
        assert "or it may not exist" in error.message, error
        await refused(403, "PERMISSION_DENIED", lambda: ai.files.delete(name=name))


@check("an output is downloaded by its File object")
async def _(ai):
    source = await upload_input(ai, "object.jsonl", [line("a")])
    job = await ended(ai, (await of(ai.batches.create(model=MODEL, src=source.name))).name)
    file = await of(ai.files.get(name=job.dest.file_name))
    assert json.loads(await of(ai.files.download(file=file)))["key"] == "a"


@check("an upload cannot be downloaded")
async def _(ai):
    name = (await upload_pdf(ai)).name
    await refused(400, "FAILED_PRECONDITION", lambda: ai.files.download(file=name))


@check("an upload to a full storage is refused")
async def _(ai):
    once("storage_full")
    error = await refused(429, "RESOURCE_EXHAUSTED", lambda: upload_pdf(ai))
    assert "9223372036854775807s" in str(error.details), error.details


@check("a batch from a file, to its results")
async def _(ai):
    source = await upload_input(ai, "batch.jsonl", [line("page_0"), line("page_1")])
    job = await of(ai.batches.create(model=MODEL, src=source.name, config={"display_name": "from a file"}))
    assert job.name.startswith("batches/") and len(job.name) == 44, job.name
    assert job.state.name == "JOB_STATE_PENDING" and job.display_name == "from a file", job
    assert job.model == f"models/{MODEL}" and job.create_time, job
    job = await ended(ai, job.name)
    assert job.state.name == "JOB_STATE_SUCCEEDED" and job.end_time, job
    answers = {row["key"]: row["response"] for row in await results(ai, job)}
    assert set(answers) == {"page_0", "page_1"}, answers
    answer = types.GenerateContentResponse.model_validate(answers["page_0"])
    assert answer.text and answer.usage_metadata.total_token_count > 500 and answer.model_version == MODEL, answer
    output = job.dest.file_name
    assert (await of(ai.files.get(name=output))).source.name == "GENERATED"
    await refused(400, "INVALID_ARGUMENT", lambda: ai.files.delete(name=output))
    await of(ai.batches.delete(name=job.name))
    await refused(404, "NOT_FOUND", lambda: ai.batches.get(name=job.name))


@check("a batch from a source object has the fields that libraries do not read")
async def _(ai):
    source = await upload_input(ai, "rest.jsonl", [line("a")])
    name = (await of(ai.batches.create(model=MODEL, src=types.BatchJobSource(file_name=source.name)))).name
    operation = rest("GET", f"v1beta/{name}")
    assert operation["name"] == operation["metadata"]["name"] == name
    assert operation["metadata"]["inputConfig"] == {"fileName": source.name}
    assert operation["metadata"]["batchStats"] == {"requestCount": "1", "pendingRequestCount": "1"}, operation
    assert "done" not in operation and "endTime" not in operation["metadata"], operation
    await ended(ai, name)
    operation = rest("GET", f"v1beta/{name}")
    output = {"responsesFile": f"files/batch-{name.removeprefix('batches/')}"}
    assert operation["done"] is True and operation["metadata"]["output"] == output, operation
    assert operation["response"]["responsesFile"] == output["responsesFile"], operation
    assert operation["metadata"]["batchStats"] == {"requestCount": "1", "successfulRequestCount": "1"}, operation


@check("an inline batch")
async def _(ai):
    def request(text, **config):
        contents = [types.Content(role="user", parts=[types.Part.from_text(text=text)])]
        return types.InlinedRequest(contents=contents, metadata={"key": text}, **config)

    too_hot = types.GenerateContentConfig(temperature=7)
    job = await of(ai.batches.create(model=MODEL, src=[request("a"), request("b", config=too_hot)], config={"display_name": "inline"}))
    answers = (await ended(ai, job.name)).dest.inlined_responses
    assert len(answers) == 2 and answers[0].response.text, answers
    assert answers[1].error.code == 3 and "temperature" in answers[1].error.message, answers


@check("a row's error leaves its batch a success")
async def _(ai):
    thinking = {"generationConfig": {"thinkingConfig": {"thinkingLevel": "XHIGH"}}}
    source = await upload_input(ai, "error.jsonl", [line("good"), line("bad", **thinking)])
    job = await ended(ai, (await of(ai.batches.create(model=MODEL, src=source.name))).name)
    assert job.state.name == "JOB_STATE_SUCCEEDED", job
    codes = {row["key"]: row.get("error", {}).get("code") for row in await results(ai, job)}
    assert codes == {"good": None, "bad": 3}, codes


@check("a batch that fails")
async def _(ai):
    source = await upload_input(ai, "fails.jsonl", [line("a")])
    once("batch_fails")
    job = await ended(ai, (await of(ai.batches.create(model=MODEL, src=source.name))).name)
    assert job.state.name == "JOB_STATE_FAILED", job
    operation = rest("GET", f"v1beta/{job.name}")
    assert operation["error"]["code"] == 13 and "response" not in operation, operation


@check("list batches by pages, newest first")
async def _(ai):
    source = await upload_input(ai, "list.jsonl", [line("a")])
    names = [(await of(ai.batches.create(model=MODEL, src=source.name))).name for _ in range(3)]
    listed = [job.name for job in await all_of(ai.batches.list(config={"page_size": 2}))]
    assert listed[:3] == names[::-1], listed


@check("cancel a batch")
async def _(ai):
    source = await upload_input(ai, "cancel.jsonl", [line("a")])
    name = (await of(ai.batches.create(model=MODEL, src=source.name))).name
    await of(ai.batches.cancel(name=name))
    assert (await ended(ai, name)).state.name == "JOB_STATE_CANCELLED"
    operation = rest("GET", f"v1beta/{name}")
    assert operation["done"] is True and operation["error"]["code"] == 1 and "response" not in operation, operation
    await of(ai.batches.delete(name=name))
    await refused(404, "NOT_FOUND", lambda: ai.batches.cancel(name=name))


@check("a create with a bad line is refused and names the line")
async def _(ai):
    source = await upload_input(ai, "bad.jsonl", [line("a"), line("b", thinkingConfig={})])
    error = await refused(400, "INVALID_ARGUMENT", lambda: ai.batches.create(model=MODEL, src=source.name))
    assert "Error on line 2: invalid JSON, near column" in error.message and "no such field: 'thinkingConfig'" in error.message, error


@check("a create from a missing file or for an unknown model is refused")
async def _(ai):
    await refused(404, "NOT_FOUND", lambda: ai.batches.create(model=MODEL, src="files/missing12345"))
    source = await upload_input(ai, "model.jsonl", [line("a")])
    error = await refused(404, "NOT_FOUND", lambda: ai.batches.create(model="gemini-0.1", src=source.name))
    assert error.message.startswith("models/gemini-0.1 is not found for API version v1"), error


@check("a create beyond the quota creates nothing, and one answered with 500 creates a batch")
async def _(ai):
    source = await upload_input(ai, "quota.jsonl", [line("a")])
    once("create_quota")
    error = await refused(429, "RESOURCE_EXHAUSTED", lambda: ai.batches.create(model=MODEL, src=source.name))
    assert "https://ai.google.dev/gemini-api/docs/rate-limits" in error.message, error
    once("create_answers500")
    config = {"display_name": "it exists all the same"}
    await refused(500, "INTERNAL", lambda: ai.batches.create(model=MODEL, src=source.name, config=config))
    assert (await all_of(ai.batches.list()))[0].display_name == config["display_name"]


@check("polls with faults")
async def _(ai):
    source = await upload_input(ai, "odd.jsonl", [line("a")])
    name = (await of(ai.batches.create(model=MODEL, src=source.name))).name
    once("job_state_prefix")
    assert (await of(ai.batches.get(name=name))).state.name.startswith("JOB_STATE_")
    once("poll_bad_gateway")
    try:
        await of(ai.batches.get(name=name))
        raise AssertionError("not refused")
    except errors.ServerError as error:
        assert error.code == 502, error
    await ended(ai, name)
    once("output_only_in_response")
    assert (await of(ai.batches.get(name=name))).dest is None, "this library reads the output in the metadata only"


@check("files and batches belong to their key")
async def _(ai):
    source = await upload_input(ai, "mine.jsonl", [line("a")])
    job = await of(ai.batches.create(model=MODEL, src=source.name))
    other = connect("async" if isinstance(ai, genai.client.AsyncClient) else "sync", f"other-{uuid.uuid4()}")
    await refused(403, "PERMISSION_DENIED", lambda: other.files.get(name=source.name))
    await refused(404, "NOT_FOUND", lambda: other.batches.get(name=job.name))
    await refused(404, "NOT_FOUND", lambda: other.batches.create(model=MODEL, src=source.name))
    assert await all_of(other.files.list()) == [] and await all_of(other.batches.list()) == []


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
async def _(ai):
    answer = await of(ai.models.generate_content(model=MODEL, contents=CONTENTS, config=CONFIG))
    assert answer.text and answer.candidates[0].finish_reason.name == "STOP", answer
    usage = answer.usage_metadata
    assert usage.total_token_count == usage.prompt_token_count + usage.candidates_token_count + usage.thoughts_token_count, usage
    assert answer.model_version == MODEL and answer.response_id, answer


@check("generate by flex, shed without capacity")
async def _(ai):
    if "service_tier" not in types.GenerateContentConfig.model_fields:
        return  # 1.60.0 does not know tiers.
    config = types.GenerateContentConfig(service_tier="flex", store=False)

    def call():
        return ai.models.generate_content(model=MODEL, contents=CONTENTS, config=config)

    before = rest("GET", "_control")
    # This library does not read the tier in the usage, and hands on the headers.
    async def served():
        headers = (await of(call())).sdk_http_response.headers
        return {name.lower(): value for name, value in headers.items()}["x-gemini-service-tier"]

    assert await served() == "flex"
    pieces = await all_of(ai.models.generate_content_stream(model=MODEL, contents=CONTENTS, config=config))
    assert "".join(piece.text or "" for piece in pieces)
    after = rest("GET", "_control")
    counted = [control["calls"].get("generate_content_flex", 0) for control in (before, after)]
    assert counted[1] - counted[0] == 2 and after["unprotected_requests"] == before["unprotected_requests"], after
    once("flex_unavailable")
    await refused(503, "UNAVAILABLE", call)
    once("flex_exhausted")
    await refused(429, "RESOURCE_EXHAUSTED", call)
    once("flex_served_as_standard")
    assert await served() == "standard"


@check("a routed model names the one that answers")
async def _(ai):
    answer = await of(ai.models.generate_content(model="gemini-3.7-flash", contents="hi"))
    assert answer.model_version == "gemini-3.8-flash", answer


@check("generate from an uploaded file")
async def _(ai):
    file = await upload_pdf(ai)
    assert (await of(ai.models.generate_content(model=MODEL, contents=[file, "Transcribe."]))).text


@check("generate with earlier turns")
async def _(ai):
    turns = [types.Content(role=role, parts=[types.Part.from_text(text="hi")]) for role in ("user", "model", "user")]
    assert (await of(ai.models.generate_content(model=MODEL, contents=turns))).text
    robot = [types.Content(role="robot", parts=[types.Part.from_text(text="hi")])]
    error = await refused(400, "INVALID_ARGUMENT", lambda: ai.models.generate_content(model=MODEL, contents=robot))
    assert error.message == "Please use a valid role: user, model.", error


@check("generate JSON by a schema")
async def _(ai):
    schema = {"type": "OBJECT", "properties": {"title": {"type": "STRING"}, "pages": {"type": "INTEGER"}}}
    config = types.GenerateContentConfig(response_mime_type="application/json", response_schema=schema)
    answer = await of(ai.models.generate_content(model=MODEL, contents=CONTENTS, config=config))
    assert set(json.loads(answer.text)) == {"title", "pages"}, answer.text


@check("generate as a stream")
async def _(ai):
    whole = (await of(ai.models.generate_content(model=MODEL, contents=CONTENTS))).text
    pieces = await all_of(ai.models.generate_content_stream(model=MODEL, contents=CONTENTS))
    assert "".join(piece.text or "" for piece in pieces) == whole
    assert pieces[-1].candidates[0].finish_reason.name == "STOP", pieces[-1]


@check("count tokens")
async def _(ai):
    assert (await of(ai.models.count_tokens(model=MODEL, contents=CONTENTS))).total_tokens > 500


@check("list and get models")
async def _(ai):
    assert f"models/{MODEL}" in {model.name for model in await all_of(ai.models.list(config={"page_size": 5}))}
    model = await of(ai.models.get(model=MODEL))
    assert model.input_token_limit == 1_048_576 and "batchGenerateContent" in model.supported_actions, model


@check("single calls with errors are refused")
async def _(ai):
    await refused(404, "NOT_FOUND", lambda: ai.models.generate_content(model="gemini-0.1", contents="hi"))
    await refused(404, "NOT_FOUND", lambda: all_of(ai.models.generate_content_stream(model="gemini-0.1", contents="hi")))
    bad = connect("async" if isinstance(ai, genai.client.AsyncClient) else "sync", "invalid")
    error = await refused(400, "INVALID_ARGUMENT", lambda: bad.models.generate_content(model=MODEL, contents="hi"))
    assert error.message == "API key not valid. Please pass a valid API key.", error
    level = types.GenerateContentConfig(thinking_config=types.ThinkingConfig(thinking_level="LOW", thinking_budget=5))
    await refused(400, "INVALID_ARGUMENT", lambda: ai.models.generate_content(model=MODEL, contents="hi", config=level))
    once("generate_unavailable")
    await refused(503, "UNAVAILABLE", lambda: ai.models.generate_content(model=MODEL, contents="hi"))
    once("generate_rate_limited", amount=31)
    error = await refused(429, "RESOURCE_EXHAUSTED", lambda: ai.models.generate_content(model=MODEL, contents="hi"))
    assert "31s" in str(error.details), error.details


asyncio.run(main())
