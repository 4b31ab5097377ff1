// What makes the page quicker, and sends what changes something to the API. Pages come finished from the node; what is
// put in afterwards is parsed as a document of its own and moved over, never written as markup.
"use strict";
(() => {
  const words = document.body.dataset;
  const one = (selector, within = document) => within.querySelector(selector);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];

  // What is said aloud, and what is shown for a moment.
  const speak = (text) => { one("#spoken").textContent = text; };
  let toastTimer;
  const toast = (text, isBad = false) => {
    const box = one("#toast");
    box.textContent = text;
    box.className = isBad ? "bad" : "";
    box.hidden = false;
    speak(text);
    clearTimeout(toastTimer);
    toastTimer = setTimeout(() => { box.hidden = true; }, isBad ? 9000 : 3500);
  };

  // The node may be away for a while.
  let retry;
  const away = () => {
    one("#offline").hidden = false;
    clearTimeout(retry);
    retry = setTimeout(async () => {
      try { await fetch("/api/v1/id", post({})); one("#offline").hidden = true; } catch { away(); }
    }, 3000);
  };
  const post = (body) => ({ method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  const ask = async (address, options) => {
    try {
      const answer = await fetch(address, options);
      one("#offline").hidden = true;
      return answer;
    } catch (error) {
      if (error.name !== "AbortError") away();
      throw error;
    }
  };
  const messageOf = async (answer) => {
    try {
      const problem = await answer.json();
      return (problem.error && problem.error.message) || problem.detail || problem.title || answer.statusText;
    } catch { return answer.statusText; }
  };
  const parse = (text) => new DOMParser().parseFromString(text, "text/html");

  // The fields of a form as JSON. `a.0.b` names a place within.
  const put = (target, path, value) => {
    const parts = path.split(".");
    const last = parts.pop();
    let at = target;
    parts.forEach((part, index) => {
      const next = parts[index + 1] ?? last;
      at[part] ??= /^\d+$/.test(next) ? [] : {};
      at = at[part];
    });
    at[last] = value;
  };
  const fieldsOf = (form) => {
    const fields = {};
    for (const field of form.elements) {
      if (!field.name || field.disabled || field.tagName === "BUTTON") continue;
      if (field.type === "radio") {
        if (!field.checked) continue;
        const chosen = "other" in field.dataset ? one("[data-other-value]", form).value.trim() : field.value;
        put(fields, field.name, chosen);
        if (field.dataset.also) put(fields, field.dataset.also, chosen);
      } else if (field.type === "checkbox") put(fields, field.name, field.checked);
      else if (field.dataset.type === "json") put(fields, field.name, JSON.parse(field.value));
      else if (field.dataset.type === "episode") {
        const said = /^s(\d+)e(\d+)$/i.exec(field.value.trim());
        put(fields, field.name, said ? [Number(said[1]), Number(said[2])] : null);
      } else if ("map" in field.dataset) { if (field.value.trim()) fields[field.name].push(`${field.dataset.map}=${field.value.trim()}`); }
      else if (field.dataset.type === "list") put(fields, field.name, field.value.split(",").map((t) => t.trim()).filter(Boolean));
      else if ("optional" in field.dataset && !field.value.trim()) put(fields, field.name, null);
      else if (field.type === "number") put(fields, field.name, field.valueAsNumber);
      else put(fields, field.name, field.value);
    }
    return fields;
  };

  // A question before something signed leaves.
  const confirmed = (text) => new Promise((answered) => {
    const dialog = one("#ask");
    one("#ask-text").textContent = text;
    const end = (event) => {
      const button = event.target.closest("button");
      if (!button && event.type === "click") return;
      all("button", dialog).forEach((each) => each.removeEventListener("click", end));
      dialog.removeEventListener("cancel", end);
      dialog.close();
      answered(Boolean(button) && button.value === "yes");
    };
    all("button", dialog).forEach((each) => each.addEventListener("click", end));
    dialog.addEventListener("cancel", end);
    dialog.showModal();
  });

  const busy = async (form, work) => {
    const [buttons, held] = [all("button", form), document.activeElement];
    buttons.forEach((button) => { button.disabled = true; });
    form.setAttribute("aria-busy", "true");
    try { await work(); } finally {
      buttons.forEach((button) => { button.disabled = false; });
      form.removeAttribute("aria-busy");
      // A button that is off loses the focus; whoever works by keyboard goes on where they were.
      if (document.activeElement === document.body && held?.isConnected) held.focus();
    }
  };

  // Leads whoever works by keyboard or ear to what is new.
  const leadTo = (place) => {
    if (!place) return;
    if (place.tabIndex < 0) place.tabIndex = -1;
    place.focus({ preventScroll: true });
    place.scrollIntoView({ block: "nearest" });
  };
  // The page comes anew, and its reader stays where they were: at the heading of the part in which they pressed something.
  const reload = (form) => {
    const part = form.closest("section[aria-labelledby], aside[aria-labelledby]")?.getAttribute("aria-labelledby");
    if (part) sessionStorage.setItem("place", part);
    sessionStorage.setItem("toast", words.tDone);
    location.reload();
  };

  const act = async (form, button) => {
    const question = button?.dataset.confirm || form.dataset.confirm;
    if (question && !(await confirmed(question))) return;
    const fields = fieldsOf(form);
    if (button?.name) fields[button.name] = button.value;
    await busy(form, async () => {
      speak(words.tBusy);
      const answer = await ask(`/api/v1/${form.dataset.verb}`, post(fields));
      if (!answer.ok) { toast(await messageOf(answer), true); return; }
      const value = await answer.json();
      const refused = value && Array.isArray(value.rows) && value.rows.find((row) => row.reason);
      if (refused) { toast(refused.reason, true); return; }
      if (form.dataset.then === "reload") reload(form);
      else if (form.dataset.then) location.assign(form.dataset.then);
      else toast(words.tDone);
    });
  };

  // A part of a page that the node makes of what was typed.
  const preview = (form, body) => busy(form, async () => {
    speak(words.tBusy);
    const into = one(form.dataset.into);
    const waiting = document.createElement("p");
    waiting.className = "working";
    waiting.textContent = words.tBusy;
    // Pages of others take as long as they like.
    const given = new AbortController();
    const cancel = document.createElement("button");
    cancel.type = "button";
    cancel.className = "quiet";
    cancel.textContent = words.tCancel;
    cancel.addEventListener("click", () => given.abort());
    waiting.append(" ", cancel);
    into.replaceChildren(waiting);
    const address = form.dataset.preview || form.dataset.drop;
    let answer;
    try { answer = await ask(address, { ...post(body), signal: given.signal }); } catch (error) { into.replaceChildren(); throw error; }
    if (!answer.ok) { into.replaceChildren(); toast(await messageOf(answer), true); return; }
    into.replaceChildren(...all("[data-fragment]", parse(await answer.text())));
    leadTo(one("h3, [role=alert]", into));
  });

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.dataset.verb) { event.preventDefault(); act(form, event.submitter).catch(() => {}); }
    else if (form.dataset.preview) { event.preventDefault(); preview(form, fieldsOf(form)).catch(() => {}); }
  });

  // Why? opens beside what it is about.
  document.addEventListener("click", async (event) => {
    const link = event.target.closest("a[data-sheet]");
    if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey && event.button === 0) {
      event.preventDefault();
      try {
        const answer = await ask(link.href);
        const part = one("[data-fragment]", parse(await answer.text()));
        if (!part) { location.assign(link.href); return; }
        one("#sheet-content").replaceChildren(part);
        one("#sheet").showModal();
      } catch { /* the banner says it */ }
      return;
    }
    const copy = event.target.closest("[data-copy]");
    if (copy) {
      const text = one(copy.dataset.copy).textContent;
      try { await navigator.clipboard.writeText(text); toast(words.tCopied); }
      catch { getSelection().selectAllChildren(one(copy.dataset.copy)); }
    }
  });

  // Search while it is typed.
  const search = one("[data-search] input");
  let typing, running;
  const look = async () => {
    if (running) running.abort();
    running = new AbortController();
    const address = new URL("/", location.origin);
    const kept = new URLSearchParams(location.pathname === "/" ? location.search : "");
    kept.delete("page");
    kept.set("q", search.value);
    if (!search.value) kept.delete("q");
    address.search = kept;
    try {
      const answer = await ask(address, { signal: running.signal });
      const found = parse(await answer.text());
      const main = one("main", found);
      if (!main) return;
      one("main").replaceChildren(...main.childNodes);
      document.title = found.title;
      history.replaceState(null, "", address);
      const count = one("#results")?.dataset.count;
      if (count) speak(`${count} ${words.tFound}`);
    } catch { /* aborted, or the banner says it */ }
  };
  search?.addEventListener("input", () => { clearTimeout(typing); typing = setTimeout(look, 180); });
  document.addEventListener("keydown", (event) => {
    const isTyping = /^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName);
    if (event.key === "/" && !isTyping && !event.ctrlKey && !event.metaKey) { event.preventDefault(); search?.focus(); search?.select(); return; }
    if (isTyping || event.altKey || event.ctrlKey || event.metaKey) return;
    // Arrows walk over posters, as on a television.
    const poster = document.activeElement.closest?.("a.poster");
    const steps = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[event.key];
    if (!poster || !steps) return;
    const here = poster.getBoundingClientRect();
    let best, least = Infinity;
    for (const other of all("a.poster")) {
      const there = other.getBoundingClientRect();
      const [dx, dy] = [there.left - here.left, there.top - here.top];
      const [along, across] = steps[0] ? [dx * steps[0], Math.abs(dy)] : [dy * steps[1], Math.abs(dx)];
      if (other === poster || along < 8) continue;
      const far = along + across * 4;
      if (far < least) { least = far; best = other; }
    }
    if (best) { event.preventDefault(); best.focus(); best.scrollIntoView({ block: "nearest", inline: "nearest" }); }
  });

  // Pictures that do not come leave the drawn one.
  document.addEventListener("error", (event) => { if (event.target.matches?.("img[data-art]")) event.target.remove(); }, true);

  // More releases, from the network.
  const more = one("[data-network]");
  if (more) {
    const waiting = one("[data-waiting]", more);
    if (waiting) waiting.hidden = false;
    ask(more.dataset.network).then((answer) => answer.text()).then((text) => {
      const fresh = one("#releases", parse(text));
      // Not under the hands of somebody who is about to press something.
      if (!fresh || more.contains(document.activeElement) || one("dialog[open]")) { if (waiting) waiting.hidden = true; return; }
      fresh.removeAttribute("data-network");
      more.replaceWith(fresh);
    }).catch(() => { if (waiting) waiting.hidden = true; });
  }

  // Downloads under way: bars and words as the node makes them now.
  let isReading = false, isStale = false;
  const refresh = async () => {
    if (isReading) { isStale = true; return; }
    const bars = all("[data-download]");
    if (!bars.length) return;
    isReading = true;
    isStale = false;
    try {
      const fresh = parse(await (await ask(`/progress?of=${bars.map((bar) => bar.dataset.download).join(",")}`)).text());
      for (const bar of bars) {
        const now = one(`[data-bar="${bar.dataset.download}"] > *`, fresh);
        // One that is gone was cancelled, maybe in another tab.
        if (now) bar.replaceWith(now);
        else {
          bar.removeAttribute("data-download");
          bar.textContent = words.tEnded;
        }
        if (!now || !now.dataset.download) all(`[data-cancel="${bar.dataset.download}"]`).forEach((buttons) => buttons.remove());
      }
    } catch { /* the banner says it */ }
    // Often enough for eyes.
    setTimeout(() => { isReading = false; if (isStale) refresh(); }, 500);
  };

  // What is read before it is published. Whoever is about to press its button keeps their place.
  let isAsking = false, isOld = false;
  const readJobs = async () => {
    const place = one("[data-jobs]");
    if (!place) return;
    if (isAsking) { isOld = true; return; }
    isAsking = true;
    isOld = false;
    try {
      const fresh = one("[data-jobs]", parse(await (await ask(place.dataset.jobs)).text()));
      if (fresh) {
        const held = place.contains(document.activeElement) ? document.activeElement.id : "";
        const wasBusy = one("li", place);
        place.replaceWith(fresh);
        if (held) (document.getElementById(held) ?? one("#source"))?.focus();
        if (wasBusy && !one("li", fresh)) speak(fresh.dataset.tRead);
      }
    } catch { /* the banner says it */ }
    isAsking = false;
    if (isOld) readJobs();
  };

  // What changes is told by the node. A browser opens six connections to a node, and each tab that listens holds one: so
  // only those listen that are looked at and have something to tell.
  const livePlaces = "[data-download], [data-live], [data-shelf], [data-jobs]";
  let events, known, poll;
  const listen = () => {
    if (events || document.hidden || !one(livePlaces)) return;
    clearTimeout(poll);
    events = new EventSource("/api/v1/events");
    const on = (name, tell) => events.addEventListener(name, (event) => tell(JSON.parse(event.data)));
    const figures = (values) => {
      for (const [name, value] of Object.entries(values ?? {})) all(`[data-live="${name}"]`).forEach((place) => { place.textContent = value; });
    };
    const news = (values) => {
      figures(values);
      if (!values) return;
      if (known !== undefined && values.works > known && one("[data-shelf]")) {
        one("#news a").href = location.href;
        one("#news").hidden = false;
      }
      known ??= values.works;
    };
    on("hello", (all) => { one("#offline").hidden = true; figures({ peers: all.peers }); news(all.news); refresh(); readJobs(); });
    on("publishing", readJobs);
    on("download", (row) => { if (one(`[data-download="${row.infohash}"]`)) refresh(); });
    on("peers", figures);
    on("news", news);
    on("lost", refresh);
    events.onerror = () => {
      // A browser tries again by itself, unless the node said no: then there are listeners enough, and it is asked instead.
      if (events.readyState !== EventSource.CLOSED) { away(); return; }
      events = undefined;
      refresh();
      poll = setTimeout(listen, 5000);
    };
  };
  const hush = () => { events?.close(); events = undefined; clearTimeout(poll); };
  document.addEventListener("visibilitychange", () => { if (document.hidden) hush(); else listen(); });
  addEventListener("pagehide", hush);
  addEventListener("pageshow", listen);
  listen();

  // The player says what it waits for.
  const player = one("[data-player]");
  if (player) {
    const [trouble, waiting] = [one("[data-player-trouble]"), one("[data-player-waiting]")];
    player.addEventListener("error", () => { trouble.hidden = false; waiting.hidden = true; });
    player.addEventListener("waiting", () => { waiting.hidden = false; });
    player.addEventListener("loadstart", () => { waiting.hidden = false; });
    ["playing", "canplay", "loadeddata"].forEach((name) => player.addEventListener(name, () => { waiting.hidden = true; }));
    if (player.error) trouble.hidden = false;
  }

  // A torrent file that is dropped or chosen.
  for (const zone of all("[data-drop]")) {
    const take = async (file) => {
      // A browser does not tell where a file lies, so anything else than a torrent is named by its path.
      if (!file.name.toLowerCase().endsWith(".torrent")) { toast(zone.dataset.tPath, true); one("#source")?.focus(); return; }
      if (file.size > Number(zone.dataset.bytesMax)) { toast(zone.dataset.tLarge, true); return; }
      const bytes = new Uint8Array(await file.arrayBuffer());
      let text = "";
      for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
      await preview(zone, { torrent: btoa(text) });
    };
    zone.addEventListener("dragover", (event) => { event.preventDefault(); zone.classList.add("over"); });
    zone.addEventListener("dragleave", () => zone.classList.remove("over"));
    zone.addEventListener("drop", (event) => {
      event.preventDefault();
      zone.classList.remove("over");
      const [file] = event.dataTransfer.files;
      if (file) take(file).catch(() => {});
    });
    one("input", zone).addEventListener("change", (event) => { const [file] = event.target.files; if (file) take(file).catch(() => {}); });
  }
  // Typing another id chooses it.
  document.addEventListener("input", (event) => {
    if (event.target.matches("[data-other-value]")) one("[data-other]", event.target.closest("label")).checked = true;
  });

  // `heirloom open LINK`: what it names goes into the field where somebody is added. Nothing is sent before it is pressed.
  if (location.hash.startsWith("#add=")) {
    const field = one("#pasted");
    if (field) {
      // A damaged escape throws: then it stays as it is.
      try { field.value = decodeURIComponent(location.hash.slice(5)); } catch (error) { field.value = location.hash.slice(5); }
      history.replaceState(null, "", location.pathname + location.search);
      one("button[type=submit]", field.form).focus();
    } else if (location.pathname !== "/people") {
      location.replace("/people" + location.hash);
    }
  }

  const [left, place] = ["toast", "place"].map((name) => sessionStorage.getItem(name));
  ["toast", "place"].forEach((name) => sessionStorage.removeItem(name));
  if (place) leadTo(document.getElementById(place));
  if (left) toast(left);
})();
