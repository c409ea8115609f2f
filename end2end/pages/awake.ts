// A page can be read before its script runs; what reacts on it does so a moment later. Tests that click wait for that moment.
import type { BrowserContext, Page } from "@playwright/test";

declare global {
  interface Window {
    coldbrewAwake?: true;
  }
}

/** Marks pages of this context as awake once their WebAssembly is there and has taken hold of them. */
export async function noteAwakening(context: BrowserContext): Promise<void> {
  await context.addInitScript(() => {
    const instantiate = WebAssembly.instantiateStreaming;
    WebAssembly.instantiateStreaming = async (...input) => {
      const instance = await instantiate(...input);
      // Hydration follows in the same task.
      setTimeout(() => (window.coldbrewAwake = true));
      return instance;
    };
  });
}

export async function awake(page: Page): Promise<void> {
  await page.waitForFunction(() => window.coldbrewAwake);
}
