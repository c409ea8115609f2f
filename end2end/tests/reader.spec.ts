// The reader with a big document: pages load when they are needed, and without script by links.
import { expect, Screens, test } from "../fixtures";
import { hydrated } from "../pages/hydrated";
import { pdf, sentenceOf } from "../pdf";

const PAGES = 320;

test.beforeEach(async ({ screens: { home, page } }) => {
  await home.submit(pdf(PAGES), { ai: false });
  await page.waitForURL(/\/documents\//);
  await hydrated(page);
});

test("end_and_start_are_one_key_away_and_pages_load_when_near", async ({ screens: { reader, page } }) => {
  await expect(reader.pageNumbered(20)).toBeAttached();
  expect(await reader.pages.count()).toBeLessThan(PAGES / 2);
  await expect(async () => {
    // The end moves while pages load, so press again.
    await page.keyboard.press("End");
    await expect(reader.pageNumbered(PAGES)).toBeInViewport({ timeout: 2_000 });
  }).toPass();
  await expect(reader.pageNumbered(PAGES)).toContainText(sentenceOf(PAGES, PAGES));
  expect(await reader.pages.count()).toBeLessThan(PAGES / 2);
  await expect(async () => {
    // A page that loads meanwhile ends the scrolling, so press again.
    await page.keyboard.press("Home");
    await expect(reader.title).toBeInViewport({ timeout: 2_000 });
  }).toPass();
});

test("tall_window_is_filled_without_scrolling", async ({ screens: { reader, page } }) => {
  await page.setViewportSize({ width: 1280, height: 6_500 });
  await expect(reader.pageNumbered(30)).toContainText(sentenceOf(30, PAGES));
});

test("page_address_works_typed_and_after_reload", async ({ screens: { reader, page } }) => {
  await reader.open("#page-212");
  await reader.isAt(212);
  await expect(page).toHaveURL(/page=212#page-212$/);
  await page.reload();
  await reader.isAt(212);
  await page.goto(`${page.url().split("#")[0]}#page-100`);
  await reader.isAt(100);
});

test("pages_loaded_above_keep_reading_position", async ({ screens: { reader, page } }) => {
  await reader.open("&page=161#page-161");
  await reader.isAt(161);
  const before = await reader.topOf(161);
  await expect(reader.pageNumbered(141)).toBeAttached();
  expect(Math.abs((await reader.topOf(161)) - before)).toBeLessThan(4);
  await page.mouse.move(640, 360);
  for (let turn = 0; turn < 12; turn++) {
    await page.mouse.wheel(0, -400);
    await page.evaluate(() => new Promise(requestAnimationFrame));
  }
  await expect(page).toHaveURL(/page=1[0-5]\d#page-1[0-5]\d$/);
  // The address follows each pause in scrolling. On a busy machine there are pauses in between.
  await expect(async () => {
    const here = Number(new URL(page.url()).searchParams.get("page"));
    await expect(reader.pageNumbered(here)).toContainText(sentenceOf(here, PAGES), { timeout: 500 });
    await expect(reader.pageNumbered(here)).toBeInViewport({ timeout: 500 });
  }).toPass({ timeout: 15_000 });
});

test("requested_page_is_shown_on_slow_device", async ({ screens: { reader, page } }) => {
  const device = await page.context().newCDPSession(page);
  await device.send("Emulation.setCPUThrottlingRate", { rate: 4 });
  await reader.open("&page=161#page-161");
  await expect(reader.pageNumbered(141)).toBeAttached();
  await reader.isAt(161);
  await expect(page).toHaveURL(/page=161#page-161$/);
});

test("outline_opens_headings_and_marks_current_one", async ({ screens: { reader, page } }) => {
  await reader.outline.getByRole("link", { name: "Chapter 250" }).click();
  await reader.isAt(250);
  await expect(reader.here).toContainText("Chapter 250");
  await expect(reader.here).toBeInViewport();
  await page.goBack();
  await expect(reader.title).toBeInViewport();
  await page.goForward();
  await reader.isAt(250);
});

test("reference_in_text_has_a_card_and_leads_to_its_place", async ({ screens: { home, reader, page } }) => {
  const text = "# 1 Cups\n\nSee Section 2 and Figure 4.\n\n# 2 Pots\n\nA pot holds four cups.\n\nFigure 4: A pot.\n";
  await home.open();
  await home.prepare({ name: "Cups.md", mimeType: "text/markdown", buffer: Buffer.from(text) });
  await home.go.click();
  await page.waitForURL(/\/documents\//);
  await hydrated(page);
  const reference = reader.pages.getByRole("link", { name: "Section 2" });
  await reference.focus();
  await expect(page.getByRole("tooltip")).toContainText("A pot holds four cups.");
  await expect(reference).toHaveAccessibleDescription(/A pot holds four cups/);
  await page.keyboard.press("Escape");
  await expect(page.getByRole("tooltip")).toHaveCount(0);
  await reference.click();
  await expect(page).toHaveURL(/page=1#page-1-2$/);
  await page.goBack();
  await expect(page).toHaveURL(/#page-1-reference-0$/);
  await expect(reader.pages.getByRole("link", { name: "Figure 4" })).toHaveAttribute("href", "?page=1#page-1-figure-4");
});

test("outline_on_phone_closes_after_choice", async ({ screens: { reader, page } }) => {
  await page.setViewportSize({ width: 375, height: 812 });
  const entry = reader.outline.getByRole("link", { name: "Chapter 90" });
  await expect(entry).toBeHidden();
  await reader.outline.getByText("Outline").click();
  await entry.click();
  await expect(entry).toBeHidden();
  await reader.isAt(90);
});

test("search_lists_hits_of_all_pages_and_marks_them", async ({ screens: { reader, page } }) => {
  await reader.search.fill("this is PAGE 31");
  await expect(reader.hits).toContainText("Found 11 times, on 11 pages");
  await reader.hits.getByRole("link").last().click();
  await expect(reader.marks.last()).toBeInViewport();
  await expect(reader.pageNumbered(319).locator("mark").first()).toHaveText("This is page 31");
  expect(new URL(page.url()).searchParams.get("q")).toBe("this is PAGE 31");
  await page.reload();
  await expect(reader.hits).toContainText("Found 11 times");
  await reader.search.fill("nowhere in it");
  await expect(reader.hits).toContainText("Nothing found");
  await expect(reader.marks).toHaveCount(0);
  await reader.search.fill("");
  await expect(reader.hits).toBeHidden();
});

test("originals_are_shown_beside_text", async ({ screens: { reader, page } }) => {
  await expect(reader.original(2)).toHaveCount(0);
  await reader.showOriginal(2);
  const shown = (number: number) => reader.original(number).evaluate((image: HTMLImageElement) => image.naturalWidth);
  await expect.poll(() => shown(2)).toBe(1_200);
  const [text, picture] = await Promise.all([reader.pageNumbered(2).locator(".prose").boundingBox(), reader.original(2).boundingBox()]);
  expect(picture!.x).toBeGreaterThan(text!.x + text!.width);
  await expect(reader.original(3)).toHaveCount(0);
  await reader.showOriginal(2);
  await expect(reader.original(2)).toHaveCount(0);

  await reader.open("&page=100#page-100");
  await reader.isAt(100);
  await page.getByRole("link", { name: "Show original pages" }).evaluate((link: HTMLElement) => link.click());
  await page.waitForURL(/original=all/);
  await reader.isAt(100);
  await expect.poll(() => shown(100)).toBe(1_200);
  await expect(page.getByRole("link", { name: "Hide original pages" })).toBeAttached();
});

test("picture_is_enlarged_and_closed_by_keyboard", async ({ screens: { reader, page } }) => {
  await reader.showOriginal(1);
  await reader.showOriginal(2);
  const link = page.getByRole("link", { name: "Enlarge the original of page 1" });
  await link.focus();
  await page.keyboard.press("Enter");
  await expect(reader.lightbox).toBeVisible();
  const picture = reader.lightbox.getByRole("img");
  await expect(picture).toHaveAttribute("src", /pages\/0\/original$/);
  await page.keyboard.press("ArrowRight");
  await expect(picture).toHaveAttribute("src", /pages\/1\/original$/);
  await expect(reader.lightbox.getByRole("button", { name: "Next" })).toBeDisabled();
  await page.keyboard.press("ArrowLeft");
  await expect(picture).toHaveAttribute("src", /pages\/0\/original$/);
  await page.keyboard.press("Escape");
  await expect(reader.lightbox).toBeHidden();
  await expect(link).toBeFocused();
});

test("document_downloads_in_three_formats", async ({ screens: { page } }) => {
  for (const [words, name] of [
    ["Markdown", "md"],
    ["Web page", "html"],
    ["Archive", "zip"],
  ] as const) {
    await page.getByText("Download", { exact: true }).click();
    const download = page.waitForEvent("download");
    await page.getByRole("link", { name: new RegExp(`^${words}`) }).click();
    const file = await download;
    expect(file.suggestedFilename()).toBe(`Book of ${PAGES}.${name}`);
    expect(await file.failure()).toBeNull();
  }
});

test("exported_web_page_opens_offline", async ({ visitor, screens: { reader, page } }, testInfo) => {
  const id = new URL(page.url()).pathname.split("/").pop();
  const answer = await page.request.get(`/v1/documents/${id}/export?format=html`);
  const path = testInfo.outputPath("book.html");
  const { writeFileSync } = await import("node:fs");
  writeFileSync(path, await answer.body());
  const offline = await (await visitor({ offline: true })).newPage();
  await offline.goto(`file://${path}`);
  await expect(offline.getByText(sentenceOf(PAGES, PAGES))).toBeAttached();
  // The page's own policy allows its style.
  await expect(offline.locator("body")).toHaveCSS("background-color", /rgb\((246, 239, 227|26, 20, 16)\)/);
  await expect(reader.title).toBeVisible();
});

test("library_reader_search_and_originals_work_without_script", async ({ context, visitor, screens: { page } }) => {
  const title = `Book of ${PAGES}`;
  const scriptless = await visitor({ javaScriptEnabled: false, storageState: await context.storageState() });
  const { library, reader, page: plain } = new Screens(await scriptless.newPage());
  await plain.goto("/library");
  await library.row(title).getByRole("link").click();
  await expect(plain).toHaveURL(new RegExp(new URL(page.url()).pathname));
  await expect(reader.pageNumbered(20)).toContainText(sentenceOf(20, PAGES));
  await reader.pagesFrom(21).click();
  await expect(reader.pages.first()).toContainText(sentenceOf(21, PAGES));
  await reader.search.fill("page 299");
  await reader.search.press("Enter");
  await reader.hits.getByRole("link").click();
  await expect(reader.marks).toHaveText(["page 299"]);
  await expect(reader.pageNumbered(299)).toBeInViewport();
  await reader.showOriginal(299);
  await expect.poll(() => reader.original(299).evaluate((image: HTMLImageElement) => image.naturalWidth)).toBe(1_200);
});
