// The account page in its states.
import { randomUUID } from "node:crypto";
import { expect } from "../fixtures";
import { pdf } from "../pdf";
import { BOOK, library, type Scenes } from "./stage";

export const ACCOUNT: Scenes = {
  "account-empty": ({ screens: { account } }) => account.open(),

  "account-full": async (stage) => {
    await library(stage);
    await stage.screens.account.open();
    await expect(stage.screens.account.receipt(BOOK)).toBeVisible();
  },

  "account-member": async ({ screens: { account, page } }) => {
    await account.open();
    await account.enter("Sign up", `${randomUUID()}@example.org`, "a quiet afternoon");
    await account.createToken("Backup script", "a quiet afternoon");
    await expect(page.getByRole("button", { name: "Revoke Backup script" })).toBeVisible();
  },

  "account-revoking": async ({ screens: { home, account, page } }) => {
    await home.submit(pdf(2, { title: BOOK }), { ai: false });
    await account.open();
    await account.createToken("Backup script");
    await page.getByRole("button", { name: "Revoke Backup script" }).click();
    await expect(page.getByRole("dialog")).toBeVisible();
  },

  "account-provider": {
    settings: { COLDBREW_OIDC_ISSUER: "https://sign-in.example.org", COLDBREW_OIDC_CLIENT_ID: "coldbrew", COLDBREW_OIDC_NAME: "Example University" },
    enter: async ({ screens: { account, page } }) => {
      await page.goto("/account?sign-in=taken");
      await expect(account.page.getByTestId("provider")).toBeVisible();
    },
  },

  "account-refused": async ({ guard, screens: { account } }) => {
    guard.expectStatus(401);
    await account.open();
    await account.send("Sign in", "nobody@example.org", "a quiet afternoon");
    await expect(account.error).toBeVisible();
  },

  "account-leaving": async ({ screens: { home, account, page } }) => {
    await home.submit(pdf(2, { title: BOOK }), { ai: false });
    await account.open();
    await page.getByTestId("delete-account").click();
    await expect(page.getByRole("dialog")).toBeVisible();
  },
};
