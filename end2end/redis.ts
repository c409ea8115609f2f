// A real Redis as a child process, on a free port, without persistence.
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { setTimeout } from "node:timers/promises";
import { promisify } from "node:util";

const run = promisify(execFile);

export class Redis {
  private process?: ChildProcess;

  private constructor(private readonly port: number) {}

  static async start(): Promise<Redis> {
    const redis = new Redis(await freePort());
    await redis.run();
    return redis;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Starts an empty Redis at the same address as before. */
  async run(): Promise<void> {
    const options = ["--bind", "127.0.0.1", "--port", `${this.port}`, "--save", "", "--appendonly", "no"];
    this.process = spawn("redis-server", options, { stdio: "ignore" });
    for (let tries = 0; tries < 100; tries++) {
      if ((await this.ask("PING").catch(() => "")) === "PONG") return;
      await setTimeout(50);
    }
    throw new Error("redis-server does not answer");
  }

  /** Kills Redis. */
  async end(): Promise<void> {
    const process = this.process;
    this.process = undefined;
    if (!process || process.exitCode !== null) return;
    const ended = once(process, "exit");
    process.kill("SIGKILL");
    await ended;
  }

  /** The output of redis-cli for a command. */
  async ask(...command: string[]): Promise<string> {
    const { stdout } = await run("redis-cli", ["-p", `${this.port}`, "--raw", ...command]);
    return stdout.trim();
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}
