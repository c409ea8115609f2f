import type { Locator, Page } from "@playwright/test";

/** `/account`: the quota, and what was charged for what. */
export class AccountPage {
  constructor(readonly page: Page) {}

  async open(): Promise<void> {
    await this.page.goto("/account");
  }

  /** Tokens, as the quota's figures show them. */
  async figure(name: "Used" | "Reserved" | "Left"): Promise<number> {
    const figure = this.page.locator("dl > div").filter({ has: this.page.getByText(name, { exact: true }) });
    return numberOf(await figure.getByRole("definition").innerText());
  }

  receipt(title: string): Locator {
    return this.page.getByRole("row").filter({ has: this.page.getByRole("rowheader", { name: title, exact: true }) });
  }

  /** What a receipt says, by the names of the columns. */
  async receiptOf(title: string): Promise<Record<"Pages" | "Input" | "Output" | "Rate" | "Charge", string>> {
    const names = await this.page.getByRole("columnheader").allInnerTexts();
    const cells = await this.receipt(title).locator("th, td").allInnerTexts();
    return Object.fromEntries(names.map((name, column) => [name, cells[column] ?? ""])) as never;
  }
}

export const numberOf = (text: string) => Number(text.replaceAll(",", ""));
