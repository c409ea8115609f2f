// Fails a test whose pages reported uncaught exceptions, or errors or warnings in the console. Hydration and the content security policy
// report there. A test names in advance what it provokes.
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

  /** Allows answers with this status, which the browser reports. */
  expectStatus(status: number): void {
    this.expected.push(new RegExp(`^Failed to load resource: the server responded with a status of ${status} `));
  }

  /** Allows failed connections. */
  expectOutage(): void {
    this.expected.push(/^Failed to load resource: net::ERR_(CONNECTION|EMPTY|SOCKET|INCOMPLETE|NETWORK|INTERNET)/);
  }

  /** Allows this error of the page's script. */
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
