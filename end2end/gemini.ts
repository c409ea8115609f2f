// The emulator of the Gemini API as a process of its own, so that a test decides when a batch starts, finishes or fails.
import { Program, type Settings } from "./program";

/** A batch does nothing by itself within any test's life. */
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

  /** What makes a server take this for Google. */
  get settings(): Settings {
    return { GEMINI_API_KEY: "key-of-the-browser-tests", GEMINI_BASE_URL: this.url };
  }

  /** Every batch that is in line begins. */
  startBatches(): Promise<void> {
    return this.pass(PENDING_MS);
  }

  /** Every batch that Google has comes to its end. */
  finishBatches(): Promise<void> {
    return this.pass(PENDING_MS + RUNNING_MS);
  }

  /** Time passes for Google. */
  pass(ms: number): Promise<void> {
    return this.control("clock", { advance_ms: ms });
  }

  /** Faults are named in crates/gemini-emulator/src/faults.rs; they happen `times` times (default: always) after `skip` chances. */
  arm(fault: string, when: { times?: number; skip?: number; amount?: number } = {}): Promise<void> {
    return this.control("faults", { fault, ...when });
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
