import type { Locator, Page } from "@playwright/test";

/** `/documents/{id}`: a document to be read. */
export class ReaderPage {
  readonly title: Locator;
  readonly pages: Locator;
  readonly nextPages: Locator;
  readonly earlierPages: Locator;

  constructor(readonly page: Page) {
    this.title = page.getByRole("heading", { level: 1 }).first();
    this.pages = page.getByTestId("document-page");
    this.nextPages = page.getByRole("link", { name: "Next pages" });
    this.earlierPages = page.getByRole("link", { name: "Earlier pages" });
  }

  /** The page with that number in the file. */
  pageNumbered(number: number): Locator {
    return this.page.getByRole("region", { name: `Page ${number}`, exact: true });
  }
}
