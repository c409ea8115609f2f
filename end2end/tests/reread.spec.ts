// "Read this page again": the reader keeps the former text and its place, and shows the new text when it is there.
import { expect, Screens, staged } from "../fixtures";
import { hydrated } from "../pages/hydrated";
import { pdf, sentenceOf } from "../pdf";

const CUT = "its text may be incomplete";
const WORKING = "This page is being read again.";
const SECOND_WAY = "Read in a second way";

staged.beforeEach(async ({ gemini, screens: { home, batch } }) => {
  await gemini.arm("row_max_tokens", { times: 1 });
  await home.submit(pdf(1, { title: "The Torn Book" }), { batch: true });
  await batch.reach("PENDING");
  await gemini.finishBatches();
  await batch.redirectsToDocument();
  await gemini.arm("generate_answers_late", { times: 1, amount: 3_000 });
});

staged("page_read_again_is_replaced_in_place", async ({ screens: { reader, account, page } }) => {
  const torn = reader.pageNumbered(1);
  await expect(torn).toContainText(CUT);
  await expect(torn).toContainText(/Read this page again \(page 1\)\s*about [\d.k]+ tokens/);
  await hydrated(page);
  const address = page.url();
  const loads: string[] = [];
  page.on("load", () => loads.push(page.url()));
  await torn.getByRole("button", { name: "Read this page again" }).dblclick();
  await expect(torn).toContainText(WORKING);
  await expect(torn).toContainText(CUT);
  await expect(reader.meanwhile).toContainText("A page is being read again.");
  await expect(torn).toContainText(SECOND_WAY);
  await expect(torn).toContainText(sentenceOf(1, 1));
  await expect(torn).not.toContainText(CUT);
  await expect(torn).not.toContainText(WORKING);
  await expect(reader.meanwhile).toHaveCount(0);
  expect(loads).toEqual([]);
  expect(page.url().split("?")[0]).toBe(address.split("?")[0]);
  await account.open();
  expect(await account.figure("Reserved")).toBe(0);
});

staged("page_not_read_again_says_so_and_keeps_its_text", async ({ gemini, screens: { reader, page } }) => {
  await gemini.arm("row_loops_stop");
  const torn = reader.pageNumbered(1);
  await hydrated(page);
  await torn.getByRole("button", { name: "Read this page again" }).click();
  await expect(torn).toContainText("This page could not be read again. It stays as it was, and you were not charged.");
  await expect(torn).toContainText(CUT);
  await expect(torn.getByRole("button", { name: "Read this page again" })).toBeVisible();
});

staged("page_without_script_is_read_again", async ({ context, visitor, screens }) => {
  const plain = await visitor({ javaScriptEnabled: false, storageState: await context.storageState() });
  const { reader, page } = new Screens(await plain.newPage());
  await page.goto(`${screens.page.url()}?original=all`);
  await reader.pageNumbered(1).getByRole("button", { name: "Read this page again" }).click();
  await expect(page).toHaveURL(/\?original=all#page-1$/);
  await expect(reader.pageNumbered(1)).toContainText(WORKING);
  await expect(async () => {
    await page.reload();
    await expect(reader.pageNumbered(1)).toContainText(SECOND_WAY, { timeout: 1_000 });
  }).toPass();
});
