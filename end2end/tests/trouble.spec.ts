// The server is there, but what it needs is not: pages say so, and are there again when it is.
import { expect, test } from "../fixtures";
import { pdf } from "../pdf";

// A server of this test's own: it is about to be hurt.
test.use({ settings: { COLDBREW_POLL_INTERVAL_MS: "200" } });

test("records that cannot be read are no documents that are gone", async ({ guard, server, screens: { home, library, reader, page } }) => {
  guard.expectStatus(500);
  guard.expectStatus(503);
  await home.submit(pdf(2, { title: "Out of Reach" }), { ai: false });
  const document = page.url();
  server.sql("ALTER TABLE documents RENAME TO documents_away");
  try {
    expect((await page.goto(document))?.status()).toBeGreaterThanOrEqual(500);
    await expect(page.getByRole("heading", { level: 1, name: "Not just now" })).toBeVisible();
    await expect(page.getByRole("alert")).not.toBeEmpty();
    await page.goto("/library");
    await expect(page.getByRole("alert")).not.toBeEmpty();
    await expect(page.getByText("The shelf is still empty")).toHaveCount(0);
  } finally {
    server.sql("ALTER TABLE documents_away RENAME TO documents");
  }
  await page.goto(document);
  await expect(reader.pages).toHaveCount(2);
  await library.open();
  await expect(library.row("Out of Reach")).toBeVisible();
});
