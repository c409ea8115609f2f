// The main journey with a real Redis: it has a copy of active jobs, and may be lost at any time.
import { expect, test as base } from "../fixtures";
import { pdf, sentenceOf } from "../pdf";
import { Redis } from "../redis";

const BOOK = "The Tracked Book";

const test = base.extend<{ redis: Redis }>({
  redis: async ({}, use) => {
    const redis = await Redis.start();
    await use(redis);
    await redis.end();
  },
  settings: async ({ redis }, use) => use({ REDIS_URL: redis.url, COLDBREW_DEMO_PENDING_MS: "2000", COLDBREW_DEMO_RUNNING_MS: "2000" }),
});

test("batch_is_tracked_in_redis_until_its_document", async ({ redis, screens: { home, batch, reader, page } }) => {
  await home.submit(pdf(6, { title: BOOK }), { batch: true });
  const contentHash = new URL(page.url()).pathname.split("/").pop()!;
  const tracked = async () => JSON.parse((await redis.ask("GET", `batch:${contentHash}`)) || "{}");
  const { user_id } = await tracked();
  expect(await redis.ask("SISMEMBER", "active_batch_jobs", contentHash)).toBe("1");
  expect(Number(await redis.ask("HGET", `reservations:${user_id}`, contentHash))).toBeGreaterThan(0);
  await expect(page).toHaveTitle(`☕ Brewing: ${BOOK} · Coldbrew`);
  await batch.redirectsToDocument();
  await expect(reader.pageNumbered(6)).toContainText(sentenceOf(6, 6));
  await expect.poll(tracked).toMatchObject({ status: "SUCCEEDED", document_id: new URL(page.url()).pathname.split("/").pop() });
  expect(await redis.ask("SISMEMBER", "active_batch_jobs", contentHash)).toBe("0");
  expect(await redis.ask("HLEN", `reservations:${user_id}`)).toBe("0");
});

test("batch_survives_loss_of_redis", async ({ redis, screens: { home, batch, library, page } }) => {
  await home.submit(pdf(6, { title: BOOK }), { batch: true });
  await batch.reach("PENDING");
  await redis.end();
  await page.reload();
  await expect(batch.status).toHaveText(/^Batch submitted at/);
  await batch.redirectsToDocument();
  await redis.run();
  await home.submit(pdf(3, { title: "The Next Book" }), { batch: true });
  await batch.redirectsToDocument();
  await library.open();
  await expect(library.rows).toHaveCount(2);
});
