// Home in its states: upload panel, banner and lists.
import { expect } from "../fixtures";
import { encryptedPdf, note, pdf, picture } from "../pdf";
import { BOOK, library, LONG_TITLE, type Scenes } from "./stage";

export const HOME: Scenes = {
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
    await expect(page.getByRole("button", { name: "Try again" })).toBeVisible();
  },

  "home-several": async ({ screens: { home, page } }) => {
    await home.open();
    await home.prepare([pdf(40, { title: BOOK }), pdf(3), pdf(4)]);
    await expect(home.price).toContainText("left");
    await expect(page.getByText("2 more files are waiting.")).toBeVisible();
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
    await expect(home.rangeNote).toContainText("There is no page 40.");
  },

  "home-over-quota": async ({ screens: { home, page } }) => {
    await page.route("**/api/tokens_left*", (route) => route.fulfill({ json: 20_000 }));
    await home.open();
    await home.prepare(pdf(12, { title: BOOK }));
    await expect(home.notice).toBeVisible();
  },

  "home-address-refused": async ({ guard, screens: { home } }) => {
    guard.expectStatus(422);
    await home.open();
    await home.address.fill("http://127.0.0.1:1/book.pdf");
    await home.address.press("Enter");
    await expect(home.error).toBeVisible();
  },

  "home-in-progress": async (stage) => {
    await library(stage);
    await stage.screens.home.open();
  },

  "theme-menu": async ({ screens: { home, page } }) => {
    await home.open();
    await page.getByLabel("Theme").click();
    await expect(page.getByRole("button", { name: "System" })).toBeVisible();
  },
};
