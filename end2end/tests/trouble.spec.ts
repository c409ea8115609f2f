// The database fails: pages say that this is temporary, and work again afterwards.
import { expect, test } from "../fixtures";
import { pdf } from "../pdf";

// A server of its own, because the test breaks its database.
test.use({ settings: { COLDBREW_POLL_INTERVAL_MS: "200" } });

test("unreadable_database_is_reported_as_temporary", async ({ guard, server, screens: { home, library, reader, page } }) => {
  guard.expectStatus(500);
  guard.expectStatus(503);
  await home.submit(pdf(2, { title: "Out of Reach" }), { ai: false });
  const document = page.url();
  server.sql("ALTER TABLE documents RENAME TO documents_away");
  try {
    expect((await page.goto(document))?.status()).toBeGreaterThanOrEqual(500);
    await expect(page.getByRole("heading", { level: 1, name: "Temporarily unavailable" })).toBeVisible();
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
