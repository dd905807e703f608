// What is on the page is old when pushd does not answer: say so, and since when.
// Everything else on the pages works without a script.
"use strict";
(() => {
  let last = new Date();
  const banner = document.getElementById("stale");
  const clock = (at) => at.toLocaleTimeString(document.documentElement.lang, {hour12: false});
  const lost = () => {
    banner.hidden = false;
    banner.querySelector("time").textContent = clock(last);
  };
  document.addEventListener("htmx:sendError", lost);
  document.addEventListener("htmx:timeout", lost);
  document.addEventListener("htmx:afterRequest", (e) => {
    if (e.detail.xhr && e.detail.xhr.status > 0) {
      last = new Date();
      banner.hidden = true;
    }
  });
})();
