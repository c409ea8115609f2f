// Accidents: going back, closing the laptop, using two tabs at once. Each gets a clear answer and costs nothing.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, Screens, staged, test } from "../fixtures";
import { hydrated } from "../pages/hydrated";
import { pdf, sentenceOf } from "../pdf";

const BOOK = "The Mistaken Book";

staged("back_after_submission_shows_the_job_and_accepts_next_file", async ({ screens: { home, batch, page } }) => {
  await home.submit(pdf(2, { title: BOOK }), { batch: true });
  const job = page.url();
  await page.goBack();
  await hydrated(page);
  await expect(home.inProgress).toContainText(BOOK);
  await home.prepare(pdf(3, { title: "The Next Book" }));
  await expect(home.go).toBeEnabled();
  await page.goto(job);
  await expect(batch.status).toHaveText(/^Batch submitted at/);
});

staged("same_document_in_two_tabs_is_one_batch", async ({ context, guard, screens }) => {
  guard.expectStatus(409);
  const other = new Screens(await context.newPage());
  const book = pdf(12, { title: BOOK });
  for (const { home } of [screens, other]) {
    await home.open();
    await home.prepare(book);
    await home.batch.check();
  }
  await screens.home.go.click();
  await screens.page.waitForURL("**/batch/*");
  await other.home.range.fill("1-5");
  await other.home.go.click();
  await expect(other.home.error).toHaveText(/^This document is already being read/);
  await other.page.getByRole("link", { name: "See progress" }).click();
  await expect(other.page).toHaveURL(screens.page.url());

  // The same pages again are the same batch.
  await other.home.submit(book, { batch: true });
  await expect(other.page).toHaveURL(screens.page.url());
  await other.library.open();
  await expect(other.library.rows).toHaveCount(1);
});

test("submission_after_sign_out_in_another_tab_is_refused", async ({ context, guard, screens: { home, page } }) => {
  guard.expectStatus(401);
  await home.submit(pdf(1), { ai: false });
  await home.open();
  await home.prepare(pdf(2, { title: BOOK }));
  await home.ai.uncheck();
  await context.clearCookies();
  await home.go.click();
  await expect(home.error).toHaveText("You are no longer signed in. Reload the page to continue.");
  await home.discard();
  await home.input.setInputFiles(pdf(2));
  await expect(home.error).toHaveText("You are no longer signed in. Reload the page to continue.");
  await page.reload();
  await hydrated(page);
  await home.prepare(pdf(2));
});

test("expired_upload_must_be_chosen_again", async ({ context, guard, visitor, screens: { home } }) => {
  guard.expectStatus(404);
  await home.open();
  await home.prepare(pdf(2, { title: BOOK }));
  await home.ai.uncheck();
  // For another account the upload does not exist, as if it had expired.
  const stranger = new Screens(await (await visitor()).newPage());
  await stranger.home.submit(pdf(1), { ai: false });
  await context.clearCookies();
  await context.addCookies(await stranger.page.context().cookies());
  await home.go.click();
  await expect(home.error).toHaveText("This file is no longer stored here. Choose it again.");
});

test("interrupted_upload_is_tried_again_with_same_file", async ({ context, guard, screens: { home, reader } }) => {
  guard.expectOutage();
  await home.open();
  await context.route("**/prepare/upload", (route) => route.abort("internetdisconnected"));
  await home.input.setInputFiles(pdf(2, { title: BOOK }));
  await expect(home.error).toHaveText("The upload failed. Check your connection and try again.");
  await context.unroute("**/prepare/upload");
  await home.page.getByRole("button", { name: "Try again" }).click();
  await expect(home.banner.getByRole("heading", { name: BOOK })).toBeVisible();
  await expect(home.error).toHaveCount(0);
  await home.ai.uncheck();
  await home.go.click();
  await expect(reader.pageNumbered(2)).toContainText(sentenceOf(2, 2));
});

test("several_interrupted_uploads_are_listed_and_tried_again", async ({ context, guard, screens: { home } }) => {
  guard.expectOutage();
  await home.open();
  await context.route("**/prepare/upload", (route) => route.abort("internetdisconnected"));
  await home.input.setInputFiles([pdf(1, { title: "One" }), pdf(2, { title: "Two" })]);
  await expect(home.error).toHaveCount(2);
  await context.unroute("**/prepare/upload");
  const again = home.page.getByRole("button", { name: "Try again" });
  await again.first().click();
  await expect(home.banner.getByRole("heading", { name: "One" })).toBeVisible();
  await home.ai.uncheck();
  await again.click();
  await expect(home.error).toHaveCount(0);
  await home.go.click();
  await expect(home.banner.getByRole("heading", { name: "Two" })).toBeVisible();
});

test("upload_cancelled_before_its_session_never_starts", async ({ context, screens: { home } }) => {
  await home.open();
  let uploads = 0;
  await context.route("**/prepare/upload", (route) => ((uploads += 1), route.continue()));
  // An account's first upload waits for its session.
  const held: (() => void)[] = [];
  await context.route("**/api/start_session", async (route) => {
    await new Promise<void>((go) => held.push(go));
    await route.continue();
  });
  const answered = context.waitForEvent("response", (response) => response.url().includes("start_session"));
  await home.input.setInputFiles(pdf(2));
  await expect(() => expect(held).toHaveLength(1)).toPass();
  await home.upload.getByRole("button", { name: "Cancel" }).click();
  await expect(home.input).toBeAttached();
  held[0]?.();
  await answered;
  await context.unroute("**/api/start_session");
  // Only the next file is uploaded.
  await home.prepare(pdf(1, { title: BOOK }));
  await expect(home.banner.getByRole("heading", { name: BOOK })).toBeVisible();
  expect(uploads).toBe(1);
});

test("refused_link_stays_in_its_field", async ({ guard, screens: { home } }) => {
  guard.expectStatus(422);
  await home.open();
  await home.address.fill("http://127.0.0.1:9/paper.pdf");
  await home.address.press("Enter");
  await expect(home.error).toBeVisible();
  await expect(home.address).toHaveValue("http://127.0.0.1:9/paper.pdf");
});

test("search_on_page_of_older_documents_covers_all", async ({ screens: { home, library, page } }) => {
  await home.submit(pdf(1, { title: "Newest Of All" }), { ai: false });
  await page.goto("/library?before=0");
  await hydrated(page);
  await page.getByRole("searchbox").fill("newest");
  await expect(library.row("Newest Of All")).toBeVisible();
});

staged("batch_page_reopened_next_morning_redirects_to_document", async ({ context, gemini, guard, screens }) => {
  const { home, batch, reader, page } = screens;
  guard.expectOutage();
  // A closed laptop gets no events, and its clock stands still.
  await context.route("**/v1/events", (route) => route.abort("connectionreset"));
  await page.clock.install();
  await home.submit(pdf(2, { title: BOOK }), { batch: true });
  await batch.reach("PENDING");
  // A minute later than now, because the page's clock has moved since the installation.
  await page.clock.pauseAt(Date.now() + 60_000);
  await gemini.finishBatches();
  await batch.reach("SUCCEEDED");
  await expect(batch.status).toBeVisible();
  await page.clock.fastForward("08:00:00");
  await batch.redirectsToDocument();
  await expect(reader.pageNumbered(1)).toContainText(sentenceOf(1, 2));
});

test("leaving_during_upload_asks_first", async ({ page, screens: { home } }) => {
  await home.open();
  await page.route("**/prepare/upload", () => {});
  // A browser asks only if the user has used the page.
  await home.page.getByRole("heading", { level: 1 }).click();
  await home.input.setInputFiles(pdf(1));
  await expect(home.upload).toBeVisible();
  const asked = page.waitForEvent("dialog");
  await page.close({ runBeforeUnload: true });
  const question = await asked;
  expect(question.type()).toBe("beforeunload");
  await question.accept();
});

test("document_deleted_in_another_tab_is_reported_as_not_found", async ({ context, guard, screens: { home, page } }) => {
  guard.expectStatus(404);
  await home.submit(pdf(2, { title: BOOK }), { ai: false });
  await hydrated(page);
  const other = new Screens(await context.newPage());
  await other.library.open();
  await other.library.delete(BOOK, "Delete it");
  await page.bringToFront();
  await expect(page.getByRole("heading", { name: "Page not found" })).toBeVisible();
});

test("file_dropped_where_none_is_accepted_gets_a_reason", async ({ screens: { home, library, page } }) => {
  const drop = () =>
    page.evaluate(() => {
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File(["%PDF-1.7"], "Dropped.pdf", { type: "application/pdf" }));
      document.body.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
    });
  await home.open();
  await home.prepare(pdf(2, { title: BOOK }));
  await drop();
  await expect(home.toast).toContainText("Submit or discard the current document first.");
  await expect(home.banner.getByRole("heading", { name: BOOK })).toBeVisible();
  await library.open();
  await drop();
  await expect(home.toast).toContainText("You can add documents on Home.");
});

test("file_deleted_while_it_waits_is_reported", async ({ screens: { home } }) => {
  const folder = await mkdtemp(join(tmpdir(), "coldbrew-"));
  const files = [join(folder, "First.pdf"), join(folder, "Second.pdf")];
  await Promise.all(files.map((file) => writeFile(file, pdf(1).buffer)));
  await home.open();
  await home.input.setInputFiles(files);
  await expect(home.banner).toBeVisible();
  await rm(folder, { recursive: true });
  await home.discardButton.click();
  await expect(home.page.getByRole("alert")).toContainText("Second.pdf: This is a folder, or the file has changed.");
});
