// One document through the REST API: upload, batch, figures. No browser takes part, so it is also for servers that are slow or locked in.
import { expect, test } from "@playwright/test";
import { illustrated } from "./pdf";
import { Server } from "./server";

let server: Server;
test.beforeAll(async () => (server = await Server.start()));
test.afterAll(() => server?.stop());

test("batch_of_illustrated_document_keeps_its_figures", async ({ playwright }) => {
  const anyone = await playwright.request.newContext({ baseURL: server.url });
  const guest = await anyone.post("/v1/users/guest");
  expect(guest.status(), await guest.text()).toBe(201);
  const { token } = await guest.json();
  const caller = await playwright.request.newContext({ baseURL: server.url, extraHTTPHeaders: { authorization: `Bearer ${token}` } });

  const upload = await caller.post("/v1/documents/prepare/upload", { multipart: { file: illustrated() } });
  expect(upload.status(), await upload.text()).toBe(200);
  const { hash, content_hash } = await upload.json();

  const submission = await caller.post("/v1/documents/document", { data: { hash, ai_transform: true, batch_mode: true } });
  expect(submission.status(), await submission.text()).toBe(202);
  const job = async () => (await caller.get(`/v1/documents/batch/${content_hash}/status`)).json();
  await expect.poll(async () => (await job()).status, { timeout: 240_000 }).toBe("SUCCEEDED");

  const document = await (await caller.get(`/v1/documents/${(await job()).document_id}`)).json();
  for (const { markdown } of document.content) {
    const figure = /\/v1\/images\/[^\s)"]+/.exec(markdown)?.[0];
    expect(figure, markdown).toBeDefined();
    const picture = await caller.get(figure!);
    expect(picture.headers()["content-type"]).toMatch(/^image\//);
    expect((await picture.body()).length).toBeGreaterThan(1_000);
  }
  expect(document.content).toHaveLength(2);

  await Promise.all([anyone.dispose(), caller.dispose()]);
});
