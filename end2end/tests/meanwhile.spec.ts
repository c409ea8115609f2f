// From the moment of submission a document can be read as plain text; the finished pages take its place under the reader's eyes.
import { expect, staged } from "../fixtures";
import { hydrated } from "../pages/hydrated";
import { pdf, sentenceOf } from "../pdf";

staged("a batch is read meanwhile, and its pages come in place", async ({ gemini, screens: { home, batch, library, reader, page } }) => {
  await home.submit(pdf(60, { title: "A Slow Book" }), { batch: true });
  await batch.reach("PENDING");
  await library.open();
  await page.getByRole("link", { name: "Read it meanwhile" }).click();
  await expect(reader.meanwhile).toContainText("plain text");
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

staged("who reads what fails meanwhile is told", async ({ gemini, screens: { home, batch, reader, page } }) => {
  await gemini.arm("batch_fails", { times: 1 });
  await home.submit(pdf(2, { title: "A Book That Fails" }), { batch: true });
  await batch.reach("PENDING");
  await page.getByRole("link", { name: "Read it meanwhile" }).click();
  await expect(reader.meanwhile).toBeVisible();
  await hydrated(page);
  await gemini.finishBatches();
  await page.waitForURL(/\/batch\//);
  await expect(batch.tryAgain).toBeVisible();
});
