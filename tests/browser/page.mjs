// The page as its owner meets it, in a real Chromium, with real nodes on loopback. Steps build on each other, as a first
// evening would; a failed one does not hide those that do not need it.
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { everybody } from "./access.mjs";
import { CAUGHT, confirm, elsewhere, errors, insist, picture, posters, reloads, results, shot, stage, step, violations, watch } from "./kit.mjs";
import { longOnes } from "./lists.mjs";
import { Person, startDht, stopAll, until, world } from "./nodes.mjs";

const { HEIRLOOM_CHROMIUM, HEIRLOOM_CLIP, HEIRLOOM_FIGURES, HEIRLOOM_SHOTS } = process.env;
const FILM = "imdb:tt1254207";
/** Longest that a shelf of ten thousand works may take, in milliseconds: to be made by the node, and to the first paint. */
const SERVED_MAX = 100, PAINTED_MAX = 1000;

let browser, page;

const main = async () => {
  const dht = await startDht();
  const alice = await new Person("alice").start(dht);
  await alice.run("id", "set", "--name", "Films of the Commons", "--url", "https://commons.example/");
  await alice.run("import", "shelf.csv");
  const clip = join(world, "big-buck-bunny.mp4");
  copyFileSync(HEIRLOOM_CLIP, clip);
  const made = ["--title", "Big Buck Bunny", "--year", "2008", "--kind", "film", "--licence", "CC-BY-3.0", "--resolution", "720p"];
  const film = await alice.run("publish", clip, "--work", FILM, ...made);
  // Somebody who writes script into every field that there is.
  const mallory = await new Person("mallory").start(dht, { peers: [alice.p2p] });
  const script = `"><img src=x onerror="window.${CAUGHT}=1"><script>window.${CAUGHT}=1</script>`;
  await mallory.run("id", "set", "--name", `<img src=x onerror=window.${CAUGHT}=1>`);
  const fake = join(world, "fake.mp4");
  writeFileSync(fake, createHash("sha512").update("fake").digest("hex").repeat(3000));
  const bad = await mallory.run("publish", fake, "--work", FILM, "--title", `Bunny ${script}`.slice(0, 180), "--year", "2008", "--kind", "film");
  const trap = join(world, "trap.mp4");
  writeFileSync(trap, createHash("sha512").update("trap").digest("hex").repeat(2000));
  await mallory.run("publish", trap, "--work", "hl:", "--title", `Trap ${script}`.slice(0, 180), "--year", "2020", "--kind", "film");
  const bob = await new Person("bob").start(dht, { peers: [alice.p2p, mallory.p2p], starter: true });
  const own = new URL(bob.web).host;

  browser = await chromium.launch({
    executablePath: HEIRLOOM_CHROMIUM,
    // Root has no sandbox, and the shared memory of a container is too small for a browser.
    args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--autoplay-policy=no-user-gesture-required", "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"],
  });
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, colorScheme: "dark" });
  await context.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (event) => console.warn(`Content Security Policy: ${event.violatedDirective} ${event.blockedURI}`));
  });
  await context.addInitScript(() => {
    addEventListener("DOMContentLoaded", () => document.querySelector("video")?.requestVideoFrameCallback(() => { window.firstFrame = performance.timeOrigin + performance.now(); }));
  });
  page = stage.page = await context.newPage();
  watch(page, own);

  await step("without a link nobody comes in", async () => {
    const answer = await page.goto(bob.web);
    insist(answer.status() === 401, `status ${answer.status()}`);
    await page.getByRole("heading", { name: "This shelf is private" }).waitFor();
    await shot("0-signed-out");
  });

  await step("first run: three steps, and the shelf is full before the last", async () => {
    await page.goto(await bob.link());
    await page.getByRole("heading", { name: "Welcome" }).waitFor();
    insist(!page.url().includes("once="), "the secret leaves the address");
    await posters(`${bob.web}/welcome`, (count) => count >= 4);
    await shot("1-welcome");
    await page.getByRole("link", { name: "Go on without a name" }).click();
    await page.getByRole("heading", { name: "Whom do you trust?" }).waitFor();
    await page.getByRole("button", { name: /Look into it open-films/ }).click();
    await page.locator("#preview .card").first().waitFor();
    await shot("2-whom", { fullPage: true });
    insist(await page.locator("a.poster").count() >= 4, "posters stand in the second step, before anybody was followed");
  });

  await step("follow by pasting a forum post, with a preview before anything changes", async () => {
    const card = (await alice.run("curator", "card")).card;
    await page.goto(`${bob.web}/welcome?step=2`);
    await page.locator("#pasted").fill(`Hi all, this is my shelf, enjoy!\n\n${card}\n-- sent from my shed`);
    await page.getByRole("button", { name: "Look before you follow" }).click();
    const found = page.locator("#preview .card", { hasText: "Films of the Commons" });
    await found.waitFor();
    insist(await found.getByText("gains a voice").count() + await found.getByText("gain a voice").count() > 0, "the preview says who gains a voice");
    const before = await bob.run("follow");
    insist(before.every((follow) => follow.key !== alice.key), "nothing changed yet");
    await found.scrollIntoViewIfNeeded();
    await shot("3-preview");
    await picture("follow");
    await reloads(() => found.getByRole("button", { name: "Follow" }).click());
    const after = await bob.run("follow");
    insist(after.some((follow) => follow.key === alice.key), "now it did");
    await page.getByRole("link", { name: "Go on" }).click();
    await page.getByRole("heading", { name: "All set" }).waitFor();
    // In the order in which she said it: what she published last comes last. The listing of a work may be here before its title.
    await until("alice's shelf to arrive", async () => (await bob.run("search", "metropo")).some((row) => row.band === "trusted" && row.title === "Metropolis") && (await bob.run("show", FILM)).releases.some((one) => one.infohash === film.infohash));
    await page.goto(`${bob.web}/welcome?step=3`);
    await shot("4-all-set");
    await page.getByRole("link", { name: "To the shelf" }).click();
    await page.locator(".shelf").first().waitFor();
  });

  await everybody({ browser, bob, alice, dht, film: { ...film, work: FILM } });

  await step("search as one types", async () => {
    await page.goto(bob.web);
    await page.locator("#q").pressSequentially("metropo", { delay: 40 });
    const hit = page.locator("#results[data-count] a.poster", { hasText: "Metropolis" });
    await hit.waitFor();
    insist(await page.locator("#q").evaluate((field) => field === document.activeElement), "the field keeps the focus");
    insist(page.url().includes("q=metropo"), page.url());
    await shot("6-search");
    await page.locator("#q").fill("qqqxyzzy");
    await page.getByRole("heading", { name: "Nothing found" }).waitFor();
    await shot("6-search-nothing");
    await page.goto(`${bob.web}/?kind=film&year=1920-1925`);
    insist(await page.locator("a.poster", { hasText: "Nosferatu" }).count() === 1, "a filter in the address");
    insist(await page.locator("a.poster", { hasText: "Charade" }).count() === 0, "leaves others out");
    await page.goto(`${bob.web}/?year=soon`);
    await page.getByText("is not a year").waitFor();
  });

  await step("hostile names are text", async () => {
    await until("mallory's listing to arrive", async () => (await bob.run("show", FILM)).releases.some((one) => one.infohash === bad.infohash));
    for (const path of [`/work/${FILM}`, "/?show=unknown&q=Trap", "/?show=unknown", `/key/${mallory.key}`, `/why/${bad.infohash}`, "/people", `/?q=${encodeURIComponent(script)}`]) {
      await page.goto(bob.web + path);
      // Pictures have failed by now; what they would run, runs in the next moments. A page that listens is never idle.
      await page.waitForLoadState("load");
      await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 100))));
      insist(await page.evaluate((caught) => window[caught] === undefined, CAUGHT), `a script ran at ${path}`);
      insist(await page.locator("img[src=x]").count() === 0, `markup of another at ${path}`);
    }
    await page.goto(`${bob.web}/key/${mallory.key}`);
    insist((await page.locator("main").innerText()).includes("onerror="), "it is shown as it was written");
  });

  await step("why: votes and paths as a picture, with the arithmetic", async () => {
    await page.goto(`${bob.web}/work/${FILM}`);
    const release = page.locator(`[data-release="${film.infohash}"]`);
    await release.getByText("whom you follow").waitFor();
    await release.getByRole("link", { name: "Why?" }).click();
    await page.locator("#sheet[open] .paths svg .vote").first().waitFor({ state: "attached" });
    const said = await page.locator("#sheet").innerText();
    insist(/L·C/.test(said) && said.includes("Films of the Commons"), said);
    await shot("7-why");
    await picture("why");
    await page.keyboard.press("Escape");
    insist(await page.locator("#sheet[open]").count() === 0, "Escape closes it");
  });

  await step("play: the clock moves, and a seek works", async () => {
    await page.goto(`${bob.web}/work/${FILM}`);
    const pressed = Date.now();
    await page.locator(`[data-release="${film.infohash}"]`).getByRole("button", { name: "Play" }).first().click();
    await page.waitForURL(/\/play\//);
    const video = page.locator("video");
    await video.waitFor();
    const streams = (await page.request.get(`${bob.web}/stream/${film.infohash}/0`, { headers: { Range: "bytes=0-9" } })).status();
    if (streams === 404) return "skipped: this node has no stream";
    await page.waitForFunction(() => document.querySelector("video").currentTime > 0.3, null, { timeout: 60_000 });
    await video.evaluate((film) => { film.currentTime = 3.5; });
    await page.waitForFunction(() => !document.querySelector("video").seeking && document.querySelector("video").currentTime >= 3.5);
    await shot("8-play");
    const first = await page.waitForFunction(() => window.firstFrame, null, { timeout: 60_000 }).then((found) => found.jsonValue());
    return `first frame ${Math.round(first - pressed)} ms after the press, from a seeder on loopback`;
  });

  await step("subtitles beside a film are shown with it", async () => {
    const folder = join(world, "Subtitled.2024.720p");
    mkdirSync(folder);
    copyFileSync(HEIRLOOM_CLIP, join(folder, "Subtitled.2024.720p.mp4"));
    writeFileSync(join(folder, "Subtitled.2024.720p.en.srt"), "1\r\n00:00:00,000 --> 00:00:04,500\r\nHello <b>there</b> <img src=x onerror=alert(1)>\r\n");
    const release = await alice.run("publish", folder, "--work", "hl:", "--title", "Subtitled", "--year", "2024", "--kind", "film", "--licence", "CC-BY-3.0");
    await until("it to arrive", async () => (await bob.run("search", "Subtitled")).some((row) => row.best?.infohash === release.infohash));
    const index = release.files.find((file) => file.path.endsWith(".mp4")).index;
    await bob.run("get", release.infohash);
    await page.goto(`${bob.web}/play/${release.infohash}/${index}`);
    await page.waitForFunction(() => document.querySelector("video").textTracks[0]?.cues?.length === 1, null, { timeout: 60_000 });
    const text = await page.evaluate(() => document.querySelector("video").textTracks[0].cues[0].text);
    insist(text.startsWith("Hello") && !text.includes("onerror=") && !text.includes("<img"), text);
    await page.waitForFunction(() => document.querySelector("video").currentTime > 0.5, null, { timeout: 60_000 });
    await shot("8-subtitles");
  });

  await step("a download is cancelled, here and from elsewhere, and the page hears of it", async () => {
    const nobodys = (digit) => `magnet:?xt=urn:btih:${digit.repeat(40)}&dn=Nobody.Has.It.${digit}`;
    for (const digit of ["d", "e"]) {
      await alice.run("publish", nobodys(digit), "--work", "hl:", "--title", `Nobody ${digit}`, "--year", "2001", "--kind", "film");
      await until("its listing to arrive", async () => (await bob.run("search", digit.repeat(40), "--band", "all")).length > 0);
      await bob.run("get", digit.repeat(40));
    }
    const heard = [];
    page.on("request", (request) => heard.push(new URL(request.url()).pathname));
    await page.goto(`${bob.web}/seeding`);
    const bar = (digit) => page.locator(`[data-download="${digit.repeat(40)}"]`);
    await bar("d").waitFor();
    await bar("e").waitFor();
    await bob.run("cancel", "d".repeat(40));
    await bar("d").waitFor({ state: "detached" });
    insist(heard.filter((path) => path === "/seeding").length === 1 && heard.includes("/api/v1/events"), "the page was told, and did not ask again and again");
    await shot("9-cancel", { fullPage: true });
    const row = page.locator("tr", { has: bar("e") });
    await row.getByRole("button", { name: /^Cancel and delete/ }).click();
    await reloads(confirm);
    insist(await bar("e").count() === 0, "it is gone");
    insist((await bob.run("ledger")).some((each) => each.key === alice.key), "the ledger keeps what was given");
  });

  await step("a speed limit is set on the page, counts at once, and stays", async () => {
    await page.goto(`${bob.web}/seeding`);
    const form = () => page.locator("form", { has: page.locator("#set-upload-limit") });
    await form().locator("#set-upload-limit").fill("nonsense");
    await form().getByRole("button", { name: /^Save/ }).click();
    await page.locator("#toast.bad", { hasText: "is not a size" }).waitFor();
    await form().locator("#set-upload-limit").fill("2MB");
    await reloads(() => form().getByRole("button", { name: /^Save/ }).click());
    insist(await form().locator("#set-upload-limit").inputValue() === "2MB", "it is shown");
    const row = await bob.run("config", "get", "upload-limit");
    insist(row.value === "2MB" && row.from === "file" && row.next === null, JSON.stringify(row));
    await page.goto(`${bob.web}/node`);
    await page.locator("summary", { hasText: "All settings" }).click();
    await page.locator("#set-disk-quota").waitFor();
    await shot("14-settings", { fullPage: true });
  });

  await step("download with progress, and the ledger's plot", async () => {
    await page.goto(`${bob.web}/work/${FILM}`);
    const release = page.locator(`[data-release="${film.infohash}"]`);
    const press = release.getByRole("button", { name: /^Download/ });
    if (await press.count()) await reloads(() => press.click());
    await release.getByText("Here, and seeded").waitFor({ timeout: 60_000 });
    await until("its bytes to be booked", async () => (await bob.run("ledger")).some((row) => row.key === alice.key));
    await page.goto(`${bob.web}/seeding`);
    await page.locator(".plot .bar").first().waitFor();
    insist(await page.locator("table", { hasText: alice.address }).count() === 1, "the ledger names the address");
    await shot("9-seeding", { fullPage: true });
  });

  await step("a verdict hides a release, after a question", async () => {
    await page.goto(`${bob.web}/work/${FILM}?network=true`);
    const strangers = page.locator("details", { hasText: "by a stranger" }).first();
    if (await strangers.count()) await strangers.locator("summary").first().click();
    const release = page.locator(`[data-release="${bad.infohash}"]`);
    await release.getByRole("button", { name: /^Fake/ }).click();
    await page.getByText("signs your judgement").waitFor();
    await shot("10-verdict");
    await page.locator("#ask button[value=no]").click();
    insist(!(await bob.run("export", "--statements")).some((one) => one.kind === "verdict"), "cancelled: nothing was signed");
    await release.getByRole("button", { name: /^Fake/ }).click();
    await reloads(confirm);
    await page.getByText("distrusted release is hidden").waitFor();
    insist(await page.locator(`[data-release="${bad.infohash}"]`).count() === 0, "it is gone");
    await page.getByRole("link", { name: "Show them" }).click();
    await page.locator(`[data-release="${bad.infohash}"]`).getByText("Download anyway").waitFor();
    await shot("10-hidden", { fullPage: true });
  });

  await step("vouch for a key, and distrust one", async () => {
    await page.goto(`${bob.web}/key/${alice.key}`);
    await page.locator("summary", { hasText: "Vouch" }).click();
    const form = page.locator("form[data-verb=attest]").first();
    await form.locator("[name=reason]").fill("good copies, year after year");
    await form.getByRole("button", { name: "Sign" }).click();
    await reloads(confirm);
    await page.goto(`${bob.web}/key/${bob.key}`);
    await page.getByText("good copies, year after year").waitFor();
    await page.goto(`${bob.web}/key/${mallory.key}`);
    await page.locator("summary", { hasText: "Distrust" }).click();
    await page.locator("form[data-verb=attest]").nth(1).getByRole("button", { name: "Sign" }).click();
    await reloads(confirm);
    insist(await page.locator(".keyhead .band.distrusted").count() === 1, "the page says so");
    await shot("11-distrusted");
    await page.goto(`${bob.web}/people`);
    insist(await page.locator("section", { has: page.locator("#distrusted") }).locator("tbody tr").count() >= 1, "and the list of people");
    await shot("11-people", { fullPage: true });
  });

  await step("a link that the desktop hands over stands where somebody is added, and nothing changes", async () => {
    const { uri: link } = await mallory.run("curator", "card");
    const before = (await bob.run("follow")).length;
    await page.goto((await bob.run("open", "--print", link)).url);
    await page.waitForURL(`${bob.web}/people`);
    await until("the link to stand in the field", async () => (await page.locator("#pasted").inputValue()) === link);
    insist((await bob.run("follow")).length === before, "nobody is followed by a link alone");
    await page.keyboard.press("Enter");
    await page.locator("#preview .card").first().waitFor();
    insist((await bob.run("follow")).length === before, "nor by looking");
  });

  await step("publish a file: details first, then a question, then it is listed; and taken back", async () => {
    const talk = join(world, "A.Talk.On.Tomatoes.2025.720p.webm");
    writeFileSync(talk, createHash("sha512").update("tomatoes").digest("hex").repeat(900));
    await page.goto(`${bob.web}/publish`);
    await page.locator("#source").fill("relative/path.mp4");
    await page.getByRole("button", { name: "Look at it" }).click();
    await page.getByText("Give the whole path").waitFor();
    await page.locator("#source").fill(talk);
    await page.getByRole("button", { name: "Look at it" }).click();
    const form = page.locator("#check form");
    await form.waitFor();
    insist(await form.locator("[name=title]").inputValue() === "A Talk On Tomatoes", "the title is read from the name");
    await form.locator("input[value='hl:']").check();
    await form.locator("[name=licence]").fill("CC-BY-4.0");
    await shot("12-publish", { fullPage: true });
    await form.getByRole("button", { name: "Sign and seed" }).click();
    await reloads(confirm);
    const row = page.locator("tr", { hasText: "A Talk On Tomatoes" });
    await row.waitFor();
    await until("it to be in the catalogue", async () => (await bob.run("search", "tomatoes")).length === 1);
    await row.getByRole("button", { name: /Take back/ }).click();
    await reloads(confirm);
    await page.locator("tr", { hasText: "A Talk On Tomatoes" }).waitFor({ state: "detached" });
  });

  await step("a torrent file that is chosen is listed", async () => {
    const torrent = Buffer.from(`d8:announce20:udp://127.0.0.1:1/an4:infod6:lengthi70000e4:name24:The.Shed.2021.1080p.webm12:piece lengthi65536e6:pieces40:${"a".repeat(40)}ee`);
    await page.goto(`${bob.web}/publish`);
    await page.locator("#torrent").setInputFiles({ name: "shed.torrent", mimeType: "application/x-bittorrent", buffer: torrent });
    const form = page.locator("#check form");
    await form.waitFor();
    await form.locator("input[value^='hl:']").check();
    await form.locator("[name='rows.0.release.licence']").fill("CC0-1.0");
    await shot("13-torrent", { fullPage: true });
    await form.getByRole("button", { name: "Sign the listing" }).click();
    await reloads(confirm);
    await page.locator("tr", { hasText: "The.Shed.2021" }).waitFor();
    await page.locator("#torrent").setInputFiles({ name: "film.mp4", mimeType: "video/mp4", buffer: Buffer.from("film") });
    await page.locator("#toast.bad", { hasText: "name its path above" }).waitFor();
    await page.locator("#torrent").setInputFiles({ name: "not.torrent", mimeType: "text/plain", buffer: Buffer.from("hello") });
    await page.getByText("This is not a torrent file").waitFor();
  });

  await step("reading works without script", async () => {
    const plain = await browser.newContext({ javaScriptEnabled: false, storageState: await context.storageState() });
    const reader = await plain.newPage();
    watch(reader, own);
    await reader.goto(bob.web);
    await reader.locator("#q").fill("nosferatu");
    await reader.locator("#q").press("Enter");
    await reader.locator("a.poster", { hasText: "Nosferatu" }).click();
    await reader.getByRole("heading", { name: "Nosferatu" }).waitFor();
    await reader.getByRole("link", { name: "Why?" }).first().click();
    await reader.getByText("The arithmetic").waitFor();
    await plain.close();
  });

  await step("every page, and what is not there", async () => {
    for (const path of ["/people", "/seeding", "/publish", "/node", "/welcome", `/key/${bob.key}`]) {
      const answer = await page.goto(bob.web + path);
      insist(answer.status() === 200, `${path}: ${answer.status()}`);
      insist(await page.locator("h1").count() === 1, `${path} has one heading of the first rank`);
    }
    await page.goto(`${bob.web}/node`);
    await shot("14-node", { fullPage: true });
    await page.getByRole("button", { name: "Sign this browser out" }).waitFor();
    for (const path of ["/nowhere", "/work/nonsense", "/key/nonsense", "/play/nonsense/0"]) {
      const answer = await page.goto(bob.web + path);
      insist(answer.status() === 404, `${path}: ${answer.status()}`);
      await page.getByRole("link", { name: "Back to the shelf" }).waitFor();
    }
    await shot("15-missing");
  });

  await longOnes({ bob, film });

  await step("a node that goes away is said, and one that comes back is found", async () => {
    await page.goto(bob.web);
    const port = Number(new URL(bob.web).port);
    await bob.kill();
    await page.locator("#q").pressSequentially("m");
    await page.locator("#offline").waitFor({ state: "visible" });
    await shot("16-away");
    await bob.start(dht, { peers: [alice.p2p], starter: true, port });
    await page.locator("#offline").waitFor({ state: "hidden" });
  });

  await step("no request to another host, the policy was never broken, no script failed", async () => {
    insist(elsewhere.length === 0, `asked elsewhere: ${elsewhere.slice(0, 5)}`);
    insist(violations.length === 0, `policy: ${violations.slice(0, 5)}`);
    insist(errors.length === 0, `scripts: ${errors.slice(0, 5)}`);
    const answer = await page.request.get(bob.web);
    const policy = answer.headers()["content-security-policy"];
    insist(policy.includes("script-src 'self'") && !policy.includes("unsafe"), policy);
  });

  await step("ten thousand works", async () => {
    const many = join(world, "many.csv");
    const rows = Array.from({ length: 10_000 }, (_, at) => `hl:,Work number ${at},${1900 + at % 120},film,"g${at % 20}",CC0-1.0,${createHash("sha1").update(`many ${at}`).digest("hex")}`);
    writeFileSync(many, ["work,title,year,kind,genres,licence,infohash", ...rows].join("\n"));
    await bob.run("import", many);
    const took = [], missed = [];
    for (const path of ["/?kind=film", "/", "/?kind=film&page=2", "/?q=number", "/?genre=g3"]) {
      const times = [];
      for (let round = 0; round < 5; round += 1) {
        const began = performance.now();
        const answer = await page.request.get(bob.web + path);
        insist(answer.status() === 200, `${path}: ${answer.status()}`);
        await answer.text();
        times.push(performance.now() - began);
      }
      const median = times.sort((a, b) => a - b)[2];
      took.push(`${path} ${median.toFixed(0)} ms`);
      if (median > SERVED_MAX) missed.push(took.at(-1));
    }
    await posters(`${bob.web}/?kind=film`, (count) => count === 60);
    await Promise.all([page.waitForURL(/page=2/), page.getByRole("link", { name: "More" }).last().click()]);
    insist(await page.locator("a.poster").count() === 60, "the second page is as full");
    await page.goto(`${bob.web}/?kind=film`);
    // Painting is told some time after the page was loaded.
    const paint = await page.waitForFunction(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime, null, { timeout: 60_000 }).then((found) => found.jsonValue());
    insist(Number.isFinite(paint) && paint > 0, `the first paint is told as ${paint}`);
    if (paint > PAINTED_MAX) missed.push(`first paint ${Math.round(paint)} ms`);
    // How long something takes is a figure, and on a busy machine no failure; but whoever asks for figures wants to know.
    insist(!HEIRLOOM_FIGURES || missed.length === 0, `too slow: ${missed.join(", ")}`);
    return `${took.join(", ")}; first paint ${Math.round(paint)} ms`;
  });
};

const began = Date.now();
try { await main(); } catch (error) { results.push(["the story", false]); console.log(error.stack); } finally {
  await browser?.close();
  await stopAll();
}
const failed = results.filter(([, ok]) => !ok);
console.log(`${results.length - failed.length} of ${results.length} steps held, in ${((Date.now() - began) / 1000).toFixed(0)} s; screenshots in ${HEIRLOOM_SHOTS}`);
process.exit(failed.length ? 1 : 0);
