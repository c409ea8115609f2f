// The server is killed, with its built-in Gemini emulator, and starts again. No job is lost or run twice.
import { expect, Screens, test } from "../fixtures";
import { pdf, sentenceOf } from "../pdf";

const BOOK = "The Surviving Book";

test.use({ settings: { COLDBREW_DEMO_PENDING_MS: "1500", COLDBREW_LEASE_MS: "3000" } });

for (const { moment, until } of [
  { moment: "after_submission", until: undefined },
  { moment: "while_google_has_the_batch", until: "PENDING" },
]) {
  test(`server_killed_${moment}_finishes_batch_once`, async ({ context, server, screens }) => {
    await screens.home.submit(pdf(8, { title: BOOK }), { batch: true });
    if (until) await screens.batch.reach(until);
    await screens.page.close();
    await server.restart();

    const { page, home, batch, reader, library } = new Screens(await context.newPage());
    await home.open();
    // Active, or finished while this page was opened.
    await page.getByRole("main").getByRole("link", { name: BOOK }).click();
    await batch.redirectsToDocument();
    await expect(reader.pageNumbered(8)).toContainText(sentenceOf(8, 8));
    await library.open();
    await expect(library.row(BOOK)).toHaveCount(1);
    await expect(library.rows).toHaveCount(1);
    await page.reload();
    await expect(library.rows).toHaveCount(1);
  });
}

test("server_killed_while_page_is_open_is_reported_and_recovers", async ({ guard, server, screens: { home, batch, reader } }) => {
  guard.expectOutage();
  await home.submit(pdf(8, { title: BOOK }), { batch: true });
  const submitted = await batch.words();
  await server.end("SIGKILL");
  await expect(home.toast).toContainText("Nothing is lost; this page will continue by itself.");
  await expect(batch.status).toHaveText(submitted);
  await server.run();
  await batch.redirectsToDocument();
  await expect(reader.pages).toHaveCount(8);
});
