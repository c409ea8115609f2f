// Every screen in every state. The accessibility tests and the screenshots use these.
import type { Page } from "@playwright/test";
import { staged } from "./fixtures";
import { ACCOUNT } from "./scenes/account";
import { BATCH } from "./scenes/batch";
import { HOME } from "./scenes/home";
import { LIBRARY } from "./scenes/library";
import { READER } from "./scenes/reader";
import type { Scenes } from "./scenes/stage";

const SCENES: Scenes = { ...HOME, ...BATCH, ...LIBRARY, ...READER, ...ACCOUNT };

/** The widths and colour schemes of every check. */
export const LOOKS = [375, 1440].flatMap((width) => (["light", "dark"] as const).map((light) => ({ width, light })));

export type Look = (typeof LOOKS)[number];

export async function lookAt(page: Page, { width, light }: Look): Promise<void> {
  await page.setViewportSize({ width, height: width < 600 ? 812 : 900 });
  await page.emulateMedia({ colorScheme: light, reducedMotion: "reduce" });
}

/** Makes a test of each scene, which checks it in every look. */
export function eachScene(title: (name: string) => string, check: (page: Page, view: string, look: Look) => Promise<unknown>): void {
  for (const [name, scene] of Object.entries(SCENES)) {
    const { enter, settings } = typeof scene === "function" ? { enter: scene, settings: undefined } : scene;
    const test = settings ? staged.extend({ settings: async ({ gemini }, use) => use({ ...gemini.settings, ...settings }) }) : staged;
    test(title(name), async ({ gemini, guard, screens, server }) => {
      await enter({ gemini, guard, screens, server });
      for (const look of LOOKS) {
        const view = `${name}-${look.width}-${look.light}`;
        await test.step(view, async () => {
          await lookAt(screens.page, look);
          await check(screens.page, view, look);
        });
      }
    });
  }
}
