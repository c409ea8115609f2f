// Runs one version of Google's JavaScript library against an emulator of the Gemini API. See `run`.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const [baseUrl, installed, version] = process.argv.slice(2);
const { GoogleGenAI } = createRequire(join(installed, "package.json"))(`genai-${version}`);

const name = `javascript ${version}`;
const model = "gemini-3.8-flash";
const pdf = readFileSync(new URL("page.pdf", import.meta.url));
// Each run has a project of its own.
const apiKey = `javascript-${randomUUID()}`;
const connect = (key) => new GoogleGenAI({ apiKey: key, httpOptions: { baseUrl } });
const ai = connect(apiKey);
const folder = mkdtempSync(join(tmpdir(), "sdk-"));

async function check(what, run) {
  try {
    await run();
    console.log(`ok ${name}: ${what}`);
  } catch (error) {
    console.log(
      `FAILED ${name}: ${what}: ${String(error?.message ?? error)
        .replaceAll("\n", " ")
        .slice(0, 300)}`,
    );
  }
}

/** Checks that the promise fails with this status and text. */
async function refused(status, text, promise) {
  const error = await promise.then(
    () => assert.fail("not refused"),
    (error) => error,
  );
  assert.equal(error.status, status, String(error));
  assert.match(error.message, text);
}

/** Sends one request without the library, for fields that libraries do not read. */
async function rest(path, body) {
  const headers = { "x-goog-api-key": apiKey, "content-type": "application/json" };
  const request = body ? { method: "POST", body: JSON.stringify(body), headers } : { headers };
  const response = await fetch(`${baseUrl}/${path}`, request);
  assert.equal(response.status, 200);
  return response.json();
}

/** Arms a fault of the emulator, which happens once. */
const once = (fault, more = {}) => rest("_control/faults", { fault, times: 1, ...more });

async function all(pager) {
  const items = [];
  for await (const item of pager) items.push(item);
  return items;
}

const line = (key, extra = {}) => {
  const part = { inlineData: { mimeType: "application/pdf", data: pdf.toString("base64") } };
  const request = { contents: [{ role: "user", parts: [part, { text: "Transcribe." }] }], ...extra };
  return JSON.stringify({ key, request });
};

function uploadInput(displayName, lines) {
  const path = join(folder, displayName);
  writeFileSync(path, lines.map((text) => `${text}\n`).join(""));
  return ai.files.upload({ file: path, config: { mimeType: "application/jsonl", displayName } });
}

const uploadPdf = (config = {}) => ai.files.upload({ file: new Blob([pdf]), config: { mimeType: "application/pdf", ...config } });

async function ended(batch) {
  for (let look = 0; look < 600; look += 1) {
    const job = await ai.batches.get({ name: batch });
    if (/SUCCEEDED|FAILED|CANCELLED|EXPIRED/.test(job.state)) return job;
    await sleep(100);
  }
  return assert.fail("the batch does not end");
}

async function results(job) {
  const path = join(folder, `${randomUUID()}.jsonl`);
  await ai.files.download({ file: job.dest.fileName, downloadPath: path });
  // Some versions resolve before the file is written.
  for (let look = 0; look < 50; look += 1) {
    await sleep(50);
    try {
      const text = readFileSync(path, "utf8");
      if (text.endsWith("\n"))
        return text
          .trim()
          .split("\n")
          .map((row) => JSON.parse(row));
    } catch {
      // Not there yet.
    }
  }
  return assert.fail("the download does not end");
}

await check("upload a path", async () => {
  const file = await uploadInput("by path", ["{}"]);
  assert.match(file.name, /^files\/[a-z0-9]{12}$/);
  assert.deepEqual([file.displayName, file.sizeBytes, file.state, file.source], ["by path", "3", "ACTIVE", "UPLOADED"]);
});

await check("upload a blob under a requested name", async () => {
  const own = `mine-${randomUUID().slice(0, 8)}`;
  assert.equal((await uploadPdf({ name: own })).name, `files/${own}`);
  await refused(409, /ALREADY_EXISTS/, uploadPdf({ name: own }));
});

await check("upload in several chunks", async () => {
  const file = await ai.files.upload({ file: new Blob([Buffer.alloc(17_826_955, "x")]), config: { mimeType: "text/plain" } });
  assert.equal(file.sizeBytes, "17826955");
});

await check("upload exactly two chunks", async () => {
  const file = await ai.files.upload({ file: new Blob([Buffer.alloc(16 << 20, "x")]), config: { mimeType: "text/plain" } });
  assert.equal(file.sizeBytes, String(16 << 20));
});

await check("an upload with a wrong final reply is an error", async () => {
  await once("upload_stays_active");
  await assert.rejects(uploadPdf());
  await once("upload_names_no_file");
  assert.equal((await uploadPdf())?.name, undefined);
});

await check("an upload cannot be downloaded", async () => {
  const { name: file } = await uploadPdf();
  const downloadPath = join(folder, randomUUID());
  await assert.rejects(ai.files.download({ file, downloadPath }));
});

await check("an upload to a full storage is refused", async () => {
  await once("storage_full");
  await refused(429, /9223372036854775807s/, uploadPdf());
});

await check("get, list by pages and delete files", async () => {
  const names = [];
  for (let count = 0; count < 3; count += 1) names.push((await uploadPdf()).name);
  const listed = (await all(await ai.files.list({ config: { pageSize: 2 } }))).map((file) => file.name);
  for (const file of names) {
    assert.equal((await ai.files.get({ name: file })).name, file);
    assert.ok(listed.includes(file));
    await ai.files.delete({ name: file });
    await refused(403, /or it may not exist/, ai.files.get({ name: file }));
  }
});

await check("a batch from a file, to its results", async () => {
  const source = await uploadInput("batch.jsonl", [line("page_0"), line("page_1")]);
  const created = await ai.batches.create({ model, src: source.name, config: { displayName: "from a file" } });
  assert.match(created.name, /^batches\/[a-z0-9]{36}$/);
  assert.deepEqual([created.state, created.displayName, created.model], ["JOB_STATE_PENDING", "from a file", `models/${model}`]);
  const job = await ended(created.name);
  assert.equal(job.state, "JOB_STATE_SUCCEEDED");
  assert.ok(job.endTime);
  const rows = await results(job);
  assert.deepEqual(rows.map((row) => row.key).sort(), ["page_0", "page_1"]);
  assert.ok(rows[0].response.candidates[0].content.parts[0].text);
  const operation = await rest(`v1beta/${created.name}`);
  assert.equal(operation.done, true);
  assert.equal(operation.response.responsesFile, job.dest.fileName);
  assert.deepEqual(operation.metadata.batchStats, { requestCount: "2", successfulRequestCount: "2" });
  await refused(400, /cannot be more than 40 characters/, ai.files.delete({ name: job.dest.fileName }));
  await ai.batches.delete({ name: created.name });
  await refused(404, /NOT_FOUND/, ai.batches.get({ name: created.name }));
});

await check("a batch from a source object has the fields that libraries do not read", async () => {
  const source = await uploadInput("rest.jsonl", [line("a")]);
  const { name: batch } = await ai.batches.create({ model, src: { fileName: source.name } });
  const { name: named, done, metadata } = await rest(`v1beta/${batch}`);
  assert.deepEqual([named, metadata.name, done, metadata.endTime], [batch, batch, undefined, undefined]);
  assert.deepEqual(metadata.inputConfig, { fileName: source.name });
  assert.deepEqual(metadata.batchStats, { requestCount: "1", pendingRequestCount: "1" });
});

await check("an inline batch", async () => {
  const request = (text, config) => ({ contents: [{ role: "user", parts: [{ text }] }], metadata: { key: text }, config });
  const src = [request("a"), request("b", { temperature: 7 })];
  const created = await ai.batches.create({ model, src, config: { displayName: "inline" } });
  const answers = (await ended(created.name)).dest.inlinedResponses;
  assert.equal(answers.length, 2);
  assert.ok(answers[0].response.candidates[0].content.parts[0].text);
  assert.equal(answers[1].error.code, 3);
});

await check("a row's error leaves its batch a success", async () => {
  const bad = { generationConfig: { thinkingConfig: { thinkingLevel: "XHIGH" } } };
  const source = await uploadInput("error.jsonl", [line("good"), line("bad", bad)]);
  const job = await ended((await ai.batches.create({ model, src: source.name })).name);
  assert.equal(job.state, "JOB_STATE_SUCCEEDED");
  const codes = Object.fromEntries((await results(job)).map((row) => [row.key, row.error?.code]));
  assert.deepEqual(codes, { good: undefined, bad: 3 });
});

await check("a batch that fails", async () => {
  const source = await uploadInput("fails.jsonl", [line("a")]);
  await once("batch_fails");
  const job = await ended((await ai.batches.create({ model, src: source.name })).name);
  assert.equal(job.state, "JOB_STATE_FAILED");
  const operation = await rest(`v1beta/${job.name}`);
  assert.deepEqual([operation.error.code, operation.response], [13, undefined]);
});

await check("list batches by pages, newest first", async () => {
  const source = await uploadInput("list.jsonl", [line("a")]);
  const names = [];
  for (let count = 0; count < 3; count += 1) names.unshift((await ai.batches.create({ model, src: source.name })).name);
  const listed = (await all(await ai.batches.list({ config: { pageSize: 2 } }))).map((job) => job.name);
  assert.deepEqual(listed.slice(0, 3), names);
});

await check("cancel a batch", async () => {
  const source = await uploadInput("cancel.jsonl", [line("a")]);
  const { name: batch } = await ai.batches.create({ model, src: source.name });
  await ai.batches.cancel({ name: batch });
  assert.equal((await ended(batch)).state, "JOB_STATE_CANCELLED");
  const operation = await rest(`v1beta/${batch}`);
  assert.deepEqual([operation.done, operation.error.code, operation.response], [true, 1, undefined]);
});

await check("a create with a bad line is refused and names the line", async () => {
  const source = await uploadInput("bad.jsonl", [line("a"), line("b", { thinkingConfig: {} })]);
  await refused(
    400,
    /Error on line 2: invalid JSON, near column \d+: no such field: 'thinkingConfig'/,
    ai.batches.create({ model, src: source.name }),
  );
});

await check("a create from a missing file or for an unknown model is refused", async () => {
  await refused(404, /NOT_FOUND/, ai.batches.create({ model, src: "files/missing12345" }));
  const source = await uploadInput("model.jsonl", [line("a")]);
  await refused(404, /models\/gemini-0.1 is not found/, ai.batches.create({ model: "gemini-0.1", src: source.name }));
});

await check("a create beyond the quota creates nothing, and one answered with 500 creates a batch", async () => {
  const source = await uploadInput("quota.jsonl", [line("a")]);
  await once("create_quota");
  await refused(429, /rate-limits/, ai.batches.create({ model, src: source.name }));
  await once("create_answers500");
  const displayName = "it exists all the same";
  await refused(500, /INTERNAL/, ai.batches.create({ model, src: source.name, config: { displayName } }));
  assert.equal((await all(await ai.batches.list()))[0].displayName, displayName);
});

await check("polls with faults", async () => {
  const source = await uploadInput("odd.jsonl", [line("a")]);
  const { name: batch } = await ai.batches.create({ model, src: source.name });
  await once("job_state_prefix");
  assert.match((await ai.batches.get({ name: batch })).state, /^JOB_STATE_/);
  await once("poll_bad_gateway");
  await refused(502, /./, ai.batches.get({ name: batch }));
  await ended(batch);
  await once("output_only_in_response");
  const { dest } = await ai.batches.get({ name: batch });
  assert.equal(dest?.fileName, undefined, "this library reads the output in the metadata only");
});

await check("files and batches belong to their key", async () => {
  const source = await uploadInput("mine.jsonl", [line("a")]);
  const other = connect(`other-${apiKey}`);
  await refused(403, /PERMISSION_DENIED/, other.files.get({ name: source.name }));
  await refused(404, /NOT_FOUND/, other.batches.create({ model, src: source.name }));
  assert.deepEqual(await all(await other.files.list()), []);
  assert.deepEqual(await all(await other.batches.list()), []);
});

const contents = [{ role: "user", parts: [{ inlineData: { mimeType: "application/pdf", data: pdf.toString("base64") } }, { text: "Transcribe." }] }];

await check("generate from a page", async () => {
  const config = {
    systemInstruction: "You transcribe.",
    temperature: 0,
    maxOutputTokens: 8192,
    mediaResolution: "MEDIA_RESOLUTION_HIGH",
    thinkingConfig: { thinkingLevel: "LOW" },
    safetySettings: [{ category: "HARM_CATEGORY_HARASSMENT", threshold: "BLOCK_NONE" }],
  };
  const answer = await ai.models.generateContent({ model, contents, config });
  assert.ok(answer.text);
  assert.equal(answer.candidates[0].finishReason, "STOP");
  assert.equal(answer.modelVersion, model);
  const usage = answer.usageMetadata;
  assert.equal(usage.totalTokenCount, usage.promptTokenCount + usage.candidatesTokenCount + usage.thoughtsTokenCount);
});

await check("generate by flex, shed without capacity", async () => {
  const call = () => ai.models.generateContent({ model, contents, config: { serviceTier: "flex", store: false } });
  const served = ({ usageMetadata, sdkHttpResponse }) => usageMetadata.serviceTier ?? sdkHttpResponse?.headers["x-gemini-service-tier"];
  assert.equal(served(await call()), "flex");
  await once("flex_unavailable");
  await refused(503, /UNAVAILABLE/, call());
  await once("flex_exhausted");
  await refused(429, /RESOURCE_EXHAUSTED/, call());
  await once("flex_served_as_standard");
  assert.equal(served(await call()), "standard");
});

await check("a routed model names the one that answers", async () => {
  const { modelVersion } = await ai.models.generateContent({ model: "gemini-3.7-flash", contents: "hi" });
  assert.equal(modelVersion, "gemini-3.8-flash");
});

await check("generate from an uploaded file", async () => {
  const file = await uploadPdf();
  const parts = [{ fileData: { fileUri: file.uri, mimeType: file.mimeType } }, { text: "Transcribe." }];
  assert.ok((await ai.models.generateContent({ model, contents: [{ role: "user", parts }] })).text);
});

await check("generate with earlier turns", async () => {
  const turns = ["user", "model", "user"].map((role) => ({ role, parts: [{ text: "hi" }] }));
  assert.ok((await ai.models.generateContent({ model, contents: turns })).text);
  const robot = [{ role: "robot", parts: [{ text: "hi" }] }];
  await refused(400, /Please use a valid role/, ai.models.generateContent({ model, contents: robot }));
});

await check("generate JSON by a schema", async () => {
  const responseSchema = { type: "OBJECT", properties: { title: { type: "STRING" }, pages: { type: "INTEGER" } } };
  const config = { responseMimeType: "application/json", responseSchema };
  const { text } = await ai.models.generateContent({ model, contents, config });
  assert.deepEqual(Object.keys(JSON.parse(text)).sort(), ["pages", "title"]);
});

await check("generate as a stream", async () => {
  const whole = (await ai.models.generateContent({ model, contents })).text;
  const pieces = await all(await ai.models.generateContentStream({ model, contents }));
  assert.equal(pieces.map((piece) => piece.text ?? "").join(""), whole);
  assert.equal(pieces.at(-1).candidates[0].finishReason, "STOP");
});

await check("count tokens", async () => {
  assert.ok((await ai.models.countTokens({ model, contents })).totalTokens > 500);
});

await check("list and get models", async () => {
  const names = (await all(await ai.models.list({ config: { pageSize: 5 } }))).map((listed) => listed.name);
  assert.ok(names.includes(`models/${model}`));
  assert.equal((await ai.models.get({ model })).inputTokenLimit, 1_048_576);
});

await check("single calls with errors are refused", async () => {
  await refused(404, /NOT_FOUND/, ai.models.generateContent({ model: "gemini-0.1", contents: "hi" }));
  await refused(400, /API_KEY_INVALID/, connect("invalid").models.generateContent({ model, contents: "hi" }));
  await refused(404, /NOT_FOUND/, ai.models.generateContentStream({ model: "gemini-0.1", contents: "hi" }));
  const both = { thinkingConfig: { thinkingLevel: "LOW", thinkingBudget: 5 } };
  await refused(400, /INVALID_ARGUMENT/, ai.models.generateContent({ model, contents: "hi", config: both }));
  await once("generate_unavailable");
  await refused(503, /UNAVAILABLE/, ai.models.generateContent({ model, contents: "hi" }));
  await once("generate_rate_limited", { amount: 31 });
  await refused(429, /31s/, ai.models.generateContent({ model, contents: "hi" }));
});
