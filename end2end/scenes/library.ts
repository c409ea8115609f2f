// The library in its states, and the pages for missing documents and errors.
import { expect } from "../fixtures";
import { pdf } from "../pdf";
import { BOOK, library, type Scenes } from "./stage";

export const LIBRARY: Scenes = {
  "library-empty": ({ screens: { library } }) => library.open(),

  "library-full": async (stage) => {
    await library(stage);
    await stage.screens.library.open();
    await expect(stage.screens.library.rows).toHaveCount(4);
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
    await expect(stage.screens.page.getByText("No title matches")).toBeVisible();
  },

  "not-found": async ({ guard, screens: { page } }) => {
    guard.expectStatus(404);
    await page.goto("/documents/nobodys");
  },

  trouble: {
    // A server of its own, because the scene breaks its database.
    settings: { COLDBREW_POLL_INTERVAL_MS: "200" },
    enter: async ({ guard, server, screens: { home, page } }) => {
      guard.expectStatus(500);
      guard.expectStatus(503);
      await home.submit(pdf(2, { title: BOOK }), { ai: false });
      server.sql("ALTER TABLE documents RENAME TO documents_away");
      await page.reload();
      await expect(page.getByRole("heading", { name: "Temporarily unavailable" })).toBeVisible();
    },
  },
};
