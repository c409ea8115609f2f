import { expect, type Locator, type Page } from "@playwright/test";

/** `/batch/{content_hash}`: the page of a job. */
export class BatchPage {
  readonly title: Locator;
  readonly status: Locator;
  readonly tryAgain: Locator;
  readonly runInRealtime: Locator;

  constructor(readonly page: Page) {
    this.title = page.getByRole("heading", { level: 1 });
    this.status = page.getByTestId("batch-status");
    this.tryAgain = page.getByRole("button", { name: "Try again" });
    this.runInRealtime = page.getByRole("button", { name: "Run it in realtime instead" });
  }

  /** The API's status of this page's job. */
  async job(): Promise<{ status: string; submitted_at: string; document_id: string | null }> {
    const contentHash = new URL(this.page.url()).pathname.split("/").pop();
    const answer = await this.page.request.get(`/v1/documents/batch/${contentHash}/status`);
    expect(answer.status()).toBe(200);
    return answer.json();
  }

  /** The status line, once its time is in the viewer's time zone. */
  async words(): Promise<string> {
    await expect(this.status).not.toContainText("UTC");
    return this.status.innerText();
  }

  /** Waits until the job has this status. */
  async reach(status: string): Promise<void> {
    await expect.poll(async () => (await this.job()).status).toBe(status);
  }

  /** Waits until this page has redirected to the document. */
  async redirectsToDocument(): Promise<void> {
    await this.page.waitForURL(/\/documents\//);
  }
}
