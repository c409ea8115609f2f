// What cannot be done is said in words, and nothing is lost or charged by it.
import { truncateSync, writeFileSync } from "node:fs";
import { expect, test } from "../fixtures";
import { damagedPdf, encryptedPdf, pdf, renamedArchive } from "../pdf";

for (const { what, file, status, code, words } of [
  { what: "an encrypted PDF", file: encryptedPdf(), status: 422, code: "encrypted_document", words: /needs a password/ },
  { what: "an archive renamed .pdf", file: renamedArchive(), status: 415, code: "unsupported_format", words: /none of the kinds of file/ },
  { what: "a damaged PDF", file: damagedPdf(), status: 422, code: "unreadable_document", words: /damaged/ },
]) {
  test(`${what} is refused, and the next file is not`, async ({ guard, screens: { home } }) => {
    guard.expectStatus(status);
    await home.open();
    await home.input.setInputFiles(file);
    await expect(home.error).toHaveText(words);
    await expect(home.error).toHaveAttribute("data-code", code);
    await home.prepare(pdf(1));
    await expect(home.error).toHaveCount(0);
  });
}

test("a file over 100 MiB is refused before a byte of it is sent", async ({ page, screens: { home } }, testInfo) => {
  const huge = testInfo.outputPath("Huge.pdf");
  writeFileSync(huge, "%PDF-1.7\n");
  truncateSync(huge, 100 * 1024 * 1024 + 1);
  await home.open();
  const sent: string[] = [];
  page.on("request", (request) => sent.push(request.url()));
  await home.input.setInputFiles(huge);
  await expect(home.error).toHaveText(/^This file has .+; at most .+ are accepted\.$/);
  expect(sent).toEqual([]);
});

test("an empty file is refused", async ({ screens: { home } }) => {
  await home.open();
  await home.input.setInputFiles({ name: "Empty.pdf", mimeType: "application/pdf", buffer: Buffer.alloc(0) });
  await expect(home.error).toHaveText("This file is empty.");
});

test.describe("a server with a small limit", () => {
  test.use({ settings: { COLDBREW_UPLOAD_BYTES_MAX: "2000000" } });

  test("refuses what exceeds it, in words, and takes what does not", async ({ guard, screens: { home, page } }) => {
    guard.expectStatus(413);
    const large = pdf(1, { paddingBytes: 5_000_000 });
    await home.open();
    await home.input.setInputFiles(large);
    await expect(home.error).toHaveText(/at most 2 MB are accepted\.$/);
    await expect(home.error).toHaveAttribute("data-code", "file_too_large");
    await home.prepare(pdf(1));
    // Nor is it taken from someone who does not ask the page first.
    const answer = await page.request.post("/v1/documents/prepare/upload", { multipart: { file: large } });
    expect(answer.status()).toBe(413);
    expect(await answer.json()).toMatchObject({ error: { code: "file_too_large" } });
  });
});

// Ten pages of these are about 33k tokens in realtime and 17k as a batch.
for (const { quota, inBatch, notice } of [
  { quota: 20_000, inBatch: false, notice: /^Realtime needs \S+ tokens and you have 20k left\. As a batch it fits\.$/ },
  { quota: 9_000, inBatch: true, notice: /^This batch needs \S+ tokens and you have 9k left\. Choose fewer pages\.$/ },
]) {
  test.describe(`a quota of ${quota} tokens`, () => {
    test.use({ settings: { COLDBREW_QUOTA_TOKENS: `${quota}` } });

    test(`says before ${inBatch ? "a batch" : "realtime"} is submitted that it does not fit, and refuses it`, async ({ guard, screens }) => {
      const { home, account } = screens;
      guard.expectStatus(402);
      await home.open();
      await home.prepare(pdf(10));
      await home.batch.setChecked(inBatch);
      await expect(home.notice).toHaveText(notice);
      await home.go.click();
      await expect(home.error).toHaveText(/^This needs about \S+ tokens and \S+ are left of \S+\.$/);
      await home.range.fill("1-2");
      await expect(home.notice).toHaveCount(0);
      await account.open();
      expect(await account.figure("Reserved")).toBe(0);
      expect(await account.figure("Left")).toBe(quota);
    });
  });
}
