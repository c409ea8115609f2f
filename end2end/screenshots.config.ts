// `npm run screenshots`: every scene, phone and desktop, light and dark, into end2end/screenshots. To be looked at; nothing is compared.
import config from "./playwright.config";

export default { ...config, testDir: ".", testMatch: "screenshots.ts", reporter: "list" };
