// The server dies, its built-in stand-in for Gemini with it, and comes back: nothing is lost, and nothing is done twice.
import { expect, Screens, test } from "../fixtures";
import { pdf, sentenceOf } from "../pdf";

const BOOK = "The Surviving Book";

test.use({ settings: { COLDBREW_DEMO_PENDING_MS: "1500", COLDBREW_LEASE_MS: "3000" } });

for (const { moment, until } of [
  { moment: "right after the submission", until: undefined },
  { moment: "while Google has the batch", until: "PENDING" },
]) {
  test(`killed ${moment}, with the tab closed: the batch is there and finishes, once`, async ({ context, server, screens }) => {
    await screens.home.submit(pdf(8, { title: BOOK }), { batch: true });
    if (until) await screens.batch.reach(until);
    await screens.page.close();
    await server.restart();

    const { page, home, batch, reader, library } = new Screens(await context.newPage());
    await home.open();
    // Still in progress, or finished while this page was opened.
    await page.getByRole("main").getByRole("link", { name: BOOK }).click();
    await batch.leadsToDocument();
    await expect(reader.pageNumbered(8)).toContainText(sentenceOf(8, 8));
    await library.open();
    await expect(library.row(BOOK)).toHaveCount(1);
    await expect(library.rows).toHaveCount(1);
    await page.reload();
    await expect(library.rows).toHaveCount(1);
  });
}

test("killed while the page watches: it says so calmly, and leads to the document", async ({ guard, server, screens: { home, batch, reader } }) => {
  guard.expectOutage();
  await home.submit(pdf(8, { title: BOOK }), { batch: true });
  const submitted = await batch.words();
  await server.end("SIGKILL");
  await expect(home.toast).toContainText("Nothing is lost; this page goes on when it is back.");
  await expect(batch.status).toHaveText(submitted);
  await server.run();
  await batch.leadsToDocument();
  await expect(reader.pages).toHaveCount(8);
});
