// Keeps a page at the newest position: when the log advances, fetches the page again and swaps the regions that
// differ. Focus, scroll and the dates being typed stay, because only differing regions are touched.
"use strict";

(() => {
  const REST = 1000; // milliseconds from one refresh to the next
  const AGAIN = 5000; // before a stream that the server refused is asked for again
  const main = document.querySelector("main[data-follows]");
  const note = document.getElementById("live");
  if (!main || !note) return;

  const regions = () => [...document.querySelectorAll("[data-region]")];
  const received = new Map(regions().map((region) => [region.dataset.region, region.outerHTML]));
  const shown = () => Number(document.querySelector("[data-position]").dataset.position);
  const clock = new Intl.DateTimeFormat(document.documentElement.lang, {
    timeStyle: "medium",
    timeZone: "Asia/Ho_Chi_Minh",
  });

  let stream = null;
  let newest = shown();
  let timer = null;
  let refreshing = false;
  let refreshed = 0;

  function listen() {
    if (stream || document.hidden) return;
    stream = new EventSource("/v1/live");
    stream.addEventListener("position", (event) => {
      newest = Math.max(newest, JSON.parse(event.data).position);
      schedule();
    });
    stream.addEventListener("open", () => {
      if (note.classList.contains("lost")) say("");
    });
    stream.addEventListener("error", () => {
      say(note.dataset.lost, true);
      if (stream && stream.readyState === EventSource.CLOSED) {
        stop();
        setTimeout(listen, AGAIN);
      }
    });
  }

  function stop() {
    if (stream) stream.close();
    stream = null;
  }

  function say(text, lost = false) {
    if (note.textContent !== text) note.textContent = text;
    note.classList.toggle("lost", lost);
  }

  function schedule() {
    if (timer || refreshing || newest <= shown()) return;
    timer = setTimeout(refresh, Math.max(0, refreshed + REST - Date.now()));
  }

  async function refresh() {
    timer = null;
    refreshing = true;
    try {
      const answer = await fetch(location.href, { cache: "no-cache", headers: { Accept: "text/html" } });
      if (answer.ok) swap(new DOMParser().parseFromString(await answer.text(), "text/html"));
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // the server is away; the stream says so, and asks again
    } finally {
      refreshing = false;
      refreshed = Date.now();
      schedule();
    }
  }

  function swap(page) {
    let changed = false;
    const { scrollX, scrollY } = window;
    for (const region of regions()) {
      const name = region.dataset.region;
      const fresh = page.querySelector(`[data-region="${name}"]`);
      if (!fresh || fresh.outerHTML === received.get(name)) continue;
      received.set(name, fresh.outerHTML);
      const place = remember(region);
      region.replaceWith(fresh);
      restore(fresh, place);
      if (name !== "standing") changed = true;
    }
    if (!changed) return;
    document.title = page.title;
    document.dispatchEvent(new Event("ketnap:swapped"));
    scrollTo(scrollX, scrollY); // charts have grown again by now
    say(note.dataset.updated.replace("{time}", clock.format(new Date())));
  }

  // A link is found again by its address, a scrolled table by its heading.
  function remember(region) {
    const focused = region.contains(document.activeElement) ? document.activeElement : null;
    const wides = [...region.querySelectorAll(".wide")];
    return {
      focus: focused && (focused.getAttribute("href") || focused.getAttribute("aria-labelledby")),
      scrolled: wides.map((wide) => [wide.getAttribute("aria-labelledby"), wide.scrollLeft]),
      opened: [...region.querySelectorAll("details[open][data-keep]")].map((each) => each.dataset.keep),
    };
  }

  function restore(region, place) {
    for (const kept of place.opened) region.querySelector(`details[data-keep="${kept}"]`)?.setAttribute("open", "");
    for (const [label, left] of place.scrolled) {
      const wide = region.querySelector(`.wide[aria-labelledby="${label}"]`);
      if (wide) wide.scrollLeft = left;
    }
    if (!place.focus) return;
    const candidates = [...region.querySelectorAll("a, [tabindex]")];
    const found = candidates.find(
      (each) => each.getAttribute("href") === place.focus || each.getAttribute("aria-labelledby") === place.focus,
    );
    (found || document.getElementById("content")).focus({ preventScroll: true });
  }

  // A page out of sight holds no connection, of which a browser allows only six to one server.
  document.addEventListener("visibilitychange", () => (document.hidden ? stop() : listen()));
  addEventListener("pagehide", stop);
  addEventListener("pageshow", listen);
  listen();
})();
