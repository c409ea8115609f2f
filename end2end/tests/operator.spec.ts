// The first operator sets a password by the link of the command line, invites a person, and disables and enables the account.
import { randomUUID } from "node:crypto";
import { expect, Screens, test } from "../fixtures";
import { OperatorPage } from "../pages/operator";
import { pdf } from "../pdf";

const PASSWORD = "a quiet afternoon";

test.use({ settings: { COLDBREW_ACCESS_GUESTS: "text-only", COLDBREW_ACCESS_SIGN_UP: "invitation" } });

test("operator_invites_person_and_disables_account", async ({ server, guard, visitor, screens: { page } }) => {
  guard.expectStatus(403);
  await page.goto(server.command("user", "operator", "ada@example.org"));
  await page.getByLabel("New password").fill(PASSWORD);
  await page.getByRole("button", { name: "Set password and sign in" }).click();
  await page.getByTestId("operator-link").click();
  const operator = new OperatorPage(page);
  const link = await operator.invite("For Eve", "5000000");
  await expect(operator.invitation("For Eve")).toContainText("5M tokens");

  const email = `eve-${randomUUID()}@example.org`;
  const eve = new Screens(await (await visitor()).newPage());
  await eve.home.open();
  await eve.home.prepare(pdf(1, { title: "Plain" }));
  await expect(eve.home.ai).toBeDisabled();
  await expect(eve.page.getByText("Sign in to use AI")).toBeVisible();
  await eve.page.goto(link);
  await eve.page.getByLabel("E-mail address").fill(email);
  await eve.page.getByLabel("Password").fill(PASSWORD);
  await eve.page.getByRole("button", { name: "Sign up" }).click();
  await expect(eve.account.who).toHaveText(email);

  await operator.open();
  await operator.act(email, "Disable…", "Disable it");
  await expect(operator.person(email)).toContainText("Disabled");
  await eve.account.open();
  await expect(eve.page.getByText("This account is disabled.")).toBeVisible();
  await operator.act(email, "Enable");
  await expect(operator.person(email)).toContainText("Member");
  await eve.account.open();
  await expect(eve.account.who).toHaveText(email);
  await expect(operator.log).toContainText("Disabled");
});
