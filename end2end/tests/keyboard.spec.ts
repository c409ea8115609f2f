// The main journey by keyboard: Tab reaches each control, and its focus is visible.
import { writeFileSync } from "node:fs";
import type { Locator, Page } from "@playwright/test";
import { expect, test } from "../fixtures";
import { pdf, sentenceOf } from "../pdf";

const STOPS_MAX = 25;

async function tabTo(page: Page, control: Locator): Promise<void> {
  for (let stop = 0; stop < STOPS_MAX; stop++) {
    await page.keyboard.press("Tab");
    if (await control.evaluate((element) => element === document.activeElement)) return;
  }
  throw new Error(`not reached in ${STOPS_MAX} stops: ${control}`);
}

test("document_is_submitted_and_read_with_keyboard_alone", async ({ screens: { home, batch, library, reader, page } }, testInfo) => {
  const file = testInfo.outputPath("Keys.pdf");
  writeFileSync(file, pdf(6, { title: "Keys" }).buffer);
  await home.open();
  await page.keyboard.press("Tab");
  await expect(page.getByRole("link", { name: "Skip to content" })).toBeFocused();
  await page.keyboard.press("Enter");
  // Wait before the key press: Playwright reports a file dialog only to a listener that is there when it opens.
  const chooser = page.waitForEvent("filechooser");
  await tabTo(page, home.input);
  await page.keyboard.press("Enter");
  await (await chooser).setFiles(file);
  await expect(home.banner).toBeVisible();

  await tabTo(page, home.range);
  await page.keyboard.press("Control+A");
  await page.keyboard.type("2-3");
  await tabTo(page, home.batch);
  await page.keyboard.press("Space");
  await expect(home.batch).toBeChecked();
  await tabTo(page, home.go);
  await page.keyboard.press("Enter");
  await batch.redirectsToDocument();
  await expect(reader.pages).toHaveCount(2);

  await tabTo(page, page.getByRole("link", { name: "Library" }));
  await page.keyboard.press("Enter");
  await page.waitForURL("**/library");
  await tabTo(page, library.row("Keys").getByRole("link"));
  await page.keyboard.press("Enter");
  await expect(reader.pageNumbered(3)).toContainText(sentenceOf(3, 6));
});

test("every_stop_on_home_shows_its_focus", async ({ screens: { home, page } }) => {
  await home.open();
  await home.prepare(pdf(2));
  await page.evaluate(() => document.querySelector<HTMLElement>(".skip-link")!.focus());
  await page.keyboard.press("Shift+Tab");
  const stops = new Set<string>();
  for (let stop = 0; stop < STOPS_MAX; stop++) {
    await page.keyboard.press("Tab");
    const focused = await page.evaluate(() => {
      const element = document.activeElement;
      if (!element || element === document.body) return null;
      const { outlineStyle, outlineWidth } = getComputedStyle(element);
      return { name: element.outerHTML.slice(0, 120), seen: outlineStyle !== "none" && parseFloat(outlineWidth) >= 2 };
    });
    if (!focused) break;
    expect(focused).toMatchObject({ seen: true });
    stops.add(focused.name);
  }
  // Skip link, brand, three links, theme, discard, range, two switches, submit, API.
  expect(stops.size).toBe(12);
});
