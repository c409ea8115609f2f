// A command of Coldbrew as a child process. A test can wait until it is ready, and kill it.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

const CHECKOUT = path.resolve(__dirname, "..");
const PROGRAM = process.env.COLDBREW_SERVER ?? path.join(CHECKOUT, "target/debug/coldbrew");
const START_TIMEOUT_MS = 30_000;
/** The settings of a real server on this machine, which tests must not inherit. */
const NOT_INHERITED = /^(COLDBREW_(?!PDFIUM)|GEMINI_|DATABASE_URL|REDIS_URL|BLOB_URL)/;

/** Environment variables, as listed in Leptos.toml. */
export type Settings = Record<string, string>;

export class Program {
  readonly dataFolder = mkdtempSync(path.join(tmpdir(), "coldbrew-"));
  private running?: ChildProcess;

  /** Starts `coldbrew args…` with a data folder of its own. Returns the address in its "ready" line. */
  async start(args: string[], settings: Settings): Promise<string> {
    const child = spawn(PROGRAM, args, {
      cwd: CHECKOUT,
      env: { ...this.environment(), ...settings },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.running = child;
    return readyAddress(child);
  }

  /** Runs another command on the same data folder. Returns its output. */
  command(args: string[], settings: Settings): string {
    const env = { ...this.environment(), ...settings };
    return execFileSync(PROGRAM, args, { cwd: CHECKOUT, env, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  }

  /** Sends a signal that does not end the process: SIGSTOP or SIGCONT. */
  signal(signal: NodeJS.Signals): void {
    this.running?.kill(signal);
  }

  /** Ends the process and waits for its exit. */
  async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.running;
    this.running = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill(signal);
    await exited;
  }

  /** The variables of every command. */
  private environment(): NodeJS.ProcessEnv {
    const inherited = Object.entries(process.env).filter(([name]) => !NOT_INHERITED.test(name));
    return { ...Object.fromEntries(inherited), COLDBREW_DATA_DIR: this.dataFolder };
  }

  /** Ends the process and deletes its data. */
  async stop(): Promise<void> {
    await this.end("SIGTERM");
    rmSync(this.dataFolder, { recursive: true, force: true });
  }
}

/** The address in the line `… is ready at http://127.0.0.1:3000 …` on standard output. */
function readyAddress(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let output = "";
    const fail = (why: string) => {
      clearTimeout(timer);
      reject(new Error(`${PROGRAM} ${why}:\n${output}`));
    };
    const timer = setTimeout(() => fail('printed no "ready" line'), START_TIMEOUT_MS);
    child.on("error", (error) => fail(error.message));
    child.on("exit", (code, signal) => fail(`ended with ${code ?? signal}`));
    // Read the log, because a full pipe would block the process. Keep only its end.
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
