// Real nodes on loopback: a DHT, and nodes with a folder each. They are ended by their process ids, whatever happens.
import { execFile, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const program = process.env.HEIRLOOM_BIN;
const own = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("HEIRLOOM_")));
// A disk that is nearly full is no reason to take nothing in here: a few hundred kilobytes come.
own.HEIRLOOM_DISK_RESERVE = "0";

export const world = mkdtempSync(join(tmpdir(), "heirloom-browser-"));
const children = [];

/** Starts a process that prints a line of JSON when it is ready. */
const start = (args) => new Promise((ready, failed) => {
  const child = spawn(program, args, { env: own, stdio: ["ignore", "pipe", "pipe"] });
  children.push(child);
  let said = "";
  child.stderr.on("data", (text) => { said = (said + text).slice(-4000); });
  child.on("exit", (code) => failed(new Error(`ended with ${code}: ${said}`)));
  createInterface({ input: child.stdout }).on("line", (line) => {
    const value = JSON.parse(line);
    if (value.event === "ready") ready({ child, value });
  });
});

export const stopAll = async () => {
  await Promise.all(children.filter((child) => child.exitCode === null && child.signalCode === null).map((child) => new Promise((gone) => {
    child.on("exit", gone);
    child.kill("SIGKILL");
  })));
  rmSync(world, { recursive: true, force: true });
};

export const startDht = async () => (await start(["--json", "testnet", "--nodes", "8"])).value.bootstrap;

let last = 30;

export class Person {
  constructor(name) {
    this.home = join(world, name);
    this.address = `127.0.0.${last += 1}`;
  }

  async start(bootstrap, { peers = [], starter = false, port = 0 } = {}) {
    const any = `${this.address}:0`;
    const args = ["--home", this.home, "--json", "run", "--http", `127.0.0.1:${port}`, "--p2p", "/ip4/127.0.0.1/tcp/0"];
    args.push("--bt", any, "--bt-named", any, "--dht", any, "--dir", join(this.home, "downloads"), "--no-mdns");
    if (!starter) args.push("--no-starter");
    bootstrap.forEach((node) => args.push("--dht-bootstrap", node));
    peers.forEach((peer) => args.push("--peer", peer));
    const { child, value } = await start(args);
    this.child = child;
    this.key = value.key;
    this.web = `http://${value.http}`;
    this.p2p = value.p2p.find((one) => one.startsWith("/ip4/127.0.0.1/"));
    return this;
  }

  /** Kills it as a power cut would. */
  kill() {
    return new Promise((gone) => { this.child.on("exit", gone); this.child.kill("SIGKILL"); });
  }

  /** A command of this person's; its one JSON value. */
  run(...args) {
    return new Promise((done, failed) => {
      execFile(program, ["--home", this.home, "--json", ...args], { env: own, maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
        if (error) failed(new Error(`heirloom ${args.join(" ")}: ${stderr}`));
        else done(JSON.parse(stdout.trim().split("\n").pop() || "null"));
      });
    });
  }

  /** A link that lets one browser in. */
  async link() {
    return (await this.run("open", "--print")).url;
  }
}

/** Asks again until it holds: there is no other way to see what crosses a network. */
export const until = async (what, holds, longest = 60_000) => {
  const end = Date.now() + longest;
  for (;;) {
    const value = await holds();
    if (value) return value;
    if (Date.now() > end) throw new Error(`not within ${longest / 1000} s: ${what}`);
    await new Promise((later) => setTimeout(later, 250));
  }
};
