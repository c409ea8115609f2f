// An account finds and deletes what it owns. For other accounts it does not exist.
import { expect, Screens, staged } from "../fixtures";
import { pdf, sentenceOf } from "../pdf";

staged("accounts_with_same_file_share_nothing", async ({ guard, visitor, screens: mine }) => {
  guard.expectStatus(404);
  const book = pdf(2, { title: "A shared book" });
  await mine.home.submit(book, { ai: false });
  const document = mine.page.url();
  await mine.home.submit(book, { batch: true });
  const batch = mine.page.url();

  const theirs = new Screens(await (await visitor()).newPage());
  await theirs.library.open();
  await expect(theirs.page.getByText("The shelf is still empty")).toBeVisible();
  for (const address of [document, batch]) {
    // First without an account, then with one.
    expect((await theirs.page.goto(address))?.status()).toBe(404);
    await expect(theirs.page.getByRole("heading", { name: "Page not found" })).toBeVisible();
  }
  await theirs.home.submit(book, { ai: false });
  for (const address of [document, batch]) {
    expect((await theirs.page.goto(address))?.status()).toBe(404);
  }
  expect((await theirs.page.request.delete(document.replace("/documents/", "/v1/documents/"))).status()).toBe(404);
  await theirs.library.open();
  await expect(theirs.library.rows).toHaveCount(1);
  await mine.library.open();
  await expect(mine.library.rows).toHaveCount(2);
});

staged("library_filters_by_title_and_deletes_after_confirmation", async ({ guard, screens: { home, library, page } }) => {
  guard.expectStatus(404);
  for (const title of ["Red Tea", "Black Coffee", "Green Tea"]) {
    await home.submit(pdf(2, { title }), { ai: false });
  }
  const tea = page.url();
  await library.open();
  await expect(library.rows.getByRole("link")).toHaveText(["Green Tea", "Black Coffee", "Red Tea"]);
  await library.search.fill("tea");
  await expect(library.rows.getByRole("link")).toHaveText(["Green Tea", "Red Tea"]);

  await library.delete("Green Tea", "Keep it");
  await expect(library.row("Green Tea")).toBeVisible();
  await library.delete("Green Tea", "Delete it");
  await expect(library.row("Green Tea")).toHaveCount(0);
  await expect(library.row("Red Tea").getByRole("link")).toBeFocused();
  // The search is part of the address, so a reload keeps it.
  await page.reload();
  await expect(library.search).toHaveValue("tea");
  await expect(library.rows.getByRole("link")).toHaveText(["Red Tea"]);
  await library.open();
  await expect(library.rows.getByRole("link")).toHaveText(["Black Coffee", "Red Tea"]);
  expect((await page.goto(tea))?.status()).toBe(404);
});

staged("deleted_batch_document_keeps_its_receipt", async ({ gemini, screens: { home, batch, library, account, reader } }) => {
  await home.submit(pdf(2, { title: "Gone" }), { batch: true });
  await batch.reach("PENDING");
  await gemini.finishBatches();
  await batch.redirectsToDocument();
  await expect(reader.pageNumbered(1)).toContainText(sentenceOf(1, 2));
  await library.open();
  await library.delete("Gone", "Delete it");
  await expect(library.row("Gone")).toHaveCount(0);
  await account.open();
  await expect(account.receipt("Gone")).toBeVisible();
  expect(await account.figure("Used")).toBeGreaterThan(0);
});

staged("large_library_is_paged_and_searched_as_a_whole", async ({ screens: { home, library, page } }) => {
  await home.submit(pdf(1, { title: "The First of Many" }), { ai: false });
  const answer = await page.request.post("/v1/documents/prepare/upload", { multipart: { file: pdf(1, { title: "One of Many" }) } });
  const { hash } = await answer.json();
  for (let made = 0; made < 205; made += 5) {
    const wish = (nth: number) => ({ data: { hash, title: `One of Many, ${made + nth}`, ai_transform: false, batch_mode: false } });
    await Promise.all(Array.from({ length: 5 }, (_, nth) => page.request.post("/v1/documents/document", wish(nth))));
  }
  await library.open();
  await expect(library.rows).toHaveCount(200);
  await expect(library.row("The First of Many")).toHaveCount(0);
  await page.getByRole("button", { name: "Show older documents" }).click();
  await expect(library.rows).toHaveCount(6);
  await expect(library.row("The First of Many")).toBeVisible();
  await expect(page.getByRole("button", { name: "Show older documents" })).toHaveCount(0);
  await library.open();
  await library.search.fill("first");
  await expect(library.rows.getByRole("link")).toHaveText(["The First of Many"]);
});
