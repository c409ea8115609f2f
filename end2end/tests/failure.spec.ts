// A failed batch: the reason is shown, nothing is charged, and it can be run again without an upload.
import { expect, staged } from "../fixtures";
import { pdf, sentenceOf } from "../pdf";

const BOOK = "The Unlucky Book";

staged.beforeEach(async ({ gemini, screens: { home, batch, page } }) => {
  await gemini.refuse();
  await home.submit(pdf(2, { title: BOOK }), { batch: true });
  await batch.reach("PENDING");
  await gemini.finishBatches();
  await expect(batch.status).toContainText("No page of this document could be read. Nothing was charged.");
  await expect(page).toHaveTitle(`✗ Failed: ${BOOK} · Coldbrew`);
  await gemini.disarm();
});

staged("failed_batch_costs_nothing_and_is_listed_as_failed", async ({ screens: { home, library, account, batch, page } }) => {
  await page.reload();
  await expect(batch.status).toContainText("Nothing was charged.");
  await home.open();
  await expect(home.failed).toContainText(BOOK);
  await expect(home.inProgress).toHaveCount(0);
  await library.open();
  await expect(library.row(BOOK)).toContainText("Failed");
  await account.open();
  expect(await account.figure("Used")).toBe(0);
  expect(await account.figure("Reserved")).toBe(0);
});

staged("failed_batch_removed_from_list_stays_removed", async ({ screens: { home, library, page } }) => {
  await home.open();
  await page.getByRole("button", { name: `Remove ${BOOK} from the list` }).click();
  await expect(home.failed).toHaveCount(0);
  await library.open();
  await expect(page.getByText("The shelf is still empty")).toBeVisible();
});

staged("failed_batch_tried_again_needs_no_upload", async ({ gemini, screens: { batch, reader, page } }) => {
  const uploads: string[] = [];
  page.on("request", (request) => uploads.push(...[request.url()].filter((url) => url.includes("/upload"))));
  await batch.tryAgain.click();
  await expect(batch.status).toHaveText(/^Batch submitted at/);
  await batch.reach("PENDING");
  await gemini.finishBatches();
  await batch.redirectsToDocument();
  await expect(reader.pageNumbered(2)).toContainText(sentenceOf(2, 2));
  expect(uploads).toEqual([]);
});

staged("failed_batch_runs_in_realtime_instead", async ({ screens: { batch, reader } }) => {
  await batch.runInRealtime.click();
  await batch.redirectsToDocument();
  await expect(reader.pageNumbered(2)).toContainText(sentenceOf(2, 2));
});
