// Small documents made on the spot. In a PDF, each page has a heading `Chapter N` and a text that says which page it is.
const WORDS = [
  "Cold coffee is made slowly: ground beans steep in water overnight,",
  "and in the morning the brew is clear, sweet and ready to be read with.",
  "A book deserves the same patience; whoever can wait pays only half.",
];

export interface Upload {
  name: string;
  mimeType: string;
  buffer: Buffer;
}

/** What page `number` of such a document says. */
export const sentenceOf = (number: number, pages: number) => `This is page ${number} of ${pages}.`;

/** A document of that many pages; `paddingBytes` makes the file larger, not longer. */
export function pdf(pages: number, { title = `Book of ${pages}`, paddingBytes = 0 } = {}): Upload {
  return file(`${title}.pdf`, build(pages, title, paddingBytes, ""));
}

/** A document behind a password that nobody knows: the check values in it are those of no password. */
export function encryptedPdf(): Upload {
  const check = "ab".repeat(32);
  const encryption = `/Encrypt << /Filter /Standard /V 1 /R 2 /O <${check}> /U <${check}> /P -44 >> /ID [<${"01".repeat(16)}> <${"01".repeat(16)}>]`;
  return file("Secret.pdf", build(1, "Secret", 0, encryption));
}

/** An archive that calls itself a PDF. */
export function renamedArchive(): Upload {
  return file("Notes.pdf", Buffer.from("PK\u0003\u0004".padEnd(400, "\u0000")));
}

/** Begins like a PDF, and that is all. */
export function damagedPdf(): Upload {
  return file("Damaged.pdf", Buffer.from("%PDF-1.7\n".padEnd(4_000, "broken ")));
}

/** A picture of one black dot. */
export function picture(): Upload {
  const png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==";
  return { name: "Menu.png", mimeType: "image/png", buffer: Buffer.from(png, "base64") };
}

/** Text already. */
export function note(): Upload {
  return { name: "Tasting notes.md", mimeType: "text/markdown", buffer: Buffer.from("# Tasting notes\n\nPlums, cocoa, patience.\n") };
}

function file(name: string, buffer: Buffer): Upload {
  return { name, mimeType: "application/pdf", buffer };
}

function build(pages: number, title: string, paddingBytes: number, encryption: string): Buffer {
  const numbers = Array.from({ length: pages }, (_, index) => index + 1);
  const pageObject = (number: number) => 3 + 2 * number;
  const objects = [
    "<< /Type /Catalog /Pages 2 0 R >>",
    `<< /Type /Pages /Count ${pages} /Kids [${numbers.map((number) => `${pageObject(number)} 0 R`).join(" ")}] >>`,
    "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    `<< /Title (${title}) >>`,
    ...numbers.flatMap((number) => [
      `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 3 0 R >> >> /Contents ${pageObject(number) + 1} 0 R >>`,
      stream(drawn(number, pages)),
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

function drawn(number: number, pages: number): string {
  const lines = [sentenceOf(number, pages), ...WORDS].map((line) => `(${line}) Tj T*`).join(" ");
  return `BT /F1 24 Tf 72 760 Td (Chapter ${number}) Tj ET BT /F1 11 Tf 16 TL 72 700 Td ${lines} ET`;
}
