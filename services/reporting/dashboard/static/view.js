// Leaves empty fields out of the address when the dates of a view are chosen.
"use strict";

document.addEventListener("submit", (event) => {
  const empty = [...event.target.elements].filter((field) => field.name && field.value === "");
  for (const field of empty) field.disabled = true;
  // Back again, the fields are there as before.
  setTimeout(() => empty.forEach((field) => (field.disabled = false)));
});
