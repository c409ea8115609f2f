// Every screen for everyone: axe finds nothing and nothing overflows, on phone and desktop, in light and dark.
import AxeBuilder from "@axe-core/playwright";
import type { Page } from "@playwright/test";
import { expect, staged, test } from "../fixtures";
import { pdf } from "../pdf";
import { eachScene, type Look, LOOKS, lookAt } from "../scenes";

/** What may be good in the light and bad in the dark, which differ in colours only. */
const RULES_OF_COLOUR = ["color-contrast", "link-in-text-block"];

async function checkLook(page: Page, { light }: Look): Promise<void> {
  const axe = new AxeBuilder({ page }).setLegacyMode();
  const { violations } = await (
    light === "dark" ? axe.withRules(RULES_OF_COLOUR) : axe.options({ rules: { "target-size": { enabled: true } } })
  ).analyze();
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`)).toEqual([]);
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  expect(overflow, "pixels of horizontal overflow").toBe(0);
}

eachScene(
  (name) => `${name} is accessible and fits`,
  (page, _, look) => checkLook(page, look),
);

test("demo mode says so, accessibly", async ({ screens: { home, page } }) => {
  await home.open();
  await expect(page.getByText("Demo mode: no Gemini key, pages are read by a local stand-in")).toBeVisible();
  for (const look of LOOKS) {
    await lookAt(page, look);
    await checkLook(page, look);
  }
});

test("without script, Home says what it is needed for, and the rest can be read", async ({ context, visitor, screens: { home } }) => {
  await home.submit(pdf(2, { title: "Plainly" }), { ai: false });
  const scriptless = await visitor({ javaScriptEnabled: false, storageState: await context.storageState() });
  const plain = await scriptless.newPage();
  await plain.goto("/");
  await expect(plain.locator("noscript p")).toHaveText("To add a document, JavaScript is needed. Reading works without.");
  await expect(plain.locator("noscript p")).toBeVisible();
  await plain.getByRole("link", { name: "Plainly" }).click();
  await expect(plain.getByTestId("document-page")).toHaveCount(2);
  await plain.goto("/account");
  await expect(plain.getByRole("heading", { name: "Quota" })).toBeVisible();
});

test("a page whose script does not arrive says so, and can be read", async ({ context, guard, screens: { page } }) => {
  guard.expectOutage();
  guard.expectFailure(/Failed to fetch/);
  await context.route("**/*.wasm", (route) => route.abort("connectionreset"));
  await page.goto("/");
  await expect(page.getByRole("status").getByText("Part of this page failed to load, so it is read-only.")).toBeVisible();
  await expect(page.getByRole("heading", { name: "Let it brew. Read it well." })).toBeVisible();
});

test("who has nothing yet is told the three ways, and nobody else", async ({ screens: { home, page } }) => {
  await home.open();
  await expect(page.getByRole("heading", { name: "Three ways to have it" })).toBeVisible();
  await home.submit(pdf(1), { ai: false });
  await home.open();
  await expect(page.getByRole("heading", { name: "Ready to read" })).toBeVisible();
  await expect(page.getByRole("heading", { name: "Three ways to have it" })).toHaveCount(0);
});

staged("nothing moves where motion is reduced", async ({ screens: { home, batch, page } }) => {
  const moving = () => page.evaluate(() => document.getAnimations().filter(({ playState }) => playState === "running").length);
  await page.emulateMedia({ reducedMotion: "no-preference" });
  await home.submit(pdf(2), { batch: true });
  await expect(batch.status).toBeVisible();
  expect(await moving()).toBeGreaterThan(0);
  await page.getByLabel("Hold still").check();
  expect(await moving()).toBe(0);
  await page.getByLabel("Hold still").uncheck();
  await page.emulateMedia({ reducedMotion: "reduce" });
  expect(await moving()).toBe(0);
});

test("light or dark by hand is kept, and served so from the first byte, until the system decides again", async ({
  screens: { home, library, page },
}) => {
  const html = page.locator("html");
  const choose = async (name: string) => {
    await page.getByLabel("Light or dark").click();
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
  await choose("As the system");
  await expect(html).not.toHaveAttribute("data-theme");
  await page.emulateMedia({ colorScheme: "dark" });
  expect(await paper()).toBe(night);
  expect(await (await page.reload())?.text()).not.toMatch(/<html[^>]* data-theme/);
});
