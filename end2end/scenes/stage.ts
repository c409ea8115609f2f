// What scenes share: their fixtures, and documents.
import { type Screens } from "../fixtures";
import type { Gemini } from "../gemini";
import type { Guard } from "../guard";
import { pdf, type Upload } from "../pdf";
import type { Settings } from "../program";
import type { Server } from "../server";

export interface Stage {
  screens: Screens;
  gemini: Gemini;
  guard: Guard;
  server: Server;
}

/** Opens a screen in a state. With `settings`, the scene has a server of its own. */
export type Enter = (stage: Stage) => Promise<unknown>;
export type Scenes = Record<string, Enter | { settings: Settings; enter: Enter }>;

export const BOOK = "A Field Guide to Slow Coffee";
export const LONG_TITLE = "On the Preparation, Storage and Unhurried Enjoyment of Beverages Made from Roasted Seeds, in Four Volumes with Plates";

/** A document that was read as a batch. */
export async function batched({ gemini, screens: { home, batch } }: Stage, document: Upload): Promise<void> {
  await home.submit(document, { batch: true });
  await batch.reach("PENDING");
  await gemini.finishBatches();
  await batch.redirectsToDocument();
}

/** One finished batch, one free document, one failed and one waiting batch. */
export async function library(stage: Stage): Promise<void> {
  const {
    gemini,
    screens: { home, batch },
  } = stage;
  await batched(stage, pdf(4, { title: BOOK }));
  await home.submit(pdf(7, { title: LONG_TITLE }), { ai: false });
  await gemini.refuse();
  await home.submit(pdf(2, { title: "A Book That Failed" }), { batch: true });
  await batch.reach("PENDING");
  await gemini.finishBatches();
  await batch.reach("FAILED");
  await gemini.disarm();
  await home.submit(pdf(5, { title: "A Waiting Book" }), { batch: true });
  await batch.reach("PENDING");
}
