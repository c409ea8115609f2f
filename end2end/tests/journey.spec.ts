// The main journey: submit a big document as a batch, close the tab, come back to the finished document.
import { expect, Screens, staged } from "../fixtures";
import { numberOf } from "../pages/account";
import { pdf, sentenceOf } from "../pdf";

const BOOK = "The Long Book";

staged("batch_from_file_to_receipt_survives_closed_tab", async ({ context, gemini, screens }) => {
  const { page, home, batch } = screens;
  await home.open();
  await home.prepare(pdf(101, { title: BOOK }));
  await expect(home.batch).toBeChecked();
  await home.go.click();
  await page.waitForURL(/\/batch\/[^/]+$/);
  await expect(batch.status).toHaveText(/^Batch submitted at \d\d:\d\d( [AP]M)? ☕$/);
  await expect(batch.title).toHaveText(BOOK);
  await expect(page).toHaveTitle(`☕ Brewing: ${BOOK} · Coldbrew`);
  await expect(page.getByText("You can close this tab.")).toBeVisible();
  await batch.reach("PENDING");
  const submitted = await batch.words();
  await page.reload();
  await expect(batch.status).toHaveText(submitted);
  const address = page.url();
  await page.close();

  const back = new Screens(await context.newPage());
  await back.home.open();
  await expect(back.home.inProgress).toContainText(BOOK);
  await expect(back.home.inProgress).toContainText("101 pages");
  await expect(back.home.inProgress.getByText("Waiting at Google")).toBeVisible();
  await gemini.startBatches();
  await expect(back.home.inProgress.getByText("Reading")).toBeVisible();
  await back.home.inProgress.getByRole("link", { name: BOOK }).click();
  await expect(back.page).toHaveURL(address);
  await gemini.finishBatches();
  await back.batch.redirectsToDocument();

  await expect(back.reader.title).toHaveText(BOOK);
  await expect(back.reader.pageNumbered(1)).toContainText(sentenceOf(1, 101));
  await expect(back.reader.pageNumbered(1).getByRole("heading", { name: "Chapter 1" })).toBeVisible();
  await back.library.open();
  await expect(back.library.row(BOOK)).toContainText(/101 pages[\d,]+ tokens.*Ready/s);
  await back.account.open();
  const receipt = await back.account.receiptOf(BOOK);
  expect(receipt).toMatchObject({ Pages: "101", Rate: "× ½ batch" });
  // Half of the realtime price, with each page rounded up.
  const half = (numberOf(receipt.Input) + numberOf(receipt.Output) * 6) / 2;
  expect(numberOf(receipt.Charge)).toBeGreaterThanOrEqual(half);
  expect(numberOf(receipt.Charge)).toBeLessThanOrEqual(half + 101);
  expect(await back.account.figure("Used")).toBe(numberOf(receipt.Charge));
  expect(await back.account.figure("Reserved")).toBe(0);
});

// The server's time zone is New York.
for (const { locale, timezoneId } of [
  { locale: "de-DE", timezoneId: "Asia/Kolkata" },
  { locale: "en-US", timezoneId: "Pacific/Auckland" },
]) {
  staged.describe(`viewer in ${timezoneId} with locale ${locale}`, () => {
    staged.use({ locale, timezoneId });

    staged("submission_time_is_in_time_zone_and_locale_of_viewer", async ({ gemini, screens: { page, home, batch, library } }) => {
      await home.submit(pdf(1, { title: BOOK }), { batch: true });
      const submittedAt = new Date((await batch.job()).submitted_at);
      const format = (options: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat(locale, { timeZone: timezoneId, ...options });
      const clock = format({ hour: "2-digit", minute: "2-digit" }).format(submittedAt);
      await expect(batch.status).toHaveText(`Batch submitted at ${clock} ☕`);
      await batch.reach("PENDING");
      await gemini.finishBatches();
      await batch.redirectsToDocument();
      const day = format({ dateStyle: "medium" }).format(submittedAt);
      await expect(page.getByRole("main").locator("time")).toContainText(day);
      await library.open();
      await expect(library.row(BOOK).locator("time")).toContainText(day);
    });
  });
}

staged("two_tabs_agree_and_home_updates_itself", async ({ context, gemini, screens: { home, batch, page } }) => {
  const other = new Screens(await context.newPage());
  await home.submit(pdf(2, { title: BOOK }), { batch: true });
  await batch.reach("PENDING");
  await other.home.open();
  await expect(other.home.inProgress).toContainText(BOOK);
  await gemini.finishBatches();
  await batch.redirectsToDocument();
  await expect(other.page.getByRole("region", { name: "Ready to read" })).toContainText(BOOK);
  await expect(other.home.inProgress).toHaveCount(0);
  await page.goBack();
  await expect(page).not.toHaveURL(/\/batch\//);
});
