// One of Coldbrew's commands as a child process that is waited for, and that can be ended as abruptly as by a power cut.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

const CHECKOUT = path.resolve(__dirname, "..");
const PROGRAM = process.env.COLDBREW_SERVER ?? path.join(CHECKOUT, "target/debug/coldbrew");
const START_TIMEOUT_MS = Number(process.env.COLDBREW_START_TIMEOUT_MS ?? 30_000);
/** What the machine may have set for a real server has no place in a test. */
const NOT_INHERITED = /^(COLDBREW_(?!PDFIUM)|GEMINI_|DATABASE_URL|REDIS_URL|BLOB_URL)/;

/** Variables as in Leptos.toml. */
export type Settings = Record<string, string>;

export class Program {
  readonly dataFolder = mkdtempSync(path.join(tmpdir(), "coldbrew-"));
  private running?: ChildProcess;

  /** Starts `coldbrew args…`, with a data folder of its own, and gives the address that it says it is ready at. */
  async start(args: string[], settings: Settings): Promise<string> {
    const inherited = Object.entries(process.env).filter(([name]) => !NOT_INHERITED.test(name));
    const child = spawn(PROGRAM, args, {
      cwd: CHECKOUT,
      env: { ...Object.fromEntries(inherited), COLDBREW_DATA_DIR: this.dataFolder, ...settings },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.running = child;
    return readyAddress(child);
  }

  /** Sends a signal that does not end it: SIGSTOP, SIGCONT. */
  signal(signal: NodeJS.Signals): void {
    this.running?.kill(signal);
  }

  /** Ends the process and waits until it is gone. */
  async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.running;
    this.running = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill(signal);
    await exited;
  }

  /** Ends the process for good and removes its data. */
  async stop(): Promise<void> {
    await this.end("SIGTERM");
    rmSync(this.dataFolder, { recursive: true, force: true });
  }
}

/** The address in the line `… is ready at http://127.0.0.1:3000 …` on standard output. */
function readyAddress(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let output = "";
    const giveUp = (why: string) => {
      clearTimeout(timer);
      reject(new Error(`${PROGRAM} ${why}:\n${output}`));
    };
    const timer = setTimeout(() => giveUp("did not say that it is ready"), START_TIMEOUT_MS);
    child.on("error", (error) => giveUp(error.message));
    child.on("exit", (code, signal) => giveUp(`ended with ${code ?? signal}`));
    // Its log is read and kept short: a full pipe would stop it.
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on("data", (chunk: Buffer) => {
        output = (output + chunk.toString()).slice(-4_000);
        const address = /is ready at (http:\/\/\S+)/.exec(output)?.[1];
        if (address) {
          clearTimeout(timer);
          resolve(address);
        }
      });
    }
  });
}
