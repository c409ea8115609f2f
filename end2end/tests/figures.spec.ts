// Figures keep the arrangement of their page: side by side, with the same relative widths.
import { expect, test } from "../fixtures";
import { pdf } from "../pdf";

/** The HTML of src/markdown/figures.rs, with an empty image. */
const figure = (percent: number) =>
  `<figure class="tens-${Math.floor(percent / 10)} ones-${percent % 10}"><img alt="" width="${percent * 10}" height="200"><figcaption>A caption that is longer than its figure is wide</figcaption></figure>`;

test("figures_of_a_row_keep_their_relative_widths", async ({ screens: { home, reader, page } }) => {
  await home.submit(pdf(1), { ai: false });
  await page.setViewportSize({ width: 1440, height: 900 });
  const text = reader.pageNumbered(1).locator(".prose");
  const widths = async (...percents: number[]) => {
    const html = percents.map(figure).join("");
    await text.evaluate((prose, html) => (prose.innerHTML = html), percents.length > 1 ? `<div class="figure-row">${html}</div>` : html);
    const boxes = await text.getByRole("figure").all();
    return Promise.all(boxes.map(async (box) => (await box.boundingBox())!));
  };
  const room = (await text.boundingBox())!.width;
  for (const [wide, narrow] of [
    [49, 23],
    [70, 26],
    [12, 9],
  ] as const) {
    const [first, second] = await widths(wide, narrow);
    expect(second!.y).toBe(first!.y);
    expect(first!.width / second!.width).toBeCloseTo(wide / narrow, 1);
    expect(first!.width + second!.width).toBeLessThanOrEqual(room);
  }
  const [small] = await widths(20);
  expect(small!.width).toBeCloseTo(0.26 * room, 0);
  const [whole] = await widths(90);
  expect(whole!.width).toBeCloseTo(room, 0);

  // On a phone the figures of a row stand below each other.
  await page.setViewportSize({ width: 375, height: 812 });
  const [first, second] = await widths(49, 23);
  expect(first!.width).toBeGreaterThan(300);
  expect(second!.y).toBeGreaterThan(first!.y);
});
