"use strict";
// The live page: asks whether the runs have changed, and loads itself again if they have, with the same view as before.

(() => {
  const { version } = content;
  const state = make("span", { id: "live", role: "status" }, "live");
  section("subtitle").append(" · ", state);
  const ask = async () => {
    let seconds = 2;
    try {
      const answer = await fetch("/version", { cache: "no-store" });
      const now = await answer.json();
      seconds = now.seconds;
      if (now.version !== version) {
        const { log, x, colour } = view;
        const { sort, descending } = table;
        sessionStorage.setItem("view", JSON.stringify({ view: { log, x, colour }, table: { sort, descending } }));
        location.reload();
        return;
      }
      state.textContent = "live";
    } catch {
      state.textContent = "not live: the server has ended, or the runs were deleted";
    }
    setTimeout(ask, 1000 * seconds);
  };
  setTimeout(ask, 2000);
})();
