// A big document: its pages come as they are needed, from anywhere in it, and without script by links.
import { expect, Screens, test } from "../fixtures";
import { pdf, sentenceOf } from "../pdf";

const PAGES = 320;

test.beforeEach(async ({ screens: { home } }) => home.submit(pdf(PAGES), { ai: false }));

test("scrolling brings more pages, up to the last", async ({ screens: { reader, page } }) => {
  await expect(reader.pageNumbered(20)).toBeAttached();
  const loaded = await reader.pages.count();
  expect(loaded).toBeLessThan(PAGES);
  for (let number = loaded + 1; number <= PAGES; number += loaded) {
    // The end moves away while pages come: who wants to see it presses again.
    await expect(async () => {
      await page.keyboard.press("End");
      await expect(reader.pageNumbered(number)).toContainText(sentenceOf(number, PAGES), { timeout: 2_000 });
    }).toPass();
  }
  await page.keyboard.press("End");
  await expect(reader.pageNumbered(PAGES)).toBeInViewport();
  await expect(reader.pages).toHaveCount(PAGES);
  await expect(reader.nextPages).toBeHidden();
});

test("a window that is taller than the pages there is filled without scrolling", async ({ screens: { reader, page } }) => {
  await page.setViewportSize({ width: 1280, height: 4_500 });
  await expect(reader.pageNumbered(60)).toContainText(sentenceOf(60, PAGES));
});

test("an address leads into the middle", async ({ screens: { reader, page } }) => {
  await page.goto(`${page.url()}?from=100`);
  await expect(reader.pages.first()).toContainText(sentenceOf(101, PAGES));
  await reader.earlierPages.click();
  await expect(reader.pages.first()).toContainText(sentenceOf(81, PAGES));
});

test("library and reader need no script", async ({ context, visitor, screens: { page } }) => {
  const title = `Book of ${PAGES}`;
  const scriptless = await visitor({ javaScriptEnabled: false, storageState: await context.storageState() });
  const { library, reader, page: plain } = new Screens(await scriptless.newPage());
  await plain.goto("/library");
  await library.row(title).getByRole("link").click();
  await expect(plain).toHaveURL(page.url());
  await expect(reader.pageNumbered(20)).toContainText(sentenceOf(20, PAGES));
  await reader.nextPages.click();
  await expect(reader.pages.first()).toContainText(sentenceOf(21, PAGES));
});
