import { expect, type Locator, type Page } from "@playwright/test";
import type { Upload } from "../pdf";
import { hydrated } from "./hydrated";

/** `/`: the upload panel, the metadata banner and the lists of jobs and documents. */
export class HomePage {
  readonly input: Locator;
  readonly address: Locator;
  readonly upload: Locator;
  readonly download: Locator;
  readonly banner: Locator;
  readonly ai: Locator;
  readonly batch: Locator;
  readonly tooltip: Locator;
  readonly range: Locator;
  readonly rangeNote: Locator;
  readonly price: Locator;
  readonly notice: Locator;
  readonly go: Locator;
  readonly discardButton: Locator;
  readonly error: Locator;
  readonly inProgress: Locator;
  readonly failed: Locator;
  readonly toast: Locator;

  constructor(readonly page: Page) {
    this.input = page.getByTestId("file-input");
    this.address = page.getByTestId("url-input");
    this.upload = page.getByRole("region", { name: "Upload" });
    this.download = page.getByRole("region", { name: "Download" });
    this.banner = page.getByTestId("metadata-banner");
    this.ai = page.getByTestId("ai-toggle");
    this.batch = page.getByTestId("batch-toggle");
    this.tooltip = page.getByTestId("batch-tooltip");
    this.range = page.getByTestId("page-range");
    this.rangeNote = page.locator("#range-note");
    this.price = page.getByTestId("price-line");
    this.notice = this.banner.locator(".notice.warn");
    this.go = page.getByTestId("submit");
    this.discardButton = page.getByRole("button", { name: "Discard this document" });
    this.error = page.getByRole("main").getByRole("alert");
    this.inProgress = page.getByTestId("document-list");
    this.failed = page.getByRole("region", { name: "Failed" });
    this.toast = page.locator(".toasts");
  }

  async open(): Promise<void> {
    await this.page.goto("/");
    await hydrated(this.page);
  }

  async prepare(document: Upload | Upload[]): Promise<void> {
    await this.input.setInputFiles(document);
    await expect(this.banner).toBeVisible();
  }

  async discard(): Promise<void> {
    await this.discardButton.click();
    await expect(this.input).toBeAttached();
  }

  /** Opens Home, uploads a document and submits it. Ends on the page that the submission opens. */
  async submit(document: Upload, { ai = true, batch = false, pages = "" } = {}): Promise<void> {
    await this.open();
    await this.prepare(document);
    await this.ai.setChecked(ai);
    if (ai) await this.batch.setChecked(batch);
    if (pages) await this.range.fill(pages);
    await this.go.click();
    await this.page.waitForURL(/\/(batch|documents)\//);
  }
}
