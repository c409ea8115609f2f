// The real server on a free port, with an empty data folder. By default it is in demo mode, with short waiting times.
import { execFileSync } from "node:child_process";
import path from "node:path";
import { Program, type Settings } from "./program";

const SHORT_WAITS: Settings = {
  COLDBREW_DEMO_PENDING_MS: "200",
  COLDBREW_DEMO_RUNNING_MS: "500",
  COLDBREW_POLL_INTERVAL_MS: "200",
  // The disk of a build machine is often nearly full.
  COLDBREW_FREE_PERCENT_MIN: "0",
  // A time zone that no test's browser uses.
  TZ: "America/New_York",
};

export class Server {
  private readonly program = new Program();
  private address = "127.0.0.1:0";

  private constructor(private readonly settings: Settings) {}

  static async start(settings: Settings = {}): Promise<Server> {
    const server = new Server({ ...SHORT_WAITS, ...settings });
    await server.run();
    return server;
  }

  get url(): string {
    return `http://${this.address}`;
  }

  /** Runs a statement on the server's database. */
  sql(statement: string): void {
    const code = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute(sys.argv[2])";
    execFileSync("python3", ["-c", code, path.join(this.program.dataFolder, "coldbrew.db"), statement]);
  }

  /** Runs a command on the server's data, and returns its output. */
  command(...args: string[]): string {
    return this.program.command(args, { ...this.settings, COLDBREW_PUBLIC_URL: this.url });
  }

  /** Starts the server, with the data and port of its last run. */
  async run(): Promise<void> {
    const url = await this.program.start(["serve"], { ...this.settings, LEPTOS_SITE_ADDR: this.address });
    this.address = new URL(url).host;
  }

  /** Ends the server; kills it by default. */
  end(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    return this.program.end(signal);
  }

  /** Makes the server hang: it accepts connections and does not answer. */
  freeze(): void {
    this.program.signal("SIGSTOP");
  }

  thaw(): void {
    this.program.signal("SIGCONT");
  }

  async restart(): Promise<void> {
    await this.end();
    await this.run();
  }

  stop(): Promise<void> {
    return this.program.stop();
  }
}
