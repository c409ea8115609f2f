// `npm run screenshots`: pictures of every scene, phone and desktop, light and dark, in end2end/screenshots. Nothing is compared.
import config from "./playwright.config";

export default { ...config, testDir: ".", testMatch: "screenshots.ts", reporter: "list" };
