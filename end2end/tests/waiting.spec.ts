// A batch page says why its job waits, for as long as it does.
import { expect, staged } from "../fixtures";
import { pdf, sentenceOf } from "../pdf";

// Three seconds instead of a day.
const shortWait = { COLDBREW_PENDING_MAX_MS: "3000" };
const impatient = staged.extend({ settings: async ({ gemini }, use) => use({ ...gemini.settings, ...shortWait }) });

impatient("batch_not_started_by_google_is_read_by_calls", async ({ gemini, screens: { home, batch, reader, page } }) => {
  await gemini.arm("stuck_pending", { times: 1 });
  await gemini.arm("flex_unavailable");
  await home.submit(pdf(2, { title: "The Patient Book" }), { batch: true });
  const submitted = await batch.words();
  await expect(batch.status).toContainText("Google's batch queue is stuck. We are reading your document another way, at the same price.");
  await expect(batch.status).toContainText(submitted);
  await expect(batch.status).toContainText("0 of 2 pages read");
  await gemini.disarm();
  await batch.redirectsToDocument();
  await expect(reader.pageNumbered(2)).toContainText(sentenceOf(2, 2));
  await expect(page.getByRole("note")).toHaveCount(0);
});

staged("blocked_reason_is_shown_until_it_is_gone", async ({ gemini, screens: { home, batch, library } }) => {
  const google = "Google can't be reached right now. We keep trying, and nothing is lost.";
  await gemini.arm("create_rate_limited", { amount: 1 });
  await home.submit(pdf(2, { title: "The Patient Book" }), { batch: true });
  await expect(batch.status).toContainText("Google has no capacity right now. Reading continues as soon as it has some.");
  const address = batch.page.url();
  await library.open();
  await expect(library.row("The Patient Book")).toContainText("Delayed");
  await gemini.disarm();
  await gemini.arm("poll_unavailable");
  await batch.page.goto(address);
  await expect(batch.status).toContainText(google);
  await gemini.disarm();
  await expect(batch.status).not.toContainText(google);
  await gemini.finishBatches();
  await batch.redirectsToDocument();
});
