// The other two modes: the file's own text, free and at once, and AI in realtime, with progress.
import { expect, staged, test } from "../fixtures";
import { hydrated } from "../pages/hydrated";
import { pdf, sentenceOf } from "../pdf";

const BOOK = "The Short Book";

test("text_mode_gives_document_at_once_and_free", async ({ page, screens: { home, reader, library, account } }) => {
  await home.submit(pdf(5, { title: BOOK }), { ai: false });
  await expect(page).toHaveURL(/\/documents\//);
  await expect(page).toHaveTitle(`${BOOK} · Coldbrew`);
  await expect(reader.pages).toHaveCount(5);
  await expect(reader.pageNumbered(5)).toContainText(sentenceOf(5, 5));
  await library.open();
  await expect(library.row(BOOK)).toContainText(/5 pages\s*Free/);
  await account.open();
  expect(await account.figure("Used")).toBe(0);
});

test("pages_read_before_are_free", async ({ page, screens: { home, batch, reader } }) => {
  const book = pdf(4, { title: BOOK });
  await home.submit(book, { pages: "1-2" });
  await batch.redirectsToDocument();
  await home.open();
  await home.prepare(book);
  await expect(home.rangeNote).toContainText("Pages 1-2 free");
  await home.range.fill("1-2");
  await expect(home.price).toContainText("≈ 0 tokens now · ≈ 0 as a batch");
  await home.go.click();
  await page.waitForURL("**/documents/*");
  await expect(reader.pages).toHaveCount(2);
});

staged("realtime_shows_progress_then_document_and_price", async ({ gemini, screens }) => {
  const { page, home, batch, reader, account } = screens;
  await gemini.arm("generate_unavailable", { skip: 3 });
  await home.submit(pdf(12, { title: BOOK }));
  await expect(batch.status).toContainText("3 of 12 pages read");
  await expect(batch.status.getByRole("progressbar")).toHaveAttribute("value", "3");
  await expect(page).toHaveTitle(`☕ Brewing: ${BOOK} · Coldbrew`);
  await gemini.disarm();
  await batch.redirectsToDocument();
  await expect(reader.pages).toHaveCount(12);
  await expect(reader.pageNumbered(12)).toContainText(sentenceOf(12, 12));
  await account.open();
  expect((await account.receiptOf(BOOK)).Rate).toBe("× 1 realtime");
});

staged("refused_page_shows_its_own_text_and_the_reason", async ({ gemini, screens: { home, batch, reader, library } }) => {
  await gemini.refuse(2);
  await home.submit(pdf(3, { title: BOOK }), { batch: true });
  await batch.reach("PENDING");
  await gemini.finishBatches();
  await batch.redirectsToDocument();
  await expect(reader.pages).toHaveCount(3);
  await expect(reader.page.getByRole("note")).toContainText("1 page could not be read.");
  const plain = reader.pages.filter({ hasText: "Plain text: Gemini would not read this page" });
  await expect(plain).toHaveCount(1);
  await expect(plain).toContainText(sentenceOf(2, 3));
  await library.open();
  await expect(library.row(BOOK)).toContainText("1 page failed");
});

staged("failed_pages_read_again_are_charged_alone", async ({ gemini, screens: { home, batch, reader, account, page } }) => {
  await gemini.refuse(2);
  await home.submit(pdf(3, { title: BOOK }), { batch: true });
  await batch.reach("PENDING");
  await gemini.finishBatches();
  await batch.redirectsToDocument();
  await gemini.disarm();
  const address = page.url();
  await account.open();
  const charged = await account.figure("Used");
  await page.goto(address);
  await hydrated(page);
  await expect(page.getByRole("note")).toContainText(/Reading it as a batch costs about [\d.k]+ tokens\./);
  await page.getByRole("button", { name: "Read failed pages again" }).dblclick();
  await page.waitForURL(/\/batch\//);
  await batch.reach("PENDING");
  await gemini.finishBatches();
  await batch.redirectsToDocument();
  expect(page.url()).toBe(address);
  await expect(page.getByRole("note")).toHaveCount(0);
  for (const number of [1, 2, 3]) await expect(reader.pageNumbered(number)).toContainText(sentenceOf(number, 3));
  await account.open();
  const price = (await account.figure("Used")) - charged;
  expect(price).toBeGreaterThan(0);
  expect(price).toBeLessThan(charged);
});
