// Whether everybody can use the page: at three widths, by the keyboard alone, and as axe-core judges what a screen reader finds.
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { insist, picture, shot, stage, step, watch } from "./kit.mjs";
import { Person, until, world } from "./nodes.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const SCHEMES = ["dark", "light"];
const WIDTHS = { phone: [360, 740], tablet: [1024, 768], television: [1920, 1080] };
/** The width that pictures of the README have. */
const DESK = [1280, 800];
/** What axe-core is asked for: WCAG 2.2 to level AA, and what it calls good practice. */
const RULES = { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] };
/** Presses of Tab after which something counts as out of reach. */
const TABS_MAX = 150;

/** Every page there is, by name. */
const views = (film, alice) => ({
  shelf: "/", grid: "/?kind=film", found: "/?q=metropolis", nothing: "/?q=qqqxyzzy", work: `/work/${film.work}`,
  why: `/why/${film.infohash}`, player: `/play/${film.infohash}/0`, people: "/people", key: `/key/${alice.key}`,
  seeding: "/seeding", publish: "/publish", node: "/node", apps: "/apps", welcome: "/welcome",
  whom: "/welcome?step=2", missing: "/nowhere",
});

/** What stands beyond the edge of the window, or is cut off where it stands. Runs in the page. */
function clipped() {
  const found = [];
  const wide = document.documentElement.scrollWidth - innerWidth;
  if (wide > 0) found.push(`the page is ${wide} px too wide`);
  // These scroll by themselves, or end in dots on purpose: posters have their whole title in the picture above it.
  const scrolls = ".strip, .scroll, figure, .chips, pre, video";
  for (const element of document.querySelectorAll("body *")) {
    if (!element.checkVisibility({ visibilityProperty: true }) || element.closest(`${scrolls}, .caption .name, .hidden, .skip, [hidden], svg, dialog:not([open]), .art`)) continue;
    const style = getComputedStyle(element);
    if (style.clipPath !== "none") continue;
    const box = element.getBoundingClientRect();
    if (box.width === 0 || box.height === 0) continue;
    const name = `${element.tagName.toLowerCase()}.${element.className} "${element.textContent.trim().slice(0, 30)}"`;
    if (box.left < -1 || box.right > innerWidth + 1) found.push(`${name} from ${Math.round(box.left)} to ${Math.round(box.right)}`);
    const isCut = style.overflowX !== "visible" && style.overflowX !== "auto" && element.scrollWidth > element.clientWidth + 1;
    if (isCut && !element.matches("input, select, textarea, body, html")) found.push(`${name} is cut off`);
  }
  return found.slice(0, 5);
}

/** What axe-core finds that keeps somebody out, in words. */
const audit = async (what) => {
  await stage.page.evaluate(axe);
  const { violations } = await stage.page.evaluate((rules) => window.axe.run(document, rules), RULES);
  const grave = violations.filter((one) => ["serious", "critical"].includes(one.impact));
  const said = grave.map((one) => `${one.id} (${one.impact}): ${one.nodes.slice(0, 3).map((node) => `${node.html.slice(0, 140)} ${node.any[0]?.message ?? ""}`).join(" | ")}`);
  return said.map((one) => [one, what]);
};

/** What has the focus: whether that can be seen, and what it is. Runs in the page. */
function focused() {
  const element = document.activeElement;
  const style = getComputedStyle(element);
  const box = element.getBoundingClientRect();
  const isRing = style.outlineStyle !== "none" && Number.parseFloat(style.outlineWidth) >= 2;
  // What has no box of its own scrolls into view with what is around it.
  const isInside = box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
  return { tag: element.tagName.toLowerCase(), id: element.id, text: element.textContent.trim().slice(0, 60), seen: isRing && isInside, ring: `${style.outlineStyle} ${style.outlineWidth}`, at: [box.left, box.top].map(Math.round) };
}

/** Goes on by Tab until something has the focus, and looks at each stop whether it is seen. */
const tabTo = async (selector, text = "") => {
  const { page } = stage;
  for (let presses = 0; presses < TABS_MAX; presses += 1) {
    await page.keyboard.press("Tab");
    const now = await page.evaluate(focused);
    insist(now.tag === "body" || now.seen, `the focus on ${now.tag} "${now.text}" is not seen: ${now.ring} at ${now.at}`);
    const is = await page.evaluate(([selector, text]) => document.activeElement.matches(selector) && document.activeElement.textContent.includes(text), [selector, text]);
    if (is) return;
  }
  throw new Error(`${selector} "${text}" is not reached by Tab`);
};

/** Whether this has the focus, now or soon. */
const hasFocus = (selector) => stage.page.waitForFunction((selector) => document.activeElement?.matches(selector), selector);

export const everybody = async ({ browser, bob, alice, film, dht }) => {
  const paths = views(film, alice);

  await step("every page at three widths, dark and light: nothing is cut off, nothing scrolls sideways", async () => {
    const { page } = stage;
    const found = new Set();
    for (const [name, [width, height]] of Object.entries(WIDTHS)) {
      await page.setViewportSize({ width, height });
      for (const colorScheme of SCHEMES) {
        await page.emulateMedia({ colorScheme });
        for (const [view, path] of Object.entries(paths)) {
          await page.goto(bob.web + path);
          (await page.evaluate(clipped)).forEach((one) => found.add(`${view} at ${width}: ${one}`));
          await shot(`5-${view}-${name}-${colorScheme}`);
        }
      }
    }
    await page.setViewportSize({ width: DESK[0], height: DESK[1] });
    await page.emulateMedia({ colorScheme: "dark" });
    for (const view of ["shelf", "work"]) {
      await page.goto(bob.web + paths[view]);
      await picture(view);
    }
    insist(found.size === 0, [...found].join("\n        "));
  });

  await step("axe-core finds nothing serious on any page, dark or light, wide or narrow", async () => {
    const { page } = stage;
    // Each once, with the first place where it was found: most stand on every page.
    const found = new Map();
    const look = async (what) => { (await audit(what)).forEach(([one, at]) => { if (!found.has(one)) found.set(one, at); }); };
    for (const [width, height] of [WIDTHS.tablet, WIDTHS.phone]) {
      await page.setViewportSize({ width, height });
      for (const colorScheme of SCHEMES) {
        await page.emulateMedia({ colorScheme });
        for (const [view, path] of Object.entries(paths)) {
          await page.goto(bob.web + path);
          await look(`${view} at ${width}, ${colorScheme}`);
        }
      }
    }
    await page.setViewportSize({ width: DESK[0], height: DESK[1] });
    await page.emulateMedia({ colorScheme: "dark" });
    await page.goto(bob.web + paths.work);
    await page.locator("a[data-sheet]").first().click();
    await page.locator("#sheet[open] .why").waitFor();
    await look("the sheet");
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: /^Fake/ }).first().click();
    await page.locator("#ask[open]").waitFor();
    await look("a question");
    await page.keyboard.press("Escape");
    insist(found.size === 0, [...found].map(([one, at]) => `${at}: ${one}`).join("\n        "));
  });

  await step("landmarks, and news that is read aloud", async () => {
    const { page } = stage;
    await page.goto(bob.web);
    for (const role of ["banner", "main", "search"]) insist(await page.getByRole(role).count() === 1, `one ${role}`);
    insist(await page.getByRole("navigation", { name: "Main" }).count() === 1, "one way around");
    insist(await page.locator("#spoken[aria-live=polite], #news[role=status]").count() === 2, "there is a place for what is said");
    await page.locator("#q").fill("metropo");
    await page.waitForFunction(() => /\d+ works? found/.test(document.querySelector("#spoken").textContent));
  });

  await step("by the keyboard alone, from the first run to publishing", async () => {
    const carol = await new Person("carol").start(dht, { peers: [alice.p2p], starter: true });
    const context = await browser.newContext({ viewport: { width: DESK[0], height: DESK[1] }, colorScheme: "dark" });
    const before = stage.page;
    const page = stage.page = await context.newPage();
    watch(page, new URL(carol.web).host);
    const { keyboard } = page;
    const leads = (address, key = "Enter") => Promise.all([page.waitForURL(address), keyboard.press(key)]);
    try {
      // The first run.
      await page.goto(await carol.link());
      await hasFocus("#name");
      await keyboard.type("Carol");
      await tabTo("button[type=submit]", "Save");
      await leads(/step=2/);
      await tabTo("#pasted");
      await keyboard.insertText(`Look at this shelf!\n\n${(await alice.run("curator", "card")).card}`);
      await tabTo("button[type=submit]", "Look before you follow");
      await keyboard.press("Enter");
      // What is new is where the reader is led.
      await hasFocus("#preview h3");
      await tabTo("#preview input[name=alias]");
      await tabTo("#preview button[type=submit]", "Follow");
      await Promise.all([page.waitForEvent("load"), keyboard.press("Space")]);
      await hasFocus("#add");
      insist((await carol.run("follow")).some((one) => one.key === alice.key), "she is followed");
      await tabTo("a.main", "Go on");
      await leads(/step=3/);
      await until("the shelf to arrive", async () => (await carol.run("show", film.work)).releases.some((one) => one.infohash === film.infohash && one.band === "trusted"));
      await tabTo("a.main", "To the shelf");
      await leads(`${carol.web}/`);

      // The first Tab of a page offers the way around what stands at its top.
      await keyboard.press("Tab");
      insist((await page.evaluate(focused)).text === "Skip to the content", "the first stop is the skip link");
      await keyboard.press("Enter");
      insist(await page.evaluate(() => document.activeElement.id) === "main", "it leads to the content");
      await tabTo("a.poster");
      await keyboard.press("ArrowRight");
      insist(await page.evaluate(() => [...document.querySelectorAll("a.poster")].indexOf(document.activeElement)) === 1, "arrows walk over posters");

      // Search, a work, why.
      await keyboard.press("/");
      await hasFocus("#q");
      await keyboard.type("bunny");
      await page.locator("#results[data-count] a.poster").first().waitFor();
      await hasFocus("#q");
      await tabTo("#results a.poster");
      await leads(/\/work\//);
      await page.waitForLoadState("load");
      await tabTo(`[data-release="${film.infohash}"] a[data-sheet]`);
      await keyboard.press("Enter");
      await page.locator("#sheet[open] .why").waitFor();
      insist(await page.evaluate(() => document.activeElement.closest("#sheet") !== null), "the sheet has the focus");
      await keyboard.press("Escape");
      await hasFocus(`[data-release="${film.infohash}"] a[data-sheet]`);

      // Play, and stop.
      await page.goto(carol.web + paths.work);
      await tabTo("button.main", "Play");
      await leads(/\/play\//);
      await page.waitForFunction(() => document.querySelector("video").currentTime > 0.2);
      await tabTo("video");
      await keyboard.press("Space");
      await page.waitForFunction(() => document.querySelector("video").paused);

      // A verdict: thought better of first, then given.
      await page.goto(carol.web + paths.work);
      await tabTo(`[data-release="${film.infohash}"] button.good`);
      await keyboard.press("Enter");
      await page.locator("#ask[open]").waitFor();
      await keyboard.press("Escape");
      await hasFocus(`[data-release="${film.infohash}"] button.good`);
      insist(!(await carol.run("export", "--statements")).some((one) => one.kind === "verdict"), "Escape signs nothing");
      await keyboard.press("Enter");
      await page.locator("#ask[open]").waitFor();
      await tabTo("#ask button[value=yes]");
      await Promise.all([page.waitForEvent("load"), keyboard.press("Space")]);
      await hasFocus("#releases-title");
      insist((await carol.run("export", "--statements")).some((one) => one.kind === "verdict"), "it is signed");

      // Publishing.
      const talk = join(world, "A.Talk.On.Beans.2025.720p.webm");
      writeFileSync(talk, createHash("sha512").update("beans").digest("hex").repeat(900));
      await page.goto(`${carol.web}/publish`);
      await tabTo("#source");
      await keyboard.type(talk);
      await keyboard.press("Enter");
      await hasFocus("#check h3");
      await tabTo("#check input[type=radio]");
      const isNameless = () => page.evaluate(() => document.querySelector("#check input[value='hl:']").checked);
      for (let presses = 0; presses < 10 && !(await isNameless()); presses += 1) await keyboard.press("ArrowDown");
      insist(await isNameless(), "the work without an outside id is chosen");
      await tabTo("#check input[name=licence]");
      await keyboard.type("CC-BY-4.0");
      await tabTo("#check button[type=submit]", "Sign and seed");
      await keyboard.press("Enter");
      await page.locator("#ask[open]").waitFor();
      await tabTo("#ask button[value=yes]");
      await Promise.all([page.waitForEvent("load"), keyboard.press("Enter")]);
      await page.locator("tr", { hasText: "A Talk On Beans" }).waitFor();
      await shot("17-keyboard");
    } finally {
      stage.page = before;
      await context.close();
    }
  });
};
