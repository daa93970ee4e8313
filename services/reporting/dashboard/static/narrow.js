// Closes what is marked so where there is little room, and opens it where there is much. Runs while the page is
// read, so that nothing jumps; without it all stays open.
"use strict";

(() => {
  const narrow = matchMedia("(max-width: 52rem)");
  const settle = () => {
    for (const each of document.querySelectorAll("[data-narrow-closed]")) each.open = !narrow.matches;
  };
  settle();
  addEventListener("DOMContentLoaded", settle);
  narrow.addEventListener("change", settle);
  addEventListener("beforeprint", () => {
    for (const each of document.querySelectorAll("details.folded")) each.open = true;
  });
})();
