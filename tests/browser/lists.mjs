// Work that takes long, with its bar and its end; and lists that are longer than a page.
import { generateKeyPairSync } from "node:crypto";
import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { confirm, insist, shot, stage, step } from "./kit.mjs";
import { until, world } from "./nodes.mjs";

/** A file of nothing that takes so long to be read that somebody can change their mind. */
const HOLE_BYTES = 24 * 2 ** 30;
/** More than a page of people holds, which is fifty. */
const MANY = 53;

export const longOnes = async ({ bob, film }) => {
  await step("what is read before it is published shows a bar, and is ended by a press", async () => {
    const { page } = stage;
    const hole = join(world, "A.Very.Long.Night.2025.2160p.mkv");
    writeFileSync(hole, "");
    truncateSync(hole, HOLE_BYTES);
    await page.goto(`${bob.web}/publish`);
    await page.locator("#source").fill(hole);
    await page.getByRole("button", { name: "Look at it" }).click();
    const form = page.locator("#check form");
    await form.locator("input[value='hl:']").check();
    await form.getByRole("button", { name: "Sign and seed" }).click();
    await confirm();
    const bar = page.locator("#jobs progress");
    await bar.waitFor();
    await page.waitForFunction(() => document.querySelector("#jobs progress")?.value > 0);
    await shot("18-reading");
    await page.locator("#jobs button", { hasText: "Cancel" }).click();
    await bar.waitFor({ state: "detached" });
    insist((await bob.run("search", "Very Long Night", "--band", "all")).length === 0, "nothing was signed");
  });

  await step("people stand on pages, however many they are", async () => {
    const { page } = stage;
    for (let number = 0; number < MANY; number += 1) {
      const key = generateKeyPairSync("ed25519").publicKey.export({ type: "spki", format: "der" }).subarray(-32).toString("hex");
      await bob.run("attest", key, "--level", "distrust", "--private");
    }
    await page.goto(`${bob.web}/people`);
    const section = page.locator("section", { has: page.locator("#distrusted") });
    const all = Number(await section.locator(".count").innerText());
    insist(all >= MANY, `${all} are distrusted`);
    insist(await section.locator("tbody tr").count() === 50, "fifty stand on the first page");
    await Promise.all([page.waitForURL(/distrusted=2/), section.getByRole("link", { name: "More" }).click()]);
    insist(await section.locator("tbody tr").count() === all - 50, "the rest on the second");
    await shot("19-people-2");
    await Promise.all([page.waitForURL(/distrusted=1/), section.getByRole("link", { name: "Back" }).click()]);
  });

  await step("what other programs of the owner fetch is listed", async () => {
    const { page } = stage;
    const token = readFileSync(join(bob.home, "api-token"), "utf8").trim();
    const handed = await page.request.post(`${bob.web}/api/v1/handed-off`, {
      headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
      data: { infohash: film.infohash, client: "qbittorrent", url: "http://127.0.0.1:1" },
    });
    insist(handed.ok(), await handed.text());
    await until("it to be listed", async () => {
      await page.goto(`${bob.web}/seeding`);
      return await page.locator(`tr[data-handed="${film.infohash}"]`, { hasText: "qBittorrent" }).count() === 1;
    });
    await page.locator(`tr[data-handed="${film.infohash}"]`).scrollIntoViewIfNeeded();
    await shot("20-handed");
  });
};
