// Drafts: a submitted document can be read as plain text, and the finished pages replace it in place.
import { expect, staged } from "../fixtures";
import { hydrated } from "../pages/hydrated";
import { pdf, sentenceOf } from "../pdf";

staged("draft_is_replaced_in_place_when_batch_ends", async ({ gemini, screens: { home, batch, library, reader, page } }) => {
  await home.submit(pdf(60, { title: "A Slow Book" }), { batch: true });
  await batch.reach("PENDING");
  await library.open();
  await page.getByRole("link", { name: "Read the plain text now" }).click();
  await expect(reader.meanwhile).toContainText("Plain text for now.");
  await hydrated(page);
  await expect(reader.pageNumbered(1)).toContainText(sentenceOf(1, 60));
  await reader.open("#page-45");
  await reader.isAt(45);
  const path = new URL(page.url()).pathname;
  const before = await reader.topOf(45);

  await gemini.finishBatches();
  await expect(reader.meanwhile).toBeHidden();
  await expect(page.getByRole("main")).toContainText("tokens");
  await expect.poll(async () => page.evaluate(() => document.querySelectorAll(".span[data-edition^=text-]").length)).toBe(0);
  expect(new URL(page.url()).pathname).toBe(path);
  expect(Math.abs((await reader.topOf(45)) - before)).toBeLessThan(40);
  await expect(reader.pageNumbered(45)).toContainText(sentenceOf(45, 60));
});

staged("reader_of_failed_draft_is_redirected_to_job", async ({ gemini, screens: { home, batch, reader, page } }) => {
  await gemini.refuse();
  await home.submit(pdf(2, { title: "A Book That Fails" }), { batch: true });
  await batch.reach("PENDING");
  await page.getByRole("link", { name: "Read the plain text now" }).click();
  await expect(reader.meanwhile).toBeVisible();
  await hydrated(page);
  await gemini.finishBatches();
  await page.waitForURL(/\/batch\//);
  await expect(batch.tryAgain).toBeVisible();
});
