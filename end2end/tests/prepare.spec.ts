// Uploads and the banner: what the document is, what it costs, and the choices.
import type { Page } from "@playwright/test";
import { expect, test } from "../fixtures";
import { hydrated } from "../pages/hydrated";
import { encryptedPdf, note, pdf, picture, sentenceOf } from "../pdf";

const TOOLTIP = "Save 50% on your quota. Results usually ready in minutes, but can take up to 24 hours.";
const PADDED = { title: "A heavy book", paddingBytes: 3_000_000 };

async function slowUplink(page: Page, bytesPerSecond: number): Promise<void> {
  const session = await page.context().newCDPSession(page);
  await session.send("Network.enable");
  const conditions = { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: bytesPerSecond };
  await session.send("Network.emulateNetworkConditions", conditions);
}

test("upload_shows_progress_then_banner", async ({ page, screens: { home } }) => {
  await home.open();
  await slowUplink(page, 2_000_000);
  await home.input.setInputFiles(pdf(352, PADDED));
  const bar = home.upload.getByRole("progressbar", { name: "Upload of A heavy book.pdf" });
  await expect(bar).toHaveAttribute("value", /^[1-9]\d*$/);
  await expect(home.upload.getByRole("status")).toHaveText(/^\d.* [kM]B of 3\.\d MB$/);
  await expect(home.banner.getByRole("heading", { name: "A heavy book" })).toBeVisible();
  await expect(home.banner.getByText(/^352 pages · 3\.\d MB$/)).toBeVisible();
  await expect(home.range).toHaveValue("1-352");
  await home.discard();
});

test("upload_is_cancelled", async ({ page, screens: { home } }) => {
  await home.open();
  await slowUplink(page, 100_000);
  await home.input.setInputFiles(pdf(1, PADDED));
  await home.upload.getByRole("button", { name: "Cancel" }).click();
  await expect(home.input).toBeAttached();
  await expect(home.error).toHaveCount(0);
});

test("file_chosen_before_hydration_is_uploaded", async ({ page, screens: { home } }) => {
  let load = () => {};
  const held = new Promise<void>((resolve) => (load = resolve));
  await page.route("**/*.wasm", async (route) => {
    await held;
    await route.continue();
  });
  await page.goto("/");
  await home.input.setInputFiles(pdf(3));
  load();
  await expect(home.banner).toBeVisible();
});

test("file_dropped_on_its_zone_is_uploaded", async ({ page, screens: { home } }) => {
  await home.open();
  const { name, mimeType, buffer } = pdf(2);
  const transfer = await page.evaluateHandle(
    ([name, type, base64]) => {
      const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
      const transfer = new DataTransfer();
      transfer.items.add(new File([bytes], name, { type }));
      return transfer;
    },
    [name, mimeType, buffer.toString("base64")] as const,
  );
  // What a browser does with a drop on a file input: it sets the files and fires `change`.
  await home.input.evaluate((input: HTMLInputElement, transfer) => {
    const drop = new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer: transfer });
    if (!input.dispatchEvent(drop)) return;
    input.files = transfer.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  }, transfer);
  await expect(home.banner).toBeVisible();
});

test("file_dropped_elsewhere_is_uploaded_and_page_stays", async ({ page, screens: { home } }) => {
  await home.open();
  const { name, mimeType, buffer } = pdf(2);
  const prevented = await page.evaluate(
    ([name, type, base64]) => {
      const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File([bytes], name, { type }));
      const send = (kind: string) =>
        !document.querySelector("footer")!.dispatchEvent(new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer }));
      return [send("dragover"), send("drop")];
    },
    [name, mimeType, buffer.toString("base64")] as const,
  );
  expect(prevented).toEqual([true, true]);
  await expect(home.banner).toBeVisible();
});

test("pasted_file_is_uploaded_and_pasted_link_fills_its_field", async ({ page, screens: { home } }) => {
  await home.open();
  const paste = (text: string, base64: string) =>
    page.evaluate(
      ([text, base64]) => {
        const clipboardData = new DataTransfer();
        if (text) clipboardData.setData("text", text);
        const bytes = Uint8Array.from(atob(base64!), (char) => char.charCodeAt(0));
        if (bytes.length) clipboardData.items.add(new File([bytes], "Pasted.pdf", { type: "application/pdf" }));
        document.body.dispatchEvent(new ClipboardEvent("paste", { bubbles: true, clipboardData }));
      },
      [text, base64],
    );
  await paste("https://example.org/book.pdf", "");
  await expect(home.address).toHaveValue("https://example.org/book.pdf");
  await expect(home.address).toBeFocused();
  await home.address.fill("");
  await paste("Not an address", "");
  await expect(home.address).toHaveValue("");
  await paste("", pdf(2, { title: "From the Clipboard" }).buffer.toString("base64"));
  await expect(home.banner.getByRole("heading", { name: "From the Clipboard" })).toBeVisible();
  await expect(home.banner).toBeFocused();
});

test("image_needs_ai_and_text_file_does_not", async ({ page, screens: { home, batch, reader } }) => {
  await home.open();
  await home.prepare(pdf(1));
  await home.ai.uncheck();
  await home.discard();
  // An image ignores that AI was turned off.
  await home.prepare(picture());
  await expect(home.ai).toBeChecked();
  await expect(home.ai).toBeDisabled();
  await expect(home.batch).toBeVisible();
  await expect(home.range).toHaveCount(0);
  await home.go.click();
  await batch.redirectsToDocument();

  await home.open();
  await home.prepare(note());
  await expect(home.ai).toHaveCount(0);
  await expect(home.price).toHaveText(/^Free · \S+ left$/);
  await home.go.click();
  await page.waitForURL("**/documents/*");
  await expect(reader.pages.first()).toContainText("Plums, cocoa, patience.");
});

test("several_files_are_submitted_one_after_the_other", async ({ page, guard, screens: { home } }) => {
  guard.expectStatus(422);
  await home.open();
  await home.prepare([pdf(2, { title: "First" }), encryptedPdf(), pdf(3, { title: "Last" })]);
  await home.ai.uncheck();
  await expect(page.getByText("2 more files are waiting.")).toBeVisible();
  await home.go.click();
  await expect(home.banner.getByRole("heading", { name: "Last" })).toBeVisible();
  await expect(home.error).toHaveText(/^Secret\.pdf: This PDF needs a password/);
  await expect(page.getByRole("region", { name: "Ready to read" })).toContainText("First");
  await home.go.click();
  await expect(home.input).toBeAttached();
  await expect(page.getByRole("region", { name: "Ready to read" })).toContainText("Last");
  await expect(page).toHaveURL("/");
});

test("batch_turns_on_above_100_pages_until_touched", async ({ screens: { home } }) => {
  await home.open();
  await home.prepare(pdf(100));
  await expect(home.batch).not.toBeChecked();
  await home.discard();

  await home.prepare(pdf(101));
  await expect(home.batch).toBeChecked();
  await home.range.fill("1-100");
  await expect(home.batch).not.toBeChecked();
  await home.range.fill("1-101");
  await expect(home.batch).toBeChecked();

  await home.batch.uncheck();
  await home.range.fill("1-50");
  await home.range.fill("1-101");
  await expect(home.batch).not.toBeChecked();
  await home.batch.check();
  await home.range.fill("1-3");
  await expect(home.batch).toBeChecked();

  await home.discard();
  await home.prepare(pdf(99));
  await expect(home.batch).not.toBeChecked();
});

test("batch_tooltip_shows_on_hover_and_focus", async ({ page, screens: { home } }) => {
  await home.open();
  await home.prepare(pdf(2));
  await expect(home.tooltip).toBeHidden();
  await expect(home.batch).toHaveAccessibleDescription(TOOLTIP);

  await home.batch.hover();
  await expect(home.tooltip).toBeVisible();
  await expect(home.tooltip).toHaveText(TOOLTIP);
  await home.price.hover();
  await expect(home.tooltip).toBeHidden();

  await home.ai.focus();
  await page.keyboard.press("Tab");
  await expect(home.batch).toBeFocused();
  await expect(home.tooltip).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(home.tooltip).toBeHidden();
});

test("price_line_has_both_prices_and_rest_of_quota", async ({ screens: { home } }) => {
  const prices = async () => {
    const [, now, batch] = /^≈ ([\d.]+)k tokens now · ≈ ([\d.]+)k as a batch · 20M left$/.exec(await home.price.innerText()) ?? [];
    return { now: Number(now), batch: Number(batch) };
  };
  await home.open();
  await home.prepare(pdf(40));
  await expect(home.price).toContainText("left");
  const all = await prices();
  expect(all.now).toBeGreaterThan(40);
  expect(Math.abs(all.now / 2 - all.batch)).toBeLessThanOrEqual(0.5);
  await home.range.fill("1-20");
  await expect(async () => expect((await prices()).now).toBe(all.batch)).toPass();
});

test("enter_in_page_range_submits_those_pages", async ({ page, screens: { home, reader } }) => {
  await home.open();
  await home.prepare(pdf(12));
  await home.ai.uncheck();
  await home.range.fill("2-3, 7");
  await expect(home.rangeNote).toContainText("3 of 12 pages");
  await home.range.press("Enter");
  await page.waitForURL("**/documents/*");
  await expect(reader.pages).toHaveCount(3);
  await expect(reader.pageNumbered(7)).toContainText(sentenceOf(7, 12));
});

test("double_click_submits_once", async ({ page, screens: { home, library } }) => {
  await home.open();
  await home.prepare(pdf(2));
  await home.ai.uncheck();
  await home.go.dblclick();
  await page.waitForURL("**/documents/*");
  await library.open();
  await expect(library.rows).toHaveCount(1);
});

test("invalid_range_names_its_mistake", async ({ screens: { home } }) => {
  await home.open();
  await home.prepare(pdf(12));
  for (const [range, words] of [
    ["7-3", "“7-3” runs backwards. Write the lower page number first."],
    ["0", "There is no page 0. The last page is 12."],
    ["4, 13", "There is no page 13. The last page is 12."],
    ["one", "“one” is not a page or a range. Write pages like 1-10, 25, 30-50."],
    [",", "Select at least one page."],
  ] as const) {
    await home.range.fill(range);
    await expect(home.rangeNote).toContainText(words);
    await expect(home.range).toHaveAttribute("aria-invalid", "true");
    await expect(home.go).toBeDisabled();
    await expect(home.price).not.toContainText("≈");
  }
  await home.range.fill("1-12");
  await expect(home.range).not.toHaveAttribute("aria-invalid");
  await expect(home.go).toBeEnabled();
});

test("ai_switch_is_remembered_and_batch_needs_it", async ({ page, screens: { home } }) => {
  await home.open();
  await home.prepare(pdf(2));
  await expect(home.ai).toBeChecked();
  await expect(home.batch).toBeVisible();
  await home.ai.uncheck();
  await expect(home.batch).toHaveCount(0);

  await page.reload();
  await hydrated(page);
  await home.prepare(pdf(101));
  await expect(home.ai).not.toBeChecked();
  await expect(home.batch).toHaveCount(0);
  await home.ai.check();
  await expect(home.batch).toBeChecked();
});
