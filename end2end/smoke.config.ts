// `make aarch64`: whether a server built for another platform, or locked in, does its work.
import config from "./playwright.config";

export default { ...config, testDir: ".", testMatch: "smoke.ts", timeout: 300_000 };
