// A page can be read before its script runs, but it reacts only after hydration. Tests that click wait for that.
import type { BrowserContext, Page } from "@playwright/test";

declare global {
  interface Window {
    coldbrewHydrated?: true;
  }
}

/** Sets a mark on pages of this context once their WebAssembly has hydrated them. */
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
