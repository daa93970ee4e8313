// What depends on the room there is. Closes what is marked so where there is little, and opens it where there is much:
// runs while the page is read, so that nothing jumps; without it all stays open. Tables that fit keep
// their heads in sight, and are no stop for the keyboard, since there is nothing to scroll.
"use strict";

(() => {
  const narrow = matchMedia("(max-width: 52rem)");
  const settle = () => {
    for (const each of document.querySelectorAll("[data-narrow-closed]")) each.open = !narrow.matches;
  };
  settle();
  addEventListener("DOMContentLoaded", settle);
  narrow.addEventListener("change", settle);

  function reach() {
    for (const wide of document.querySelectorAll(".wide")) {
      const name = wide.querySelector("table").getAttribute("aria-labelledby");
      const stop = { tabindex: 0, role: "region", "aria-labelledby": name };
      const scrolls = wide.scrollWidth > wide.clientWidth;
      wide.classList.toggle("fits", !scrolls);
      for (const [attribute, value] of Object.entries(stop))
        scrolls ? wide.setAttribute(attribute, value) : wide.removeAttribute(attribute);
    }
  }
  // Not before live.js has remembered the page as it came, which waits for all of it.
  addEventListener("DOMContentLoaded", () => {
    reach();
    addEventListener("resize", reach);
    document.addEventListener("ketnap:swapped", reach);
    document.addEventListener("toggle", reach, true); // a table that was folded has a width now
  });

  let unfolded = [];
  addEventListener("beforeprint", () => {
    unfolded = [...document.querySelectorAll("details.folded:not([open])")];
    for (const each of unfolded) each.open = true;
  });
  addEventListener("afterprint", () => {
    for (const each of unfolded) each.open = false;
  });
})();
