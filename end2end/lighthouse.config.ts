// `make lighthouse`: the size of a first visit, and Lighthouse's scores, with one test at a time.
import config from "./playwright.config";

export default { ...config, testDir: ".", testMatch: ["tests/budget.spec.ts", "lighthouse.ts"], workers: 1, fullyParallel: false };
