import { expect, type Locator, type Page } from "@playwright/test";
import { hydrated } from "./hydrated";

/** `/documents/{id}`: a document to be read. */
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

  /** Shows this document at another place, as if the address had been typed. */
  async open(place: string): Promise<void> {
    const path = new URL(this.page.url()).pathname;
    // Another query, so that the browser does not only jump.
    await this.page.goto(`${path}?at=${Math.random()}${place}`);
    await hydrated(this.page);
  }

  /** The page with that number in the file. */
  pageNumbered(number: number): Locator {
    return this.page.getByRole("region", { name: `Page ${number}`, exact: true });
  }

  /** Links to pages that are not here, as long as no script brings them. */
  pagesFrom(number: number): Locator {
    return this.page.getByRole("link", { name: new RegExp(`^Pages ${number}–`) });
  }

  original(number: number): Locator {
    return this.pageNumbered(number).getByRole("img", { name: `Page ${number} as it was` });
  }

  async showOriginal(number: number): Promise<void> {
    await this.page.getByRole("link", { name: `Original of page ${number}`, exact: true }).click();
  }

  /** Waits until that page is what is being read. */
  async isAt(number: number): Promise<void> {
    await expect.poll(async () => Math.abs(await this.topOf(number))).toBeLessThan(120);
  }

  /** How far below the window's upper edge that page begins. */
  topOf(number: number): Promise<number> {
    return this.pageNumbered(number).evaluate((page) => page.getBoundingClientRect().top);
  }
}
