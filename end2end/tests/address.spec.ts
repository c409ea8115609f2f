// Import from a link. src/uploads/fetch/tests.rs tests the download itself. A test's server reaches no public address, so the API provides
// the file here.
import { expect, test } from "../fixtures";
import { pdf } from "../pdf";

test("link_imported_shows_banner", async ({ context, page, screens: { home } }) => {
  await context.route("**/api/import*", async (route) => {
    expect(route.request().postDataJSON()).toEqual({ url: "https://example.org/book.pdf" });
    const answer = await page.request.post("/v1/documents/prepare/upload", { multipart: { file: pdf(12, { title: "From Afar" }) } });
    await route.fulfill({ response: answer });
  });
  await home.open();
  await home.address.fill("https://example.org/book.pdf");
  await home.address.press("Enter");
  await expect(home.banner.getByRole("heading", { name: "From Afar" })).toBeVisible();
  await expect(home.range).toHaveValue("1-12");
});

test("link_to_private_address_is_refused_with_reason", async ({ guard, screens: { home } }) => {
  guard.expectStatus(422);
  await home.open();
  await home.address.fill("http://127.0.0.1/book.pdf");
  await home.address.press("Enter");
  await expect(home.error).toHaveAttribute("data-code", "url_not_allowed");
  await expect(home.error).toHaveText(/can be imported|cannot be imported/);
  await expect(home.input).toBeAttached();
});

test("text_that_is_no_link_is_not_sent", async ({ screens: { home } }) => {
  await home.open();
  await home.address.fill("book.pdf");
  await home.address.press("Enter");
  expect(await home.address.evaluate((field: HTMLInputElement) => field.validity.typeMismatch)).toBe(true);
  await expect(home.download).toHaveCount(0);
});

test("cancelled_import_ignores_late_answer", async ({ context, page, screens: { home } }) => {
  let answer = () => {};
  const late = new Promise<void>((resolve) => (answer = resolve));
  await context.route("**/api/import*", async (route) => {
    await late;
    await route.fulfill({ response: await page.request.post("/v1/documents/prepare/upload", { multipart: { file: pdf(1) } }) });
  });
  await home.open();
  await home.address.fill("https://example.org/slow.pdf");
  await home.address.press("Enter");
  await expect(home.download.getByRole("progressbar", { name: "Download of https://example.org/slow.pdf" })).toBeVisible();
  await home.download.getByRole("button", { name: "Cancel" }).click();
  await expect(home.input).toBeAttached();
  const answered = page.waitForResponse("**/api/import*");
  answer();
  await answered;
  await home.prepare(pdf(3, { title: "Chosen Instead" }));
  await expect(home.banner.getByRole("heading", { name: "Chosen Instead" })).toBeVisible();
});
