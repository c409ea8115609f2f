// Every screen in every state that a person can meet, and how to get there. The checks of accessibility and the screenshots both walk these.
import { randomUUID } from "node:crypto";
import type { Page } from "@playwright/test";
import { expect, type Screens } from "./fixtures";
import type { Gemini } from "./gemini";
import type { Guard } from "./guard";
import { awake } from "./pages/awake";
import { encryptedPdf, note, pdf, picture } from "./pdf";

export interface Stage {
  screens: Screens;
  gemini: Gemini;
  guard: Guard;
}

const BOOK = "A Field Guide to Slow Coffee";
const LONG_TITLE = "On the Preparation, Storage and Unhurried Enjoyment of Beverages Made from Roasted Seeds, in Four Volumes with Plates";

/** The two widths and the two lights that everything is looked at in. */
export const LOOKS = [375, 1440].flatMap((width) => (["light", "dark"] as const).map((light) => ({ width, light })));

export async function lookAt(page: Page, { width, light }: (typeof LOOKS)[number]): Promise<void> {
  await page.setViewportSize({ width, height: width < 600 ? 812 : 900 });
  await page.emulateMedia({ colorScheme: light, reducedMotion: "reduce" });
}

export const SCENES: Record<string, (stage: Stage) => Promise<unknown>> = {
  "home-empty": ({ screens: { home } }) => home.open(),

  "home-uploading": async ({ screens: { home, page } }) => {
    await home.open();
    await page.route("**/prepare/upload", () => {});
    await home.input.setInputFiles(pdf(3, { title: LONG_TITLE, paddingBytes: 2_000_000 }));
    await expect(home.upload.getByRole("progressbar")).toBeVisible();
  },

  "home-refused": async ({ guard, screens: { home } }) => {
    guard.expectStatus(422);
    await home.open();
    await home.input.setInputFiles(encryptedPdf());
    await expect(home.error).toBeVisible();
  },

  "home-fetching": async ({ screens: { home, page } }) => {
    await page.route("**/api/import*", () => {});
    await home.open();
    await home.address.fill("https://example.org/a-field-guide-to-slow-coffee.pdf");
    await home.address.press("Enter");
    await expect(home.download).toBeVisible();
  },

  "home-upload-lost": async ({ guard, screens: { home, page } }) => {
    guard.expectOutage();
    await home.open();
    await page.route("**/prepare/upload", (route) => route.abort("internetdisconnected"));
    await home.input.setInputFiles(pdf(3));
    await expect(page.getByRole("button", { name: "Send it again" })).toBeVisible();
  },

  "home-several": async ({ screens: { home, page } }) => {
    await home.open();
    await home.prepare([pdf(40, { title: BOOK }), pdf(3), pdf(4)]);
    await expect(home.price).toContainText("left");
    await expect(page.getByText("2 more files wait for their turn.")).toBeVisible();
  },

  "home-banner-text": async ({ screens: { home } }) => {
    await home.open();
    await home.prepare(pdf(40, { title: BOOK }));
    await home.ai.uncheck();
    await expect(home.price).toContainText("Free");
  },

  "home-banner-picture": async ({ screens: { home } }) => {
    await home.open();
    await home.prepare(picture());
    await expect(home.price).toContainText("left");
  },

  "home-banner-note": async ({ screens: { home } }) => {
    await home.open();
    await home.prepare(note());
    await expect(home.price).toContainText("left");
  },

  "home-banner": async ({ screens: { home } }) => {
    await home.open();
    await home.prepare(pdf(3, { title: LONG_TITLE }));
    await expect(home.price).toContainText("left");
  },

  "home-banner-batch": async ({ screens: { home } }) => {
    await home.submit(pdf(120, { title: BOOK }), { pages: "1-10" });
    await home.page.waitForURL(/\/documents\//);
    await home.open();
    await home.prepare(pdf(120, { title: BOOK }));
    await home.range.fill("5-25, 40, 60-115");
    await home.batch.check();
    await home.batch.focus();
    await expect(home.tooltip).toBeVisible();
    await expect(home.price).toContainText("left");
  },

  "home-banner-bad-range": async ({ screens: { home } }) => {
    await home.open();
    await home.prepare(pdf(12, { title: BOOK }));
    await home.range.fill("3-40");
    await expect(home.rangeNote).toContainText("is not in this document");
  },

  "home-over-quota": async ({ screens: { home, page } }) => {
    await page.route("**/api/tokens_left*", (route) => route.fulfill({ json: 20_000 }));
    await home.open();
    await home.prepare(pdf(12, { title: BOOK }));
    await expect(home.notice).toBeVisible();
  },

  "home-in-progress": async (stage) => {
    await library(stage);
    await stage.screens.home.open();
  },

  "batch-waiting": async ({ screens: { home, batch } }) => {
    await home.submit(pdf(3, { title: LONG_TITLE }), { batch: true });
    await expect(batch.status).not.toContainText("UTC");
  },

  "batch-realtime": async ({ gemini, screens: { home, batch } }) => {
    await gemini.arm("generate_unavailable", { skip: 5 });
    await home.submit(pdf(12, { title: BOOK }));
    await expect(batch.status).toContainText(/[1-9] of 12 pages read/);
  },

  "batch-failed": async ({ gemini, screens: { home, batch } }) => {
    await gemini.arm("batch_fails", { times: 1 });
    await home.submit(pdf(12, { title: BOOK }), { batch: true });
    await batch.reach("PENDING");
    await gemini.finishBatches();
    await expect(batch.tryAgain).toBeVisible();
  },

  "batch-expired": async ({ gemini, screens: { home, batch } }) => {
    await gemini.arm("stuck_pending", { times: 1 });
    await home.submit(pdf(12, { title: BOOK }), { batch: true });
    await batch.reach("PENDING");
    await gemini.pass(49 * 3_600_000);
    await batch.reach("EXPIRED");
    await expect(batch.runInRealtime).toBeVisible();
  },

  "batch-server-away": async ({ guard, screens: { home, page } }) => {
    guard.expectOutage();
    await home.submit(pdf(3, { title: BOOK }), { batch: true });
    await awake(page);
    await page.context().route("**/*", (route) => route.abort("connectionrefused"));
    for (const _ of [1, 2]) await page.evaluate(() => window.dispatchEvent(new Event("online")));
    await expect(home.toast).toContainText("The server is not answering");
  },

  "library-empty": ({ screens: { library } }) => library.open(),

  "library-full": async (stage) => {
    await library(stage);
    await stage.screens.library.open();
    await expect(stage.screens.library.rows).toHaveCount(4);
  },

  reader: async ({ screens: { home, reader } }) => {
    await home.submit(pdf(40, { title: BOOK }), { ai: false });
    await expect(reader.pages.first()).toBeVisible();
  },

  "reader-failed-page": async ({ gemini, screens: { home, batch, reader } }) => {
    await gemini.arm("row_safety", { times: 1 });
    await home.submit(pdf(3, { title: BOOK }), { batch: true });
    await batch.reach("PENDING");
    await gemini.finishBatches();
    await batch.leadsToDocument();
    await expect(reader.page.getByRole("note")).toBeVisible();
  },

  "library-deleting": async (stage) => {
    await library(stage);
    await stage.screens.library.open();
    await stage.screens.page.getByRole("button", { name: `Delete ${BOOK}` }).click();
    await expect(stage.screens.page.getByRole("dialog")).toBeVisible();
  },

  "library-nothing-found": async (stage) => {
    await library(stage);
    await stage.screens.page.goto("/library?q=tea");
    await expect(stage.screens.page.getByText("No title has these words")).toBeVisible();
  },

  "theme-menu": async ({ screens: { home, page } }) => {
    await home.open();
    await page.getByLabel("Light or dark").click();
    await expect(page.getByRole("button", { name: "As the system" })).toBeVisible();
  },

  "account-empty": ({ screens: { account } }) => account.open(),

  "account-full": async (stage) => {
    await library(stage);
    await stage.screens.account.open();
    await expect(stage.screens.account.receipt(BOOK)).toBeVisible();
  },

  "account-member": async ({ screens: { account, page } }) => {
    await account.open();
    await account.enter("Sign up", `${randomUUID()}@example.org`, "a quiet afternoon");
    await account.makeToken("Backup script");
    await expect(page.getByRole("button", { name: "Revoke Backup script" })).toBeVisible();
  },

  "account-refused": async ({ guard, screens: { account } }) => {
    guard.expectStatus(401);
    await account.open();
    await account.send("Sign in", "nobody@example.org", "a quiet afternoon");
    await expect(account.error).toBeVisible();
  },

  "account-leaving": async ({ screens: { home, account, page } }) => {
    await home.submit(pdf(2, { title: BOOK }), { ai: false });
    await account.open();
    await page.getByTestId("delete-account").click();
    await expect(page.getByRole("dialog")).toBeVisible();
  },

  "not-found": async ({ guard, screens: { page } }) => {
    guard.expectStatus(404);
    await page.goto("/documents/nobodys");
  },
};

/** One finished batch, one free document, one failed and one waiting batch. */
async function library({ gemini, screens: { home, batch } }: Stage): Promise<void> {
  await home.submit(pdf(4, { title: BOOK }), { batch: true });
  await batch.reach("PENDING");
  await gemini.finishBatches();
  await batch.leadsToDocument();
  await home.submit(pdf(7, { title: LONG_TITLE }), { ai: false });
  await gemini.arm("batch_fails", { times: 1 });
  await home.submit(pdf(2, { title: "A Book That Failed" }), { batch: true });
  await batch.reach("PENDING");
  await gemini.finishBatches();
  await batch.reach("FAILED");
  await home.submit(pdf(5, { title: "A Book in Line" }), { batch: true });
  await batch.reach("PENDING");
}
