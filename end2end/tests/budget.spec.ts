// The size limits of a first visit. A change that exceeds one must be made smaller.
import { expect, test } from "../fixtures";
import { hydrated } from "../pages/hydrated";
import { pdf } from "../pdf";

const ALL_BYTES_MAX = 200_000;
const HTML_BYTES_MAX = 20_000;
const CSS_BYTES_MAX = 12_000;
const REQUESTS_MAX = 8;

test("first_visit_to_home_stays_within_budget", async ({ page }, testInfo) => {
  const session = await page.context().newCDPSession(page);
  await session.send("Network.enable");
  const kinds = new Map<string, string>();
  const bytes: Record<string, number> = {};
  session.on("Network.responseReceived", ({ requestId, type, response }) => {
    kinds.set(requestId, response.mimeType === "application/wasm" ? "wasm" : type);
  });
  session.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
    const kind = kinds.get(requestId) ?? "other";
    bytes[kind] = (bytes[kind] ?? 0) + encodedDataLength;
  });
  await page.goto("/");
  await hydrated(page);
  await page.waitForLoadState("networkidle");
  testInfo.annotations.push({ type: "bytes", description: JSON.stringify(bytes) });

  expect(bytes.wasm).toBeGreaterThan(0);
  const total = Object.values(bytes).reduce((sum, part) => sum + part, 0);
  expect(total, JSON.stringify(bytes)).toBeLessThanOrEqual(ALL_BYTES_MAX);
  expect(kinds.size, [...kinds.values()].join()).toBeLessThanOrEqual(REQUESTS_MAX);
  expect(bytes.Document).toBeLessThan(HTML_BYTES_MAX);
  expect(bytes.Stylesheet).toBeLessThan(CSS_BYTES_MAX);
});

test("pages_are_compressed_and_events_are_not", async ({ page, screens: { home } }) => {
  await home.submit(pdf(20), { ai: false });
  const answer = await page.reload();
  expect(answer?.headers()["content-encoding"]).toBe("br");
  const events = await page.evaluate(async () => {
    const stop = new AbortController();
    const { headers } = await fetch("/v1/events", { signal: stop.signal });
    stop.abort();
    return [headers.get("content-type"), headers.get("content-encoding")];
  });
  expect(events).toEqual(["text/event-stream", null]);
});
