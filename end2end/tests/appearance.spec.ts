// Every screen on phone and desktop, light and dark: axe finds no violation, and nothing overflows.
import AxeBuilder from "@axe-core/playwright";
import type { Page } from "@playwright/test";
import { expect, staged, test } from "../fixtures";
import { pdf } from "../pdf";
import { eachScene, type Look, LOOKS, lookAt } from "../scenes";

/** The rules for dark mode, which differs from light mode only in colours. */
const COLOUR_RULES = ["color-contrast", "link-in-text-block"];

async function checkLook(page: Page, { light }: Look): Promise<void> {
  const axe = new AxeBuilder({ page }).setLegacyMode();
  const { violations } = await (
    light === "dark" ? axe.withRules(COLOUR_RULES) : axe.options({ rules: { "target-size": { enabled: true } } })
  ).analyze();
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`)).toEqual([]);
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  expect(overflow, "pixels of horizontal overflow").toBe(0);
}

eachScene(
  (name) => `${name}_is_accessible_and_fits`,
  (page, _, look) => checkLook(page, look),
);

test("demo_mode_is_announced_accessibly", async ({ screens: { home, page } }) => {
  await home.open();
  await expect(page.getByText("Demo mode: no Gemini key, pages are read by a local stand-in")).toBeVisible();
  for (const look of LOOKS) {
    await lookAt(page, look);
    await checkLook(page, look);
  }
});

test("home_without_script_says_what_needs_it", async ({ context, visitor, screens: { home } }) => {
  await home.submit(pdf(2, { title: "Plainly" }), { ai: false });
  const scriptless = await visitor({ javaScriptEnabled: false, storageState: await context.storageState() });
  const plain = await scriptless.newPage();
  await plain.goto("/");
  await expect(plain.locator("noscript p")).toHaveText("JavaScript is needed to add a document. Reading works without it.");
  await expect(plain.locator("noscript p")).toBeVisible();
  await plain.getByRole("link", { name: "Plainly" }).click();
  await expect(plain.getByTestId("document-page")).toHaveCount(2);
  await plain.goto("/account");
  await expect(plain.getByRole("heading", { name: "Quota" })).toBeVisible();
});

test("page_whose_script_fails_says_so_and_can_be_read", async ({ context, guard, screens: { page } }) => {
  guard.expectOutage();
  guard.expectFailure(/Failed to fetch/);
  await context.route("**/*.wasm", (route) => route.abort("connectionreset"));
  await page.goto("/");
  await expect(page.getByRole("status").getByText("Part of this page failed to load, so it is read-only.")).toBeVisible();
  await expect(page.getByRole("heading", { name: "Read big PDFs like good books." })).toBeVisible();
});

test("three_ways_are_shown_only_to_account_without_documents", async ({ screens: { home, page } }) => {
  await home.open();
  await expect(page.getByRole("heading", { name: "Three ways to read a document" })).toBeVisible();
  await home.submit(pdf(1), { ai: false });
  await home.open();
  await expect(page.getByRole("heading", { name: "Ready to read" })).toBeVisible();
  await expect(page.getByRole("heading", { name: "Three ways to read a document" })).toHaveCount(0);
});

staged("animations_stop_by_switch_and_by_reduced_motion", async ({ screens: { home, batch, page } }) => {
  const moving = () => page.evaluate(() => document.getAnimations().filter(({ playState }) => playState === "running").length);
  await page.emulateMedia({ reducedMotion: "no-preference" });
  await home.submit(pdf(2), { batch: true });
  await expect(batch.status).toBeVisible();
  expect(await moving()).toBeGreaterThan(0);
  await page.getByLabel("Stop the animation").check();
  expect(await moving()).toBe(0);
  await page.getByLabel("Stop the animation").uncheck();
  await page.emulateMedia({ reducedMotion: "reduce" });
  expect(await moving()).toBe(0);
});

test("theme_chosen_is_kept_and_rendered_by_server", async ({ screens: { home, library, page } }) => {
  const html = page.locator("html");
  const choose = async (name: string) => {
    await page.getByLabel("Theme").click();
    await page.getByRole("button", { name, exact: true }).click();
    await expect(page.getByRole("button", { name, exact: true })).toBeHidden();
  };
  const paper = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  await page.emulateMedia({ colorScheme: "light" });
  await home.open();
  const day = await paper();
  await choose("Dark");
  await expect(html).toHaveAttribute("data-theme", "dark");
  const night = await paper();
  expect(night).not.toBe(day);
  expect(await (await page.goto("/account"))?.text()).toMatch(/<html[^>]* data-theme="dark"/);
  expect(await paper()).toBe(night);

  await library.open();
  await choose("Light");
  expect(await (await page.reload())?.text()).toMatch(/<html[^>]* data-theme="light"/);
  await library.open();
  await choose("System");
  await expect(html).not.toHaveAttribute("data-theme");
  await page.emulateMedia({ colorScheme: "dark" });
  expect(await paper()).toBe(night);
  expect(await (await page.reload())?.text()).not.toMatch(/<html[^>]* data-theme/);
});
