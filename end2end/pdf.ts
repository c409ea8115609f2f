// Makes small documents. Each page of a PDF has a heading `Chapter N` and a sentence with its number.
const WORDS = [
  "Cold coffee is made slowly: ground beans steep in water overnight,",
  "and in the morning the brew is clear, sweet and ready to be read with.",
  "A book deserves the same patience; a reader who can wait pays half.",
];

export interface Upload {
  name: string;
  mimeType: string;
  buffer: Buffer;
}

/** The sentence of page `number`. */
export const sentenceOf = (number: number, pages: number) => `This is page ${number} of ${pages}.`;

/** A document of this many pages. `paddingBytes` makes the file larger, without more pages. */
export function pdf(pages: number, { title = `Book of ${pages}`, paddingBytes = 0 } = {}): Upload {
  return file(`${title}.pdf`, build(plain(pages), title, paddingBytes, ""));
}

/** A document of two pages with figures: two side by side, and a small one. */
export function illustrated(): Upload {
  const first = [
    heading(1),
    text(700, WORDS),
    chart(72, 480, 290, 160),
    chart(386, 480, 137, 160),
    label(150, 460, "Figure 1: Sweetness by the hour"),
    label(400, 460, "Figure 2: Patience"),
    text(420, WORDS),
  ];
  const second = [heading(2), text(700, WORDS), chart(237, 520, 120, 90), label(240, 500, "Figure 3: A small cup"), text(460, WORDS)];
  const contents = [first, second].map((parts) => parts.join("\n"));
  return file("Slow Coffee in Figures.pdf", build(contents, "Slow Coffee in Figures", 0, ""));
}

/** An encrypted document. No password matches the check values in it. */
export function encryptedPdf(): Upload {
  const check = "ab".repeat(32);
  const encryption = `/Encrypt << /Filter /Standard /V 1 /R 2 /O <${check}> /U <${check}> /P -44 >> /ID [<${"01".repeat(16)}> <${"01".repeat(16)}>]`;
  return file("Secret.pdf", build(plain(1), "Secret", 0, encryption));
}

/** A ZIP archive with the name of a PDF. */
export function renamedArchive(): Upload {
  return file("Notes.pdf", Buffer.from("PK\u0003\u0004".padEnd(400, "\u0000")));
}

/** A file with the header of a PDF, and nothing else of one. */
export function damagedPdf(): Upload {
  return file("Damaged.pdf", Buffer.from("%PDF-1.7\n".padEnd(4_000, "broken ")));
}

/** An image with a pattern: a page of one colour is blank, and is not sent. */
export function picture(): Upload {
  const png = "iVBORw0KGgoAAAANSUhEUgAAABAAAAAQCAAAAAA6mKC9AAAAGklEQVR42mP4DwQMQACjGcgQIFMbisAgcQcAwP1/ge1HAcgAAAAASUVORK5CYII=";
  return { name: "Menu.png", mimeType: "image/png", buffer: Buffer.from(png, "base64") };
}

/** A text file. */
export function note(): Upload {
  return { name: "Tasting notes.md", mimeType: "text/markdown", buffer: Buffer.from("# Tasting notes\n\nPlums, cocoa, patience.\n") };
}

function file(name: string, buffer: Buffer): Upload {
  return { name, mimeType: "application/pdf", buffer };
}

const plain = (pages: number) =>
  Array.from({ length: pages }, (_, index) => heading(index + 1) + text(700, [sentenceOf(index + 1, pages), ...WORDS]));

/** A PDF with one page for each of `contents`. */
function build(contents: string[], title: string, paddingBytes: number, encryption: string): Buffer {
  const numbers = contents.map((_, index) => index + 1);
  const pageObject = (number: number) => 3 + 2 * number;
  const objects = [
    "<< /Type /Catalog /Pages 2 0 R >>",
    `<< /Type /Pages /Count ${contents.length} /Kids [${numbers.map((number) => `${pageObject(number)} 0 R`).join(" ")}] >>`,
    "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    `<< /Title (${title}) >>`,
    ...contents.flatMap((content, index) => [
      `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 3 0 R >> >> /Contents ${pageObject(index + 1) + 1} 0 R >>`,
      stream(content),
    ]),
    stream("% ".padEnd(paddingBytes, "x")),
  ];
  let text = "%PDF-1.7\n";
  const offsets = objects.map((object, index) => {
    const offset = text.length;
    text += `${index + 1} 0 obj\n${object}\nendobj\n`;
    return `${`${offset}`.padStart(10, "0")} 00000 n \n`;
  });
  const size = objects.length + 1;
  text += `xref\n0 ${size}\n0000000000 65535 f \n${offsets.join("")}`;
  const xref = text.indexOf("xref\n0 ");
  return Buffer.from(`${text}trailer\n<< /Size ${size} /Root 1 0 R /Info 4 0 R ${encryption} >>\nstartxref\n${xref}\n%%EOF\n`, "latin1");
}

const stream = (content: string) => `<< /Length ${content.length} >>\nstream\n${content}\nendstream`;

const heading = (number: number) => `BT /F1 24 Tf 72 760 Td (Chapter ${number}) Tj ET `;

const text = (top: number, lines: string[]) => `BT /F1 11 Tf 16 TL 72 ${top} Td ${lines.map((line) => `(${line}) Tj T*`).join(" ")} ET`;

const label = (left: number, top: number, words: string) => `BT /F1 9 Tf ${left} ${top} Td (${words}) Tj ET`;

/** Two axes, bars in colours, and a line over them. */
function chart(left: number, bottom: number, width: number, height: number): string {
  const colours = ["0.55 0.3 0.14", "0.85 0.6 0.3", "0.36 0.42 0.29", "0.61 0.17 0.11"];
  const bar = width / 9;
  const bars = [0.5, 0.8, 0.35, 0.95, 0.65, 0.45].map(
    (share, index) => `${colours[index % 4]} rg ${left + bar * (0.8 + 1.3 * index)} ${bottom} ${bar} ${height * share} re f`,
  );
  const steps = [0.3, 0.55, 0.42, 0.75, 0.68, 0.9].map(
    (share, index) => `${left + bar * (1.3 + 1.3 * index)} ${bottom + height * share} ${index ? "l" : "m"}`,
  );
  return `q 0 G 1 w ${left} ${bottom + height} m ${left} ${bottom} l ${left + width} ${bottom} l S ${bars.join(" ")} ${steps.join(" ")} S Q`;
}
