// The fixtures of tests: a server, page objects, and a guard that fails a test if a page reports errors.
import { type BrowserContext, type BrowserContextOptions, type Page, test as base } from "@playwright/test";
import { Gemini } from "./gemini";
import { Guard } from "./guard";
import { AccountPage } from "./pages/account";
import { BatchPage } from "./pages/batch";
import { HomePage } from "./pages/home";
import { LibraryPage } from "./pages/library";
import { ReaderPage } from "./pages/reader";
import { noteHydration } from "./pages/hydrated";
import type { Settings } from "./program";
import { Server } from "./server";

/** The page objects of one browser tab. */
export class Screens {
  readonly home: HomePage;
  readonly batch: BatchPage;
  readonly library: LibraryPage;
  readonly reader: ReaderPage;
  readonly account: AccountPage;

  constructor(readonly page: Page) {
    this.home = new HomePage(page);
    this.batch = new BatchPage(page);
    this.library = new LibraryPage(page);
    this.reader = new ReaderPage(page);
    this.account = new AccountPage(page);
  }
}

interface Fixtures {
  /** Settings for a server of this test alone. Without settings, tests share a server, each with its own account. */
  settings: Settings | undefined;
  server: Server;
  guard: Guard;
  screens: Screens;
  /** Another browser, with its own cookies and so its own account, unless `options` say otherwise. */
  visitor: (options?: BrowserContextOptions) => Promise<BrowserContext>;
}

/** Tests of a server in demo mode, with its built-in Gemini emulator. */
export const test = base.extend<Fixtures, { sharedServer: Server }>({
  sharedServer: [
    async ({}, use) => {
      const server = await Server.start();
      await use(server);
      await server.stop();
    },
    { scope: "worker" },
  ],
  settings: [undefined, { option: true }],
  server: async ({ settings, sharedServer }, use) => {
    if (!settings) return use(sharedServer);
    const server = await Server.start(settings);
    await use(server);
    await server.stop();
  },
  baseURL: async ({ server }, use) => use(server.url),
  guard: async ({}, use) => {
    const guard = new Guard();
    await use(guard);
    guard.check();
  },
  context: async ({ context, guard }, use) => {
    guard.watch(context);
    await noteHydration(context);
    await use(context);
  },
  screens: async ({ page }, use) => use(new Screens(page)),
  visitor: async ({ browser, guard, baseURL }, use) => {
    const contexts: BrowserContext[] = [];
    await use(async (options) => {
      const context = await browser.newContext({ baseURL, ...options });
      contexts.push(context);
      guard.watch(context);
      if (options?.javaScriptEnabled !== false) await noteHydration(context);
      return context;
    });
    await Promise.all(contexts.map((context) => context.close()));
  },
});

/** Tests that control the Gemini emulator: it reads nothing before the test says so. */
export const staged = test.extend<{ gemini: Gemini }, { sharedGemini: Gemini }>({
  sharedGemini: [
    async ({}, use) => {
      const gemini = await Gemini.start();
      await use(gemini);
      await gemini.stop();
    },
    { scope: "worker" },
  ],
  sharedServer: [
    async ({ sharedGemini }, use) => {
      const server = await Server.start(sharedGemini.settings);
      await use(server);
      await server.stop();
    },
    { scope: "worker" },
  ],
  gemini: async ({ sharedGemini }, use) => {
    await use(sharedGemini);
    await sharedGemini.disarm();
  },
});

export { expect } from "@playwright/test";
