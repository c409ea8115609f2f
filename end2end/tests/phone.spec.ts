// The main journey by touch: on a phone, in dark mode, with reduced motion.
import { devices } from "@playwright/test";
import { expect, staged } from "../fixtures";
import { pdf, sentenceOf } from "../pdf";

const { defaultBrowserType: _, ...phone } = devices["Pixel 7"];
staged.use({ ...phone, colorScheme: "dark", contextOptions: { reducedMotion: "reduce" } });

staged("batch_is_submitted_and_read_by_touch", async ({ gemini, screens: { home, batch, library, reader, page } }) => {
  const fits = async () => {
    expect(await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth), page.url()).toBeLessThanOrEqual(0);
    expect(await page.evaluate(() => document.getAnimations().length)).toBe(0);
  };
  await home.open();
  await fits();
  await home.prepare(pdf(101, { title: "Read on the Way" }));
  await expect(home.batch).toBeChecked();
  await home.batch.tap();
  await expect(home.batch).not.toBeChecked();
  await home.batch.tap();
  await fits();
  for (const control of [home.go, home.discardButton, page.getByRole("link", { name: "Library" })]) {
    expect((await control.boundingBox())!.height, "height of a touch target").toBeGreaterThanOrEqual(44);
  }
  await home.go.tap();
  await expect(batch.status).toHaveText(/^Batch submitted at/);
  await fits();
  await batch.reach("PENDING");
  await page.getByRole("link", { name: "Library" }).tap();
  await expect(library.row("Read on the Way")).toContainText("Waiting at Google");
  await fits();
  await gemini.finishBatches();
  await expect(library.row("Read on the Way")).toContainText("Ready");
  await library.row("Read on the Way").getByRole("link").tap();
  await expect(reader.pageNumbered(1)).toContainText(sentenceOf(1, 101));
  await fits();
});
