// Every screen in every state that a person can meet. The checks of accessibility and the screenshots both walk these.
import type { Page } from "@playwright/test";
import { staged } from "./fixtures";
import { ACCOUNT } from "./scenes/account";
import { BATCH } from "./scenes/batch";
import { HOME } from "./scenes/home";
import { LIBRARY } from "./scenes/library";
import { READER } from "./scenes/reader";
import type { Scenes } from "./scenes/stage";

const SCENES: Scenes = { ...HOME, ...BATCH, ...LIBRARY, ...READER, ...ACCOUNT };

/** The two widths and the two lights that everything is looked at in. */
export const LOOKS = [375, 1440].flatMap((width) => (["light", "dark"] as const).map((light) => ({ width, light })));

export type Look = (typeof LOOKS)[number];

export async function lookAt(page: Page, { width, light }: Look): Promise<void> {
  await page.setViewportSize({ width, height: width < 600 ? 812 : 900 });
  await page.emulateMedia({ colorScheme: light, reducedMotion: "reduce" });
}

/** Makes a test of each scene, which looks at it in every way. */
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
