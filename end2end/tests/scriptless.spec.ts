// Without JavaScript, every form on existing documents and accounts works and returns to its page.
import { randomUUID } from "node:crypto";
import { expect, Screens, staged, test } from "../fixtures";
import { pdf } from "../pdf";

const PASSWORD = "a quiet afternoon";
const BOOK = "The Plain Book";

test("account_without_script_is_signed_up_out_in_and_deleted", async ({ visitor }) => {
  const email = `reader-${randomUUID()}@example.org`;
  const { account, page } = new Screens(await (await visitor({ javaScriptEnabled: false })).newPage());
  await page.goto("/account");
  await account.send("Sign up", email, PASSWORD);
  await expect(account.who).toHaveText(email);
  expect(page.url()).not.toContain(PASSWORD);

  await page.getByText("Change password").first().click();
  await page.getByLabel("Current password").fill("a loud afternoon");
  await page.getByLabel("New password").fill("another quiet afternoon");
  await page.getByRole("button", { name: "Change password" }).click();
  await expect(account.error).toHaveText("The current password is wrong.");
  await page.reload();
  await expect(account.error).toHaveCount(0);
  await page.getByText("Change password").first().click();
  await page.getByLabel("Current password").fill(PASSWORD);
  await page.getByLabel("New password").fill("another quiet afternoon");
  await page.getByRole("button", { name: "Change password" }).click();
  await expect(account.toast).toContainText("Your password was changed.");

  await account.signOut.click();
  await expect(account.signUp).toBeVisible();
  await account.send("Sign in", email, PASSWORD);
  await expect(account.error).toHaveAttribute("data-code", "unauthenticated");
  await account.send("Sign in", email, "another quiet afternoon");
  await expect(account.who).toHaveText(email);
  await account.signOutEverywhere.click();
  await expect(account.signUp).toBeVisible();
  await account.send("Sign in", email, "another quiet afternoon");

  await account.deleteAccount("Keep it");
  await expect(account.who).toHaveText(email);
  await account.deleteAccount("Delete everything", "another quiet afternoon");
  await expect(account.signUp).toBeVisible();
  await account.send("Sign in", email, "another quiet afternoon");
  await expect(account.error).toBeVisible();
});

test("document_without_script_is_deleted_after_asking", async ({ context, visitor, screens }) => {
  for (const title of ["Green Tea", "Red Tea"]) await screens.home.submit(pdf(1, { title }), { ai: false });
  const plain = await visitor({ javaScriptEnabled: false, storageState: await context.storageState() });
  const { library, page } = new Screens(await plain.newPage());
  await page.goto("/library?q=tea");
  await library.delete("Green Tea", "Keep it");
  await expect(library.row("Green Tea")).toBeVisible();
  await library.delete("Green Tea", "Delete it");
  await expect(page.locator(".toasts")).toContainText("The document was deleted.");
  await expect(library.rows.getByRole("link")).toHaveText(["Red Tea"]);
  await expect(page).toHaveURL(/\/library\?q=tea$/);
});

test("token_without_script_is_shown_once_and_revoked", async ({ context, request, visitor, screens }) => {
  await screens.home.submit(pdf(1), { ai: false });
  const plain = await visitor({ javaScriptEnabled: false, storageState: await context.storageState() });
  const { account, page } = new Screens(await plain.newPage());
  await page.goto("/account");
  const token = await account.createToken("Backup script");
  const ask = () => request.get("/v1/documents", { headers: { authorization: `Bearer ${token}` } });
  expect((await (await ask()).json()).documents).toHaveLength(1);
  await page.reload();
  await expect(account.newToken).toHaveCount(0);
  await account.revoke("Backup script", "Keep it");
  await account.revoke("Backup script", "Revoke it");
  await expect(account.toast).toContainText("The token was revoked.");
  await expect(account.token("Backup script")).toHaveCount(0);
  expect((await ask()).status()).toBe(401);
});

staged("failed_job_without_script_is_tried_again_and_dismissed", async ({ context, gemini, visitor, screens }) => {
  await gemini.refuse();
  await screens.home.submit(pdf(2, { title: BOOK }), { batch: true });
  await screens.batch.reach("PENDING");
  await gemini.finishBatches();
  await expect(screens.batch.tryAgain).toBeVisible();
  const plain = await visitor({ javaScriptEnabled: false, storageState: await context.storageState() });
  const { batch, home, page } = new Screens(await plain.newPage());
  await page.goto(screens.page.url());
  await batch.tryAgain.click();
  await expect(batch.status).toHaveText(/^Batch submitted at/);
  await batch.reach("PENDING");
  await gemini.finishBatches();
  await batch.reach("FAILED");

  await page.goto("/");
  await expect(home.failed).toContainText(BOOK);
  await page.getByRole("button", { name: `Remove ${BOOK} from the list` }).click();
  await expect(page).toHaveURL(/\/$/);
  await expect(home.failed).toHaveCount(0);
});

staged("failed_pages_without_script_are_retried", async ({ context, gemini, visitor, screens: { page: scripted, ...screens } }) => {
  await gemini.refuse(2);
  await screens.home.submit(pdf(2, { title: BOOK }), { batch: true });
  await screens.batch.reach("PENDING");
  await gemini.finishBatches();
  await screens.batch.redirectsToDocument();
  const plain = await visitor({ javaScriptEnabled: false, storageState: await context.storageState() });
  const { batch, page } = new Screens(await plain.newPage());
  await page.goto(scripted.url());
  await page.getByRole("button", { name: "Read failed pages again" }).click();
  await page.waitForURL(/\/batch\//);
  await expect(batch.status).toHaveText(/^Batch submitted at/);
});
