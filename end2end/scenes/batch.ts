// The batch page in its states.
import { expect } from "../fixtures";
import { hydrated } from "../pages/hydrated";
import { pdf } from "../pdf";
import { BOOK, LONG_TITLE, type Scenes } from "./stage";

export const BATCH: Scenes = {
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
    await gemini.refuse();
    await home.submit(pdf(3, { title: BOOK }), { batch: true });
    await batch.reach("PENDING");
    await gemini.finishBatches();
    await expect(batch.tryAgain).toBeVisible();
  },

  "batch-server-away": async ({ guard, screens: { home, page } }) => {
    guard.expectOutage();
    await home.submit(pdf(3, { title: BOOK }), { batch: true });
    await hydrated(page);
    await page.context().route("**/*", (route) => route.abort("connectionrefused"));
    for (const _ of [1, 2]) await page.evaluate(() => window.dispatchEvent(new Event("online")));
    await expect(home.toast).toContainText("No connection");
  },

  "batch-held-up": async ({ gemini, screens: { home, batch } }) => {
    await home.submit(pdf(12, { title: BOOK }), { batch: true });
    await batch.reach("PENDING");
    await gemini.arm("poll_unavailable");
    await expect(batch.status).toContainText("Google can't be reached right now.");
  },

  "batch-read-by-calls": {
    settings: { COLDBREW_PENDING_MAX_MS: "3000" },
    enter: async ({ gemini, screens: { home, batch } }) => {
      await gemini.arm("stuck_pending", { times: 1 });
      await gemini.arm("flex_unavailable", { skip: 5 });
      await home.submit(pdf(12, { title: BOOK }), { batch: true });
      await expect(batch.status).toContainText("5 of 12 pages read");
    },
  },
};
