// A batch that comes to nothing: said in human words, free of charge, with two ways on and no second upload.
import { expect, staged } from "../fixtures";
import { pdf, sentenceOf } from "../pdf";

const BOOK = "The Unlucky Book";

staged.beforeEach(async ({ gemini, screens: { home, batch, page } }) => {
  await gemini.arm("batch_fails", { times: 1 });
  await home.submit(pdf(2, { title: BOOK }), { batch: true });
  await batch.reach("PENDING");
  await gemini.finishBatches();
  await expect(batch.status).toContainText("Google could not process this batch. Nothing was charged.");
  await expect(page).toHaveTitle(`✗ Failed: ${BOOK} · Coldbrew`);
});

staged("it costs nothing, and is shown where people look for it", async ({ screens: { home, library, account, batch, page } }) => {
  await page.reload();
  await expect(batch.status).toContainText("Nothing was charged.");
  await home.open();
  await expect(home.wentCold).toContainText(BOOK);
  await expect(home.inProgress).toHaveCount(0);
  await library.open();
  await expect(library.row(BOOK)).toContainText("Failed");
  await account.open();
  expect(await account.figure("Used")).toBe(0);
  expect(await account.figure("Reserved")).toBe(0);
});

staged("it can be taken off the lists for good", async ({ screens: { home, library, page } }) => {
  await home.open();
  await page.getByRole("button", { name: `Take ${BOOK} off the list` }).click();
  await expect(home.wentCold).toHaveCount(0);
  await library.open();
  await expect(page.getByText("The shelf is still empty")).toBeVisible();
});

staged("it can be tried again as a batch", async ({ gemini, screens: { batch, reader, page } }) => {
  const uploads: string[] = [];
  page.on("request", (request) => uploads.push(...[request.url()].filter((url) => url.includes("/upload"))));
  await batch.tryAgain.click();
  await expect(batch.status).toHaveText(/^Batch submitted at/);
  await batch.reach("PENDING");
  await gemini.finishBatches();
  await batch.leadsToDocument();
  await expect(reader.pageNumbered(2)).toContainText(sentenceOf(2, 2));
  expect(uploads).toEqual([]);
});

staged("it can be run in realtime instead", async ({ screens: { batch, reader } }) => {
  await batch.runInRealtime.click();
  await batch.leadsToDocument();
  await expect(reader.pageNumbered(2)).toContainText(sentenceOf(2, 2));
});
