// What the steps stand on: steps that are counted, the one page that they share, pictures of it, and what went wrong in it.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { until } from "./nodes.mjs";

const { HEIRLOOM_PICTURES, HEIRLOOM_SHOTS } = process.env;
/** Largest picture of the README, in bytes. */
const PICTURE_BYTES_MAX = 150_000;
/** Longest for anything that a person waits for. */
export const WAIT = 60_000;
/** Scripts that hostile names try to run set this. */
export const CAUGHT = "__caught";

/** The page that is looked at now. */
export const stage = { page: null };
export const results = [];
export const elsewhere = [], violations = [], errors = [];

export const insist = (holds, message) => { if (!holds) throw new Error(message); };

export const step = async (name, work) => {
  const began = Date.now();
  try {
    const detail = await work();
    results.push([name, true]);
    console.log(`ok      ${name} (${((Date.now() - began) / 1000).toFixed(1)} s)${detail ? `: ${detail}` : ""}`);
  } catch (error) {
    results.push([name, false]);
    console.log(`FAILED  ${name}: ${error.stack}`);
    await stage.page?.screenshot({ path: join(HEIRLOOM_SHOTS, `failed-${results.length}.png`) }).catch(() => {});
  }
};

/** Notes what a page asks of other hosts, what its policy forbade, and scripts that failed. */
export const watch = (each, own) => {
  each.setDefaultTimeout(WAIT);
  each.on("request", (request) => {
    const url = new URL(request.url());
    if (!["blob:", "data:"].includes(url.protocol) && url.host !== own) elsewhere.push(request.url());
  });
  each.on("console", (message) => {
    if (/content security policy/i.test(message.text())) violations.push(message.text());
  });
  each.on("pageerror", (error) => errors.push(error.message));
};

export const shot = (name, options = {}) => stage.page.screenshot({ path: join(HEIRLOOM_SHOTS, `${name}.png`), ...options });

/** A picture for the README, if these are asked for; small enough to be fetched with it. */
export const picture = async (name) => {
  if (!HEIRLOOM_PICTURES) return;
  const session = await stage.page.context().newCDPSession(stage.page);
  const { data } = await session.send("Page.captureScreenshot", { format: "webp", quality: 82 });
  await session.detach();
  const bytes = Buffer.from(data, "base64");
  insist(bytes.length <= PICTURE_BYTES_MAX, `${name}.webp takes ${bytes.length} bytes`);
  writeFileSync(join(HEIRLOOM_PICTURES, `${name}.webp`), bytes);
};

export const confirm = () => stage.page.locator("#ask button[value=yes]").click();

/** Opens a page until so many posters stand on it: what was just taken in is found a moment later, on a busy machine several. */
export const posters = (path, holds) => until(`posters at ${path}`, async () => {
  await stage.page.goto(path);
  return holds(await stage.page.locator("a.poster").count());
});

/** Presses something that ends in the page being loaded again. */
export const reloads = async (press) => {
  await Promise.all([stage.page.waitForEvent("load"), press()]);
};
