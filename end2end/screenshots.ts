import { staged } from "./fixtures";
import { LOOKS, lookAt, SCENES } from "./scenes";

for (const [name, enter] of Object.entries(SCENES)) {
  staged(name, async ({ gemini, guard, screens }) => {
    await enter({ gemini, guard, screens });
    for (const look of LOOKS) {
      await lookAt(screens.page, look);
      await screens.page.screenshot({ path: `screenshots/${name}-${look.width}-${look.light}.png`, fullPage: true });
    }
  });
}
