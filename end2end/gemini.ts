// The Gemini emulator as a process of its own. The test decides when a batch starts, finishes or fails.
import { Program, type Settings } from "./program";

/** Longer than any test, so that a batch moves only when the test says so. */
const PENDING_MS = 3_600_000;
const RUNNING_MS = 3_600_000;

export class Gemini {
  private constructor(
    private readonly program: Program,
    readonly url: string,
  ) {}

  static async start(): Promise<Gemini> {
    const program = new Program();
    const waits = { COLDBREW_DEMO_PENDING_MS: `${PENDING_MS}`, COLDBREW_DEMO_RUNNING_MS: `${RUNNING_MS}` };
    return new Gemini(program, await program.start(["fake-gemini", "--addr", "127.0.0.1:0"], waits));
  }

  /** The settings that make a server use this emulator. */
  get settings(): Settings {
    return { GEMINI_API_KEY: "key-of-the-browser-tests", GEMINI_BASE_URL: this.url };
  }

  /** Starts every pending batch. */
  startBatches(): Promise<void> {
    return this.pass(PENDING_MS);
  }

  /** Finishes every batch. */
  finishBatches(): Promise<void> {
    return this.pass(PENDING_MS + RUNNING_MS);
  }

  /** Moves the emulator's clock. */
  pass(ms: number): Promise<void> {
    return this.control("clock", { advance_ms: ms });
  }

  /** Turns a fault of crates/gemini-emulator/src/faults.rs on: `times` times (default: always), after `skip` occasions, for prompts with the text `only`. */
  arm(fault: string, when: { times?: number; skip?: number; amount?: number; only?: string } = {}): Promise<void> {
    return this.control("faults", { fault, ...when });
  }

  /** Refuses a page in whatever way it is asked for. Without a number: every page, so that the job fails. */
  refuse(page?: number): Promise<void> {
    return this.arm("row_safety", page === undefined ? {} : { only: `page ${page} of` });
  }

  async disarm(): Promise<void> {
    await this.call("faults", { method: "DELETE" });
  }

  stop(): Promise<void> {
    return this.program.stop();
  }

  private control(what: string, order: object): Promise<void> {
    return this.call(what, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(order) });
  }

  private async call(what: string, request: RequestInit): Promise<void> {
    const answer = await fetch(`${this.url}/_control/${what}`, request);
    if (!answer.ok) throw new Error(`/_control/${what} answered ${answer.status}: ${await answer.text()}`);
  }
}
