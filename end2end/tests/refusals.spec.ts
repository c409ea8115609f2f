// Refused requests name the reason. Nothing is lost or charged.
import { truncateSync, writeFileSync } from "node:fs";
import { expect, test } from "../fixtures";
import { damagedPdf, encryptedPdf, pdf, renamedArchive } from "../pdf";

for (const { what, file, status, code, words } of [
  { what: "encrypted_pdf", file: encryptedPdf(), status: 422, code: "encrypted_document", words: /needs a password/ },
  { what: "archive_renamed_pdf", file: renamedArchive(), status: 415, code: "unsupported_format", words: /is not supported/ },
  { what: "damaged_pdf", file: damagedPdf(), status: 422, code: "unreadable_document", words: /damaged/ },
]) {
  test(`${what}_is_refused_and_next_file_is_accepted`, async ({ guard, screens: { home } }) => {
    guard.expectStatus(status);
    await home.open();
    await home.input.setInputFiles(file);
    await expect(home.error).toHaveText(words);
    await expect(home.error).toHaveAttribute("data-code", code);
    await home.prepare(pdf(1));
    await expect(home.error).toHaveCount(0);
  });
}

test("file_above_100_mib_is_refused_before_upload", async ({ page, screens: { home } }, testInfo) => {
  const huge = testInfo.outputPath("Huge.pdf");
  writeFileSync(huge, "%PDF-1.7\n");
  truncateSync(huge, 100 * 1024 * 1024 + 1);
  await home.open();
  const sent: string[] = [];
  page.on("request", (request) => sent.push(request.url()));
  await home.input.setInputFiles(huge);
  await expect(home.error).toHaveText(/^This file is .+; the limit is 100 MB\.$/);
  expect(sent).toEqual([]);
});

test("empty_file_is_refused", async ({ screens: { home } }) => {
  await home.open();
  await home.input.setInputFiles({ name: "Empty.pdf", mimeType: "application/pdf", buffer: Buffer.alloc(0) });
  await expect(home.error).toHaveText("This file is empty. Choose another one.");
});

test.describe("small upload limit", () => {
  test.use({ settings: { COLDBREW_UPLOAD_BYTES_MAX: "2000000" } });

  test("file_above_configured_limit_is_refused", async ({ guard, screens: { home, page } }) => {
    guard.expectStatus(413);
    const large = pdf(1, { paddingBytes: 5_000_000 });
    await home.open();
    await home.input.setInputFiles(large);
    await expect(home.error).toHaveText(/the limit is 2 MB\.$/);
    await expect(home.error).toHaveAttribute("data-code", "file_too_large");
    await home.prepare(pdf(1));
    // The server refuses the file too.
    const answer = await page.request.post("/v1/documents/prepare/upload", { multipart: { file: large } });
    expect(answer.status()).toBe(413);
    expect(await answer.json()).toMatchObject({ error: { code: "file_too_large" } });
  });
});

// Ten such pages cost about 33k tokens in realtime and 17k as a batch.
for (const { quota, inBatch, notice } of [
  { quota: 20_000, inBatch: false, notice: /^Reading now takes about \S+ tokens; you have 20k left\. A batch would fit\.$/ },
  { quota: 9_000, inBatch: true, notice: /^This batch takes about \S+ tokens; you have 9k left\. Choose fewer pages\.$/ },
]) {
  test.describe(`quota of ${quota} tokens`, () => {
    test.use({ settings: { COLDBREW_QUOTA_TOKENS: `${quota}` } });

    test(`${inBatch ? "batch" : "realtime"}_over_quota_is_announced_and_refused`, async ({ guard, screens }) => {
      const { home, account } = screens;
      guard.expectStatus(402);
      await home.open();
      await home.prepare(pdf(10));
      await home.batch.setChecked(inBatch);
      await expect(home.notice).toHaveText(notice);
      await home.go.click();
      await expect(home.error).toHaveText(/^This takes about \S+ tokens; you have \S+ left\. Choose fewer pages\.$/);
      await home.range.fill("1-2");
      await expect(home.notice).toHaveCount(0);
      await account.open();
      expect(await account.figure("Reserved")).toBe(0);
      expect(await account.figure("Left")).toBe(quota);
    });
  });
}
