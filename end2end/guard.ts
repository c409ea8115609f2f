// Fails a test whose pages complained: errors and warnings of the console (hydration and the content security policy speak there) and
// uncaught exceptions. What a test provokes on purpose it names beforehand.
import { type BrowserContext, expect } from "@playwright/test";

export class Guard {
  private readonly complaints: string[] = [];
  private readonly expected: RegExp[] = [];

  watch(context: BrowserContext): void {
    context.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) this.note(`${message.text()} (${message.location().url})`);
    });
    context.on("weberror", (error) => this.note(error.error().stack ?? error.error().message));
  }

  /** The browser will report answers with this status, and they are meant to be. */
  expectStatus(status: number): void {
    this.expected.push(new RegExp(`^Failed to load resource: the server responded with a status of ${status} `));
  }

  /** The server will be away for a while. */
  expectOutage(): void {
    this.expected.push(/^Failed to load resource: net::ERR_(CONNECTION|EMPTY|SOCKET|INCOMPLETE|NETWORK|INTERNET)/);
  }

  /** The page's own script will fail like this. */
  expectFailure(pattern: RegExp): void {
    this.expected.push(pattern);
  }

  check(): void {
    expect(this.complaints, "complaints of the pages").toEqual([]);
  }

  private note(complaint: string): void {
    if (!this.expected.some((pattern) => pattern.test(complaint))) this.complaints.push(complaint);
  }
}
