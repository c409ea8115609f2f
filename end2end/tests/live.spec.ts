// Pages that keep themselves current: by events, by asking where events do not come, offline and back, in tabs nobody looks at.
import { expect, Screens, staged, test } from "../fixtures";
import { awake } from "../pages/awake";
import { pdf } from "../pdf";

const BOOK = "The Watched Book";

staged("without events the page asks, and finds out all the same", async ({ context, gemini, guard, screens: { home, batch } }) => {
  guard.expectOutage();
  await context.route("**/v1/events", (route) => route.abort("connectionreset"));
  await home.submit(pdf(2, { title: BOOK }), { batch: true });
  await batch.reach("PENDING");
  await gemini.finishBatches();
  await batch.leadsToDocument();
});

staged("offline and back: the page says so, stays, and catches up", async ({ context, gemini, guard, screens: { home, batch } }) => {
  guard.expectOutage();
  await home.submit(pdf(2, { title: BOOK }), { batch: true });
  await batch.reach("PENDING");
  const submitted = await batch.words();
  const away = home.toast.getByText("The server is not answering");
  await context.setOffline(true);
  await expect(away).toBeVisible();
  await expect(batch.status).toHaveText(submitted);
  await context.setOffline(false);
  await expect(away).toBeHidden();
  await gemini.finishBatches();
  await batch.leadsToDocument();
});

test("a network that is gone is noticed though the stream of events is not, and nothing else happens", async ({
  screens: { home, library, page },
}) => {
  await home.submit(pdf(1, { title: BOOK }), { ai: false });
  await library.open();
  await awake(page);
  await page.evaluate(() => {
    window.fetch = () => Promise.reject(new TypeError("offline"));
    window.dispatchEvent(new Event("offline"));
  });
  await expect(home.toast).toContainText("The server is not answering");
});

staged("a server that hangs is one that is not answering", async ({ gemini, guard, server, screens: { home, batch, page } }) => {
  guard.expectOutage();
  await home.submit(pdf(2, { title: BOOK }), { batch: true });
  await batch.reach("PENDING");
  await awake(page);
  const away = home.toast.getByText("The server is not answering");
  server.freeze();
  // Not to wait for the next look.
  await page.evaluate(() => window.dispatchEvent(new Event("online")));
  await expect(away).toBeVisible({ timeout: 45_000 });
  server.thaw();
  await expect(away).toBeHidden();
  await gemini.finishBatches();
  await batch.leadsToDocument();
});

staged("the tab's icon and title tell the state, on Home too", async ({ gemini, screens: { home, batch, page } }) => {
  const icon = page.locator("link[rel=icon]");
  await gemini.arm("batch_fails", { times: 1 });
  await home.submit(pdf(2, { title: BOOK }), { batch: true });
  await expect(icon).toHaveAttribute("href", "/favicon-working.svg");
  await home.open();
  await expect(page).toHaveTitle("☕ 1 brewing · Coldbrew");
  await expect(icon).toHaveAttribute("href", "/favicon-working.svg");
  await home.inProgress.getByRole("link", { name: BOOK }).click();
  await batch.reach("PENDING");
  await gemini.finishBatches();
  await expect(page).toHaveTitle(`✗ Failed: ${BOOK} · Coldbrew`);
  await expect(icon).toHaveAttribute("href", "/favicon-failed.svg");
});

staged("what a person holds stays in their hands when the page changes under them", async ({ gemini, screens: { home, batch, page } }) => {
  await gemini.arm("generate_unavailable", { skip: 3 });
  await home.submit(pdf(12, { title: BOOK }));
  const hold = page.getByLabel("Hold still");
  await hold.check();
  await expect(batch.status).toContainText("3 of 12 pages read");
  await expect(hold).toBeChecked();
  await expect(hold).toBeFocused();
});

test("a document that appears in another tab appears here, and only its own person's", async ({ context, visitor, screens: { library } }) => {
  const other = new Screens(await context.newPage());
  await other.home.submit(pdf(1, { title: "Here" }), { ai: false });
  await library.open();
  await expect(library.rows).toHaveCount(1);
  const stranger = new Screens(await (await visitor()).newPage());
  await stranger.home.submit(pdf(1, { title: "Elsewhere" }), { ai: false });
  await other.home.submit(pdf(1, { title: "There" }), { ai: false });
  await expect(library.row("There")).toBeVisible();
  await other.library.open();
  await other.library.delete("Here", "Delete it");
  await expect(library.rows).toHaveCount(1);
});

test("form_with_a_field_named_id_is_patched_like_any_element", async ({ screens: { home, library, page } }) => {
  await home.submit(pdf(1, { title: BOOK }), { ai: false });
  await library.open();
  const words = page.locator("dialog form p");
  const before = await words.textContent();
  await words.evaluate((element) => (element.textContent = "of another time"));
  await page.evaluate(() => window.dispatchEvent(new Event("online")));
  await expect(words).toHaveText(before ?? "");
});
