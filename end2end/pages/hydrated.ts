// A page can be read before its script runs; what reacts on it does so a moment later. Tests that click wait for that moment.
import type { BrowserContext, Page } from "@playwright/test";

declare global {
  interface Window {
    coldbrewHydrated?: true;
  }
}

/** Marks pages of this context as hydrated once their WebAssembly has loaded and hydrated them. */
export async function noteHydration(context: BrowserContext): Promise<void> {
  await context.addInitScript(() => {
    const instantiate = WebAssembly.instantiateStreaming;
    WebAssembly.instantiateStreaming = async (...input) => {
      const instance = await instantiate(...input);
      // Hydration follows in the same task.
      setTimeout(() => (window.coldbrewHydrated = true));
      return instance;
    };
  });
}

export async function hydrated(page: Page): Promise<void> {
  await page.waitForFunction(() => window.coldbrewHydrated);
}
