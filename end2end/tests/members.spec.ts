// Guests become members and keep their documents. Members find them in every browser. A deleted account leaves nothing.
import { randomUUID } from "node:crypto";
import { expect, Screens, staged, test } from "../fixtures";
import { hydrated } from "../pages/hydrated";
import { pdf } from "../pdf";

const PASSWORD = "a quiet afternoon";
/** A new address for each test, because tests share a server. */
const address = () => `reader-${randomUUID()}@example.org`;

staged("guest_who_signs_up_keeps_running_batch_in_every_browser", async ({ gemini, guard, visitor, screens }) => {
  guard.expectStatus(401);
  const email = address();
  await screens.home.submit(pdf(2, { title: "Taken Along" }), { batch: true });
  const job = screens.page.url();
  await screens.batch.reach("PENDING");
  await screens.account.open();
  await screens.account.enter("Sign up", email, PASSWORD);
  await screens.library.open();
  await expect(screens.library.row("Taken Along")).toContainText("Waiting at Google");

  const elsewhere = new Screens(await (await visitor()).newPage());
  await elsewhere.account.open();
  await elsewhere.account.send("Sign in", email, "a loud afternoon");
  await expect(elsewhere.account.error).toBeVisible();
  await elsewhere.account.enter("Sign in", email, PASSWORD);
  await elsewhere.page.goto(job);
  await expect(elsewhere.batch.status).toHaveText(/^Batch submitted at/);
  await gemini.finishBatches();
  await elsewhere.batch.redirectsToDocument();
  await expect(screens.library.row("Taken Along")).toContainText("Ready");

  // One browser ends all sessions, so the other is signed out.
  await hydrated(elsewhere.page);
  await screens.account.open();
  await screens.account.signOutEverywhere.click();
  await expect(screens.account.signUp).toBeVisible();
  await elsewhere.library.open();
  await expect(elsewhere.page.getByText("The shelf is still empty")).toBeVisible();
});

test("guest_who_signs_in_brings_chosen_documents_along", async ({ visitor, screens: { home, account, library, page } }) => {
  const email = address();
  const elsewhere = new Screens(await (await visitor()).newPage());
  await elsewhere.account.open();
  await elsewhere.account.enter("Sign up", email, PASSWORD);

  await home.submit(pdf(1, { title: "Brought Along" }), { ai: false });
  const document = page.url();
  await account.open();
  await page.getByRole("radio", { name: "Sign in" }).check();
  await expect(account.bring).not.toBeChecked();
  await expect(page.getByText("“Brought Along”.")).toBeVisible();
  await account.bring.check();
  await account.enter("Sign in", email, PASSWORD);
  await library.open();
  await expect(library.row("Brought Along")).toBeVisible();
  expect((await page.goto(document))?.status()).toBe(200);
  await elsewhere.library.open();
  await expect(elsewhere.library.row("Brought Along")).toBeVisible();
});

test("session_ended_in_the_list_signs_the_other_browser_out", async ({ visitor, screens: { account } }) => {
  const email = address();
  await account.open();
  await account.enter("Sign up", email, PASSWORD);
  const elsewhere = new Screens(await (await visitor()).newPage());
  await elsewhere.account.open();
  await elsewhere.account.enter("Sign in", email, PASSWORD);

  await account.open();
  await expect(account.session("This browser")).toHaveCount(1);
  const other = account.session("Signed in").filter({ has: account.page.getByTestId("end-session") });
  await expect(other).toHaveCount(1);
  await other.getByTestId("end-session").click();
  await expect(other).toHaveCount(0);
  await elsewhere.account.open();
  await expect(elsewhere.account.signUp).toBeVisible();
});

test("account_page_follows_sign_in_of_another_tab", async ({ context, guard, screens: { account, page } }) => {
  guard.expectStatus(401);
  const [first, second] = [address(), address()];
  await account.open();
  await account.enter("Sign up", first, PASSWORD);
  const other = new Screens(await context.newPage());
  await other.account.open();
  await other.account.signOut.click();
  await other.account.enter("Sign up", second, PASSWORD);
  await page.bringToFront();
  await page.evaluate(() => window.dispatchEvent(new Event("online")));
  await expect(account.who).toHaveText(second);
  await expect(page.getByText(`Permanently deletes ${second}`)).toBeVisible();
});

test("sign_out_leaves_no_document_readable", async ({ guard, screens: { home, account, library, page } }) => {
  guard.expectStatus(404);
  await home.submit(pdf(1, { title: "Private" }), { ai: false });
  const document = page.url();
  await account.open();
  await account.enter("Sign up", address(), PASSWORD);
  await account.signOut.click();
  await expect(account.signUp).toBeVisible();
  await library.open();
  await expect(page.getByText("The shelf is still empty")).toBeVisible();
  expect((await page.goto(document))?.status()).toBe(404);
});

test("taken_address_and_short_password_are_refused", async ({ guard, visitor, screens: { account } }) => {
  guard.expectStatus(409);
  const email = address();
  await account.open();
  await account.send("Sign up", email, "short");
  expect(await account.password.evaluate((field: HTMLInputElement) => field.validity.tooShort)).toBe(true);
  await account.enter("Sign up", email, PASSWORD);

  const other = new Screens(await (await visitor()).newPage());
  await other.account.open();
  await other.account.send("Sign up", email, PASSWORD);
  await expect(other.account.error).toHaveAttribute("data-code", "email_taken");
  await expect(other.account.error).not.toBeEmpty();
  await expect(other.account.email).toHaveValue(email);
});

test("token_is_shown_once_opens_api_and_is_revoked", async ({ context, request, screens: { home, account, page } }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await home.submit(pdf(1), { ai: false });
  await account.open();
  const token = await account.createToken("Backup script");
  await page.getByRole("button", { name: "Copy" }).click();
  await expect(account.toast).toContainText("Copied.");
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(token);
  const ask = () => request.get("/v1/documents", { headers: { authorization: `Bearer ${token}` } });
  expect((await (await ask()).json()).documents).toHaveLength(1);
  await expect(account.token("Backup script")).toBeVisible();

  await account.open();
  await expect(account.newToken).toBeHidden();
  expect(await page.content()).not.toContain(token);
  await account.revoke("Backup script", "Keep it");
  expect((await ask()).status()).toBe(200);
  await account.revoke("Backup script", "Revoke it");
  await expect(account.token("Backup script")).toHaveCount(0);
  expect((await ask()).status()).toBe(401);
});

test("account_deleted_after_confirmation_loses_everything", async ({ guard, screens: { home, account, page } }) => {
  guard.expectStatus(404);
  guard.expectStatus(401);
  const email = address();
  await home.submit(pdf(1), { ai: false });
  const document = page.url();
  await account.open();
  await account.enter("Sign up", email, PASSWORD);
  await account.deleteAccount("Keep it");
  await expect(account.who).toHaveText(email);
  await account.deleteAccount("Delete everything", PASSWORD);
  await expect(account.signUp).toBeVisible();
  expect((await page.goto(document))?.status()).toBe(404);
  await account.open();
  await account.send("Sign in", email, PASSWORD);
  await expect(account.error).toBeVisible();
});

staged("account_page_updates_itself", async ({ context, gemini, screens: { account, page } }) => {
  const other = new Screens(await context.newPage());
  await other.home.submit(pdf(2, { title: "Charged" }), { batch: true });
  await account.open();
  expect(await account.figure("Reserved")).toBeGreaterThan(0);
  await page.bringToFront();
  await other.batch.reach("PENDING");
  await gemini.finishBatches();
  await expect(account.receipt("Charged")).toBeVisible();
  expect(await account.figure("Reserved")).toBe(0);
});
