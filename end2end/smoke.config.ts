// `make aarch64` and `make confined`: whether a server for another platform, or with fewer rights, does its work.
import config from "./playwright.config";

export default { ...config, testDir: ".", testMatch: "smoke.ts", timeout: 300_000 };
