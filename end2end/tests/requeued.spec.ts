// Google leaves a batch waiting: it is put back in line, once, and the person sees that and nothing else of it.
import { expect, staged } from "../fixtures";
import { pdf, sentenceOf } from "../pdf";

// A day, in a hurry.
const patience = { COLDBREW_PENDING_MAX_MS: "3000" };
const test = staged.extend({ settings: async ({ gemini }, use) => use({ ...gemini.settings, ...patience }) });

test("a batch that Google does not start is put back in line", async ({ gemini, screens: { home, batch, reader, page } }) => {
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
