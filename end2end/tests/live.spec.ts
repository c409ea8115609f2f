// Live pages: by events, by polling without events, offline and back, and in hidden tabs.
import { expect, Screens, staged, test } from "../fixtures";
import { hydrated } from "../pages/hydrated";
import { pdf } from "../pdf";

const BOOK = "The Live Book";

staged("page_without_events_polls_and_finds_the_end", async ({ context, gemini, guard, screens: { home, batch } }) => {
  guard.expectOutage();
  await context.route("**/v1/events", (route) => route.abort("connectionreset"));
  await home.submit(pdf(2, { title: BOOK }), { batch: true });
  await batch.reach("PENDING");
  await gemini.finishBatches();
  await batch.redirectsToDocument();
});

staged("page_offline_says_so_and_catches_up", async ({ context, gemini, guard, screens: { home, batch } }) => {
  guard.expectOutage();
  await home.submit(pdf(2, { title: BOOK }), { batch: true });
  await batch.reach("PENDING");
  const submitted = await batch.words();
  const away = home.toast.getByText("No connection");
  await context.setOffline(true);
  await expect(away).toBeVisible();
  await expect(batch.status).toHaveText(submitted);
  await context.setOffline(false);
  await expect(away).toBeHidden();
  await gemini.finishBatches();
  await batch.redirectsToDocument();
});

test("lost_network_is_noticed_while_event_stream_looks_open", async ({ screens: { home, library, page } }) => {
  await home.submit(pdf(1, { title: BOOK }), { ai: false });
  await library.open();
  await hydrated(page);
  await page.evaluate(() => {
    window.fetch = () => Promise.reject(new TypeError("offline"));
    window.dispatchEvent(new Event("offline"));
  });
  await expect(home.toast).toContainText("No connection");
});

staged("hanging_server_is_reported_as_lost_connection", async ({ gemini, guard, server, screens: { home, batch, page } }) => {
  guard.expectOutage();
  await home.submit(pdf(2, { title: BOOK }), { batch: true });
  await batch.reach("PENDING");
  await hydrated(page);
  const away = home.toast.getByText("No connection");
  server.freeze();
  // Poll now instead of waiting for the timer.
  await page.evaluate(() => window.dispatchEvent(new Event("online")));
  await expect(away).toBeVisible({ timeout: 45_000 });
  server.thaw();
  await expect(away).toBeHidden();
  await gemini.finishBatches();
  await batch.redirectsToDocument();
});

staged("tab_icon_and_title_show_the_status", async ({ gemini, screens: { home, batch, page } }) => {
  const icon = page.locator("link[rel=icon]");
  await gemini.refuse();
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

staged("focused_switch_stays_set_when_page_updates", async ({ gemini, screens: { home, batch, page } }) => {
  await gemini.arm("generate_unavailable", { skip: 3 });
  await home.submit(pdf(12, { title: BOOK }));
  const hold = page.getByLabel("Stop the animation");
  await hold.check();
  await expect(batch.status).toContainText("3 of 12 pages read");
  await expect(hold).toBeChecked();
  await expect(hold).toBeFocused();
});

test("new_document_appears_in_other_tabs_of_same_account_only", async ({ context, visitor, screens: { library } }) => {
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
