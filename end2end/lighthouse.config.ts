// `make lighthouse`: what a first visit weighs and what Lighthouse says of the pages, with nothing else going on.
import config from "./playwright.config";

export default { ...config, testDir: ".", testMatch: ["tests/budget.spec.ts", "lighthouse.ts"], workers: 1, fullyParallel: false };
