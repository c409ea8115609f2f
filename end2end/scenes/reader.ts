// The reader in its states.
import { expect } from "../fixtures";
import { hydrated } from "../pages/hydrated";
import { illustrated, pdf } from "../pdf";
import { batched, BOOK, type Scenes, type Stage } from "./stage";

/** A document of forty pages, read as text. */
async function plain({ screens: { home, reader, page } }: Stage): Promise<void> {
  await home.submit(pdf(40, { title: BOOK }), { ai: false });
  await expect(reader.pages.first()).toBeVisible();
  await hydrated(page);
}

export const READER: Scenes = {
  reader: plain,

  "reader-found": async (stage) => {
    await plain(stage);
    const { reader } = stage.screens;
    await reader.search.fill("of 40");
    await expect(reader.hits).toContainText("Found 40 times");
    await expect(reader.marks.first()).toBeVisible();
  },

  "reader-nothing-found": async (stage) => {
    await plain(stage);
    await stage.screens.reader.search.fill("tea");
    await expect(stage.screens.reader.hits).toContainText("Nothing found");
  },

  "reader-download": async (stage) => {
    await plain(stage);
    await stage.screens.page.getByText("Download", { exact: true }).click();
    await expect(stage.screens.page.getByRole("link", { name: /^Archive/ })).toBeVisible();
  },

  "reader-outline": async (stage) => {
    await stage.screens.page.setViewportSize({ width: 375, height: 812 });
    await plain(stage);
    await stage.screens.reader.outline.getByText("Outline").click();
    await expect(stage.screens.reader.outline.getByRole("link", { name: /^Chapter 2 / })).toBeVisible();
  },

  "reader-originals": async (stage) => {
    await plain(stage);
    const { reader } = stage.screens;
    for (const number of [1, 2]) {
      await reader.showOriginal(number);
      await expect.poll(() => reader.original(number).evaluate((image: HTMLImageElement) => image.naturalWidth), { timeout: 40_000 }).toBe(1_200);
    }
  },

  "reader-figures": async (stage) => {
    await batched(stage, illustrated());
    await expect(stage.screens.reader.pages.getByRole("figure").first()).toBeVisible();
  },

  "reader-lightbox": async (stage) => {
    await batched(stage, illustrated());
    const { reader } = stage.screens;
    await hydrated(reader.page);
    await reader.pages.getByRole("link", { name: "Enlarge this figure" }).first().click();
    await expect(reader.lightbox.getByRole("img")).toBeVisible();
  },

  "reader-draft": async (stage) => {
    const { home, batch, reader, page } = stage.screens;
    await home.submit(pdf(40, { title: BOOK }), { batch: true });
    await batch.reach("PENDING");
    await page.getByRole("link", { name: "Read the plain text now" }).click();
    await expect(reader.meanwhile).toBeVisible();
  },

  "reader-failed-page": async (stage) => {
    const { reader } = stage.screens;
    await stage.gemini.refuse(2);
    await batched(stage, pdf(3, { title: BOOK }));
    await expect(reader.page.getByRole("note")).toBeVisible();
  },

  "reader-retrying": async (stage) => {
    const { batch, reader, page } = stage.screens;
    await stage.gemini.refuse(2);
    await batched(stage, pdf(3, { title: BOOK }));
    const address = page.url();
    await hydrated(page);
    await page.getByRole("button", { name: "Read failed pages again" }).click();
    await page.waitForURL(/\/batch\//);
    await batch.reach("PENDING");
    await page.goto(address);
    await expect(reader.meanwhile).toBeVisible();
  },
};
