// The real server, on a free port, with an empty data folder. Without other settings it is in demo mode and in a hurry.
import { execFileSync } from "node:child_process";
import path from "node:path";
import { Program, type Settings } from "./program";

const IN_A_HURRY: Settings = {
  COLDBREW_DEMO_PENDING_MS: "200",
  COLDBREW_DEMO_RUNNING_MS: "500",
  COLDBREW_POLL_INTERVAL_MS: "200",
  // A zone that no test's browser is in.
  TZ: "America/New_York",
};

export class Server {
  private readonly program = new Program();
  private address = "127.0.0.1:0";

  private constructor(private readonly settings: Settings) {}

  static async start(settings: Settings = {}): Promise<Server> {
    const server = new Server({ ...IN_A_HURRY, ...settings });
    await server.run();
    return server;
  }

  get url(): string {
    return `http://${this.address}`;
  }

  /** Does something to its records behind its back. */
  sql(statement: string): void {
    const code = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute(sys.argv[2])";
    execFileSync("python3", ["-c", code, path.join(this.program.dataFolder, "coldbrew.db"), statement]);
  }

  /** Starts the server, again with the same data and port if it ran before. */
  async run(): Promise<void> {
    const url = await this.program.start(["serve"], { ...this.settings, LEPTOS_SITE_ADDR: this.address });
    this.address = new URL(url).host;
  }

  /** Ends the server, by default as abruptly as a power cut. */
  end(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    return this.program.end(signal);
  }

  /** Makes it hang: connections are there, and no answers come. */
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
