import { expect, type Locator, type Page } from "@playwright/test";
import { hydrated } from "./hydrated";

/** `/library`: every document and every active job. */
export class LibraryPage {
  readonly list: Locator;
  readonly rows: Locator;
  readonly search: Locator;

  constructor(readonly page: Page) {
    this.list = page.getByTestId("document-list");
    this.rows = this.list.getByRole("listitem");
    this.search = page.getByRole("searchbox", { name: "Search by title" });
  }

  async open(): Promise<void> {
    await this.page.goto("/library");
    await hydrated(this.page);
  }

  row(title: string): Locator {
    return this.rows.filter({ has: this.page.getByRole("link", { name: title, exact: true }) });
  }

  /** Clicks the row's bin and answers the dialog. */
  async delete(title: string, answer: "Keep it" | "Delete it"): Promise<void> {
    await this.page.getByRole("button", { name: `Delete ${title}` }).click();
    const question = this.page.getByRole("dialog", { name: "Delete this document?" });
    await expect(question).toContainText(title);
    await question.getByRole("button", { name: answer }).click();
    await expect(question).toBeHidden();
  }
}
