// The operator's page, and the pages that its links lead to.
import type { Locator, Page } from "@playwright/test";

export class OperatorPage {
  constructor(readonly page: Page) {}

  open = () => this.page.goto("/operator");

  get newLink(): Locator {
    return this.page.getByTestId("new-link");
  }

  /** The row of a member. */
  person = (email: string) => this.page.getByTestId("people").getByRole("listitem").filter({ hasText: email });

  invitation = (note: string) => this.page.getByTestId("invitations").getByRole("listitem").filter({ hasText: note });

  get log(): Locator {
    return this.page.getByTestId("audit-log");
  }

  /** Makes an invitation. Returns its link. */
  async invite(note: string, tokens: string): Promise<string> {
    await this.page.getByLabel("Whom is it for?").fill(note);
    await this.page.locator("#invitation-tokens").fill(tokens);
    await this.page.getByRole("button", { name: "Make an invitation" }).click();
    return this.newLink.inputValue();
  }

  /** Presses a button of a member's row, and confirms if the page asks. */
  async act(email: string, button: string, confirm?: string): Promise<void> {
    const row = this.person(email);
    const details = row.locator("details");
    if ((await details.getAttribute("open")) === null) await row.getByText("Manage").click();
    await row.getByRole("button", { name: button }).click();
    if (confirm) await this.page.getByRole("button", { name: confirm }).click();
  }
}
