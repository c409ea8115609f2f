import { expect, type Locator, type Page } from "@playwright/test";
import { hydrated } from "./hydrated";

/** `/account`: the account, its quota, receipts and tokens. */
export class AccountPage {
  readonly email: Locator;
  readonly password: Locator;
  readonly signUp: Locator;
  readonly signOut: Locator;
  readonly signOutEverywhere: Locator;
  readonly who: Locator;
  readonly error: Locator;
  readonly tokenName: Locator;
  readonly newToken: Locator;
  readonly toast: Locator;

  constructor(readonly page: Page) {
    this.email = page.getByLabel("E-mail address").filter({ visible: true });
    this.password = page.getByLabel("Password").filter({ visible: true });
    this.signUp = page.getByRole("button", { name: "Sign up" });
    this.signOut = page.getByTestId("sign-out");
    this.signOutEverywhere = page.getByRole("button", { name: "Sign out everywhere" });
    this.who = page.getByTestId("who");
    this.error = page.getByRole("alert");
    this.tokenName = page.getByTestId("token-name");
    this.newToken = page.getByTestId("new-token");
    this.toast = page.locator(".toasts");
  }

  async open(): Promise<void> {
    await this.page.goto("/account");
    await hydrated(this.page);
  }

  /** Fills in and sends one of the two forms. */
  async send(way: "Sign up" | "Sign in", email: string, password: string): Promise<void> {
    await this.page.getByRole("radio", { name: way }).check();
    await this.email.fill(email);
    await this.password.fill(password);
    await this.page.getByRole("button", { name: way }).click();
  }

  /** The choice of the sign-in form to bring the guest's documents along. */
  get bring(): Locator {
    return this.page.getByTestId("bring");
  }

  /** A browser in the list of sessions. */
  session(text: string): Locator {
    return this.page.locator("#sessions").getByRole("listitem").filter({ hasText: text });
  }

  /** Signs up or in, and waits until the account page shows the member. */
  async enter(way: "Sign up" | "Sign in", email: string, password: string): Promise<void> {
    await this.send(way, email, password);
    await expect(this.who).toHaveText(email);
    await hydrated(this.page);
  }

  /** Creates a token and returns its secret. `password`: of a member, who confirms. */
  async createToken(name: string, password?: string): Promise<string> {
    await this.tokenName.fill(name);
    if (password) await this.page.getByLabel("Your password").filter({ visible: true }).fill(password);
    await this.page.getByRole("button", { name: "Create token" }).click();
    await expect(this.newToken).toBeVisible();
    return this.newToken.inputValue();
  }

  token(name: string): Locator {
    return this.page.getByRole("listitem").filter({ hasText: name });
  }

  async revoke(name: string, answer: "Keep it" | "Revoke it"): Promise<void> {
    await this.page.getByRole("button", { name: `Revoke ${name}` }).click();
    const question = this.page.getByRole("dialog", { name: "Revoke this token?" });
    await expect(question).toContainText(name);
    await question.getByRole("button", { name: answer }).click();
    await expect(question).toBeHidden();
  }

  /** `password`: of a member who confirms. */
  async deleteAccount(answer: "Keep it" | "Delete everything", password = ""): Promise<void> {
    await this.page.getByTestId("delete-account").click();
    const question = this.page.getByRole("dialog", { name: "Delete your account?" });
    if (password) await question.getByTestId("password-again").fill(password);
    await question.getByRole("button", { name: answer }).click();
    await expect(question).toBeHidden();
  }

  /** A number of the quota, in tokens. */
  async figure(name: "Used" | "Reserved" | "Left"): Promise<number> {
    const figure = this.page.locator("dl > div").filter({ has: this.page.getByText(name, { exact: true }) });
    return numberOf(await figure.getByRole("definition").innerText());
  }

  receipt(title: string): Locator {
    return this.page.getByRole("row").filter({ has: this.page.getByRole("rowheader", { name: title, exact: true }) });
  }

  /** The cells of a receipt, by column. */
  async receiptOf(title: string): Promise<Record<"Pages" | "Input" | "Output" | "Rate" | "Charge", string>> {
    const names = await this.page.getByRole("columnheader").allInnerTexts();
    const cells = await this.receipt(title).locator("th, td").allInnerTexts();
    return Object.fromEntries(names.map((name, column) => [name, cells[column] ?? ""])) as never;
  }
}

export const numberOf = (text: string) => Number(text.replaceAll(",", ""));
