import { expect, type Locator, type Page } from "@playwright/test";
import { hydrated } from "./hydrated";

/** `/documents/{id}`: the reader. */
export class ReaderPage {
  readonly title: Locator;
  readonly pages: Locator;
  readonly outline: Locator;
  readonly here: Locator;
  readonly search: Locator;
  readonly hits: Locator;
  readonly marks: Locator;
  readonly lightbox: Locator;
  readonly meanwhile: Locator;

  constructor(readonly page: Page) {
    this.title = page.getByRole("heading", { level: 1 }).first();
    this.pages = page.getByTestId("document-page");
    this.outline = page.getByRole("navigation", { name: "Outline" });
    this.here = this.outline.locator("[aria-current]");
    this.search = page.getByRole("searchbox", { name: "Search in this document" });
    this.hits = page.getByRole("region", { name: "Search results" });
    this.marks = this.pages.locator("mark");
    this.lightbox = page.getByRole("dialog", { name: "Picture" });
    this.meanwhile = page.locator("#meanwhile");
  }

  /** Opens this document at another place, as if the address had been typed. */
  async open(place: string): Promise<void> {
    const path = new URL(this.page.url()).pathname;
    // A new query makes the browser load the page instead of only scrolling.
    await this.page.goto(`${path}?at=${Math.random()}${place}`);
    await hydrated(this.page);
  }

  /** The page with this number in the file. */
  pageNumbered(number: number): Locator {
    return this.page.getByRole("region", { name: `Page ${number}`, exact: true });
  }

  /** The link to a span of pages, as it is without script. */
  pagesFrom(number: number): Locator {
    return this.page.getByRole("link", { name: new RegExp(`^Pages ${number}–`) });
  }

  original(number: number): Locator {
    return this.pageNumbered(number).getByRole("img", { name: `Original of page ${number}` });
  }

  async showOriginal(number: number): Promise<void> {
    await this.page.getByRole("link", { name: `Original of page ${number}`, exact: true }).click();
  }

  /** Waits until this page is at the top of the window. */
  async isAt(number: number): Promise<void> {
    await expect.poll(async () => Math.abs(await this.topOf(number))).toBeLessThan(120);
  }

  /** The distance of this page from the top of the window, in pixels. */
  topOf(number: number): Promise<number> {
    return this.pageNumbered(number).evaluate((page) => page.getBoundingClientRect().top);
  }
}
