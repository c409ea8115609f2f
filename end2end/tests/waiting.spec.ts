// Why a batch has to wait is said for as long as it does.
import { expect, staged } from "../fixtures";
import { pdf, sentenceOf } from "../pdf";

// A day, in a hurry.
const patience = { COLDBREW_PENDING_MAX_MS: "3000" };
const hurried = staged.extend({ settings: async ({ gemini }, use) => use({ ...gemini.settings, ...patience }) });

hurried("a batch that Google does not start is put back in line", async ({ gemini, screens: { home, batch, reader, page } }) => {
  await gemini.arm("stuck_pending", { times: 1 });
  await home.submit(pdf(2, { title: "The Patient Book" }), { batch: true });
  const submitted = await batch.words();
  await expect(batch.status).toContainText("Google hasn't started this batch yet. We've put it back in line.");
  await expect(batch.status).toContainText(submitted);
  await batch.reach("PENDING");
  await gemini.finishBatches();
  await batch.leadsToDocument();
  await expect(reader.pageNumbered(2)).toContainText(sentenceOf(2, 2));
  await expect(page.getByRole("note")).toHaveCount(0);
});

staged("what is in a batch's way is said until it is not", async ({ gemini, screens: { home, batch, library } }) => {
  const google = "Google can't be reached just now. We keep trying, and nothing is lost.";
  await gemini.arm("create_rate_limited", { amount: 1 });
  await home.submit(pdf(2, { title: "The Patient Book" }), { batch: true });
  await expect(batch.status).toContainText("Google has no room for this just now. We'll go on as soon as there is some.");
  const address = batch.page.url();
  await library.open();
  await expect(library.row("The Patient Book")).toContainText("Held up");
  await gemini.disarm();
  await gemini.arm("poll_unavailable");
  await batch.page.goto(address);
  await expect(batch.status).toContainText(google);
  await gemini.disarm();
  await expect(batch.status).not.toContainText(google);
  await gemini.finishBatches();
  await batch.leadsToDocument();
});
