// What people do that nobody planned: going back, closing the laptop, two tabs at once. Each has an answer, and costs nothing.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, Screens, staged, test } from "../fixtures";
import { awake } from "../pages/awake";
import { pdf, sentenceOf } from "../pdf";

const BOOK = "The Mistaken Book";

staged("back after Go: the batch is seen to go on, and the desk takes the next file", async ({ screens: { home, batch, page } }) => {
  await home.submit(pdf(2, { title: BOOK }), { batch: true });
  const watched = page.url();
  await page.goBack();
  await awake(page);
  await expect(home.inProgress).toContainText(BOOK);
  await home.prepare(pdf(3, { title: "The Next Book" }));
  await expect(home.go).toBeEnabled();
  await page.goto(watched);
  await expect(batch.status).toHaveText(/^Batch submitted at/);
});

staged("the same document in two tabs: one batch, and other pages are refused with the way to it", async ({ context, guard, screens }) => {
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
  await expect(other.home.error).toHaveText(/^This document is being extracted already/);
  await other.page.getByRole("link", { name: "See how far it is" }).click();
  await expect(other.page).toHaveURL(screens.page.url());

  // The same pages once more are the same batch.
  await other.home.submit(book, { batch: true });
  await expect(other.page).toHaveURL(screens.page.url());
  await other.library.open();
  await expect(other.library.rows).toHaveCount(1);
});

test("signed out in another tab: said in words, and nothing is sent as somebody else", async ({ context, guard, screens: { home, page } }) => {
  guard.expectStatus(401);
  await home.submit(pdf(1), { ai: false });
  await home.open();
  await home.prepare(pdf(2, { title: BOOK }));
  await home.ai.uncheck();
  await context.clearCookies();
  await home.go.click();
  await expect(home.error).toHaveText("You are no longer signed in here. Reload the page, and go on.");
  await home.putAway();
  await home.input.setInputFiles(pdf(2));
  await expect(home.error).toHaveText("You are no longer signed in here. Reload the page, and go on.");
  await page.reload();
  await awake(page);
  await home.prepare(pdf(2));
});

test("a file that is not kept any more is to be chosen again", async ({ context, guard, visitor, screens: { home } }) => {
  guard.expectStatus(404);
  await home.open();
  await home.prepare(pdf(2, { title: BOOK }));
  await home.ai.uncheck();
  // For another account it is as if it had expired.
  const stranger = new Screens(await (await visitor()).newPage());
  await stranger.home.submit(pdf(1), { ai: false });
  await context.clearCookies();
  await context.addCookies(await stranger.page.context().cookies());
  await home.go.click();
  await expect(home.error).toHaveText("This file is not kept here any more. Choose it once again.");
});

test("the laptop is closed during an upload: it says so, and sends the same file again", async ({ context, guard, screens: { home, reader } }) => {
  guard.expectOutage();
  await home.open();
  await context.route("**/prepare/upload", (route) => route.abort("internetdisconnected"));
  await home.input.setInputFiles(pdf(2, { title: BOOK }));
  await expect(home.error).toHaveText("The upload did not get through. Check your connection and try again.");
  await context.unroute("**/prepare/upload");
  await home.page.getByRole("button", { name: "Send it again" }).click();
  await expect(home.banner.getByRole("heading", { name: BOOK })).toBeVisible();
  await expect(home.error).toHaveCount(0);
  await home.ai.uncheck();
  await home.go.click();
  await expect(reader.pageNumbered(2)).toContainText(sentenceOf(2, 2));
});

test("several files do not get through: each is said, and each can be sent again", async ({ context, guard, screens: { home } }) => {
  guard.expectOutage();
  await home.open();
  await context.route("**/prepare/upload", (route) => route.abort("internetdisconnected"));
  await home.input.setInputFiles([pdf(1, { title: "One" }), pdf(2, { title: "Two" })]);
  await expect(home.error).toHaveCount(2);
  await context.unroute("**/prepare/upload");
  const again = home.page.getByRole("button", { name: "Send it again" });
  await again.first().click();
  await expect(home.banner.getByRole("heading", { name: "One" })).toBeVisible();
  await home.ai.uncheck();
  await again.click();
  await expect(home.error).toHaveCount(0);
  await home.go.click();
  await expect(home.banner.getByRole("heading", { name: "Two" })).toBeVisible();
});

test("an upload that is given up before it has begun does not begin", async ({ context, screens: { home } }) => {
  await home.open();
  let uploads = 0;
  await context.route("**/prepare/upload", (route) => ((uploads += 1), route.continue()));
  // Everybody's first file waits for a session.
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
  // Another file takes its whole way, and is the only one that does.
  await home.prepare(pdf(1, { title: BOOK }));
  await expect(home.banner.getByRole("heading", { name: BOOK })).toBeVisible();
  expect(uploads).toBe(1);
});

test("an address that leads nowhere can be mended where it was typed", async ({ guard, screens: { home } }) => {
  guard.expectStatus(422);
  await home.open();
  await home.address.fill("http://127.0.0.1:9/paper.pdf");
  await home.address.press("Enter");
  await expect(home.error).toBeVisible();
  await expect(home.address).toHaveValue("http://127.0.0.1:9/paper.pdf");
});

test("words typed on the page of older documents are looked for in all of them", async ({ screens: { home, library, page } }) => {
  await home.submit(pdf(1, { title: "Newest Of All" }), { ai: false });
  await page.goto("/library?before=0");
  await awake(page);
  await page.getByRole("searchbox").fill("newest");
  await expect(library.row("Newest Of All")).toBeVisible();
});

staged(
  "the laptop is closed while a batch brews: opened the next morning, the page leads to the document",
  async ({ context, gemini, guard, screens }) => {
    const { home, batch, reader, page } = screens;
    guard.expectOutage();
    // Nothing is heard and no time passes in a laptop that is closed.
    await context.route("**/v1/events", (route) => route.abort("connectionreset"));
    await page.clock.install();
    await home.submit(pdf(2, { title: BOOK }), { batch: true });
    await batch.reach("PENDING");
    // A minute ahead of a clock that may be ahead of this one by now.
    await page.clock.pauseAt(Date.now() + 60_000);
    await gemini.finishBatches();
    await batch.reach("SUCCEEDED");
    await expect(batch.status).toBeVisible();
    await page.clock.fastForward("08:00:00");
    await batch.leadsToDocument();
    await expect(reader.pageNumbered(1)).toContainText(sentenceOf(1, 2));
  },
);

test("leaving during an upload asks first", async ({ page, screens: { home } }) => {
  await home.open();
  await page.route("**/prepare/upload", () => {});
  // A browser asks only for a page that was used.
  await home.page.getByRole("heading", { level: 1 }).click();
  await home.input.setInputFiles(pdf(1));
  await expect(home.upload).toBeVisible();
  const asked = page.waitForEvent("dialog");
  await page.close({ runBeforeUnload: true });
  const question = await asked;
  expect(question.type()).toBe("beforeunload");
  await question.accept();
});

test("a document that is deleted in another tab is said to be gone", async ({ context, guard, screens: { home, page } }) => {
  guard.expectStatus(404);
  await home.submit(pdf(2, { title: BOOK }), { ai: false });
  await awake(page);
  const other = new Screens(await context.newPage());
  await other.library.open();
  await other.library.delete(BOOK, "Delete it");
  await page.bringToFront();
  await expect(page.getByRole("heading", { name: "There is no page here" })).toBeVisible();
});

test("a file dropped where none is taken is answered in words", async ({ screens: { home, library, page } }) => {
  const drop = () =>
    page.evaluate(() => {
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File(["%PDF-1.7"], "Dropped.pdf", { type: "application/pdf" }));
      document.body.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
    });
  await home.open();
  await home.prepare(pdf(2, { title: BOOK }));
  await drop();
  await expect(home.toast).toContainText("There is a document on the desk.");
  await expect(home.banner.getByRole("heading", { name: BOOK })).toBeVisible();
  await library.open();
  await drop();
  await expect(home.toast).toContainText("Documents are taken on Home.");
});

test("a file that was deleted while it waited for its turn is said so", async ({ screens: { home } }) => {
  const folder = await mkdtemp(join(tmpdir(), "coldbrew-"));
  const files = [join(folder, "First.pdf"), join(folder, "Second.pdf")];
  await Promise.all(files.map((file) => writeFile(file, pdf(1).buffer)));
  await home.open();
  await home.input.setInputFiles(files);
  await expect(home.banner).toBeVisible();
  await rm(folder, { recursive: true });
  await home.banner.getByRole("button", { name: "Put this document away" }).click();
  await expect(home.page.getByRole("alert")).toContainText("Second.pdf: This is a folder, or a file that is no longer as it was.");
});
