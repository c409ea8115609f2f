import { eachScene } from "./scenes";

eachScene(
  (name) => name,
  (page, view) => page.screenshot({ path: `screenshots/${view}.png`, fullPage: true }),
);
